"""Triggers of jobs: `jobs/{id}` over HTTP, the queues of the lanes, and the timers."""

from __future__ import annotations

import azure.functions as func

from functions.jobs.models import Job, JobQuery
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, endpoint
from shared.jobs.consumer import consumer
from shared.jobs.queues import Lane
from shared.jobs.step import Step

bp = func.Blueprint()


def _step_of(queue: str) -> Step:
    from functions.jobs.steps import step_of

    return step_of(queue)


for lane in Lane:
    consumer(bp, lane, _step_of)


@endpoint(bp, "GET", "jobs/{id}", access=SIGNED_IN, query=JobQuery, answer=Job, errors=(404,))
def get_job(call: Call) -> Job:
    """Get a job.

    With `wait=20` the answer comes once the job has ended, or after 20 seconds.
    """
    from functions.jobs import service

    return service.get_job(call.caller, call.path["id"], call.query)


@endpoint(bp, "POST", "jobs/{id}/cancel", access=SIGNED_IN, status=202, answer=Job, errors=(404, 409))
def cancel_job(call: Call) -> Job:
    """Cancel a job.

    It must not have ended; one that runs stops at its next step.
    """
    from functions.jobs import service

    return service.cancel_job(call.caller, call.path["id"])


@endpoint(bp, "POST", "jobs/{id}/retry", access=SIGNED_IN, status=202, answer=Job, errors=(404, 409))
def retry_job(call: Call) -> Job:
    """Retry a dead job.

    What it works on is paid for again if its payment was released.
    """
    from functions.jobs import service

    return service.retry_job(call.caller, call.path["id"])


@bp.function_name("sweeper")
@bp.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%")
def sweeper(timer: func.TimerRequest) -> None:
    """Finish what a crash, an outage or a lost event has left."""
    from functions.jobs import sweeps

    sweeps.run(sweeps.SWEEPS, getattr(timer, "schedule_status", None), past_due=timer.past_due)


@bp.function_name("retention")
@bp.timer_trigger(arg_name="timer", schedule="0 30 3 * * *")
def retention(timer: func.TimerRequest) -> None:
    """Delete what is past its retention, and what belongs to nothing."""
    from functions.jobs import sweeps

    sweeps.run(sweeps.DAILY, past_due=timer.past_due)
