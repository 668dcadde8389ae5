"""Bringing one product's index entry up to its document: the consumer of the `index` queue.

A message says only that something changed; the product document is the truth, and is read again after every write, so
whatever order messages come in, whoever dies where, the last one to work leaves the index as the document is. The
embedding document is written before the journal and confirmed (`seq`) after it: one left unconfirmed is done again.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, ValidationError

from functions.search import pictures, records, shops
from functions.search.engine import index, running_model
from functions.search.engine.port import Removal
from shared import clock, telemetry
from shared.accounts.documents import AccountDocument, accounts
from shared.documents import Document, Where, store
from shared.errors import DocumentConflict, DocumentNotFound, NotFound, PreconditionFailed, Unavailable
from shared.jobs import queues
from shared.jobs.settings import job_settings

PRODUCTS = "garments"
ACTIVE = "active"
TRIES = 10
BURIALS = 6


class Change(BaseModel):
    """The body of an `index` message. Without a product, all of the vendor."""

    v: int = 1
    tenantId: str
    productId: str | None = None
    revision: int = 0
    shop: str | None = None
    buried: int = 0
    traceparent: str | None = None


def consume(message: str) -> None:
    """Take one message. Raises when something below is down: the host delivers it again."""
    try:
        change = Change.model_validate_json(message)
    except ValidationError:
        telemetry.log("index.bad_message", level="error", size=len(message))
        return
    with telemetry.bound(userId=change.tenantId), telemetry.span("index", parent=change.traceparent, kind="consumer"):
        wanted = [change.productId] if change.productId else _products(change.tenantId)
        for product in wanted:
            follow(change.tenantId, product, last_shop=change.shop, last_revision=change.revision)


def bury(message: str) -> None:
    """Take a message from `index-poison`: send it again, later and later; in the end the next rebuild finds it."""
    try:
        change = Change.model_validate_json(message)
    except ValidationError:
        return
    if change.buried >= BURIALS:
        telemetry.log("index.given_up", level="error", userId=change.tenantId, productId=change.productId)
        return
    again = change.model_copy(update={"buried": change.buried + 1})
    telemetry.log("index.poison", level="warning", userId=change.tenantId, productId=change.productId)
    queues.send(queues.INDEX, again.model_dump(), delay_s=60 * 2**change.buried)


def follow(vendor: str, id: str, *, last_shop: str | None = None, last_revision: int = 0) -> Document | None:
    """Make the index follow a product; returns its embedding document, None if it is not to be found any more.

    Args:
        last_shop: whose index had it, where its embedding document may be gone; `last_revision`: no older than it.
    """
    for _ in range(TRIES):
        product, account = store().find(PRODUCTS, id, vendor), accounts.find(vendor, vendor)
        record = records.find(vendor, id)
        if product is None or account is None or product["status"] != ACTIVE:
            done = _remove(vendor, id, product, record, last_shop, last_revision)
        else:
            done = _put(product, account, record)
        if done and _unchanged(product, store().find(PRODUCTS, id, vendor)):
            return records.find(vendor, id)
    raise Unavailable("the product is being changed again and again", code="product_busy")


def _unchanged(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> bool:
    if before is None or after is None:
        return before is after
    return before["revision"] == after["revision"]


def _remove(
    vendor: str,
    id: str,
    product: Document | None,
    record: Document | None,
    last_shop: str | None,
    last_revision: int,
) -> bool:
    shop = record["shop"] if record else last_shop
    if shop is None:
        return True
    known = [last_revision, *(found["revision"] for found in (product, record) if found)]
    index().delete(shop, [Removal(records.item_id(vendor, id), max(known))])
    telemetry.count("studio_index_writes", kind="delete")
    if record is None:
        return True
    try:
        store().delete(records.CONTAINER, id, vendor, etag=record.etag)
    except (PreconditionFailed, DocumentNotFound):
        return False
    return True


def _put(product: Document, account: AccountDocument, record: Document | None) -> bool:
    """False when somebody else was at it meanwhile: look again."""
    shop, model = account.shop, running_model()
    if record is not None and record["shop"] != shop:
        if product["revision"] <= record["revision"]:
            _advance(product)
            return False
        index().delete(
            record["shop"], [Removal(records.item_id(product["tenantId"], product["id"]), product["revision"])]
        )
    elif record is not None and _stands(record, product, model.id):
        return True
    try:
        fresh = _written(product, account, shop, model.id, record)
    except (DocumentConflict, PreconditionFailed, DocumentNotFound):
        return False
    except NotFound:
        # The photo was replaced under us: its new document is there, or comes with a message of its own.
        return not _unchanged(product, store().find(PRODUCTS, product["id"], product["tenantId"]))
    shops.note(shop)
    confirm(fresh, index().upsert(shop, [records.item(fresh)]).seq)
    telemetry.count("studio_index_writes", kind="upsert")
    return True


def _stands(record: Mapping[str, Any], product: Mapping[str, Any], model_id: str) -> bool:
    """Whether the index has this revision already."""
    known = record["seq"] is not None and record["modelId"] == model_id
    return known and record["revision"] >= product["revision"]


def _written(
    product: Mapping[str, Any], account: AccountDocument, shop: str, model_id: str, record: Document | None
) -> Document:
    same = record is not None and record["modelId"] == model_id and record["picture"] == records.picture_of(product)
    if record is not None and same:
        vector = records.unpack(record["vector"])
    else:
        vector = pictures.of_product(product["image"]["blobs"])
    made = records.make(product, account, shop, model_id, vector)
    if record is None:
        return store().create(records.CONTAINER, made)
    return store().replace(records.CONTAINER, made, etag=record.etag)


def confirm(record: Mapping[str, Any], seq: int) -> None:
    """Note that a revision is in the index. Somebody who wrote a later one confirms that."""
    same = (Where("revision", "=", record["revision"]), Where("shop", "=", record["shop"]))
    with suppress(PreconditionFailed, DocumentNotFound):
        changed = {"seq": seq, "dueAt": None}
        store().patch(records.CONTAINER, record["id"], record["tenantId"], set=changed, where=same)


def _advance(product: Document) -> None:
    """A product that comes into another shop is a later one: in the old shop's index its revision is used up."""
    with suppress(PreconditionFailed, DocumentNotFound):
        store().patch(PRODUCTS, product["id"], product["tenantId"], incr={"revision": 1}, etag=product.etag)


def _products(vendor: str) -> list[str]:
    found: list[str] = []
    continuation: str | None = None
    while True:
        where = Where("type", "=", "product")
        page = store().query(PRODUCTS, where, partition=vendor, limit=500, continuation=continuation)
        found += [product["id"] for product in page.items]
        continuation = page.continuation
        if continuation is None:
            return found


def sweep(limit: int = 500) -> int:
    """Send messages for entries that were left unconfirmed; returns how many."""
    overdue = (Where("type", "=", "embedding"), Where("dueAt", "<", clock.now()))
    found = store().query(records.CONTAINER, *overdue, limit=limit).items
    for record in found:
        message = {"v": 1, "tenantId": record["tenantId"], "productId": record["id"], "revision": record["revision"]}
        queues.send(queues.INDEX, message)
        with suppress(PreconditionFailed, DocumentNotFound):
            later = {"dueAt": clock.now() + job_settings().job_orphan_s}
            store().patch(records.CONTAINER, record["id"], record["tenantId"], set=later, etag=record.etag)
    return len(found)
