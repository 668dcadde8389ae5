"""Runs a job in the process that received its request, while the caller waits.

The job is the one that the queue would run: it is claimed, leased and committed as everywhere, only its first message
is not sent. When the time is up the caller gets the job and the work continues; if the process dies, the sweeper finds
the job and the queue's worker joins the container's run.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Final

from shared import telemetry, turns
from shared.jobs import protocol
from shared.jobs.consumer import consume
from shared.jobs.models import Job
from shared.jobs.step import Step

MAX_PARALLEL: Final = 4
"""Try-ons that one process runs outside its queue; one caller has half of them at most."""

_places: Final = turns.Places(MAX_PARALLEL, MAX_PARALLEL // 2)


def run_inline(job: Job, step: Callable[[], Step], timeout_s: float) -> None:
    """Run a stored job; returns when its first attempt has ended, or after `timeout_s` seconds.

    If all places of this process or of the caller are taken, the job is sent to its queue instead.
    """
    if timeout_s <= 0 or not _places.take(0, job.user_id):
        protocol.enqueue(job)
        return
    ended = threading.Event()

    def run() -> None:
        try:
            consume(json.dumps(protocol.pointer(job)), step())
        except Exception as error:
            # As for a message that fails: the sweeper sends the next one.
            telemetry.log("tryon.inline_failed", level="error", **telemetry.failure(error))
        finally:
            _places.give_back(job.user_id)
            ended.set()

    threading.Thread(target=run, daemon=True, name="try-on").start()
    ended.wait(timeout_s)
