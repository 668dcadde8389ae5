"""The adapter for HTTP: from a request to plain types, from plain types to a response.

Order: request id and trace, identity and role, rate limit, path, query and body, idempotency key, handler, answer.
Errors of the one tree become `application/problem+json`; anything else is a 500 without details and is logged.
"""

import json
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import azure.functions as func

from shared import clock, startup, telemetry, turns
from shared.errors import Forbidden, StudioError, Unauthorized
from shared.http import auth, caching, cors
from shared.http.auth import Access, Principal
from shared.http.problems import problem
from shared.http.requests import read_body, read_query, request_id_of
from shared.http.routes import MAX_JSON_BYTES, PREFIX, ROUTES, Model, Refusals, Route

if TYPE_CHECKING:
    from pydantic import BaseModel

    from shared.http.allowance import Allowance

IMAGE_UPLOAD: Final = ("multipart/form-data", "image/jpeg", "image/png", "image/webp", "image/avif", "image/heic")

ANY: Final = "*"
"""The method of a route that takes several."""
POLL_AFTER_S: Final = 2
"""`Retry-After` of a 202: seconds after which looking again is worthwhile."""

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    # Browsers heed it over HTTPS alone. A year, as ASVS 3.4.1 asks for.
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
}


NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class Call(NamedTuple):
    """One request, checked: what a handler gets.

    Args:
        user: the caller; None only on public routes without a token.
        body: the validated body model, or None.
        query: the validated query model, or None.
        path: route parameters.
        new_id: id for what the call creates; the same for every repetition under one idempotency key.
        raw: the request itself, for uploads alone.
        repeated: it was answered before under its idempotency key, and made `new_id` then.
    """

    request_id: str
    user: Principal | None
    body: Any
    query: Any
    path: Mapping[str, str]
    headers: Mapping[str, str]
    new_id: str
    raw: func.HttpRequest
    repeated: bool = False

    @property
    def caller(self) -> Principal:
        """The caller on a route that needs one."""
        assert self.user is not None
        return self.user

    @property
    def ip(self) -> str:
        """The caller's address by the trusted proxies."""
        return _address(self.raw)


class Reply(NamedTuple):
    """An answer with its own status or headers; a bare model answers with the route's status.

    `content` goes out as it is instead of a body, as one of the route's `media`. `kept` is False for a body whose URLs
    expire: under an idempotency key it is not stored, the handler makes it again under the same `new_id`.
    """

    body: "BaseModel | None" = None
    status: int | None = None
    headers: Mapping[str, str] = NO_HEADERS
    content: bytes | None = None
    media: str = "application/json"
    kept: bool = True


type Handler = Callable[[Call], BaseModel | Reply | None]


def endpoint(
    bp: func.Blueprint,
    method: str,
    path: str,
    *,
    access: Access,
    status: int = 200,
    limit: str | None = "default",
    idempotent: bool = False,
    body: "type[BaseModel] | None" = None,
    query: Model | None = None,
    answer: Model | None = None,
    upload: bool | tuple[str, ...] = False,
    errors: tuple[int, ...] = (),
    answers: Mapping[int, Model] | None = None,
    media: tuple[str, ...] = ("application/json",),
    max_json_bytes: int = MAX_JSON_BYTES,
    refusals: Refusals | None = None,
    scheme: Literal["publishableKey", "visit"] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Callable[[Handler], Handler]:
    """Register a handler as an HTTP function named as the handler.

    Args:
        path: as in Azure Functions, `conversions/{id}`, without the prefix.
        access: who may call; there is no default.
        limit: class of the rate limit; None for a route that must touch nothing and is not counted.
        idempotent: honour `Idempotency-Key`.
        body, query: models that validate what comes in; without one the route takes none. A query given as a function
            that imports its model is validated only when the request has a query; `Call.query` is None without one.
        answer: model of the body that goes out, for the API description.
        upload: the handler reads the raw body itself: an image, or one of these content types.
        errors: statuses a caller may see beside those that follow from the other arguments; one below 400 comes
            with the answer.
        answers: models of further answers that are no problems, by status.
        media: content types of the answer, the first by default.
        max_json_bytes: size of a JSON body.
        refusals: how errors are answered by a route with the wire of another service.
        scheme: what the handler of a public route asks for instead of a sign-in, for the API description.
        headers: that the handler reads, with what they mean, for the API description.
    """

    if idempotent and access.public:
        raise ValueError(f"{path}: without a caller anyone could ask for the answer of another's key")

    def register(handler: Handler) -> Handler:
        name = handler.__name__
        route = Route(
            name, method, path, access, status, limit, idempotent, body, query, answer,
            IMAGE_UPLOAD if upload is True else upload or (), errors, dict(answers or {}), media,
            (handler.__doc__ or name).strip(), max_json_bytes, refusals, scheme, headers or {},
        )  # fmt: skip
        ROUTES.append(route)

        def handle(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
            return _handle(route, handler, req, context)

        # RFC 9110, 9.1: servers answer HEAD where they answer GET; the host leaves the body out.
        methods = [method, "HEAD"] if method == "GET" else [method]
        trigger = bp.route(route=PREFIX + path, methods=methods, auth_level=func.AuthLevel.ANONYMOUS)
        bp.function_name(name)(trigger(handle))
        return handler

    return register


def catch_all(bp: func.Blueprint, name: str, methods: tuple[str, ...], handler: Handler) -> None:
    """Register a handler for every path below the prefix that no other function has, left out of the API description.

    The host tries functions in the order of their names: `name` has to come last for methods that others take.
    """
    route = Route(name, ANY, "{*path}", auth.PUBLIC, 200, None, False, None, None, None, (), (), {}, (), name)

    def handle(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        return _handle(route, handler, req, context)

    trigger = bp.route(route=f"{PREFIX}{route.path}", methods=list(methods), auth_level=func.AuthLevel.ANONYMOUS)
    bp.function_name(name)(trigger(handle))


def _handle(route: Route, handler: Handler, req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    started = time.perf_counter()
    request_id = request_id_of(req.headers.get("X-Request-Id"))
    parent = getattr(context.trace_context, "Traceparent", None) or req.headers.get("traceparent")
    extra: dict[str, str] = {}
    with (
        telemetry.bound(requestId=request_id, route=route.name),
        telemetry.span(f"{req.method} /{PREFIX}{route.path}", parent=parent, kind="server") as span,
    ):
        try:
            startup.refuse_unusable()
            response = _answer(route, handler, req, request_id, extra)
        except StudioError as error:
            extra.update(error.headers)
            response = problem(error, request_id, route.refusals)
        except Exception as error:
            telemetry.log("http.crashed", level="error", **telemetry.failure(error))
            failure = StudioError("something failed on our side; it has been logged")
            response = problem(failure, request_id, route.refusals)
        extra.update(cors.response_headers(route.path, req.headers.get("Origin")))
        # Not `setdefault`, which searches all headers for each: ten of them were a tenth of a short request.
        present = {name.lower() for name, _ in response.headers}
        for name, value in {**HEADERS, **extra, "X-Request-Id": request_id}.items():
            if name.lower() not in present:
                response.headers.add(name, value)
        span.set_attributes(
            {
                "http.request.method": req.method,
                "http.route": f"/{PREFIX}{route.path}",
                "http.response.status_code": response.status_code,
            }
        )
        if response.status_code >= 500:
            telemetry.failed(span)
        seconds = time.perf_counter() - started
        telemetry.observe("studio_http_seconds", seconds, route=route.name, status=str(response.status_code))
        telemetry.log("http", status=response.status_code, ms=round(seconds * 1000, 1))
    return response


def _answer(
    route: Route, handler: Handler, req: func.HttpRequest, request_id: str, extra: dict[str, str]
) -> func.HttpResponse:
    # Nothing of a route without a limit is counted: the first answer of `health` waits for no settings.
    ip = None if route.limit is None else _address(req)
    user = _identify(route, req) if ip is None else _identify_counted(route, req, ip, extra)
    if user is not None:
        telemetry.note(userId=user.user_id)
    if route.limit is None or ip is None:
        return _call(route, handler, req, request_id, user, extra)
    from shared.http import classes, limits, shares

    user_id = None if user is None else user.user_id
    # The share, which is counted in memory, comes first: a call beyond it costs the store nothing, and no thread waits.
    with shares.hold(user_id, ip, route.limit), turns.acting_for(shares.caller_of(user_id, ip)) as work:
        _allow(limits.take_address(ip, route.limit, public=route.access.public), extra)
        if user_id is not None:
            _allow(limits.take(f"user:{user_id}", route.limit), extra)
        try:
            return _call(route, handler, req, request_id, user, extra)
        finally:
            cost = classes.cost_of(work)
            if cost:
                _allow(limits.charge(ip, user_id, route.limit, cost), extra)


def _call(
    route: Route,
    handler: Handler,
    req: func.HttpRequest,
    request_id: str,
    user: Principal | None,
    extra: dict[str, str],
) -> func.HttpResponse:
    # Whatever comes with a preflight or an unknown path: neither is read.
    query = None if route.method == ANY else read_query(route, req)
    body, raw = (None, b"") if route.method == ANY else read_body(route, req)
    turns.spend(megabytes=len(raw) / 1e6)
    key = req.headers.get("Idempotency-Key") if route.idempotent else None
    ticket, new_id, repeated = None, clock.new_id(), False
    if key is not None and user is not None:
        from shared.http import idempotency

        path = "/".join(f"{k}={v}" for k, v in sorted(dict(req.route_params).items()))
        seen = idempotency.fingerprint(dict(req.params), req.headers.get("Content-Type"), raw)
        claimed = idempotency.begin(user.user_id, f"{route.name}/{path}", key, seen)
        if isinstance(claimed, idempotency.Replay):
            extra["Idempotency-Replayed"] = "true"
            if claimed.again_as is None:
                return _json(claimed.body, claimed.status, claimed.headers)
            new_id, repeated = claimed.again_as, True
        else:
            ticket, new_id = claimed, claimed.resource_id
    call = Call(
        request_id=request_id,
        user=user,
        body=body,
        query=query,
        path=dict(req.route_params),
        headers=req.headers,
        new_id=new_id,
        raw=req,
        repeated=repeated,
    )
    try:
        result = handler(call)
    except BaseException as error:
        if ticket is not None:
            from shared.http import idempotency

            idempotency.release(ticket, error)
        raise
    reply = result if isinstance(result, Reply) else Reply(result)
    if reply.content is not None:
        etag = reply.headers.get("ETag")
        if etag is not None and caching.matches(etag, req.headers.get("If-None-Match")):
            return func.HttpResponse(b"", status_code=304, headers=dict(reply.headers))
        return func.HttpResponse(
            reply.content, status_code=reply.status or route.status, headers=dict(reply.headers), mimetype=reply.media
        )
    status = reply.status or (route.status if reply.body is not None or route.status != 200 else 204)
    headers = dict(reply.headers)
    if status == 202:
        headers.setdefault("Retry-After", str(POLL_AFTER_S))
    if ticket is not None:
        from shared.http import idempotency

        # By way of what is kept, so that a replay has the same bytes.
        content = reply.body.model_dump(mode="json", by_alias=True) if reply.body is not None else None
        idempotency.complete(ticket, status, content, headers, kept=reply.kept)
        return _json(content, status, headers)
    text = (reply.body.model_dump_json(by_alias=True) if reply.body is not None else "").encode()
    if route.revalidates and status == 200:
        etag = headers.setdefault("ETag", caching.etag_of(text))
        if route.stored_by_browsers:
            headers.setdefault("Cache-Control", caching.REVALIDATE)
        if caching.matches(etag, req.headers.get("If-None-Match")):
            status, text = 304, b""
    return func.HttpResponse(text, status_code=status, headers=headers, mimetype="application/json")


def _address(req: func.HttpRequest) -> str:
    from shared.http.client_address import client_address

    return client_address(req.headers.get("X-Forwarded-For"))


def _allow(allowance: "Allowance | None", extra: dict[str, str]) -> None:
    """Of several limits, send the headers of the one with the fewest calls left."""
    if allowance is None:
        return
    remaining = extra.get("RateLimit-Remaining")
    if remaining is None or allowance.remaining < int(remaining):
        extra.update(allowance.headers)


def _json(content: Any, status: int, headers: Mapping[str, str]) -> func.HttpResponse:
    text = b"" if content is None else json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return func.HttpResponse(text, status_code=status, headers=dict(headers), mimetype="application/json")


def _identify_counted(route: Route, req: func.HttpRequest, ip: str, extra: dict[str, str]) -> Principal | None:
    """The caller. An attempt that fails counts for its address, and no token is looked at for one that may not call."""
    if route.access.public or route.limit is None:
        return _identify(route, req)
    from shared.http import limits

    limits.check_address(ip, route.limit)
    try:
        return _identify(route, req)
    except (Unauthorized, Forbidden):
        _allow(limits.take_address(ip, route.limit, public=False), extra)
        raise


def _identify(route: Route, req: func.HttpRequest) -> Principal | None:
    header = req.headers.get("Authorization")
    if route.access.public:
        return None
    user = auth.authenticate(header)
    if user.role not in route.access.roles:
        raise Forbidden(f"your role, {user.role}, may not do this")
    user.check_scope(route.path)
    return user
