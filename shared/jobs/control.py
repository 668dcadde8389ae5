"""What people do to jobs: stop them, give them a new life, give them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared import clock
from shared.documents import Document, Operation, Where, store
from shared.errors import Conflict, PreconditionFailed
from shared.jobs import protocol
from shared.settings import settings


def request_cancel(job: Document) -> Document:
    """Ask that a job stop. A waiting one is closed by its queue's consumer at once, a running one between two steps.

    Raises:
        Conflict: the job has ended already.
    """
    try:
        fresh = store().patch(
            protocol.CONTAINER,
            job["id"],
            job["userId"],
            set={"cancelRequested": True, "dueAt": clock.now() + settings().job_grace_s},
            incr={"seq": 1},
            where=(Where("status", "in", list(protocol.OPEN)),),
        )
    except PreconditionFailed:
        raise Conflict("the job has ended already and can't be cancelled", code="job_ended") from None
    if fresh["status"] != protocol.RUNNING:
        protocol.enqueue(fresh)
    return fresh


def redrive(
    job: Document, *, subject: Mapping[str, Any] | None = None, operations: Sequence[Operation] = ()
) -> Document:
    """Give a FAILED or DEAD job a new life: generation + 1, no attempts used.

    Args:
        subject: fields to set on the subject beside its status.
        operations: writes that must hold for it, a payment say.

    Raises:
        Conflict: it is in another state.
        BatchFailed: one of the operations failed; nothing was written.
    """
    changes = {
        "status": protocol.QUEUED,
        "generation": job["generation"] + 1,
        "attempt": 0,
        "errorCounts": {},
        "cancelRequested": False,
        "startedAt": None,
        "dueAt": clock.now() + settings().job_orphan_s,
        "sweeps": 0,
    }
    if job["status"] not in protocol.REDRIVABLE:
        raise Conflict(f"only failed and dead jobs can be redriven, this one is {job['status']}", code="job_state")
    try:
        fresh = protocol.transition(
            job, changes, etag=job.etag, subject={"error": None, **(subject or {})}, operations=operations
        )
    except PreconditionFailed:
        raise Conflict("the job was moved by somebody else just now", code="job_state") from None
    protocol.enqueue(fresh)
    return fresh


def discard(job: Document, by: str, reason: str) -> Document:
    """Give a DEAD job up for good: it is FAILED from now on, its subject stays as it is.

    Args:
        by: id of who decided so.

    Raises:
        Conflict: it is in another state.
    """
    changes = {"status": protocol.FAILED, "discarded": {"by": by, "reason": reason, "at": clock.iso()}}
    try:
        if job["status"] == protocol.DEAD:
            return protocol.transition(job, changes, etag=job.etag)
    except PreconditionFailed:
        raise Conflict("the job was moved by somebody else just now", code="job_state") from None
    raise Conflict(f"only dead jobs can be discarded, this one is {job['status']}", code="job_state")
