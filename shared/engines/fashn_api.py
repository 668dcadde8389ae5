"""FASHN's hosted try-on by its official client: a run is started, and its state asked for until it has ended."""

from __future__ import annotations

import base64
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from shared import base64_data, telemetry
from shared.engines import canvas, region
from shared.engines.base import (
    Category,
    IsCancelled,
    Progress,
    Result,
    composite,
    never_cancelled,
    no_progress,
    raise_if_cancelled,
)
from shared.errors import ConfigurationError, StudioError
from shared.provider_errors import UNREADABLE, seconds_asked
from shared.vto import fashn_errors
from shared.vto.engines import FASHN_API
from shared.vto.settings import fashn_settings

if TYPE_CHECKING:
    from fashn import Fashn
    from fashn.types import PredictionStatusResponse
    from numpy.typing import NDArray

CATEGORIES: Final[Mapping[Category, str]] = {"upper": "tops", "lower": "bottoms", "dress": "one-pieces"}
RATIO: Final = "2:3"
"""Of the service's canvas, 864 x 1296."""
MAX_SIDE_PX: Final = 1296
FEATHER_SHARE: Final = 0.006
"""Feather as a share of the shorter side; the model keeps the pose."""
POLL_S: Final = 1.0
CREDITS_USED: Final = "x-fashn-credits-used"
USUAL_S: Final = 15.0
"""Usual duration of a run in seconds, for its progress."""


_COUNT: Final = re.compile(r"[0-9]{1,9}")


def _ignored() -> None:
    """An `on_call` that does nothing."""


class FashnClient:
    """One client for the process; its own retries stay off, since the job layer owns them."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._made: Fashn | None = None

    def get(self) -> Fashn:
        """The client. Raises ConfigurationError: there is no key."""
        with self._making:
            if self._made is None:
                from fashn import DefaultHttpxClient, Fashn

                conf = fashn_settings()
                if conf.fashn_api_key is None:
                    raise ConfigurationError("set FASHN_API_KEY to use the engine fashn-api", code="fashn_unconfigured")
                self._made = Fashn(
                    api_key=conf.fashn_api_key.get_secret_value(),
                    base_url=conf.fashn_base_url or "https://api.fashn.ai",
                    timeout=30.0,
                    max_retries=0,
                    # A redirect would take people's photos to another host.
                    http_client=DefaultHttpxClient(follow_redirects=False),
                )
            return self._made


class FashnApi:
    """The service promises the same image for the same seed and inputs.

    Args:
        client: a process needs only one.
        on_call: called right before a run is started, which has to be paid if it succeeds.
        decode: decodes the service's picture; None if it can't be.
    """

    name: ClassVar[str] = FASHN_API
    device = "remote"

    def __init__(
        self,
        client: FashnClient | None = None,
        *,
        on_call: Callable[[], None] = _ignored,
        decode: Callable[[bytes], NDArray[Any] | None] = canvas.decode,
    ) -> None:
        self._client = client or FashnClient()
        self._on_call, self._decode = on_call, decode

    @property
    def version(self) -> str:
        """The configured model and its mode."""
        conf = fashn_settings()
        return f"{conf.fashn_model}-{conf.fashn_mode}"

    def load(self) -> None:
        """Nothing to load; a missing key fails the first call."""

    def generate(
        self,
        person: NDArray[Any],
        garment: NDArray[Any],
        category: Category,
        seed: int,
        steps: int,
        mask: NDArray[Any] | None = None,
        progress: Progress = no_progress,
        is_cancelled: IsCancelled = never_cancelled,
    ) -> Result:
        """See `base.Engine`. A run that was started can't be stopped; cancelled, it is left alone.

        Raises:
            StudioError: of `shared.vto.fashn_errors`.
        """
        height, width = person.shape[:2]
        before = region.parse_person(person)
        region.require_garment(garment)
        padded, inner = canvas.pad(person, RATIO)
        raise_if_cancelled(is_cancelled)
        self._on_call()
        data, credits = self._run(padded, garment, category, seed, progress, is_cancelled)
        pixels = self._decode(data)
        if pixels is None:
            raise fashn_errors.UNREADABLE.to_error(fashn_errors.PROVIDER)
        painted = canvas.resize(pixels, padded.shape[1], padded.shape[0])[inner]
        edit = region.edit_mask(before, painted, category, (height, width)) if mask is None else mask
        notes: dict[str, Any] = {
            "drift": region.drift(person, painted, edit),
            "reproducible": True,
            "credits": credits,
            "costUsd": round(credits * fashn_settings().fashn_credit_usd, 4),
        }
        progress(1.0)
        return composite(
            person,
            painted,
            edit,
            engine=self.name,
            version=self.version,
            seed=seed,
            notes=notes,
            feather_px=max(1, round(FEATHER_SHARE * min(height, width))),
        )

    def _run(
        self,
        person: NDArray[Any],
        garment: NDArray[Any],
        category: Category,
        seed: int,
        progress: Progress,
        is_cancelled: IsCancelled,
    ) -> tuple[bytes, int]:
        """Start a run and follow it; (its picture, the credits it used)."""
        conf = fashn_settings()
        inputs = {
            "model_image": _data_uri(canvas.jpeg(person, MAX_SIDE_PX)),
            "garment_image": _data_uri(canvas.jpeg(garment, MAX_SIDE_PX)),
            "category": CATEGORIES[category],
            "mode": conf.fashn_mode,
            "moderation_level": conf.fashn_moderation,
            "num_samples": 1,
            "seed": seed,
            "output_format": "png",
            "return_base64": True,
        }
        with telemetry.span("fashn.run", kind="client", model=conf.fashn_model):
            try:
                predictions = self._client.get().predictions
                started = predictions.run(model_name=cast("Any", conf.fashn_model), inputs=cast("Any", inputs))
                state, used = self._follow(started.id, progress, is_cancelled)
            except StudioError:
                raise
            except Exception as error:
                raise _failure(error) from error
        if state.status != "completed":
            name = str(state.error.name) if state.error is not None else state.status
            row = fashn_errors.RUN_ERRORS.get(name, fashn_errors.UNKNOWN)
            telemetry.log("fashn.failed", level="warning", reason=name, blame=row.blame)
            raise row.to_error(fashn_errors.PROVIDER)
        return _picture(state), used

    def _follow(self, id: str, progress: Progress, is_cancelled: IsCancelled) -> tuple[PredictionStatusResponse, int]:
        predictions = self._client.get().predictions.with_raw_response
        begin = time.monotonic()
        while True:
            raw = predictions.status(id)
            state = raw.parse()
            if state.status not in ("starting", "in_queue", "processing"):
                used = raw.headers.get(CREDITS_USED, "")
                return state, int(used) if _COUNT.fullmatch(used) else 1
            elapsed = time.monotonic() - begin
            if elapsed > fashn_settings().fashn_timeout_s:
                raise fashn_errors.RUN_ERRORS["PollingTimeout"].to_error(fashn_errors.PROVIDER)
            progress(min(0.1 + 0.8 * elapsed / USUAL_S, 0.9))
            raise_if_cancelled(is_cancelled)
            time.sleep(POLL_S)


def _data_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def _picture(state: PredictionStatusResponse) -> bytes:
    first = next(iter(state.output or []), "")
    try:
        data = base64_data.decode(str(first))
    except ValueError:
        data = b""
    if not data:
        raise fashn_errors.UNREADABLE.to_error(fashn_errors.PROVIDER)
    return data


def _failure(error: Exception) -> Exception:
    """The error for an exception of the client; one of another kind stays as it is."""
    from fashn import APIConnectionError, APIResponseValidationError, APIStatusError

    if isinstance(error, APIStatusError):
        row = fashn_errors.of_response(error.status_code, _error_name(error.body))
        wait = seconds_asked(error.response.headers.get("Retry-After"))
        telemetry.log("fashn.refused", level="warning", status=error.status_code, reason=row.reason, blame=row.blame)
        return row.to_error(fashn_errors.PROVIDER, wait)
    if isinstance(error, APIConnectionError):
        return fashn_errors.UNREACHABLE.to_error(fashn_errors.PROVIDER)
    if isinstance(error, (APIResponseValidationError, *UNREADABLE)):
        return fashn_errors.UNREADABLE.to_error(fashn_errors.PROVIDER)
    return error


def _error_name(body: object) -> str:
    """The name of an error: `{"error": NAME}` or `{"error": {"name": NAME}}`."""
    if not isinstance(body, Mapping):
        return ""
    facts = cast("Mapping[str, object]", body)
    error = facts.get("error", facts.get("name", ""))
    if isinstance(error, Mapping):
        error = cast("Mapping[str, object]", error).get("name", "")
    return str(error)
