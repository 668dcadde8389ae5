"""Asking for the deletion of one's account, reading its report, and getting one's data."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions.privacy.models import Erasure, ErasureReport, Export, Kept, Removed
from shared import audit, blobs, clock
from shared.accounts import lifecycle
from shared.accounts.documents import Role
from shared.documents import Create, Document, Operation, Replace, store
from shared.documents.containers import DAY
from shared.errors import BatchFailed, Conflict, DocumentConflict, NotFound
from shared.http.auth import Principal
from shared.jobs import protocol, queues
from shared.jobs.models import JobStatus

CONTAINER = protocol.CONTAINER
ERASE, EXPORT = "privacy.erase", "privacy.export"
REPORT_KEEP_S = 400 * DAY
"""As long as the audit log: what an authority may ask to see, and what to repeat after a backup was restored."""
ATTEMPTS = 40
EXPORT_ID = "export"
FRESH_S = 3600
"""For so long the same export answers; afterwards a new one is made."""
RETRY_S = 60
_RECEIPT = re.compile(r"([0-9a-f]{32})\.([A-Za-z0-9_-]{43})", re.ASCII)


def erase(caller: Principal, ip: str, request_id: str) -> Erasure:
    """Close the caller's account now and delete everything of theirs by a job.

    The job lives outside the person's partition, under a hash of their id, so that it outlives what it deletes.

    Raises:
        Conflict: `admin_account`: an administrator's role has to be taken away first, by another one.
    """
    if caller.role is Role.ADMIN:
        raise Conflict(
            "an administrator's account can't be deleted: have another administrator change its role first",
            code="admin_account",
        )
    name, secret = _name(caller.user_id), secrets.token_urlsafe(32)
    job = protocol.new_job(
        ERASE,
        queues.PRIVACY,
        _partition(name),
        {"subject": caller.user_id},
        id=f"job:erase-{name}",
        max_attempts=ATTEMPTS,
        request_id=request_id,
    )
    item = {**job.to_item(), "receiptDigest": _digest(secret), "ttl": REPORT_KEEP_S}
    try:
        stored = store().create(CONTAINER, item)
    except DocumentConflict:
        stored = store().patch(CONTAINER, job.id, job.user_id, set={"receiptDigest": item["receiptDigest"]})
    lifecycle.close_account(caller.user_id)
    audit.record(caller.user_id, "ERASURE_REQUESTED", ip=ip)
    if stored["status"] == JobStatus.QUEUED:
        protocol.enqueue(protocol.jobs.load(stored))
    return Erasure(job_id=_short(stored), status=stored["status"], receipt=f"{name}.{secret}")


def report(receipt: str) -> ErasureReport:
    """How the deletion stands that a receipt was given for. Raises NotFound."""
    parts = _RECEIPT.fullmatch(receipt)
    job = store().find(CONTAINER, f"job:erase-{parts[1]}", _partition(parts[1])) if parts else None
    if parts is None or job is None or not hmac.compare_digest(job["receiptDigest"], _digest(parts[2])):
        raise NotFound("there is no deletion with this receipt", code="receipt_not_found")
    done: dict[str, Any] = job["result"] if job["status"] == JobStatus.COMPLETED else {}
    return ErasureReport(
        job_id=_short(job),
        status=job["status"],
        progress=job.get("progress"),
        requested_at=job["createdAt"],
        finished_at=job.get("finishedAt"),
        removed=Removed(**done["removed"]) if done else None,
        kept=Kept(**done["kept"]) if done else None,
        error=None if done else job.get("lastError"),
    )


def export(caller: Principal, request_id: str) -> Export:
    """The caller's export: the one made within the last hour, or the one being made, or a new one."""
    found = store().find(CONTAINER, EXPORT_ID, caller.user_id)
    if found is not None:
        if found["status"] in ("queued", "processing", "retrying"):
            return _export(found, "preparing")
        age = clock.now() - datetime.fromisoformat(found["updatedAt"]).timestamp()
        if found["status"] == "failed" and age < RETRY_S:
            return _export(found, "failed")
        if found["status"] == "completed" and age < FRESH_S and blobs.info(blobs.EXPORTS, found["blob"]):
            return _export(found, "ready")
    return _start_export(caller, found, request_id)


def _start_export(caller: Principal, found: Document | None, request_id: str) -> Export:
    job = protocol.new_job(EXPORT, queues.PRIVACY, caller.user_id, {}, subject_id=EXPORT_ID, request_id=request_id)
    record = {
        "id": EXPORT_ID,
        "userId": caller.user_id,
        "type": "export",
        "status": "queued",
        "jobId": job["id"],
        "blob": None,
        "bytes": None,
        "leftOut": None,
        "error": None,
        "createdAt": clock.iso(),
        "updatedAt": clock.iso(),
    }
    write: Operation = Create(record) if found is None else Replace(record, etag=found.etag)
    try:
        store().batch(CONTAINER, caller.user_id, [write, Create(job)])
    except BatchFailed:
        # Another request was faster; its export is as good.
        return _export(store().read(CONTAINER, EXPORT_ID, caller.user_id), "preparing")
    protocol.enqueue(job)
    audit.record(caller.user_id, "EXPORT_REQUESTED", subject=_short(job))
    return _export(record, "preparing")


def _export(record: dict[str, Any], status: Any) -> Export:
    url = None
    if status == "ready":
        url = blobs.read_url(blobs.EXPORTS, record["blob"], content_type="application/zip")
    return Export(
        status=status,
        job_id=record["jobId"].removeprefix("job:"),
        url=url,
        bytes=record["bytes"],
        left_out=record["leftOut"],
        made_at=record["updatedAt"] if status == "ready" else None,
        error=record["error"],
    )


def _name(user_id: str) -> str:
    return hashlib.sha256(f"erasure:{user_id}".encode()).hexdigest()[:32]


def _partition(name: str) -> str:
    return f"privacy:{name}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _short(job: Mapping[str, Any]) -> str:
    return job["id"].removeprefix("job:")
