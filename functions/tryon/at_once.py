"""Working at a job in the process that was asked for it, while its caller waits.

The job is the same one that the queue would have: it is claimed, leased and committed as everywhere, only its first
message is taken by hand. When the time is up the caller gets the job, and the work goes on; when the process dies
instead, the sweeper finds the job and the queue's worker joins the container's run.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import cache
from typing import Final

from shared import telemetry
from shared.jobs import protocol
from shared.jobs.consumer import consume
from shared.jobs.models import Job
from shared.jobs.step import Step

MAX_PARALLEL: Final = 4
"""Try-ons that one process runs outside its queue."""


@cache
def _places() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(MAX_PARALLEL)


def work(job: Job, step: Callable[[], Step], seconds: float) -> None:
    """Work at a stored job, and return when its first attempt is over or so many seconds are.

    Where all places of this process are taken the job is sent to its queue instead.
    """
    if seconds <= 0 or not _places().acquire(blocking=False):
        protocol.enqueue(job)
        return
    over = threading.Event()

    def run() -> None:
        try:
            consume(json.dumps(protocol.pointer(job)), step())
        except Exception as error:
            # as with a message that ends badly: the sweeper sends the next
            telemetry.log("tryon.at_once_failed", level="error", **telemetry.failure(error))
        finally:
            _places().release()
            over.set()

    threading.Thread(target=run, daemon=True, name="try-on").start()
    over.wait(seconds)
