"""The declared routes of the app itself, without those that tests declare for themselves in the same process."""

from __future__ import annotations

import gc
from functools import cache
from typing import Any

from shared import function_index
from shared.http.routes import PREFIX, ROUTES, Route


@cache
def app_functions() -> tuple[Any, ...]:
    """Every function of the app. An app lists them once only."""
    from function_app import app

    gc.enable()  # as the first call would
    return tuple(app.get_functions())


@cache
def http_functions() -> dict[str, tuple[str, str]]:
    """Every function of the app that has its own route: name -> (method, path below the prefix)."""
    found: dict[str, tuple[str, str]] = {}
    for function in app_functions():
        trigger = function.get_trigger()
        if trigger is not None and trigger.type == "httpTrigger":
            if trigger.route.endswith("{*path}"):
                continue
            method, *others = trigger.methods
            assert [other.value for other in others] == (["HEAD"] if method.value == "GET" else [])
            found[function.get_function_name()] = (method.value, trigger.route.removeprefix(PREFIX))
    return found


@cache
def declared() -> tuple[Route, ...]:
    """What `endpoint` recorded of them."""
    function_index.load_all()
    functions = http_functions()
    return tuple(r for r in ROUTES if functions.get(r.name) == (r.method, r.path))


def members(route: Route) -> set[str]:
    """What a problem of a route has beside the usual."""
    return {"error", "message"} if route.refusals else set()
