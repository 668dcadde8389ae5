"""Timer functions."""

import azure.functions as func
from ledger import record

bp = func.Blueprint()


@bp.function_name("tick")
@bp.timer_trigger(arg_name="timer", schedule="%TICK%")
def tick(timer: func.TimerRequest) -> None:
    """Each second."""
    record("tick", past_due=timer.past_due)


@bp.function_name("yearly")
@bp.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
def yearly(timer: func.TimerRequest) -> None:
    """Runs in a test only when it is past due."""
    record("yearly", past_due=timer.past_due, status=timer.schedule_status)


@bp.function_name("onStart")
@bp.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
def on_start(timer: func.TimerRequest) -> None:
    """Runs once at start."""
    record("onStart", past_due=timer.past_due)


@bp.function_name("flaky")
@bp.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
@bp.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:00:01")
def flaky(timer: func.TimerRequest, context: func.Context) -> None:
    """Fails on its first two tries."""
    record("flaky", retry=context.retry_context.retry_count)
    if context.retry_context.retry_count < 2:
        raise OSError("not yet")
