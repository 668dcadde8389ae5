"""What batches and trainings have in common: a document that follows a job."""

from __future__ import annotations

from pydantic import BaseModel

from functions.analytics.documents import RunDocument
from shared import blobs
from shared.documents import store
from shared.documents.repository import Repository
from shared.errors import BatchFailed, DocumentConflict, NotFound, Unprocessable
from shared.jobs import protocol, queues
from shared.jobs.models import Job, JobProgress
from shared.jobs.step import Task


def create_run[D: RunDocument](
    repository: Repository[D], document: D, kind: str, payload: BaseModel, request_id: str
) -> Job:
    """Store a run with its job and send the job; for a run that exists already, its job.

    Args:
        kind: of the job.
    """
    job = protocol.new_job(
        kind, queues.ANALYTICS, document.user_id, payload, id=document.job_id, subject_id=document.id,
        request_id=request_id,
    )  # fmt: skip
    operations = [repository.creation(document), protocol.jobs.creation(job)]
    try:
        store().batch(repository.container, document.user_id, operations)
    except BatchFailed as failure:
        if not isinstance(failure.cause, DocumentConflict):
            raise
        return protocol.load(job.id, document.user_id)
    protocol.enqueue(job)
    return job


def get_progress(run: RunDocument) -> JobProgress | None:
    """How far the run's job is; None before it starts."""
    job = protocol.jobs.find(run.job_id, run.user_id)
    return job.progress if job else None


def read_table(blob: str) -> bytes:
    """The CSV that a job works on. Raises Unprocessable: `table_gone`."""
    try:
        return blobs.get(blobs.ANALYTICS, blob)
    except NotFound:
        raise Unprocessable("the table was deleted", code="table_gone") from None


def blob_folder(task: Task) -> str:
    """Where a job's blobs lie, in any container."""
    return f"{task.user_id}/{task.job.id.public}/"


def csv_url(blob: str | None) -> str | None:
    """A short-lived URL of a CSV in the container `analytics`; None without a blob."""
    return blobs.read_url(blobs.ANALYTICS, blob, content_type="text/csv") if blob else None
