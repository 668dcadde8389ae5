"""The queue step `drops`: makes one vendor file part of its product, or rejects it."""

from __future__ import annotations

from functions.catalogue import products, rejections
from functions.catalogue.documents import DropDocument, DropPayload, DropResult, DropStatus, FileKind
from functions.catalogue.metadata import read_metadata
from functions.catalogue.photos import delete_pictures, process_photo
from functions.catalogue.vendor_files import HEAD_BYTES, VendorFile, version_of
from shared import blobs
from shared.accounts.documents import Role, accounts
from shared.catalogue.documents import MetadataFields, PhotoFields
from shared.documents.fields import Change, assign
from shared.errors import StudioError, TooLarge, Unprocessable
from shared.images.settings import image_settings
from shared.jobs.models import TERMINAL, Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.notifications.push import push_job
from shared.webhooks.publish import WebhookPublisher

WORKER_CRASHED = "host_crash"


class DropStep(WebhookPublisher):
    """The step of the `drops` queue (see `shared.jobs.step.Step`)."""

    def run(self, task: Task) -> Outcome:
        """Process the version of the file that the job names, if it is still there."""
        if task.job.kind == rejections.DIGEST:
            return rejections.send_digest(task)
        file = _file(task.job)
        try:
            return _process(file, task.payload_as(DropPayload).size)
        except StudioError as error:
            if error.retryable or error.status >= 500:
                raise
            # A version that is no longer there is not refused. Asked here, since a file that is read is there.
            blob = blobs.info(blobs.VENDOR_UPLOADS, file.blob)
            if blob is None:
                return _ended(DropStatus.GONE)
            if version_of(blob) != file.etag or error.code in ("blob_not_found", "blob_changed"):
                return _ended(DropStatus.SUPERSEDED)
            return _rejected(file, error)

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """Reject a file that crashed its workers: nothing would ever process it."""
        if error is None or error.code != WORKER_CRASHED or job.kind == rejections.DIGEST:
            return Outcome()
        return _rejected(_file(job), error)

    def after_commit(self, job: Job) -> None:
        """Delete the original of a rejected file."""
        if job.kind == rejections.DIGEST or not job.result:
            return
        if DropResult.model_validate(job.result).outcome is DropStatus.REJECTED:
            rejections.delete_original(_file(job))

    def on_lease_lost(self, job: Job) -> None:
        """Keep the pictures: they are named by the version of the file, and the next attempt writes the same."""

    def push(self, job: Job) -> None:
        """Send only ends to the vendor's open pages: a batch has hundreds of files."""
        if job.kind != rejections.DIGEST and job.status in TERMINAL:
            push_job(job)


def _file(job: Job) -> VendorFile:
    payload = job.payload_as(DropPayload)
    return VendorFile(job.user_id, payload.name, payload.etag)


def _process(file: VendorFile, size: int | None) -> Outcome:
    if not _is_vendor(file.vendor_id):
        raise Unprocessable("There is no vendor with this id.", code="unknown_vendor")
    before = products.find(file)
    # By its size before anything is read: a file may be larger than this process.
    limit = image_settings().file_max_bytes
    if size is None:
        found = blobs.info(blobs.VENDOR_UPLOADS, file.blob)
        size = found.size if found else 0
    if size > limit:
        raise TooLarge(f"The file is over {limit / 1e6:.1f} MB.")
    data = blobs.get(blobs.VENDOR_UPLOADS, file.blob, etag=file.etag)
    kind = file.kind_of(data[:HEAD_BYTES])
    product = before
    if not products.is_made_from(product, file):
        fields = _read_metadata(file, data) if kind is FileKind.METADATA else _photo(file, data)
        product = products.write(file, fields, before)
        if product is None:
            if isinstance(fields, PhotoFields) and fields.image is not None:
                delete_pictures(fields.image.prefix)
            return _ended(DropStatus.SUPERSEDED)
    if product.propagation_due is not None:
        products.propagate(product)
    changes = (assign(DropDocument.product_id, product.id), assign(DropDocument.kind, kind))
    return _ended(DropStatus.COMPLETED, *changes, product_id=product.id)


def _ended(status: DropStatus, *changes: Change, product_id: str | None = None) -> Outcome:
    return Outcome(
        result=DropResult(outcome=status, product_id=product_id),
        subject=[assign(DropDocument.status, status), *changes],
    )


def _rejected(file: VendorFile, error: StudioError) -> Outcome:
    changes = rejections.reject(file, error, notify=_is_vendor(file.vendor_id))
    return Outcome(result=DropResult(outcome=DropStatus.REJECTED), subject=changes)


def _is_vendor(id: str) -> bool:
    account = accounts.find(id, id)
    return account is not None and account.role is Role.VENDOR and not account.disabled


def _read_metadata(file: VendorFile, data: bytes) -> MetadataFields:
    try:
        return read_metadata(data)
    except (TooLarge, Unprocessable) as error:
        products.note_refused_metadata(file, error)
        raise


def _photo(file: VendorFile, data: bytes) -> PhotoFields:
    return process_photo(data, f"{file.vendor_id}/{file.product_id}/{file.id}")
