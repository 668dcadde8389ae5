"""Request account deletion, read its report, and export data."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import Final, Literal

from functions.privacy.documents import (
    ERASE,
    EXPORT,
    ErasureJob,
    ErasurePayload,
    ErasureResult,
    ExportDocument,
    ExportPayload,
    erasure_jobs,
    exports,
)
from functions.privacy.models import Erasure, ErasureReport, Export, Kept, Removed
from shared import audit, blobs, clock
from shared.accounts import lifecycle
from shared.accounts.documents import Role
from shared.accounts.recent import require_recent_sign_in
from shared.documents import store
from shared.documents.fields import assign
from shared.errors import BatchFailed, Conflict, DocumentConflict, NotFound
from shared.http.auth import Principal
from shared.jobs import protocol, queues
from shared.jobs.models import ENDED, JobId, JobStatus, RunStatus
from shared.notifications.push import close_connections

MAX_ATTEMPTS: Final = 40
FRESH_S: Final = 3600
"""An export answers requests for this long; afterwards a new one is made."""
RETRY_S: Final = 60
_RECEIPT: Final = re.compile(r"([0-9a-f]{32})\.([A-Za-z0-9_-]{43})", re.ASCII)


def delete_account(caller: Principal, ip: str, request_id: str) -> Erasure:
    """Close the caller's account now and delete all of its data by a job.

    The job is stored outside the person's partition, under a hash of their id, so that it outlives what it deletes.

    Raises:
        Forbidden: `sign_in_again`: the session is older than an hour.
        Conflict: `admin_account`: another administrator has to change the administrator's role first.
    """
    require_recent_sign_in(caller.session)
    if caller.role is Role.ADMIN:
        raise Conflict(
            "an administrator's account can't be deleted: have another administrator change its role first",
            code="admin_account",
        )
    name, secret = erasure_name(caller.user_id), secrets.token_urlsafe(32)
    job = protocol.new_job(
        ERASE,
        queues.PRIVACY,
        erasure_partition(name),
        ErasurePayload(subject=caller.user_id),
        id=_job_id(name),
        max_attempts=MAX_ATTEMPTS,
        request_id=request_id,
    )
    digest = _digest(secret)
    try:
        stored = erasure_jobs.create(ErasureJob.of(job, digest))
    except DocumentConflict:
        stored = erasure_jobs.patch(job.id, job.user_id, assign(ErasureJob.receipt_digest, digest))
    closed = lifecycle.close_account(caller.user_id)
    if closed is not None:
        close_connections(caller.user_id, closed.connection_version - 1)
    audit.record(caller.user_id, "ERASURE_REQUESTED", ip=ip)
    if stored.status is JobStatus.QUEUED:
        protocol.enqueue(stored)
    return Erasure(job_id=stored.id.public, status=stored.status, receipt=f"{name}.{secret}")


def get_report(receipt: str) -> ErasureReport:
    """The state of the deletion that a receipt belongs to. Raises NotFound."""
    parts = _RECEIPT.fullmatch(receipt)
    job = erasure_jobs.find(_job_id(parts[1]), erasure_partition(parts[1])) if parts else None
    if parts is None or job is None or not hmac.compare_digest(job.receipt_digest, _digest(parts[2])):
        raise NotFound("there is no deletion with this receipt", code="receipt_not_found")
    is_complete = job.status is JobStatus.COMPLETED
    result = ErasureResult.model_validate(job.result) if is_complete else None
    return ErasureReport(
        job_id=job.id.public,
        status=job.status,
        progress=job.progress.model_dump(by_alias=True) if job.progress else None,
        requested_at=job.created_at,
        finished_at=job.finished_at,
        removed=Removed.of(result.removed) if result else None,
        kept=Kept.of(result.kept) if result else None,
        error=None if is_complete or job.last_error is None else job.last_error.model_dump(by_alias=True),
    )


def get_export(caller: Principal, request_id: str) -> Export:
    """The caller's export: the one made within the last hour, or the one in progress, or a new one."""
    export = exports.find(ExportDocument.ID, caller.user_id)
    if export is None:
        return _start_export(caller, None, request_id)
    if export.status not in ENDED:
        return _answer(export, "preparing")
    age = clock.now() - datetime.fromisoformat(export.updated_at).timestamp()
    if export.status is RunStatus.FAILED and age < RETRY_S:
        return _answer(export, "failed")
    if export.status is RunStatus.COMPLETED and age < FRESH_S and _archive_exists(export):
        return _answer(export, "ready")
    return _start_export(caller, export, request_id)


def _start_export(caller: Principal, former: ExportDocument | None, request_id: str) -> Export:
    job = protocol.new_job(
        EXPORT,
        queues.PRIVACY,
        caller.user_id,
        ExportPayload(),
        subject_id=ExportDocument.ID,
        request_id=request_id,
    )
    at = clock.iso()
    export = ExportDocument(id="export", user_id=caller.user_id, job_id=job.id, created_at=at, updated_at=at)
    write = exports.creation(export) if former is None else exports.replacement(export, etag=former.etag)
    try:
        store().batch(ExportDocument.container, caller.user_id, [write, protocol.jobs.creation(job)])
    except BatchFailed:
        # Another request was faster; its export is as good.
        return _answer(exports.get(ExportDocument.ID, caller.user_id), "preparing")
    protocol.enqueue(job)
    audit.record(caller.user_id, "EXPORT_REQUESTED", subject=job.id.public)
    return _answer(export, "preparing")


def _archive_exists(export: ExportDocument) -> bool:
    return export.blob is not None and blobs.info(blobs.EXPORTS, export.blob) is not None


def _answer(export: ExportDocument, status: Literal["preparing", "ready", "failed"]) -> Export:
    is_ready = status == "ready" and export.blob is not None
    return Export(
        status=status,
        job_id=export.job_id.public,
        url=blobs.read_url(blobs.EXPORTS, str(export.blob), content_type="application/zip") if is_ready else None,
        bytes=export.bytes,
        left_out=export.left_out,
        made_at=export.updated_at if is_ready else None,
        error=export.error.model_dump(by_alias=True) if export.error else None,
    )


def erasure_name(user_id: str) -> str:
    """The name of a person's deletion: a hash of the user id."""
    return hashlib.sha256(f"erasure:{user_id}".encode()).hexdigest()[:32]


def erasure_partition(name: str) -> str:
    """The partition of the deletion's job."""
    return f"privacy:{name}"


def _job_id(name: str) -> JobId:
    return JobId.of(f"erase-{name}")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
