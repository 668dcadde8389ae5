"""The container's client: starts a run, follows it and cancels it; every failure is one of `shared.vto.errors`.

Repeating a request is always safe: the container joins the run or returns its result. A lost response, a dropped
connection and a restarted container are therefore all handled by repeating the request until the time is up.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from shared import telemetry
from shared.errors import ConfigurationError, StudioError
from shared.identity import azure_credential
from shared.provider_errors import Blame
from shared.settings import settings
from shared.vto import container_errors, errors
from shared.vto.protocol import ENDED, MAX_WAIT_S, Health, Run, RunStatus, TryOnRequest, TryOnResult
from shared.vto.settings import vto_settings

if TYPE_CHECKING:
    from requests import Response, Session

MAX_RESPONSE_BYTES: Final = 1024 * 1024
CONNECT_TIMEOUT_S: Final = 5.0
SLACK_S: Final = 10.0
MIN_PAUSE_S: Final = 0.2
MAX_PAUSE_S: Final = 2.0
"""Seconds between two attempts to reach the container; doubled after each."""
REFUSED_RETRY_S: Final = 30
"""Seconds until a container that an operator has to reconfigure is asked again."""

type OnRun = Callable[[Run], None]
type IsCancelled = Callable[[], bool]


class RunCancelled(Exception):
    """The run was cancelled, by this client or by another caller."""


class VtoClient:
    """One container. Thread-safe: every run has its own connection and cookies, which keep it on one replica.

    Args:
        token: returns the bearer token for a call.
        patience_s: seconds without a response after which `EngineUnavailable` is raised.
        slack_s: seconds that network and container may take beyond the requested wait.
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
        cancelled: IsCancelled | None = None,
        poll_s: float = 2.0,
    ) -> TryOnResult:
        """Start a run, or join it, and wait for its result.

        Args:
            timeout_s: for the whole call. The run itself continues: the same request returns its result later.
            on_run: called with the state of the run every `poll_s` seconds and at its end.
            cancelled: called as often; the run is cancelled once it returns True.

        Raises:
            RunCancelled: it was cancelled.
            EngineTimeout: the time is up; `NoAnswer` if the container did not respond at all.
            EngineUnavailable: the container can't be reached, or hands the run back because it stops.
            StudioError: another one of `shared.vto.errors`, as the run ended.
        """
        until = time.monotonic() + timeout_s
        polls = on_run is not None or cancelled is not None
        with _session() as session:
            while True:
                if cancelled is not None and cancelled():
                    self.cancel(request.job_id, session=session)
                    raise RunCancelled
                left = until - time.monotonic()
                if left <= 0:
                    raise errors.EngineTimeout("the try-on did not finish in time", retry_after=5)
                wait = min(left, MAX_WAIT_S, poll_s if polls else MAX_WAIT_S)
                run = self.submit(request, wait, session=session, patience_s=min(left, self._patience))
                if on_run is not None:
                    on_run(run)
                if run.status in ENDED:
                    return _result(run, request)

    def submit(
        self, request: TryOnRequest, wait_s: float = 0, *, session: Session | None = None,
        patience_s: float | None = None,
    ) -> Run:  # fmt: skip
        """Start a run, or join it; returns its state when it has ended, or after `wait_s` seconds.

        Raises: as `finish` does for a failure of the call itself.
        """
        found = self._call("POST", "/tryon", request, wait_s=wait_s, session=session, patience_s=patience_s)
        return _read(found, Run)

    def get_run(self, job_id: str, wait_s: float = 0) -> Run | None:
        """The state of a run; None if this container does not know it."""
        found = self._call("GET", f"/tryon/{quote(job_id, safe=':')}", wait_s=wait_s, missing=True)
        return None if found is None else _read(found, Run)

    def cancel(self, job_id: str, *, session: Session | None = None) -> Run | None:
        """Cancel a run between two of its steps; None if it does not exist. A run that has ended stays as it is."""
        found = self._call("DELETE", f"/tryon/{quote(job_id, safe=':')}", session=session, missing=True)
        return None if found is None else _read(found, Run)

    def health(self) -> Health:
        """The container's engine, device, memory and queue."""
        return _read(self._call("GET", "/health", patience_s=0), Health)

    def _call(
        self,
        method: str,
        path: str,
        body: TryOnRequest | None = None,
        *,
        wait_s: float = 0,
        session: Session | None = None,
        patience_s: float | None = None,
        missing: bool = False,
    ) -> bytes | None:
        """One call, repeated until the container responds or patience is over; the body of a 2xx."""
        if session is None:
            with _session() as own:
                return self._call(
                    method, path, body, wait_s=wait_s, session=own, patience_s=patience_s, missing=missing
                )
        until = time.monotonic() + (self._patience if patience_s is None else patience_s)
        pause = MIN_PAUSE_S
        while True:
            try:
                return self._once(session, method, path, body, wait_s, missing)
            except errors.EngineUnavailable as error:
                if time.monotonic() + pause >= until:
                    raise
                telemetry.log("vto.unavailable", level="warning", reason=error.message)
                time.sleep(pause)
                pause = min(2 * pause, MAX_PAUSE_S)

    def _once(
        self, session: Session, method: str, path: str, body: TryOnRequest | None, wait_s: float, missing: bool
    ) -> bytes | None:
        import requests

        headers = {"Authorization": f"Bearer {self._token()}", "Accept": "application/json"}
        if traceparent := telemetry.traceparent():
            headers["traceparent"] = traceparent
        data = None if body is None else body.model_dump_json(by_alias=True).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        limits = (min(CONNECT_TIMEOUT_S, self._slack), wait_s + self._slack)
        try:
            with session.request(
                method, self._base + path, params={"wait": f"{wait_s:g}"}, data=data, headers=headers, timeout=limits,
                allow_redirects=False, stream=True,
            ) as response:  # fmt: skip
                return _body(response, missing)
        except requests.ConnectTimeout:
            raise errors.EngineUnavailable("the try-on container can't be reached", retry_after=5) from None
        except requests.Timeout:
            raise errors.NoAnswer("the try-on container does not respond", retry_after=5) from None
        except requests.RequestException:
            raise errors.EngineUnavailable("the try-on container can't be reached", retry_after=5) from None


def _session() -> Session:
    import requests

    session = requests.Session()
    session.trust_env = False
    return session


def _body(response: Response, missing: bool) -> bytes | None:
    """The bytes of a 2xx, None for a 404 if `missing` is allowed; raises for everything else."""
    started = time.monotonic()
    received = bytearray()
    for chunk in response.iter_content(65536):
        received += chunk
        if len(received) > MAX_RESPONSE_BYTES or time.monotonic() - started > SLACK_S:
            raise errors.BadAnswer("the try-on container's response does not end")
    if response.status_code in (200, 202):
        return bytes(received)
    problem = _problem(bytes(received))
    if missing and response.status_code == 404 and problem is not None:
        return None
    raise _refusal(response, problem)


class _Problem(BaseModel):
    code: str
    detail: str = ""
    field: str | None = None


def _problem(data: bytes) -> _Problem | None:
    """A problem as the container writes them; None for the response of a proxy in between."""
    try:
        return _Problem.model_validate_json(data)
    except ValidationError:
        return None


def _refusal(response: Response, problem: _Problem | None) -> StudioError:
    """The error for a response other than 2xx, by the container's table."""
    status, wait = response.status_code, _seconds(response.headers.get("Retry-After"))
    row = container_errors.of_proxy(status) if problem is None else container_errors.of_code(problem.code)
    said = f"{row.message} ({status})" if problem is None else problem.detail or row.message
    code, field = (None, None) if problem is None else (problem.code, problem.field)
    if row.blame is Blame.OPERATOR:
        reason = f"{row.message or 'the try-on container refuses our requests'} ({code or status})"
        telemetry.log("vto.refused", level="error", status=status, code=code, reason=said)
        return container_errors.to_error(row, reason, retry_after=REFUSED_RETRY_S)
    if row.code == errors.EngineMismatch.code or row is container_errors.UNKNOWN:
        telemetry.log("vto.not_understood", level="error", status=status, code=code, field=field)
    needs_wait = row.code in (errors.EngineBusy.code, errors.EngineUnavailable.code)
    return container_errors.to_error(row, said, retry_after=wait or (5 if needs_wait else None), field=field)


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isdecimal() and len(header) < 6 else None


def _read[M: BaseModel](data: bytes | None, model: type[M]) -> M:
    try:
        return model.model_validate_json(data or b"")
    except ValidationError:
        raise errors.BadAnswer("the try-on container's response can't be read") from None


def _result(run: Run, request: TryOnRequest) -> TryOnResult:
    if run.status is RunStatus.CANCELLED:
        raise RunCancelled
    if (failed := run.error) is not None:
        row = container_errors.of_code(failed.code)
        if row.blame is Blame.OPERATOR:
            telemetry.log("vto.refused", level="error", code=failed.code, reason=failed.message)
        raise container_errors.to_error(
            row, failed.message, retry_after=failed.retry_after, field=failed.field
        )  # fmt: skip
    result = run.result
    if result is None or result.fingerprint != request.fingerprint or len(result.samples) != request.samples:
        raise errors.BadAnswer("the try-on container's response does not belong to this request")
    return result


@cache
def client() -> VtoClient:
    """The client of the configured container.

    Raises:
        ConfigurationError: `vto_unconfigured`, VTO_URL is not set, or neither a token nor an audience is.
    """
    conf = vto_settings()
    if not conf.vto_url:
        raise ConfigurationError("try-on is not configured: set VTO_URL", code="vto_unconfigured")
    return VtoClient(conf.vto_url, bearer(), conf.vto_patience_s)


def bearer() -> Callable[[], str]:
    """A function that returns the token for each call: the shared token, or one of our managed identity.

    Raises:
        ConfigurationError: `vto_unconfigured`, neither is configured.
    """
    conf = vto_settings()
    secret = conf.vto_token
    if secret is not None:
        return secret.get_secret_value
    if not conf.vto_audience:
        raise ConfigurationError("try-on is not configured: set VTO_TOKEN or VTO_AUDIENCE", code="vto_unconfigured")
    credential = azure_credential(settings().storage_client_id)
    scope = f"{conf.vto_audience.rstrip('/')}/.default"
    return lambda: credential.get_token(scope).token
