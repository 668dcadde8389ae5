"""Triggers of the work on jobs: the queues of the lanes, and the timers."""

from __future__ import annotations

import azure.functions as func

from shared.jobs.consumer import consumer
from shared.jobs.queues import Lane
from shared.jobs.step import Step

bp = func.Blueprint()


def _step_of(queue: str) -> Step:
    from functions.jobs.steps import step_of

    return step_of(queue)


for lane in Lane:
    consumer(bp, lane, _step_of)


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
