"""The queue step `drops`: makes one vendor file part of its product, or rejects it."""

from __future__ import annotations

from pydantic import ValidationError

from functions.catalogue import products, rejections
from functions.catalogue.documents import DropDocument, DropPayload, DropResult, DropStatus, FileKind
from functions.catalogue.models import Metadata
from functions.catalogue.photos import delete_pictures, process_photo
from functions.catalogue.vendor_files import HEAD_BYTES, VendorFile, version_of
from shared import blobs, notifications, text
from shared.accounts.documents import Role, accounts
from shared.catalogue.documents import MetadataFields, PhotoFields, Price
from shared.documents.fields import Change, assign
from shared.errors import StudioError, TooLarge, Unprocessable
from shared.images.settings import image_settings
from shared.jobs.models import TERMINAL, Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.webhooks.publish import WebhookPublisher

MAX_METADATA_BYTES = 64 * 1024
WORKER_CRASHED = "host_crash"


class DropStep(WebhookPublisher):
    """The step of the `drops` queue (see `shared.jobs.step.Step`)."""

    def run(self, task: Task) -> Outcome:
        """Process the version of the file that the job names, if it is still there."""
        if task.job.kind == rejections.DIGEST:
            return rejections.send_digest(task)
        file = _file(task.job)
        blob = blobs.info(blobs.VENDOR_UPLOADS, file.blob)
        if blob is None:
            return _ended(DropStatus.GONE)
        if version_of(blob) != file.etag:
            return _ended(DropStatus.SUPERSEDED)
        try:
            return _process(file, blob.size)
        except StudioError as error:
            if error.code in ("blob_not_found", "blob_changed"):
                return _ended(DropStatus.SUPERSEDED)
            if error.retryable or error.status >= 500:
                raise
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
            notifications.push_job(job)


def _file(job: Job) -> VendorFile:
    payload = job.payload_as(DropPayload)
    return VendorFile(job.user_id, payload.name, payload.etag)


def _process(file: VendorFile, size: int) -> Outcome:
    if not _is_vendor(file.vendor_id):
        raise Unprocessable("There is no vendor with this id.", code="unknown_vendor")
    file.sku()
    # By its size before anything is read: a file may be larger than this process.
    limit = image_settings().upload_max_bytes
    if size > limit:
        raise TooLarge(f"The file is over {limit / 1e6:.1f} MB.")
    kind = file.kind_of(blobs.head(blobs.VENDOR_UPLOADS, file.blob, HEAD_BYTES, etag=file.etag))
    product = products.find_made_from(file)
    if product is None:
        fields = _read_metadata(file, size) if kind is FileKind.METADATA else _photo(file)
        product = products.write(file, fields)
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


def _read_metadata(file: VendorFile, size: int) -> MetadataFields:
    try:
        return _metadata(file, size)
    except (TooLarge, Unprocessable) as error:
        products.note_refused_metadata(file, error)
        raise


def _photo(file: VendorFile) -> PhotoFields:
    data = blobs.get(blobs.VENDOR_UPLOADS, file.blob, etag=file.etag)
    return process_photo(data, f"{file.vendor_id}/{file.product_id}/{file.id}")


def _metadata(file: VendorFile, size: int) -> MetadataFields:
    if size > MAX_METADATA_BYTES:
        raise TooLarge(f"The file is over {MAX_METADATA_BYTES // 1024} KiB.")
    data = blobs.get(blobs.VENDOR_UPLOADS, file.blob, etag=file.etag)
    try:
        metadata = Metadata.model_validate_json(text.decode(data))
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise Unprocessable(f"{field or 'file'}: {problem['msg']}", code="bad_metadata", field=field or None) from None
    except ValueError as error:
        raise Unprocessable(f"file: {error}", code="bad_metadata") from None
    return MetadataFields(
        title=metadata.title,
        category=metadata.category,
        price=None if metadata.price is None else Price(amount=f"{metadata.price:.2f}", currency=metadata.currency),
        colour=metadata.colour,
        tags=tuple(metadata.tags),
        description=metadata.description,
    )
