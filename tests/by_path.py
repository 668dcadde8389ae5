"""The app's HTTP functions called in this process by path, as the host calls them, without a host or a socket.

The host costs most of a short request. What it does with a path and a query is its own code here, too; what it and its
HTTP server do with a connection, with headers and with odd bytes in them only a request over HTTP shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import azure.functions as func
from http_calls import Answered
from routes import app_functions

from emulators.functions_host.http_listener import joined
from emulators.functions_host.routes import Route


class Functions:
    """The functions of the app, in the order in which the host tries their routes."""

    def __init__(self) -> None:
        self._table = [
            (function, Route(trigger.route), {str(method.value) for method in trigger.methods})
            for function in sorted(app_functions(), key=lambda one: one.get_function_name().lower())
            if (trigger := function.get_trigger()) is not None and trigger.type == "httpTrigger"
        ]

    def call(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Answered | None:
        """Call the function that a path with its query leads to; None where there is none."""
        path, _, query = target.partition("?")
        for function, route, methods in self._table:
            values = route.match(path.strip("/")) if method in methods else None
            if values is not None:
                return _call(function, method, joined(parse_qsl(query, errors="replace")), values, body, headers)
        return None


def _received(value: str) -> str:
    """A header's value as the host's HTTP server reads the bytes of it that a client sends."""
    return value.encode("latin-1").decode("utf-8", "surrogateescape")


def _call(
    function: Any, method: str, query: dict[str, str], values: dict[str, str], body: bytes, headers: Mapping[str, str]
) -> Answered:
    request = func.HttpRequest(
        method,
        "http://127.0.0.1/",
        headers={"X-Forwarded-For": "127.0.0.1", **{name: _received(value) for name, value in headers.items()}},
        params=query,
        route_params=values,
        body=body,
    )
    context = SimpleNamespace(
        trace_context=SimpleNamespace(Traceparent=None), function_name=function.get_function_name()
    )
    response = function.get_user_function()(req=request, context=context)
    return Answered(
        response.status_code, {"Content-Type": response.mimetype, **dict(response.headers)}, response.get_body()
    )
