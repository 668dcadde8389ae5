"""The declared routes of the app itself, without those that tests declare for themselves in the same process."""

from __future__ import annotations

from functools import cache

from shared.http.endpoint import PREFIX, ROUTES, Route


@cache
def http_functions() -> dict[str, tuple[str, str]]:
    """Every function of the app with an HTTP trigger: name -> (method, path below the prefix)."""
    from function_app import app

    found: dict[str, tuple[str, str]] = {}
    for function in app.get_functions():
        trigger = function.get_trigger()
        if trigger is not None and trigger.type == "httpTrigger":
            (method,) = trigger.methods
            found[function.get_function_name()] = (method.value, trigger.route.removeprefix(PREFIX))
    return found


@cache
def declared() -> tuple[Route, ...]:
    """What `endpoint` was told of them."""
    functions = http_functions()
    return tuple(r for r in ROUTES if functions.get(r.name) == (r.method, r.path))
