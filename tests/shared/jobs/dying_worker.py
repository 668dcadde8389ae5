"""A worker process that exits abruptly at a given step; run by `test_protocol.py`."""

import os
import sys

from shared.documents import Patch
from shared.errors import StudioError
from shared.jobs.consumer import consume
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Step, Task

where, message = sys.argv[1:]


def die(step: str) -> None:
    if step == where:
        os._exit(9)


class Dying(Step):
    def run(self, task: Task) -> Outcome:
        die("in-work")
        task.progress("half", 100)
        die("before-commit")
        return Outcome(operations=[Patch("counter", incr={"n": 1})])

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        return Outcome()

    def after_commit(self, job: Job) -> None:
        die("after-commit")

    def on_lease_lost(self, job: Job) -> None: ...

    def push(self, job: Job) -> None:
        if job.status == JobStatus.PROCESSING:
            die("after-claim")


die("before-claim")
consume(message, Dying())
