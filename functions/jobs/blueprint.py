"""Triggers of jobs: `jobs/{id}` over HTTP, and the sweeper's timer."""

from __future__ import annotations

import azure.functions as func

from functions.jobs.models import Job, JobQuery
from shared import telemetry
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, endpoint

bp = func.Blueprint()


@endpoint(bp, "GET", "jobs/{id}", access=SIGNED_IN, query=JobQuery, answer=Job, errors=(404,))
def jobs_get(call: Call) -> Job:
    """How a job stands; `?wait=20` answers as soon as it has ended."""
    from functions.jobs import service

    return service.job(call.caller, call.path["id"], call.query)


@endpoint(bp, "POST", "jobs/{id}/cancel", access=SIGNED_IN, status=202, answer=Job, errors=(404, 409))
def jobs_cancel(call: Call) -> Job:
    """Stop a job that has not ended."""
    from functions.jobs import service

    return service.cancel(call.caller, call.path["id"])


@endpoint(bp, "POST", "jobs/{id}/retry", access=SIGNED_IN, status=202, answer=Job, errors=(404, 409))
def jobs_retry(call: Call) -> Job:
    """Try a dead job again."""
    from functions.jobs import service

    return service.retry(call.caller, call.path["id"])


@bp.function_name("sweeper")
@bp.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%")
def sweeper(timer: func.TimerRequest) -> None:
    """Move what a crash has left standing: jobs, uploads, deletions."""
    from shared.images import sweeper as images
    from shared.jobs import sweeper as jobs

    with telemetry.span("sweep"):
        sent, finished = jobs.sweep(), images.sweep()
    if sent or finished:
        telemetry.log("sweep", jobs=sent, images=finished, pastDue=timer.past_due)
