"""HTTP triggers: routing, keys, limits, CORS and the worker's answers put on the wire.

Routing follows azure-functions-host WebScriptHostHttpRoutesManager.cs: routes are tried in alphabetical order
of the function name, a method is a constraint (a wrong one is 404), literals have no precedence.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from email.utils import formatdate
from http.cookies import SimpleCookie
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from .bindings import Function
from .blob_events import PATH as WEBHOOK
from .http_keys import key_of, may_call
from .protos import SameSite, TypedData
from .routes import Route
from .settings import HttpOptions
from .slow_clients import Patience, read_body
from .worker import Result

_log = logging.getLogger("Host.Http")
Invoke = Callable[..., Awaitable[Result]]
Admin = Callable[[str, web.BaseRequest], Awaitable[web.StreamResponse | None]]


class HttpListener:
    """The HTTP front of the app.

    Args:
        admin: answers `admin/...` (path below it, request), or returns None.
        blob_events: answers `runtime/webhooks/blobs`.
        patience: how slowly a body may come.
    """

    def __init__(
        self,
        functions: Iterable[Function],
        options: HttpOptions,
        invoke: Invoke,
        admin: Admin,
        blob_events: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        patience: Patience,
    ) -> None:
        ordered = sorted(functions, key=lambda f: f.name.lower())
        self._table = [(f, Route(f.route), frozenset(f.methods)) for f in ordered]
        self._options = options
        self._invoke = invoke
        self._admin = admin
        self._blob_events = blob_events
        self._patience = patience
        self._outstanding = 0
        self._slots = asyncio.Semaphore(options.max_concurrent) if options.max_concurrent else None
        self._prefix = f"{options.prefix}/".lower() if options.prefix else ""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        origin = request.headers.get("Origin", "")
        allowed = self._allowed_origin(origin)
        if allowed and request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return self._preflight(request, allowed)
        response = await self._answer(request)
        response.headers.update(self._options.headers)
        if allowed:
            response.headers.update(self._cors_headers(allowed))
        return response

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.rel_url.raw_path.strip("/")
        if path.lower().startswith("admin/"):
            return await self._admin(path[6:].lower(), request) or web.Response(status=404)
        if path.lower() == WEBHOOK and request.method in ("POST", "OPTIONS"):
            return await self._blob_events(request)
        if f"{path}/".lower().startswith(self._prefix):
            found = self._find(path[len(self._prefix) :], request.method)
            if found:
                return await self._call(request, *found)
        if not path and request.method == "GET":
            return web.Response(text="Your Functions app is up and running.")
        return web.Response(status=404)

    def _find(self, path: str, method: str) -> tuple[Function, dict[str, str]] | None:
        for function, route, methods in self._table:
            if methods and method not in methods:
                continue
            values = route.match(path)
            if values is not None:
                return function, values
        return None

    async def _call(self, request: web.BaseRequest, function: Function, params: dict[str, str]) -> web.StreamResponse:
        query = joined(parse_qsl(request.rel_url.raw_query_string, errors="replace"))
        if not may_call(function, key_of(request, query)):
            return web.Response(status=401)
        if self._options.max_outstanding and self._outstanding >= self._options.max_outstanding:
            return web.Response(status=429)
        self._outstanding += 1
        try:
            async with self._slots or contextlib.nullcontext():
                try:
                    body = await self._body(request)
                except TimeoutError:
                    return _closing(408)
                if body is None:
                    return _closing(413)
                return await self._run(request, function, params, query, body)
        finally:
            self._outstanding -= 1

    async def _body(self, request: web.BaseRequest) -> bytes | None:
        limit = self._options.body_limit
        if (request.content_length or 0) > limit:
            return None
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return await read_body(request.content.iter_any(), limit, self._patience)

    async def _run(
        self,
        request: web.BaseRequest,
        function: Function,
        params: dict[str, str],
        query: dict[str, str],
        body: bytes,
    ) -> web.StreamResponse:
        headers = _forwarded(joined(request.headers.items()), request.remote)
        http = SimpleNamespace(
            method=request.method,
            url=f"{request.scheme}://{request.host}{request.raw_path}",
            headers=headers,
            query=query,
            params=params,
            body=TypedData(bytes=body) if body else TypedData(),
        )
        result = await self._invoke(
            function,
            TypedData(http=http),
            {**query, **params, "Query": query, "Headers": headers},
            traceparent=request.headers.get("traceparent"),
            tracestate=request.headers.get("tracestate", ""),
        )
        if not result.ok:
            return web.Response(status=500)
        return _response(_answer_of(function, result))

    def _allowed_origin(self, origin: str) -> str | None:
        if not origin or not self._options.cors:
            return None
        if "*" in self._options.cors:
            return origin if self._options.cors_credentials else "*"
        return origin if origin.rstrip("/") in self._options.cors else None

    def _cors_headers(self, origin: str) -> dict[str, str]:
        headers = {"Access-Control-Allow-Origin": origin}
        if origin != "*":
            headers["Vary"] = "Origin"
        if self._options.cors_credentials:
            headers["Access-Control-Allow-Credentials"] = "true"
        return headers

    def _preflight(self, request: web.BaseRequest, origin: str) -> web.Response:
        headers = self._cors_headers(origin)
        headers["Access-Control-Allow-Methods"] = request.headers["Access-Control-Request-Method"]
        wanted = request.headers.get("Access-Control-Request-Headers")
        if wanted:
            headers["Access-Control-Allow-Headers"] = wanted
        return web.Response(status=204, headers=headers)


def _closing(status: int) -> web.Response:
    """Refuse a request whose body was not read to its end."""
    refused = web.Response(status=status)
    refused.force_close()
    return refused


def _answer_of(function: Function, result: Result) -> TypedData | None:
    """The answer: what was returned, else what was put into an output binding of type `http`."""
    for binding in function.outputs:
        if binding.type == "http" and binding.name != "$return":
            return result.outputs.get(binding.name)
    return result.value


def joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Repeated names as one comma-separated value; empty values are dropped, as the host does."""
    values: dict[str, str] = {}
    for name, value in pairs:
        if value:
            values[name] = f"{values[name]},{value}" if name in values else value
    return values


def _forwarded(headers: dict[str, str], peer: str | None) -> dict[str, str]:
    """Append the caller's address to `X-Forwarded-For`, as the front end of Azure Functions does."""
    name = "X-Forwarded-For"
    given = [value for key, value in headers.items() if key.lower() == name.lower()]
    kept = {key: value for key, value in headers.items() if key.lower() != name.lower()}
    return {**kept, name: ", ".join([*given, peer or "unknown"])}


def _response(value: TypedData | None) -> web.StreamResponse:
    kind = value.WhichOneof("data") if value is not None else None
    if value is None or kind is None:
        return web.Response(status=204)
    if kind != "http":
        content = getattr(value, kind)
        if isinstance(content, bytes):
            return web.Response(body=content, content_type="application/octet-stream")
        return web.Response(text=str(content), content_type="application/json" if kind == "json" else "text/plain")
    http: Any = getattr(value, kind)
    body = http.body.bytes if http.body is not None else b""
    response = web.Response(status=int(http.status_code), body=body)
    for name, text in http.headers.items():
        if name.lower() not in ("content-length", "transfer-encoding", "connection"):
            response.headers[name] = text
    for cookie in http.cookies or ():
        response.headers.add("Set-Cookie", _cookie(cookie))
    return response


def _cookie(cookie: Any) -> str:
    jar: SimpleCookie = SimpleCookie()
    jar[cookie.name] = ""
    morsel = jar[cookie.name]
    morsel.set(cookie.name, cookie.value, cookie.value)
    for attribute, key in (("domain", "domain"), ("path", "path")):
        wrapped = getattr(cookie, attribute)
        if wrapped is not None and wrapped.value:
            morsel[key] = wrapped.value
    if cookie.max_age is not None:
        morsel["max-age"] = int(cookie.max_age.value)
    if cookie.expires is not None:
        morsel["expires"] = formatdate(cookie.expires.value.seconds, usegmt=True)
    morsel["secure"] = bool(cookie.secure and cookie.secure.value)
    morsel["httponly"] = bool(cookie.http_only and cookie.http_only.value)
    if cookie.same_site:
        morsel["samesite"] = "None" if cookie.same_site == SameSite.ExplicitNone else cookie.same_site.name
    return morsel.OutputString()
