"""New versions of a shop's index: requested by an administrator, or due; one at a time, as a job with progress.

The job and its subject lie in the shop's own partition of `studio`. The subject is created or replaced on condition
that it is still the one that was read, so of two requests at the same time one makes the job and both get it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from functions.search import indexer, shops
from functions.search.documents import (
    IndexRebuildDocument,
    RebuildPayload,
    RebuildReason,
    RebuildResult,
    index_rebuilds,
)
from functions.search.embeddings import index_item, iterate_shop
from functions.search.engine import index, running_model
from functions.search.engine.errors import IndexModelMismatch
from functions.search.engine.items import Item
from functions.search.engine.manifest import Manifest
from functions.search.models import Rebuild
from shared import audit, clock, telemetry
from shared.accounts.documents import accounts
from shared.catalogue.documents import ProductDocument, ProductStatus, products
from shared.documents import store
from shared.documents.fields import assign, where
from shared.errors import BatchFailed, StudioError
from shared.http.auth import Principal
from shared.jobs import protocol, queues
from shared.jobs.models import OPEN, JobId
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.passes import Pass
from shared.webhooks.publish import WebhookPublisher

SUBJECT_ID: Final = "index-rebuild"
KIND: Final = "index.rebuild"
CHUNK: Final = 500
"""Products added to the version per batch."""
NEEDS_PRODUCTS: Final = (RebuildReason.FIRST, RebuildReason.MODEL, RebuildReason.UNREADABLE, RebuildReason.ANALYSIS)
"""Reasons for which version and journal can't be merged."""


def request_rebuild(admin: Principal, shop: str, request_id: str) -> Rebuild:
    """Start a rebuild from all products, or return the one that is under way."""
    found, started = start_rebuild(shop, full=True, reason=RebuildReason.ASKED, request_id=request_id)
    if started:
        audit.record(admin.user_id, "INDEX_REBUILD_REQUESTED", subject=shop, jobId=found.job_id)
    return Rebuild(job_id=JobId(found.job_id).public, shop=shop, status=found.status, started=started)


def find_latest(shop: str) -> IndexRebuildDocument | None:
    """A shop's latest rebuild."""
    return index_rebuilds.find(SUBJECT_ID, shops.partition(shop))


def start_rebuild(
    shop: str, *, full: bool, reason: RebuildReason, request_id: str | None = None
) -> tuple[IndexRebuildDocument, bool]:
    """Make a rebuild's job unless there is one under way: (its subject, whether it was made).

    Args:
        full: read all products; else the version and the journal are merged.
    """
    before = find_latest(shop)
    if before is not None and before.status in OPEN:
        return before, False
    partition = shops.partition(shop)
    payload = RebuildPayload(shop=shop, full=full, reason=reason)
    job = protocol.new_job(KIND, queues.REBUILD, partition, payload, subject_id=SUBJECT_ID, request_id=request_id)
    subject = IndexRebuildDocument(
        user_id=partition, shop=shop, job_id=job.id, reason=reason, created_at=clock.iso(), updated_at=clock.iso()
    )
    if before is None:
        write = index_rebuilds.creation(subject)
    else:
        write = index_rebuilds.replacement(subject, etag=before.etag)
    try:
        store().batch(index_rebuilds.container, partition, [write, protocol.jobs.creation(job)])
    except BatchFailed:
        # Another request was faster; its rebuild is as good.
        return index_rebuilds.get(SUBJECT_ID, partition), False
    protocol.enqueue(job)
    return subject, True


class RebuildStep(WebhookPublisher):
    """The step of the `rebuild-index` queue (see `shared.jobs.step.Step`).

    A repeated attempt starts a new version; what the attempt before has left is never used, and the engine deletes it.
    """

    def run(self, task: Task) -> Outcome:
        """Build, test and publish a version.

        Raises:
            StudioError: `index_published_meanwhile`, retryable: built again from what is published; `index_refused`.
        """
        payload = task.payload_as(RebuildPayload)
        shop = payload.shop

        def progress(step: str, share: float) -> None:
            task.progress(step, round(40 + 60 * share))

        if payload.full:
            manifest, embedded = _build_from_products(task, shop, progress)
        else:
            try:
                manifest, embedded = index().merge(shop, progress), 0
            except IndexModelMismatch:
                manifest, embedded = _build_from_products(task, shop, progress)
        telemetry.log("index.published", shop=shop, version=manifest.version, products=manifest.count)
        task.progress("published", 100)
        return Outcome(
            result=RebuildResult(version=manifest.version, products=manifest.count, embedded=embedded),
            subject=[
                assign(IndexRebuildDocument.version, manifest.version),
                assign(IndexRebuildDocument.error, None),
            ],
        )


def _build_from_products(task: Task, shop: str, progress: Callable[[str, float], None]) -> tuple[Manifest, int]:
    """A version of all products of a shop, from their embeddings; those without one of the running model are embedded
    first. Returns it and how many these were."""
    build = index().begin(shop)
    try:
        task.progress("comparing", 1)
        embedded = _update_embeddings(task, shop)
        model_id = running_model().id
        chunk: list[Item] = []
        collected = Pass("index.rebuild")
        for embedding in iterate_shop(shop):
            if embedding.model_id == model_id:
                with collected.item(shop=shop, productId=embedding.id):
                    chunk.append(index_item(embedding))
            if len(chunk) >= CHUNK:
                build.add(chunk)
                chunk = []
                task.progress("collecting", 35)
        build.add(chunk)
        return index().publish(build, progress), embedded
    finally:
        build.abandon()


def _update_embeddings(task: Task, shop: str) -> int:
    """Make embeddings follow the products: each that is missing, old, of another model or left over. Returns how many
    were brought up to date."""
    model_id = running_model().id
    known = {
        embedding.id: (embedding.vendor_id, embedding.revision, embedding.model_id) for embedding in iterate_shop(shop)
    }
    shop_of: dict[str, str | None] = {}
    due: list[tuple[str, str]] = []
    for product in products.iterate(where(ProductDocument.status, "=", ProductStatus.ACTIVE), page_size=500):
        vendor_id = product.vendor_id
        if vendor_id not in shop_of:
            account = accounts.find(vendor_id, vendor_id)
            shop_of[vendor_id] = account.shop if account else None
        if shop_of[vendor_id] != shop:
            continue
        if known.pop(product.id, None) != (vendor_id, product.revision, model_id):
            due.append((vendor_id, product.id))
    due += [(vendor_id, id) for id, (vendor_id, _, _) in known.items()]
    for number, (vendor_id, id) in enumerate(due):
        task.progress("embedding", 2 + 30 * number // len(due))
        try:
            indexer.update_index(vendor_id, id)
        except StudioError as error:
            if error.retryable:
                raise
            # One picture that can't be embedded must not keep the others from being found.
            telemetry.log("index.product_left_out", level="error", productId=id, code=error.code)
    return len(due)


def run_maintenance() -> tuple[int, int]:
    """One pass of the timer: send unconfirmed entries again, start rebuilds that are due.

    Returns:
        How many of each.
    """
    maintenance = Pass("index.maintenance")
    sent = started = 0
    with maintenance.item(part="resend"):
        sent = indexer.resend_unconfirmed()
    for shop in shops.list_shops():
        with maintenance.item(shop=shop):
            due = index().stats(shop).rebuild_due
            if due is not None:
                reason = RebuildReason(due)
                started += start_rebuild(shop, full=reason in NEEDS_PRODUCTS, reason=reason)[1]
    return sent, started
