"""A try-on's run in the container: asked for and followed, stopped, and the blobs that it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from functions.tryon import orphans
from functions.tryon.inputs import Garment
from functions.tryon.settings import tryon_settings
from shared import telemetry
from shared.documents import Document
from shared.errors import ConfigurationError, StudioError
from shared.images.sources import Source
from shared.jobs import protocol
from shared.jobs.models import Job
from shared.jobs.protocol import CancelRequested
from shared.jobs.step import Task
from shared.vto import client as vto
from shared.vto import errors
from shared.vto.protocol import Category, ImageBlob, Output, Run, RunStatus, TryOnRequest, TryOnResult
from shared.vto.protocol import Garment as WireGarment

SEEN: Final = 15
MADE: Final = 85
"""Percent at which the container begins and ends."""
AWAY: Final = (errors.EngineUnavailable, errors.EngineBusy, errors.NoAnswer, errors.EngineRefused)
"""What time mends, or an operator: the job waits."""


def request(
    task: Task,
    record: Document,
    person: Source,
    garments: Sequence[Garment],
    categories: Sequence[Category],
    mask: Source | None,
) -> TryOnRequest:
    """What the container is asked for; all attempts of a generation ask for the same run."""
    worn = [
        WireGarment.model_validate({**_input(one.source), "category": category})
        for one, category in zip(garments, categories, strict=True)
    ]
    return TryOnRequest(
        job_id=_name(task.job),
        attempt=task.job["fence"],
        person=ImageBlob.model_validate(_input(person)),
        garments=worn,
        mask=ImageBlob.model_validate(_input(mask)) if mask else None,
        seed=record["seed"],
        samples=record["samples"],
        steps=tryon_settings().tryon_steps,
        engine=record["engine"],
        output=Output(container="tryon", prefix=f"{task.user_id}/{orphans.life(task.job)}"),
    )


def _name(job: Job) -> str:
    return f"{job['userId']}:{orphans.life(job).replace('/', '-')}"


def _input(source: Source) -> dict[str, str]:
    return {"container": source.container, "name": source.name}


def finish(task: Task, wanted: TryOnRequest) -> TryOnResult:
    """Have the container make it; whoever comes after a lost lease or a crash joins the same run.

    Raises:
        CancelRequested: the user wants it stopped; the run was told so, if its container could be reached.
        StudioError: of `shared.vto.errors`.
    """
    cancelled = False

    def on_run(run: Run) -> None:
        nonlocal cancelled
        facts = {} if run.position is None else {"position": run.position}
        step = "waiting" if run.status is RunStatus.QUEUED else "trying on"
        try:
            task.progress(step, round(SEEN + 70 * run.progress), **facts)
        except CancelRequested:
            # the client stops it over the connection that leads to its replica
            cancelled = True

    try:
        return vto.client().finish(wanted, tryon_settings().tryon_run_s, on_run=on_run, cancelled=lambda: cancelled)
    except (StudioError, vto.RunCancelled) as error:
        if cancelled:
            raise CancelRequested from None
        if isinstance(error, vto.RunCancelled):
            raise errors.EngineFailed("the run was stopped in the container", max_tries=2) from None
        raise


def patient(job: Job, error: StudioError) -> StudioError:
    """The error with which a job waits for what is away, or is not set up right here or in the container: it uses no
    attempts up until `TRYON_PATIENCE_S` is over. What is wrong is logged, and told by `health`."""
    if isinstance(error, ConfigurationError | errors.EngineRefused):
        telemetry.log("tryon.refused", level="error", code=error.code, reason=error.message)
        telemetry.count("studio_tryon_refused")
        error = errors.EngineRefused("try-on is not set up right: its operator has to mend that", retry_after=30)
    error.waits = protocol.waited(job) < tryon_settings().tryon_patience_s
    return error


def stop(job: Job) -> None:
    """Tell the container to stop a run that may be going on."""
    try:
        vto.client().cancel(_name(job))
    except StudioError as error:
        telemetry.log("tryon.cancel_failed", level="warning", code=error.code)
