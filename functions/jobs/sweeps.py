"""What the timers do: everything that finishes what a crash, an outage or a lost event has left.

One timer does all of it, because on Flex Consumption every timer scales, and wakes an instance, separately. A sweep
that fails is logged and does not keep the others from running.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any, Final, cast

from pydantic import BaseModel, Field, ValidationError

from functions.jobs.settings import sweep_settings
from shared import clock, telemetry


class TimerStatus(BaseModel):
    """What the host knows of a timer's schedule."""

    last: datetime | None = Field(default=None, alias="Last")


@dataclass(frozen=True)
class Sweep:
    """One thing to finish.

    Args:
        run: module and function; returns how much was done, as a number, numbers by name, or a dataclass of numbers.
        every_s: seconds between two runs, by the clock; None runs it whenever the timer fires.
    """

    name: str
    run: str
    every_s: Callable[[], float] | None = None


PRIVACY_EVERY_S: Final = 300
SWEEPS: Final = (
    Sweep("poison", "functions.jobs.poison:drain"),
    Sweep("jobs", "shared.jobs.sweeper:sweep"),
    Sweep("images", "shared.images.sweeper:sweep"),
    Sweep("messages", "shared.notifications.follow:sweep"),
    Sweep("paypal-events", "functions.paypal_webhook.inbox:sweep"),
    Sweep("payments", "shared.commerce.sweeper:sweep"),
    Sweep("index", "functions.search.rebuild:run_maintenance"),
    Sweep("expired-keys", "functions.keys.service:close_expired"),
    Sweep("visits", "functions.privacy.visits:erase_ended"),
    Sweep("fresh-writes", "functions.privacy.erasure:delete_fresh_writes", lambda: PRIVACY_EVERY_S),
    Sweep("orphaned-uploads", "functions.privacy.retention:delete_orphaned_uploads", lambda: PRIVACY_EVERY_S),
    Sweep("catalogue", "functions.catalogue.reconcile:reconcile", lambda: sweep_settings().catalogue_sweep_s),
)
"""Of the timer `sweeper`."""
DAILY: Final = (
    Sweep("expired", "functions.privacy.retention:delete_expired"),
    Sweep("masks", "shared.vision.stored:sweep"),
    Sweep("late-writes", "functions.privacy.erasure:delete_late_writes"),
    Sweep("tryon-orphans", "functions.tryon.orphans:sweep"),
)
"""Of the timer `retention`."""

_last: dict[str, float] = {}


def run(sweeps: Sequence[Sweep], status: Mapping[str, Any] | None = None, *, past_due: bool = False) -> None:
    """Run the sweeps that are due.

    Args:
        status: the timer's `ScheduleStatus`; its `Last` is when it fired before, in this process or in another one.
    """
    at = clock.now()
    before = _fired_before(status)
    for sweep in sweeps:
        if not _is_due(sweep, at, before):
            continue
        _last[sweep.name] = at
        with telemetry.span(f"sweep {sweep.name}"):
            _run(sweep, past_due)


def _run(sweep: Sweep, past_due: bool) -> None:
    started = time.monotonic()
    module, _, name = sweep.run.partition(":")
    try:
        done = _numbers(getattr(import_module(module), name)())
    except Exception as error:
        telemetry.log("sweep.failed", level="error", sweep=sweep.name, **telemetry.failure(error))
        telemetry.count("studio_sweeps_failed", sweep=sweep.name)
        return
    if any(done.values()):
        seconds = round(time.monotonic() - started, 3)
        facts: dict[str, Any] = {**done, "seconds": seconds, "pastDue": past_due}
        telemetry.log("sweep", sweep=sweep.name, **facts)


def _is_due(sweep: Sweep, at: float, before: float | None) -> bool:
    """Whether a multiple of the sweep's period has passed since the timer fired before."""
    every = sweep.every_s() if sweep.every_s is not None else 0
    last = _last.get(sweep.name, before)
    if last is None or every <= 0:
        return True
    return int(at // every) != int(last // every)


def _fired_before(status: Mapping[str, Any] | None) -> float | None:
    try:
        last = TimerStatus.model_validate(status or {}).last
    except ValidationError:
        return None
    return last.timestamp() if last else None


def _numbers(result: Any) -> dict[str, int]:
    if isinstance(result, int):
        return {"done": result}
    if isinstance(result, tuple):
        return {"done": sum(cast("tuple[int, ...]", result))}
    if isinstance(result, Mapping):
        return dict(cast("Mapping[str, int]", result))
    return dataclasses.asdict(result) if result is not None else {}
