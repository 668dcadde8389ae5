"""A try-on's run in the container: started and followed, or cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from functions.tryon.orphans import generation_path
from functions.tryon.settings import tryon_settings
from shared import telemetry
from shared.errors import ConfigurationError, StudioError
from shared.jobs import protocol
from shared.jobs.models import Job
from shared.jobs.protocol import CancelRequested
from shared.jobs.step import Task
from shared.providers import circuit
from shared.tryons.documents import StoredImage, TryOnDocument
from shared.vto import client as vto
from shared.vto import errors
from shared.vto.protocol import Category, Garment, ImageBlob, Output, Run, RunStatus, TryOnRequest, TryOnResult

RUN_STARTS_AT: Final = 15
RUN_ENDS_AT: Final = 85
"""Percent of the job's progress at which the container's run starts and ends."""
WAITING_ERRORS: Final = (
    errors.EngineUnavailable, errors.EngineBusy, errors.NoAnswer, errors.EngineRefused,
)  # fmt: skip
"""Errors of a container that is down, busy or misconfigured: the job waits."""


CONTAINER: Final = "tryon-container"
"""The container among the providers whose refusals administrators are alerted of."""


def build_request(task: Task, tryon: TryOnDocument, categories: Sequence[Category | None]) -> TryOnRequest:
    """The request to the engine; all attempts of a generation request the same run.

    An engine that was asked without a category paints the whole picture and does not read it.
    """
    garments = [
        Garment.model_validate({**_blob(garment.image), "category": category or "upper"})
        for garment, category in zip(tryon.garments, categories, strict=True)
    ]
    return TryOnRequest(
        job_id=_run_id(task.job),
        attempt=task.job.fence,
        person=ImageBlob.model_validate(_blob(tryon.person)),
        garments=garments,
        mask=ImageBlob.model_validate(_blob(tryon.mask)) if tryon.mask else None,
        seed=tryon.seed,
        samples=tryon.samples,
        steps=tryon_settings().tryon_steps,
        engine=tryon.engine,
        output=Output(container="tryon", prefix=f"{task.user_id}/{generation_path(task.job)}"),
    )


def _run_id(job: Job) -> str:
    return f"{job.user_id}:{generation_path(job).replace('/', '-')}"


def _blob(image: StoredImage) -> dict[str, str]:
    return {"container": image.container, "name": image.name}


def finish(task: Task, request: TryOnRequest) -> TryOnResult:
    """Have the container execute the run; after a lost lease or a crash the next attempt joins it.

    Raises:
        CancelRequested: the user cancelled; the run was cancelled, too, if its container could be reached.
        StudioError: of `shared.vto.errors`.
    """
    cancelled = False

    def on_run(run: Run) -> None:
        nonlocal cancelled
        facts = {} if run.position is None else {"position": run.position}
        step = "waiting" if run.status is RunStatus.QUEUED else "trying on"
        try:
            task.progress(step, round(RUN_STARTS_AT + (RUN_ENDS_AT - RUN_STARTS_AT) * run.progress), **facts)
        except CancelRequested:
            # The client cancels the run over the connection that leads to its replica.
            cancelled = True

    try:
        result = vto.client().finish(request, tryon_settings().tryon_run_s, on_run=on_run, cancelled=lambda: cancelled)
        circuit.close(CONTAINER)
        return result
    except (StudioError, vto.RunCancelled) as error:
        if cancelled:
            raise CancelRequested from None
        if isinstance(error, vto.RunCancelled):
            raise errors.EngineFailed("the run was cancelled in the container", max_tries=2) from None
        raise


def as_waiting(job: Job, error: StudioError) -> StudioError:
    """The error with which a job waits for a container that is down or misconfigured: it uses no attempts until
    `TRYON_PATIENCE_S` is over. The reason of a misconfiguration is logged and reported by `health`."""
    if isinstance(error, ConfigurationError | errors.EngineRefused):
        telemetry.log("tryon.refused", level="error", code=error.code, reason=error.message)
        telemetry.count("studio_tryon_refused")
        circuit.trip(CONTAINER, error.code)
        error = errors.EngineRefused("try-on is misconfigured: its operator has to correct it", retry_after=30)
    error.waits = protocol.waited(job) < tryon_settings().tryon_patience_s
    return error


def cancel_run(job: Job) -> None:
    """Cancel the run of a job, if there is one."""
    try:
        vto.client().cancel(_run_id(job))
    except StudioError as error:
        telemetry.log("tryon.cancel_failed", level="warning", code=error.code)
