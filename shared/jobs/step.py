"""What the consumer of a queue runs: a step, and the claimed job in its hands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel

from shared import clock, telemetry
from shared.errors import StudioError
from shared.jobs import protocol
from shared.jobs.models import Job, JobProgress, JobStatus
from shared.jobs.protocol import CancelRequested, LeaseLost, Outcome
from shared.jobs.settings import job_settings


class Task:
    """A claimed job in the hands of a step."""

    def __init__(self, job: Job, push: Callable[[Job], None]) -> None:
        self.job = job
        self._push = push
        # The claim has just been written and pushed.
        self._written = clock.now()
        self._stop: Exception | None = None

    def payload_as[P: BaseModel](self, model: type[P]) -> P:
        """The payload as the type that the job was made with."""
        return self.job.payload_as(model)

    @property
    def user_id(self) -> str:
        """Whose job it is."""
        return self.job.user_id

    @property
    def attempt_key(self) -> str:
        """Names what this attempt alone produces, a blob say: `<generation>-<fence>`."""
        return f"{self.job.generation}-{self.job.fence}"

    @property
    def is_last_attempt(self) -> bool:
        """Whether an error now ends the job, even a retryable one that does not wait."""
        return self.job.attempt >= self.job.max_attempts

    def progress(self, step: str, percent: int, **facts: Any) -> None:
        """Store how far the work is (0 to 100), at most once a second since the claim, and learn whether to go on.

        Args:
            facts: further facts, JSON-serialisable.

        Raises:
            LeaseLost, CancelRequested: stop now; both are handled by the consumer.
        """
        if self._stop is not None:
            raise self._stop
        at = clock.now()
        if at - self._written < 1 and percent not in (0, 100):
            return
        self._written = at
        progress = JobProgress(step=step, percent=percent, at=clock.iso(at), **facts)
        self._push(protocol.renew(self.job, progress=progress))

    @contextmanager
    def heartbeat(self) -> Generator[None]:
        """Renew the lease every third of its length while the block runs, for a step that is silent for long."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(job_settings().job_lease_s / 3):
                try:
                    protocol.renew(self.job)
                except (LeaseLost, CancelRequested) as stop:
                    self._stop = stop
                    return
                except Exception as error:
                    telemetry.log("job.heartbeat_failed", level="warning", error=type(error).__name__)

        thread = threading.Thread(target=beat, daemon=True, name="heartbeat")
        thread.start()
        try:
            yield
        finally:
            over.set()


class Step:
    """The work of one queue; one object a queue. A subclass defines `run` and what else differs."""

    def run(self, task: Task) -> Outcome:
        """Do the work and return what to commit. Raises StudioError: a retryable one causes another attempt."""
        raise NotImplementedError

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """What to commit with a job that ends as failed, cancelled or dead: refunds, notifications."""
        return Outcome()

    def before_commit(self, job: Job, status: JobStatus, outcome: Outcome, error: StudioError | None) -> Outcome:
        """What is committed at any end, `outcome` extended by the step's own rules."""
        return outcome

    def after_commit(self, job: Job) -> None:
        """After the commit of any end: clean up. A crash may skip it, so nothing may depend on it."""

    def on_lease_lost(self, job: Job) -> None:
        """After an attempt that lost its lease: remove what it alone has stored. A crash may skip it."""

    def push(self, job: Job) -> None:
        """Send the job's state to the user's open pages. A hint: must not raise."""
