"""The sweeper: finds every job that should have moved and did not, and sends its pointer again.

It writes no state but `due_at` (by ETag, so two sweepers do no harm): the consumer judges each job by its document.
Waits double, so that a long backlog is not flooded with copies.
"""

from __future__ import annotations

from shared import clock, telemetry
from shared.documents.fields import assign, increment, where
from shared.errors import DocumentNotFound, PreconditionFailed
from shared.jobs import protocol
from shared.jobs.models import OPEN, Job
from shared.jobs.settings import job_settings
from shared.passes import Pass

MAX_DOUBLINGS = 8


def sweep(limit: int = 500) -> int:
    """Send the pointers of overdue jobs, `limit` of them at most; returns how many."""
    sent = 0
    jobs = Pass("jobs.sweep")
    for job in protocol.jobs.iterate(where(Job.status, "in", OPEN), where(Job.due_at, "<", clock.now())):
        with jobs.item(jobId=job.id, userId=job.user_id):
            sent += _send_again(job)
        if sent >= limit or jobs.failed >= limit:
            break
    return sent


def _send_again(job: Job) -> bool:
    due = clock.now() + job_settings().job_orphan_s * 2 ** min(job.sweeps, MAX_DOUBLINGS)
    try:
        protocol.jobs.patch(job.id, job.user_id, assign(Job.due_at, due), increment(Job.sweeps), etag=job.etag)
    except (PreconditionFailed, DocumentNotFound):
        return False
    telemetry.log("job.swept", jobId=job.id, userId=job.user_id, status=job.status)
    telemetry.count("studio_jobs_swept", kind=job.kind, status=job.status)
    protocol.enqueue(job)
    return True
