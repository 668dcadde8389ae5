"""A worker process that exits hard at the step it is told; run by `test_protocol.py`."""

import os
import sys

from shared.documents import Document, Patch
from shared.errors import StudioError
from shared.jobs import protocol
from shared.jobs.consumer import Task, consume
from shared.jobs.protocol import Outcome

where, message = sys.argv[1:]


def die(step: str) -> None:
    if step == where:
        os._exit(9)


class Step:
    def run(self, task: Task) -> Outcome:
        die("in-work")
        task.progress("half", 100)
        die("before-commit")
        return Outcome(operations=[Patch("counter", incr={"n": 1})])

    def ended(self, job: Document, status: str, error: StudioError | None) -> Outcome:
        return Outcome()

    def committed(self, job: Document) -> None:
        die("after-commit")

    def abandoned(self, job: Document) -> None: ...

    def push(self, job: Document) -> None:
        if job["status"] == protocol.RUNNING:
            die("after-claim")


die("before-claim")
consume(message, Step())
