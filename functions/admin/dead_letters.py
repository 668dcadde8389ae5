"""Dead letters: jobs that used up their attempts. Listed, read, redriven or discarded."""

from __future__ import annotations

from functions.admin import audit_log, jobs
from functions.admin.models.dead_letters import (
    DeadLetter,
    DeadLetterDetail,
    DeadLetterList,
    DeadLettersQuery,
    Redriven,
    RedriveRequest,
)
from shared import audit
from shared.documents.fields import where
from shared.documents.store import Where
from shared.errors import Conflict, NotFound
from shared.http.auth import Principal
from shared.http.pages import list_latest
from shared.jobs import control, protocol
from shared.jobs.models import REDRIVABLE, Job, JobStatus
from shared.passes import Pass


def list_dead_letters(query: DeadLettersQuery) -> DeadLetterList:
    """Dead, or failed, jobs of all users, latest first."""
    page = list_latest(protocol.jobs, query, *_conditions(query.status, query.kind), partition=None, by=Job.updated_at)
    return DeadLetterList(items=[_answer(job) for job in page.items], continuation=page.continuation)


def get_dead_letter(admin: Principal, id: str) -> DeadLetterDetail:
    """One of them with payload, errors and history.

    Raises:
        NotFound: there is no such job, or it is neither dead nor failed.
    """
    job = jobs.get_job(id)
    if job.status not in REDRIVABLE:
        raise NotFound("there is no such dead letter", code="dead_letter_not_found")
    audit.record(admin.user_id, "DEAD_LETTER_VIEWED", subject=id, owner=job.user_id)
    return DeadLetterDetail.of(
        job,
        error=jobs.as_json(job.last_error),
        progress=jobs.as_json(job.progress),
        discarded=jobs.as_json(job.discarded),
        history=audit_log.list_history(id),
    )


def redrive(admin: Principal, id: str, reason: str | None) -> DeadLetter:
    """Queue a dead or failed job again.

    Raises:
        NotFound: there is no such job.
        Conflict: it is neither dead nor failed.
    """
    return _answer(_redrive(admin, jobs.get_job(id), reason))


def redrive_all(admin: Principal, wanted: RedriveRequest) -> Redriven:
    """Redrive up to `limit` of them; call again while there are more."""
    done = skipped = 0
    redrive = Pass("jobs.redrive")
    continuation: str | None = None
    while True:
        left = wanted.limit - done
        page = protocol.jobs.list(
            *_conditions(wanted.status, wanted.kind),
            limit=min(left, 100),
            continuation=continuation,
            skip_unreadable=True,
        )
        for job in page.items:
            try:
                _redrive(admin, job, wanted.reason)
                done += 1
            except (Conflict, NotFound):
                skipped += 1
            except Exception as error:
                redrive.report(error, jobId=job.id)
                skipped += 1
        continuation = page.continuation
        if continuation is None or done >= wanted.limit:
            return Redriven(redriven=done, skipped=skipped, more=continuation is not None)


def discard(admin: Principal, id: str, reason: str) -> DeadLetter:
    """Discard a dead letter: it is a failed job from now on.

    Raises:
        NotFound: there is no such job.
        Conflict: it is not dead.
    """
    discarded = control.discard(jobs.get_job(id), admin.user_id, reason)
    audit.record(admin.user_id, "JOB_DISCARDED", subject=id, owner=discarded.user_id, reason=reason)
    return _answer(discarded)


def _redrive(admin: Principal, job: Job, reason: str | None) -> Job:
    redriven = control.redrive(job)
    audit.record(
        admin.user_id,
        "JOB_REDRIVEN",
        subject=job.id.public,
        owner=job.user_id,
        reason=reason,
        generation=redriven.generation,
    )
    return redriven


def _conditions(status: str, kind: str | None) -> list[Where]:
    conditions = [where(Job.status, "=", JobStatus(status))]
    return [*conditions, where(Job.kind, "=", kind)] if kind else conditions


def _answer(job: Job) -> DeadLetter:
    return DeadLetter.of(job, error=jobs.as_json(job.last_error))
