"""The worker of the `privacy` queue: deletes people, and packs what is theirs."""

from __future__ import annotations

from functions.privacy import erasure, exporting
from functions.privacy.service import ERASE
from shared import blobs, telemetry
from shared.errors import StudioError
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Step, Task


class PrivacyStep(Step):
    """The `privacy` queue's step (see `shared.jobs.consumer.Step`)."""

    def run(self, task: Task) -> Outcome:
        """Erase or export, by the kind of the job."""
        return erasure.erase(task) if task.job["kind"] == ERASE else exporting.build(task)

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """An erasure that was given up is a dead letter that somebody must look at: the account stays closed."""
        if job["kind"] == ERASE:
            telemetry.log("erasure.stopped", level="error", status=status, code=error.code if error else None)
        return Outcome()

    def after_commit(self, job: Job) -> None:
        """Remove exports before this one, and what attempts that did not commit have left."""
        if job["kind"] == ERASE or job["status"] != JobStatus.COMPLETED:
            return
        for blob in list(blobs.listing(blobs.EXPORTS, exporting.prefix(job["userId"]))):
            if not blob.name.endswith(f"{job['id'].removeprefix('job:')}-{job['generation']}-{job['fence']}.zip"):
                blobs.delete(blobs.EXPORTS, blob.name)

    def on_lease_lost(self, job: Job) -> None:
        """Remove what this attempt stored: another one commits, or the person is gone."""
        if job["kind"] != ERASE:
            blobs.delete(blobs.EXPORTS, exporting.name_of(Task(job, self.push)))

    def push(self, job: Job) -> None:
        """No page shows it: who deletes the account is signed out, and an export is asked for again and again."""
