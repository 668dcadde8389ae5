"""Deleting a person: in an order in which a death at any point leaves something to go on from, and the account last.

Every part looks at what is there now and removes it, so it can be repeated; what there was is counted once, before
the first removal, and kept in the job.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from functions.privacy.service import ERASE
from shared import audit, blobs, clock, telemetry
from shared.accounts import lifecycle
from shared.accounts.documents import AccountDocument
from shared.accounts.settings import account_settings
from shared.catalogue.changes import ProductChange, send_change
from shared.documents import CONTAINERS, Delete, Document, Operation, Patch, Where, store
from shared.documents.containers import DAY
from shared.errors import (
    BatchFailed,
    Conflict,
    DocumentConflict,
    DocumentNotFound,
    PreconditionFailed,
    Unavailable,
)
from shared.images import derived
from shared.images.documents import images
from shared.jobs import control, protocol
from shared.jobs.models import OPEN, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task

PAYMENTS, AUDIT, TOKENS = "payments", "audit", "tokens"
PERSONAL = [
    container.name
    for container in CONTAINERS.values()
    if container.partition_key in ("userId", "tenantId") and container.name not in (PAYMENTS, AUDIT)
]
"""Containers in which a partition holds what one person has, and nothing else."""
PATIENCE = 10
"""Attempts that wait for the person's jobs to stop; one that runs on loses its lease with its document."""
MARGIN_S = 2
INDEX_DELAY_S = 10
LATE_S = 7 * DAY
"""For so long something may still be written for somebody who is gone: a message of a queue waits no longer."""
EXPIRING = (
    "rate limit counters and answers kept under an Idempotency-Key, within two days; payment events from PayPal, "
    "within 90 days"
)


def erase(task: Task) -> Outcome:
    """Run the erasure that a job asks for.

    Raises:
        Unavailable: `jobs_open`, `sessions_open`, `not_empty`: come again; nothing is wrong.
    """
    subject: str = task.payload["subject"]
    account = lifecycle.close_account(subject)
    task.progress("stopping jobs", 5)
    still_open = stop_jobs(subject)
    if still_open and task.job["attempt"] <= PATIENCE:
        raise Unavailable(f"{still_open} jobs of the account have not stopped yet", code="jobs_open", retry_after=2)
    if account is not None and account.closed_at is not None:
        wait = account.closed_at + account_settings().account_cache_s + MARGIN_S - clock.now()
        if wait > 0:
            raise Unavailable("a token may still be honoured", code="sessions_open", retry_after=wait)
    plan = _plan(task, subject)
    for percent, name, part in (
        (20, "removing pictures", lambda: remove_blobs(subject)),
        (50, "removing documents", lambda: remove_documents(task, subject)),
        (80, "anonymising payments", lambda: anonymise(subject, plan["pseudonym"])),
        (90, "ending sessions", lambda: remove_sessions(subject)),
        (95, "cleaning the audit log", lambda: clean_audit(subject, account)),
    ):
        task.progress(name, percent)
        part()
    left = inventory(subject)
    if any(left["documents"].values()) or any(left["blobs"].values()) or left["sessions"]:
        raise Unavailable("something was written while it was deleted", code="not_empty", retry_after=2)
    if account is not None:
        lifecycle.delete_account(account)
    audit.record(task.user_id, "ACCOUNT_ERASED", subject=subject, id=f"erased:{task.job['id']}")
    telemetry.count("studio_accounts_erased")
    kept = {"payments": plan["payments"], "audit_entries": plan["auditEntries"], "expiring": EXPIRING}
    # Without it nothing links the payments that stay to the person.
    forget: list[Operation] = [Patch(task.job["id"], set={"plan.pseudonym": None})]
    return Outcome(result={"removed": plan["removed"], "kept": kept}, operations=forget)


def stop_jobs(subject: str) -> int:
    """Ask all of a person's jobs to stop; how many have not ended yet."""
    running = (Where("type", "=", "job"), Where("status", "in", list(OPEN)))
    count = 0
    for job in _all("studio", subject, *running):
        count += 1
        if not job["cancelRequested"]:
            with suppress(Conflict, DocumentNotFound):
                control.request_cancel(protocol.jobs.load(job))
    return count


def inventory(subject: str) -> dict[str, Any]:
    """What there is of a person: documents by type, blobs by container, bytes, sessions."""
    documents: dict[str, int] = {}
    for container in PERSONAL:
        for item in _all(container, subject):
            kind = item.get("type") or container
            documents[kind] = documents.get(kind, 0) + 1
    counted: dict[str, int] = {}
    size = 0
    for container, blob in _blobs(subject):
        counted[container] = counted.get(container, 0) + 1
        size += blob.size
    sessions = store().count(TOKENS, Where("userId", "=", subject))
    return {"documents": documents, "blobs": counted, "bytes": size, "sessions": sessions}


def _plan(task: Task, subject: str) -> dict[str, Any]:
    """What there was before the first removal, and the name payments get; made once, whoever goes on with it."""
    job = store().read(protocol.CONTAINER, task.job["id"], task.user_id)
    if job.get("plan"):
        return job["plan"]
    plan = {
        "removed": inventory(subject),
        "payments": store().count(PAYMENTS, partition=subject),
        "auditEntries": store().count(AUDIT, partition=subject),
        "pseudonym": f"erased:{clock.new_id()}",
    }
    mine = (Where("fence", "=", task.job["fence"]),)
    try:
        store().patch(protocol.CONTAINER, task.job["id"], task.user_id, set={"plan": plan}, where=mine)
    except PreconditionFailed:
        raise protocol.LeaseLost from None
    return plan


def remove_blobs(subject: str) -> None:
    """Delete every blob under the person's name."""
    for container, blob in list(_blobs(subject)):
        blobs.delete(container, blob.name)


def remove_documents(task: Task | None, subject: str) -> None:
    """Empty the person's partitions, a hundred documents at a time."""
    for container in PERSONAL:
        while items := store().query(container, partition=subject, limit=100).items:
            if task is not None:
                task.progress("removing documents", 50)
            for item in items:
                _tell_index(item)
                if item.get("type") == "file" and item.get("visibility") == "public":
                    derived.delete_segmentations(images.load(item))
            try:
                store().batch(container, subject, [Delete(item["id"]) for item in items])
            except BatchFailed:
                for item in items:
                    with suppress(DocumentNotFound):
                        store().delete(container, item["id"], subject)


def look_again() -> int:
    """Remove what was written under the names of those who were erased in the last `LATE_S`, by a worker or a container
    that did not hear of it; how many blobs and documents that were."""
    done = (
        Where("type", "=", "job"),
        Where("kind", "=", ERASE),
        Where("status", "=", JobStatus.COMPLETED),
        Where("finishedAt", ">", clock.iso(clock.now() - LATE_S)),
    )
    late = 0
    for job in _all(protocol.CONTAINER, None, *done):
        subject: str = job["payload"]["subject"]
        left = inventory(subject)
        found = sum(left["documents"].values()) + sum(left["blobs"].values())
        if found:
            telemetry.log(
                "erasure.late", level="warning", jobId=job["id"], documents=left["documents"], blobs=left["blobs"]
            )
            remove_blobs(subject)
            remove_documents(None, subject)
            late += found
    return late


def _tell_index(item: Document) -> None:
    """Have a product leave the search index. Sent ahead, so that a death can't lose it, and late, so that the
    documents it points to are gone when they are read; the embedding's tells whose index it was in."""
    if item.get("type") in ("product", "embedding"):
        gone = ProductChange(
            vendor_id=item["tenantId"],
            product_id=item["id"],
            revision=item.get("revision", 0) + 1,
            shop=item.get("shop"),
        )
        send_change(gone, delay_s=INDEX_DELAY_S)


def anonymise(subject: str, pseudonym: str) -> None:
    """Move payments to a name that stands for nobody; what PayPal still tells of them finds them by their own ids."""
    while items := store().query(PAYMENTS, partition=subject, limit=100).items:
        for item in items:
            kept = {name: value for name, value in item.items() if not name.startswith("_")}
            moved = {**kept, "userId": pseudonym, "requestId": None, "approvalUrl": None}
            try:
                store().create(PAYMENTS, moved)
            except DocumentConflict:
                store().upsert(PAYMENTS, moved)
            # One that was settled meanwhile is copied anew.
            with suppress(PreconditionFailed, DocumentNotFound):
                store().delete(PAYMENTS, item["id"], subject, etag=item.etag)


def remove_sessions(subject: str) -> None:
    """Delete every refresh token."""
    while items := store().query(TOKENS, Where("userId", "=", subject), limit=100).items:
        for item in items:
            with suppress(DocumentNotFound):
                store().delete(TOKENS, item["id"], item["id"])


def clean_audit(subject: str, account: AccountDocument | None) -> None:
    """Cut addresses out of the audit log; what remains are ids."""
    entries = list(_all(AUDIT, subject))
    if account is not None:
        entries += _all(AUDIT, None, Where("emailHash", "=", account.email_hash))
    for entry in entries:
        personal = {name: None for name in ("ip", "emailHash") if entry.get(name) is not None}
        if personal:
            with suppress(DocumentNotFound):
                store().patch(AUDIT, entry["id"], entry["userId"], set=personal)


def _all(container: str, partition: str | None, *where: Where) -> Iterator[Document]:
    continuation: str | None = None
    while True:
        page = store().query(container, *where, partition=partition, limit=200, continuation=continuation)
        yield from page.items
        continuation = page.continuation
        if continuation is None:
            return


def _blobs(subject: str) -> Iterator[tuple[str, blobs.BlobInfo]]:
    for container in blobs.CONTAINERS:
        for blob in blobs.listing(container, f"{subject}/"):
            yield container, blob
