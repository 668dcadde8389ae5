"""Account deletion: in an order in which a crash at any point leaves something to continue from; the account last.

Every part looks at what is stored now and removes it, so it can be repeated. What there was is counted once, before
the first removal, and kept in the job.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from functions.privacy import personal_data
from functions.privacy.documents import (
    ERASE,
    ErasureJob,
    ErasurePayload,
    ErasurePlan,
    ErasureResult,
    KeptData,
    erasure_jobs,
)
from shared import audit, clock, telemetry
from shared.accounts import lifecycle
from shared.accounts.settings import account_settings
from shared.documents.containers import DAY
from shared.documents.fields import assign, where
from shared.errors import Conflict, DocumentNotFound, PreconditionFailed, Unavailable
from shared.jobs import control, protocol
from shared.jobs.models import OPEN, Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.passes import Pass

MAX_WAITING_ATTEMPTS: Final = 10
"""Attempts that wait for the person's jobs to stop; a job that continues loses its lease with its document."""
MARGIN_S: Final = 2
LATE_S: Final = 7 * DAY
"""A worker may still write something for a deleted account for this long, because no queue message lives longer."""
FRESH_S: Final = 2 * 3600
EXPIRING: Final = (
    "rate limit counters and answers kept under an Idempotency-Key, within two days; payment events from PayPal, "
    "within 90 days; for a vendor, ids of removed products in the search index, until its next version"
)


def delete_personal_data(task: Task) -> Outcome:
    """Run the deletion that a job requests.

    Raises:
        Unavailable: `jobs_open`, `sessions_open`, `not_empty`: try again later; nothing is wrong.
    """
    subject = task.payload_as(ErasurePayload).subject
    account = lifecycle.close_account(subject)
    task.progress("stopping jobs", 5)
    still_open = stop_jobs(subject)
    if still_open and task.job.attempt <= MAX_WAITING_ATTEMPTS:
        raise Unavailable(f"{still_open} jobs of the account have not stopped yet", code="jobs_open", retry_after=2)
    if account is not None and account.closed_at is not None:
        wait = account.closed_at + account_settings().account_cache_s + MARGIN_S - clock.now()
        if wait > 0:
            raise Unavailable("a token may still be accepted", code="sessions_open", retry_after=wait)
    plan = _plan(task, subject)
    pseudonym = plan.pseudonym or f"erased:{clock.new_id()}"
    for percent, name, part in (
        (20, "removing pictures", lambda: personal_data.delete_blobs(subject)),
        (50, "removing documents", lambda: delete_documents(task, subject)),
        (80, "anonymising payments", lambda: personal_data.anonymise_payments(subject, pseudonym)),
        (90, "ending sessions", lambda: personal_data.delete_tokens(subject, account.email_hash if account else None)),
        (93, "removing receipts", lambda: personal_data.delete_receipts(subject)),
        (95, "cleaning the audit log", lambda: personal_data.clean_audit_log(subject, account)),
    ):
        task.progress(name, percent)
        part()
    if not personal_data.count_personal_data(subject).is_empty:
        raise Unavailable("something was written while it was deleted", code="not_empty", retry_after=2)
    if account is not None:
        lifecycle.delete_account(account)
    audit.record(task.user_id, "ACCOUNT_ERASED", subject=subject, id=f"erased:{task.job.id}")
    telemetry.count("studio_accounts_erased")
    kept = KeptData(payments=plan.payments, audit_entries=plan.audit_entries, expiring=EXPIRING)
    # Without the pseudonym nothing links the remaining payments to the person.
    anonymous = ErasurePlan(
        removed=plan.removed, payments=plan.payments, audit_entries=plan.audit_entries, pseudonym=None
    )
    forget = erasure_jobs.change(task.job.id, assign(ErasureJob.plan, anonymous))
    return Outcome(result=ErasureResult(removed=plan.removed, kept=kept), operations=[forget])


def delete_documents(task: Task, subject: str) -> None:
    """Delete the person's documents and report progress."""
    personal_data.delete_documents(subject, lambda: task.progress("removing documents", 50))


def stop_jobs(subject: str) -> int:
    """Ask all of a person's jobs to stop; returns how many have not ended yet."""
    count = 0
    for job in protocol.jobs.iterate(where(Job.status, "in", OPEN), partition=subject):
        count += 1
        if not job.cancel_requested:
            with suppress(Conflict, DocumentNotFound):
                control.request_cancel(job)
    return count


def delete_fresh_writes() -> int:
    """As `delete_late_writes`, for the last hours only: a URL given out before a deletion stores a blob for minutes."""
    return delete_late_writes(FRESH_S)


def delete_late_writes(within_s: float = LATE_S) -> int:
    """Delete what was written for accounts that were deleted within these last seconds, by a worker, a container or a
    client that had not noticed; returns how many blobs and documents that were."""
    recent = (
        where(ErasureJob.kind, "=", ERASE),
        where(ErasureJob.status, "=", JobStatus.COMPLETED),
        where(ErasureJob.finished_at, ">", clock.iso(clock.now() - within_s)),
    )
    late = 0
    erasures = Pass("erasure.late")
    for job in erasure_jobs.iterate(*recent):
        with erasures.item(jobId=job.id):
            subject = job.payload_as(ErasurePayload).subject
            left = personal_data.count_personal_data(subject)
            if left.count:
                telemetry.log("erasure.late", level="warning", jobId=job.id, documents=left.documents, blobs=left.blobs)
                personal_data.delete_blobs(subject)
                personal_data.delete_documents(subject)
                late += left.count
    return late


def _plan(task: Task, subject: str) -> ErasurePlan:
    """What there was before the first removal, and the user id that payments get; made once for all attempts."""
    job = erasure_jobs.get(task.job.id, task.user_id)
    if job.plan is not None:
        return job.plan
    plan = ErasurePlan(
        removed=personal_data.count_personal_data(subject),
        payments=personal_data.count_payments(subject),
        audit_entries=audit.audit_entries.count(partition=subject),
        pseudonym=f"erased:{clock.new_id()}",
    )
    is_held = (where(ErasureJob.fence, "=", task.job.fence),)
    try:
        erasure_jobs.patch(job.id, job.user_id, assign(ErasureJob.plan, plan), where=is_held)
    except PreconditionFailed:
        raise protocol.LeaseLost from None
    return plan
