"""The sweeper: finds every job that should have moved and did not, and sends its pointer again.

It writes no state of its own but `dueAt` (by ETag, so two sweepers do no harm): the consumer judges each job by its
document. Waits double, so that a long backlog is not flooded with copies.
"""

from __future__ import annotations

from shared import clock, telemetry
from shared.documents import Where, store
from shared.errors import DocumentNotFound, PreconditionFailed
from shared.jobs import protocol
from shared.settings import settings

MAX_DOUBLINGS = 8


def sweep(limit: int = 500) -> int:
    """Send the pointers of overdue jobs; returns how many."""
    sent = 0
    continuation: str | None = None
    overdue = (
        Where("type", "=", "job"),
        Where("status", "in", list(protocol.OPEN)),
        Where("dueAt", "<", clock.now()),
    )
    while sent < limit:
        page = store().query(protocol.CONTAINER, *overdue, limit=100, continuation=continuation)
        for job in page.items:
            doublings = min(job.get("sweeps", 0), MAX_DOUBLINGS)
            due = clock.now() + settings().job_orphan_s * 2**doublings
            try:
                store().patch(
                    protocol.CONTAINER,
                    job["id"],
                    job["userId"],
                    set={"dueAt": due},
                    incr={"sweeps": 1},
                    etag=job.etag,
                )
            except (PreconditionFailed, DocumentNotFound):
                continue
            telemetry.log("job.swept", jobId=job["id"], userId=job["userId"], status=job["status"])
            telemetry.count("studio_jobs_swept", kind=job["kind"], status=job["status"])
            protocol.enqueue(job)
            sent += 1
        continuation = page.continuation
        if continuation is None:
            break
    return sent
