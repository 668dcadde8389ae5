"""The HTTP API: `/tryon`, `/health` and `/ready`.

Only the two probes respond without a token, and they contain nothing about users. Handlers that wait run in threads;
probes do not, so they respond however many callers wait.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import clock, telemetry
from shared.errors import BadRequest, NotFound, StudioError, TooLarge, Unprocessable
from shared.vto import errors
from shared.vto.protocol import ENDED, MAX_WAIT_S, Health, JobId, Memory, Run, TryOnRequest
from vto_container import access
from vto_container.engine_process import EngineProcess
from vto_container.memory import resident_mb
from vto_container.runs import STOP_TIMEOUT_S, Runs
from vto_container.settings import container_settings

PUBLIC_PATHS: Final = frozenset({"/health", "/ready"})
MAX_BODY_BYTES: Final = 64 * 1024
AUTHORIZATION_THREADS: Final = 8
"""Threads for authorization alone: those of the handlers may all be waiting."""


class Service:
    """What the handlers share."""

    def __init__(self, process: EngineProcess, runs: Runs) -> None:
        self.process = process
        self.runs = runs
        self.started = time.monotonic()

    def health(self) -> Health:
        """The response of `/health`."""
        conf = container_settings()
        version, device = self.process.version(conf.engine)
        failing = self.process.breakdowns >= conf.breakdowns
        return Health(
            status="failing" if failing else "draining" if self.runs.draining else "ok",
            engine=conf.engine,
            engines=conf.allowed_engines,
            version=version,
            device=device,
            state=self.process.state(conf.engine),
            failed=[engine for engine in conf.allowed_engines if self.process.state(engine) == "failed"],
            memory=Memory(
                service_mb=resident_mb() or 0.0,
                engine_mb=self.process.memory_mb(),
                device_mb=self.process.device_mb,
            ),
            queue=self.runs.queue(),
            uptime_s=round(time.monotonic() - self.started, 1),
        )

    def ready(self) -> str | None:
        """Why the container should get no runs; None if it may."""
        conf = container_settings()
        if self.runs.draining:
            return "draining"
        if self.process.breakdowns >= conf.breakdowns:
            return "failing"
        state = self.process.state(conf.engine)
        if conf.eager and state != "ready":
            return state
        return None


def create_app(service: Service) -> FastAPI:
    """The application."""
    app = FastAPI(title="try-on", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(AccessMiddleware)
    _handle_errors(app)

    @app.get("/health")
    async def health() -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        response = service.health()
        return _json(response, 503 if response.status == "failing" else 200)

    @app.get("/ready")
    async def ready() -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        reason = service.ready()
        return JSONResponse({"ready": reason is None, "reason": reason}, 200 if reason is None else 503)

    @app.post("/tryon")
    def submit_run(  # pyright: ignore[reportUnusedFunction]
        request: TryOnRequest, wait: float = Query(0, ge=0, le=MAX_WAIT_S, allow_inf_nan=False)
    ) -> JSONResponse:
        conf = container_settings()
        if (request.engine or conf.engine) not in conf.allowed_engines:
            raise errors.UnknownEngine("this container does not offer that engine", field="engine")
        return _run(service.runs.wait(service.runs.submit(request), wait))

    @app.get("/tryon/{job_id}")
    def get_run(  # pyright: ignore[reportUnusedFunction]
        job_id: JobId, wait: float = Query(0, ge=0, le=MAX_WAIT_S, allow_inf_nan=False)
    ) -> JSONResponse:
        return _run(service.runs.wait(service.runs.get(job_id), wait))

    @app.delete("/tryon/{job_id}")
    def cancel_run(job_id: JobId) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        return _run(service.runs.wait(service.runs.cancel(job_id), STOP_TIMEOUT_S))

    return app


def _run(run: Run) -> JSONResponse:
    return _json(run, 200 if run.status in ENDED else 202)


def _json(model: BaseModel, status: int) -> JSONResponse:
    return JSONResponse(model.model_dump(by_alias=True, mode="json"), status, {"Cache-Control": "no-store"})


class AccessMiddleware:
    """Checks the caller's token and the size of the body before anything else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._limiter: CapacityLimiter | None = None

    def _threads(self) -> CapacityLimiter:
        if self._limiter is None:
            self._limiter = CapacityLimiter(AUTHORIZATION_THREADS)
        return self._limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        try:
            if scope["path"] not in PUBLIC_PATHS:
                authorization = headers.get(b"authorization", b"").decode("latin-1")
                await to_thread.run_sync(access.authorize, authorization, limiter=self._threads())
            length = headers.get(b"content-length", b"0")
            if not length.isdigit() or int(length) > MAX_BODY_BYTES:
                raise _too_large()
            parent = headers.get(b"traceparent", b"").decode("latin-1") or None
            with telemetry.span("vto.http", parent=parent, kind="server", path=scope["path"]):
                await self._app(scope, _limited(receive), send)
        except StudioError as error:
            await problem(error)(scope, receive, send)


def _limited(receive: Receive) -> Receive:
    """Limits a body that declares no length, or a wrong one."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_BODY_BYTES:
            raise _too_large()
        return message

    return limited


def _too_large() -> TooLarge:
    return TooLarge(f"a request may have at most {MAX_BODY_BYTES // 1024} kB")


def problem(error: StudioError) -> JSONResponse:
    """An error as `application/problem+json`."""
    request_id = clock.new_id()
    body: dict[str, Any] = {
        "type": f"urn:ai-fashion-studio:problem:{error.code}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "retryable": error.retryable,
        "requestId": request_id,
    }
    if error.field:
        body["field"] = error.field
    headers = {"Cache-Control": "no-store"}
    if error.retry_after is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    telemetry.log("vto.refused", level="warning", code=error.code, requestId=request_id)
    return JSONResponse(body, error.status, headers, media_type="application/problem+json")


type Handler = Callable[[Request, Any], Awaitable[Response]]


def _handle_errors(app: FastAPI) -> None:
    async def studio(_: Request, error: Any) -> Response:
        return problem(error)

    async def invalid(_: Request, error: Any) -> Response:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:]) or None
        kind = BadRequest if first["type"] == "json_invalid" else Unprocessable
        return problem(kind(f"the request is not valid: {first['msg']}", field=field))

    async def http(_: Request, error: Any) -> Response:
        if error.status_code == 404:
            return problem(NotFound("there is no such route"))
        if error.status_code == 405:
            return problem(_MethodNotAllowed("the route does not support this method"))
        return problem(BadRequest("the request can't be parsed"))

    async def unexpected(_: Request, error: Any) -> Response:
        if not isinstance(error, ClientDisconnect):
            telemetry.log("vto.http_crashed", level="error", **telemetry.failure(error))
        return problem(StudioError("the container failed unexpectedly", retryable=True))

    handlers: dict[Any, Handler] = {
        StudioError: studio,
        RequestValidationError: invalid,
        HTTPException: http,
        Exception: unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


class _MethodNotAllowed(StudioError):
    """The route exists for other methods."""

    code, status = "method_not_allowed", 405
