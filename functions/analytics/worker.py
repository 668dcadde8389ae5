"""The queue step of `analytics`: predictions for batches, and trainings on merchants' tables."""

from __future__ import annotations

from functions.analytics import batch_job, training_job
from functions.analytics.documents import TRAIN_JOB
from shared.errors import StudioError
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.notifications.push import push_job
from shared.webhooks.publish import WebhookPublisher


class AnalyticsStep(WebhookPublisher):
    """Runs the jobs of the queue.

    Blobs carry the attempt in their names, and the commit names them, so an attempt that lost its lease changes
    nothing.
    """

    def run(self, task: Task) -> Outcome:
        """Predict a batch, or train. Raises StudioError."""
        return training_job.run(task) if task.job.kind == TRAIN_JOB else batch_job.run(task)

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """Keep the report of bad rows that a failed training made."""
        if isinstance(error, training_job.BadRows):
            return Outcome(subject=error.report.changes())
        return Outcome()

    def after_commit(self, job: Job) -> None:
        """Delete blobs that only attempts without a commit stored, and versions over the limit."""
        if job.kind == TRAIN_JOB:
            training_job.clean_up(job)
        else:
            batch_job.clean_up(job)

    def on_lease_lost(self, job: Job) -> None:
        """Nothing to do: the commit of another attempt deletes the blobs of this attempt."""

    def push(self, job: Job) -> None:
        """Send the job's state to the user's open pages."""
        push_job(job)
