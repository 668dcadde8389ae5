"""The container's client: one call that asks for a run, follows it and stops it, with typed errors and nothing else.

Whatever happens on the way, asking again is safe: the container joins the run or gives its answer. So a lost answer,
a dropped connection and a container that was started anew are all met by asking again until the time is up.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from shared import telemetry
from shared.errors import ConfigurationError, StudioError, UpstreamError
from shared.settings import settings
from shared.vto import errors
from shared.vto.protocol import ENDED, LONGEST_WAIT_S, Health, Run, TryOnRequest, TryOnResult

if TYPE_CHECKING:
    from requests import Response

MAX_BYTES = 1024 * 1024
CONNECT_S = 5.0
SLACK_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 2.0
REFUSED_S = 30
"""How soon to ask again a container that somebody has to set up anew."""

type OnRun = Callable[[Run], None]
type Cancelled = Callable[[], bool]


class RunCancelled(Exception):
    """The run was cancelled, by us or by somebody else."""


class VtoClient:
    """One container. Thread-safe: every run has its own connection and cookies, which keep it on one replica.

    Args:
        token: gives the bearer token of a call.
        patience_s: how long nobody may answer before `EngineUnavailable` is raised.
        slack_s: what the network and the container may take beyond the wait that was asked for.
    """

    def __init__(
        self, base_url: str, token: Callable[[], str], patience_s: float = 8, slack_s: float = SLACK_S
    ) -> None:
        self._base = base_url.rstrip("/")
        self._token = token
        self._patience = patience_s
        self._slack = slack_s

    def finish(
        self,
        request: TryOnRequest,
        timeout_s: float,
        *,
        on_run: OnRun | None = None,
        cancelled: Cancelled | None = None,
        look_s: float = 2.0,
    ) -> TryOnResult:
        """Ask for a run and wait for its result.

        Args:
            timeout_s: for all of it. The run itself goes on: the same request later gets its answer.
            on_run: told how the run stands, every `look_s` seconds and at its end.
            cancelled: asked as often; once it says so the run is stopped.

        Raises:
            RunCancelled: it was cancelled.
            EngineTimeout: the time is up; `NoAnswer` where nothing was heard at all.
            EngineUnavailable: nobody answers, or the container hands the run back because it stops.
            StudioError: another one of `shared.vto.errors`, as the run ended.
        """
        until = time.monotonic() + timeout_s
        looks = on_run is not None or cancelled is not None
        with _session() as session:
            while True:
                if cancelled is not None and cancelled():
                    self.cancel(request.job_id, session=session)
                    raise RunCancelled
                left = until - time.monotonic()
                if left <= 0:
                    raise errors.EngineTimeout("the try-on was not done in time", retry_after=5)
                wait = min(left, LONGEST_WAIT_S, look_s if looks else LONGEST_WAIT_S)
                run = self.submit(request, wait, session=session, patience_s=min(left, self._patience))
                if on_run is not None:
                    on_run(run)
                if run.status in ENDED:
                    return _result(run, request)

    def submit(
        self, request: TryOnRequest, wait_s: float = 0, *, session: Any = None, patience_s: float | None = None
    ) -> Run:
        """Ask for a run, or how it stands; answers when it has ended, or after `wait_s` seconds.

        Raises: as `finish` does for what the container says to the call itself.
        """
        found = self._call("POST", "/tryon", request, wait_s=wait_s, session=session, patience_s=patience_s)
        return _read(found, Run)

    def state(self, job_id: str, wait_s: float = 0) -> Run | None:
        """How a run stands; None when this container knows none of that name."""
        found = self._call("GET", f"/tryon/{quote(job_id, safe=':')}", wait_s=wait_s, missing=True)
        return None if found is None else _read(found, Run)

    def cancel(self, job_id: str, *, session: Any = None) -> Run | None:
        """Stop a run between two of its steps; None when there is none. One that has ended stays as it is."""
        found = self._call("DELETE", f"/tryon/{quote(job_id, safe=':')}", session=session, missing=True)
        return None if found is None else _read(found, Run)

    def health(self) -> Health:
        """Engine, device, memory and queue."""
        return _read(self._call("GET", "/health", patience_s=0), Health)

    def _call(
        self,
        method: str,
        path: str,
        body: TryOnRequest | None = None,
        *,
        wait_s: float = 0,
        session: Any = None,
        patience_s: float | None = None,
        missing: bool = False,
    ) -> bytes | None:
        """One call, repeated while nobody answers and patience lasts; the body of a 2xx."""
        if session is None:
            with _session() as own:
                return self._call(
                    method, path, body, wait_s=wait_s, session=own, patience_s=patience_s, missing=missing
                )
        until = time.monotonic() + (self._patience if patience_s is None else patience_s)
        pause = FIRST_PAUSE_S
        while True:
            try:
                return self._once(session, method, path, body, wait_s, missing)
            except errors.EngineUnavailable as error:
                if time.monotonic() + pause >= until:
                    raise
                telemetry.log("vto.unavailable", level="warning", reason=error.message)
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)

    def _once(
        self, session: Any, method: str, path: str, body: TryOnRequest | None, wait_s: float, missing: bool
    ) -> bytes | None:
        import requests

        headers = {"Authorization": f"Bearer {self._token()}", "Accept": "application/json"}
        if traceparent := telemetry.traceparent():
            headers["traceparent"] = traceparent
        data = None if body is None else body.model_dump_json(by_alias=True).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        limits = (min(CONNECT_S, self._slack), wait_s + self._slack)
        try:
            with session.request(
                method, self._base + path, params={"wait": f"{wait_s:g}"}, data=data, headers=headers, timeout=limits,
                allow_redirects=False, stream=True,
            ) as response:  # fmt: skip
                return _body(response, missing)
        except requests.ConnectTimeout:
            raise errors.EngineUnavailable("the try-on container can't be reached", retry_after=5) from None
        except requests.Timeout:
            raise errors.NoAnswer("the try-on container does not answer", retry_after=5) from None
        except requests.RequestException:
            raise errors.EngineUnavailable("the try-on container can't be reached", retry_after=5) from None


def _session() -> Any:
    import requests

    session = requests.Session()
    session.trust_env = False
    return session


def _body(response: Response, missing: bool) -> bytes | None:
    """The bytes of a 2xx, None for a 404 that may be; raises for everything else."""
    started = time.monotonic()
    found = bytearray()
    for chunk in response.iter_content(65536):
        found += chunk
        if len(found) > MAX_BYTES or time.monotonic() - started > SLACK_S:
            raise errors.BadAnswer("the try-on container's answer has no end")
    if response.status_code in (200, 202):
        return bytes(found)
    problem = _problem(bytes(found))
    if missing and response.status_code == 404 and problem is not None:
        return None
    raise _refusal(response, problem)


class _Problem(BaseModel):
    code: str
    detail: str = ""
    field: str | None = None


def _problem(data: bytes) -> _Problem | None:
    """A problem as the container writes them; None for whatever else stands between it and us."""
    try:
        return _Problem.model_validate_json(data)
    except ValidationError:
        return None


OVERTAKEN = ("superseded", "job_differs")
"""What the container says to an attempt that another one has overtaken; a later attempt is answered again."""


def _refusal(response: Response, problem: _Problem | None) -> StudioError:
    """What an answer that is none of ours to use means; `shared.vto.errors` says what jobs do with it."""
    status = response.status_code
    wait = _seconds(response.headers.get("Retry-After"))
    if status in (401, 403):
        return _misplaced("the try-on container refuses our token", status)
    if status == 429 and problem is not None:
        return errors.EngineBusy("the try-on container is busy", retry_after=wait or 5)
    if problem is None or status >= 500:
        return errors.EngineUnavailable(f"the try-on container is not there ({status})", retry_after=wait or 5)
    if problem.code == errors.UnknownEngine.code:
        return _misplaced("the try-on container was not set up for this engine", status)
    if status in (404, 405):
        return _misplaced(f"the try-on container is not at this address ({status})", status)
    if problem.code in OVERTAKEN:
        return UpstreamError(problem.detail, code=problem.code)
    if problem.code in errors.KINDS:
        return _kind(problem.code, problem.detail, field=problem.field)
    telemetry.log("vto.not_understood", level="error", status=status, code=problem.code, field=problem.field)
    return errors.NotUnderstood(f"the try-on container does not understand us ({problem.code})", field=problem.field)


def _misplaced(message: str, status: int) -> StudioError:
    telemetry.log("vto.refused", level="error", status=status, reason=message)
    return errors.EngineRefused(message, retry_after=REFUSED_S)


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isdecimal() and len(header) < 6 else None


def _kind(code: str, message: str, **facts: Any) -> StudioError:
    """The error of a code; one that we do not know keeps its code."""
    kind = errors.KINDS.get(code)
    if kind is not None:
        return kind(message, **facts)
    facts.setdefault("retryable", False)
    return UpstreamError(message, code=code, **facts)


def _read[M: BaseModel](data: bytes | None, model: type[M]) -> M:
    try:
        return model.model_validate_json(data or b"")
    except ValidationError:
        raise errors.BadAnswer("the try-on container's answer can't be read") from None


def _result(run: Run, request: TryOnRequest) -> TryOnResult:
    if run.status == "cancelled":
        raise RunCancelled
    if run.status == "handed_back":
        raise errors.EngineUnavailable("the try-on container stops and hands the run back", retry_after=1)
    if run.error is not None:
        told = run.error
        if told.code == errors.EngineRefused.code:
            telemetry.log("vto.refused", level="error", reason=told.message)
        raise _kind(told.code, told.message, retryable=told.retryable, retry_after=told.retry_after, field=told.field)
    result = run.result
    if result is None or result.fingerprint != request.fingerprint or len(result.samples) != request.samples:
        raise errors.BadAnswer("the try-on container's answer is not to this request")
    return result


@cache
def client() -> VtoClient:
    """The container of the settings.

    Raises:
        ConfigurationError: `vto_unconfigured`, VTO_URL is not set, or neither a token nor an audience is.
    """
    conf = settings()
    if not conf.vto_url:
        raise ConfigurationError("try-on is not configured: set VTO_URL", code="vto_unconfigured")
    return VtoClient(conf.vto_url, bearer(), conf.vto_patience_s)


def bearer() -> Callable[[], str]:
    """Gives the token of each call: the shared one, or one of our managed identity.

    Raises:
        ConfigurationError: `vto_unconfigured`, neither is set.
    """
    conf = settings()
    secret = conf.vto_token
    if secret is not None:
        return secret.get_secret_value
    if not conf.vto_audience:
        raise ConfigurationError("try-on is not configured: set VTO_TOKEN or VTO_AUDIENCE", code="vto_unconfigured")
    from azure.identity import DefaultAzureCredential

    credential = DefaultAzureCredential(managed_identity_client_id=conf.storage_client_id)
    scope = f"{conf.vto_audience.rstrip('/')}/.default"
    return lambda: credential.get_token(scope).token
