"""The worker of the `drops` queue: one dropped file into its product, or aside."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from functions.catalogue import pictures, products, rejects
from functions.catalogue.drops import Dropped, product_id, version_of
from functions.catalogue.models import Metadata
from shared import blobs, notifications
from shared.accounts.documents import Role, accounts
from shared.errors import StudioError, TooLarge, Unprocessable
from shared.jobs.models import TERMINAL, Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.settings import settings
from shared.webhooks.publish import WebhookPublisher

METADATA_BYTES = 64 * 1024
CRASHED = "host_crash"


class DropStep(WebhookPublisher):
    """The `drops` queue's step (see `shared.jobs.consumer.Step`)."""

    def run(self, task: Task) -> Outcome:
        """Process the version of the file that the job names, if it is still there."""
        if task.job["kind"] == rejects.DIGEST:
            return rejects.digest(task)
        dropped = _dropped(task.job)
        found = blobs.info(blobs.VENDOR_UPLOADS, dropped.blob)
        if found is None:
            return _outcome("gone")
        if version_of(found) != dropped.etag:
            return _outcome("superseded")
        try:
            return self._take(dropped, found.size)
        except StudioError as error:
            if error.code in ("blob_not_found", "blob_changed"):
                return _outcome("superseded")
            if error.retryable or error.status >= 500:
                raise
            facts = rejects.reject(dropped, error, known=_vendor(dropped.vendor))
            return _outcome("rejected", **facts)

    def _take(self, dropped: Dropped, size: int) -> Outcome:
        if not _vendor(dropped.vendor):
            raise Unprocessable("There is no vendor of this id.", code="unknown_vendor")
        dropped.sku  # noqa: B018  raises for a name that is none
        part: products.Part = "metadata" if dropped.kind == "metadata" else "image"
        product = products.has(dropped, part)
        if product is None:
            fields = _metadata(dropped, size) if part == "metadata" else _image(dropped, size)
            product = products.write(dropped, part, fields)
            if product is None:
                if part == "image":
                    pictures.remove(fields["image"]["prefix"])
                return _outcome("superseded")
        if product["settleDue"] is not None:
            products.settle(product)
        return _outcome("completed", productId=product["id"])

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """A file that could not be processed is reported as a rejected one is; what killed its workers is moved."""
        if error is None or job["kind"] == rejects.DIGEST:
            return Outcome()
        dropped = _dropped(job)
        if error.code != CRASHED:
            return Outcome()
        facts = rejects.reject(dropped, error, known=_vendor(dropped.vendor))
        return Outcome(result={"outcome": "rejected"}, subject={**facts, "status": "rejected"})

    def after_commit(self, job: Job) -> None:
        """Remove the original of what was rejected."""
        if (job.get("result") or {}).get("outcome") == "rejected":
            rejects.remove(_dropped(job))

    def on_lease_lost(self, job: Job) -> None:
        """Nothing to tidy: pictures lie under the file's version, which every attempt shares."""

    def push(self, job: Job) -> None:
        """Tell the vendor's open pages of ends alone: a batch has hundreds of files."""
        if job["kind"] != rejects.DIGEST and job["status"] in TERMINAL:
            notifications.push_job(job)


def _dropped(job: Job) -> Dropped:
    return Dropped(job["userId"], job["payload"]["name"], job["payload"]["etag"])


def _outcome(status: str, **facts: Any) -> Outcome:
    result = {"outcome": status} | ({"productId": facts["productId"]} if "productId" in facts else {})
    return Outcome(result=result, subject={**facts, "status": status})


def _vendor(id: str) -> bool:
    account = accounts.find(id, id)
    return account is not None and account.role is Role.VENDOR and not account.disabled


def _image(dropped: Dropped, size: int) -> dict[str, Any]:
    if size > settings().upload_max_bytes:
        raise TooLarge(f"The file is over {settings().upload_max_bytes / 1e6:g} MB.")
    data = blobs.get(blobs.VENDOR_UPLOADS, dropped.blob, etag=dropped.etag)
    return pictures.make(data, f"{dropped.vendor}/{product_id(dropped.vendor, dropped.sku)}/{dropped.id}")


def _metadata(dropped: Dropped, size: int) -> dict[str, Any]:
    if size > METADATA_BYTES:
        raise TooLarge(f"The file is over {METADATA_BYTES // 1024} KiB.")
    data = blobs.get(blobs.VENDOR_UPLOADS, dropped.blob, etag=dropped.etag)
    try:
        told = Metadata.model_validate_json(data)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise Unprocessable(f"{field or 'file'}: {problem['msg']}", code="bad_metadata", field=field or None) from None
    price = None if told.price is None else {"amount": f"{told.price:.2f}", "currency": told.currency}
    return {
        "title": told.title,
        "category": told.category,
        "price": price,
        "colour": told.colour,
        "tags": told.tags,
        "description": told.description,
    }
