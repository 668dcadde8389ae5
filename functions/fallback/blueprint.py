"""HTTP triggers for every path below the prefix: preflights (`OPTIONS`), and problems for what no route takes."""

from __future__ import annotations

import azure.functions as func

from functions.fallback.methods import methods_of
from shared.errors import MethodNotAllowed, NotFound
from shared.http.cors import METHODS, preflight_headers
from shared.http.endpoint import Call, Reply, catch_all

bp = func.Blueprint()


def preflight(call: Call) -> Reply:
    """Answer a browser's preflight."""
    headers = preflight_headers(call.path.get("path", ""), call.headers.get("Origin"))
    methods = methods_of(call.path.get("path", ""))
    return Reply(status=204, headers={**headers, "Allow": ", ".join(("OPTIONS", *methods))})


def refuse(call: Call) -> Reply:
    """Say that there is no such route, or that it has other methods. Raises NotFound or MethodNotAllowed, always."""
    path = call.path.get("path", "")
    methods = methods_of(path)
    if methods:
        raise MethodNotAllowed(f"{call.raw.method} is not available here: use {' or '.join(methods)}", allow=methods)
    raise NotFound("there is no such route: GET /api/openapi.json describes those there are", code="route_not_found")


catch_all(bp, "cors_preflight", ("OPTIONS",), preflight)
# The host tries functions in the order of their names; this one must come last.
catch_all(bp, "zz_unmatched", ("HEAD", *METHODS.split(", ")), refuse)
