"""Runs of hosted engines: in this process, without the container. They have to be paid from their first call on."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from functions.tryon.runs import RUN_ENDS_AT, RUN_STARTS_AT
from shared.blobs import Kept
from shared.commerce import ceilings
from shared.commerce.ceilings import Spending
from shared.documents.fields import assign
from shared.errors import DocumentNotFound, StudioError
from shared.jobs.protocol import CancelRequested
from shared.jobs.step import Task
from shared.providers import circuit
from shared.tryons.documents import Door, TryOnDocument, tryons
from shared.vto.engines import GEMINI
from shared.vto.protocol import TryOnRequest, TryOnResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.engines.base import Engine
    from shared.engines.fashn_api import FashnClient
    from shared.gemini.client import Gemini


def finish(task: Task, tryon: TryOnDocument, request: TryOnRequest, kept: Kept) -> TryOnResult:
    """Make the results of a try-on; what an earlier attempt of this generation has committed is returned.

    Args:
        kept: has the images that were inspected, and gets the results.

    Raises:
        CancelRequested: the user cancelled; a call that was sent is paid for.
        OperatorActionNeeded: the service refuses our account; the job waits.
        StudioError: of the engine.
    """
    from shared.engines.base import Cancelled
    from shared.engines.executor import Executor
    from shared.engines.in_process import in_process

    percent = RUN_STARTS_AT

    def on_progress(done: float) -> None:
        nonlocal percent
        percent = round(RUN_STARTS_AT + (RUN_ENDS_AT - RUN_STARTS_AT) * done)

    def is_cancelled() -> bool:
        try:
            task.progress("trying on", percent)
        except CancelRequested:
            return True
        return False

    def on_call() -> None:
        ceilings.take(Spending.CONVERSION)
        with suppress(DocumentNotFound):
            tryons.patch(tryon.id, tryon.user_id, assign(TryOnDocument.called_in, task.job.generation))

    engine = _engine(tryon, on_call)
    try:
        with circuit.guarded(engine.name):
            return Executor(in_process(engine, _min_side_px(tryon)), engine.name).execute(
                request, on_progress, is_cancelled, kept, is_first=task.job.is_first_claim
            )
    except Cancelled:
        raise CancelRequested from None


def _min_side_px(tryon: TryOnDocument) -> int:
    """Any picture that was uploaded will do for a whole picture."""
    from shared.engines.images import MIN_SIDE_PX

    return 1 if tryon.door is Door.CONVERSIONS and tryon.engine == GEMINI else MIN_SIDE_PX


def _engine(tryon: TryOnDocument, on_call: Callable[[], None]) -> Engine:
    """The engine of a try-on. A conversion by Gemini is the whole picture as the model made it."""
    from shared.engines.fashn_api import FashnApi
    from shared.engines.gemini import Gemini

    if tryon.engine != GEMINI:
        return FashnApi(_fashn(), on_call=on_call, decode=_decode)
    options = tryon.options
    return Gemini(
        _gemini(),
        whole=tryon.door is Door.CONVERSIONS,
        prompt=options.prompt,
        aspect_ratio=options.aspect_ratio,
        on_call=on_call,
        decode=_decode,
    )


@cache
def _gemini() -> Gemini:
    from shared.gemini.client import Gemini

    return Gemini()


@cache
def _fashn() -> FashnClient:
    from shared.engines.fashn_api import FashnClient

    return FashnClient()


def forget() -> None:
    """Drop the clients of this process."""
    _gemini.cache_clear()
    _fashn.cache_clear()


def _decode(data: bytes) -> Any:
    """The pixels of a service's picture, which is as foreign as an upload: decoded by the image sanitizer."""
    from shared.engines import canvas
    from shared.images.sanitizer import sanitize

    try:
        return canvas.decode(sanitize(data).data)
    except StudioError as error:
        if error.retryable:
            raise
        return None
