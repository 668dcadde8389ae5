"""The worker of the `privacy` queue: account deletion and data export."""

from __future__ import annotations

from functions.privacy import erasure, export
from functions.privacy.documents import ERASE
from shared import blobs, telemetry
from shared.errors import StudioError
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Step, Task


class PrivacyStep(Step):
    """The step of the `privacy` queue."""

    def run(self, task: Task) -> Outcome:
        """Delete or export, by the kind of the job."""
        if task.job.kind == ERASE:
            return erasure.delete_personal_data(task)
        return export.export_personal_data(task)

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """Log a deletion that gave up: it is a dead letter for an administrator, and the account stays closed."""
        if job.kind == ERASE:
            telemetry.log("erasure.stopped", level="error", status=status, code=error.code if error else None)
        return Outcome()

    def after_commit(self, job: Job) -> None:
        """Delete earlier exports, and what attempts that did not commit have stored."""
        if job.kind == ERASE or job.status is not JobStatus.COMPLETED:
            return
        for blob in list(blobs.listing(blobs.EXPORTS, export.folder(job.user_id))):
            if blob.name != export.archive_name(job):
                blobs.delete(blobs.EXPORTS, blob.name)

    def on_lease_lost(self, job: Job) -> None:
        """Delete what this attempt stored: another one commits, or the account is deleted."""
        if job.kind != ERASE:
            blobs.delete(blobs.EXPORTS, export.archive_name(job))

    def push(self, job: Job) -> None:
        """Send nothing: a deletion has no open pages, and clients poll an export."""
