"""One step for a lane: passes every call on to the step of the job's own queue."""

from __future__ import annotations

from collections.abc import Callable

from shared.errors import StudioError
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Step, Task


class LaneStep(Step):
    """The work of a lane.

    Args:
        step_of: the step of a queue; raises KeyError for one that has none.
    """

    def __init__(self, step_of: Callable[[str], Step]) -> None:
        self._step_of = step_of

    def run(self, task: Task) -> Outcome:
        """See `Step`."""
        return self._step_of(task.job.queue).run(task)

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """See `Step`."""
        return self._step_of(job.queue).on_end(job, status, error)

    def before_commit(self, job: Job, status: JobStatus, outcome: Outcome, error: StudioError | None) -> Outcome:
        """See `Step`."""
        return self._step_of(job.queue).before_commit(job, status, outcome, error)

    def after_commit(self, job: Job) -> None:
        """See `Step`."""
        self._step_of(job.queue).after_commit(job)

    def on_lease_lost(self, job: Job) -> None:
        """See `Step`."""
        self._step_of(job.queue).on_lease_lost(job)

    def push(self, job: Job) -> None:
        """See `Step`."""
        self._step_of(job.queue).push(job)
