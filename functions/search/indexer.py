"""Brings a product's index entry up to its document: the consumer of the `index` queue.

A message says only that something changed; the product document is the truth, and is read again after every write. So
in whatever order messages come, and wherever a worker crashes, the last one to work leaves the index as the document
is. The embedding document is written before the journal and confirmed (`seq`) after it: one that was left unconfirmed
is sent again by the timer.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from pydantic import ValidationError

from functions.search import pictures, shops
from functions.search.embeddings import index_item, item_id, new_embedding, unpack_vector
from functions.search.engine import index, running_model
from functions.search.engine.items import Removal
from shared import clock, telemetry
from shared.accounts.documents import AccountDocument, accounts
from shared.catalogue.changes import ProductChange, send_change
from shared.catalogue.documents import (
    EmbeddingDocument,
    ProductDocument,
    ProductImage,
    ProductStatus,
    embeddings,
    products,
)
from shared.documents.fields import assign, increment, where
from shared.errors import DocumentConflict, DocumentNotFound, NotFound, PreconditionFailed, Unavailable
from shared.jobs.settings import job_settings
from shared.passes import Pass

MAX_TRIES: Final = 10
"""Of one update, while the product is being changed."""
MAX_POISON_RETRIES: Final = 6
"""How often a message from the poison queue is sent again, each time after twice as long."""
POISON_DELAY_S: Final = 60


def consume(message: str) -> None:
    """Take one message. Raises when a service is down: the host delivers it again."""
    try:
        change = ProductChange.model_validate_json(message)
    except ValidationError:
        telemetry.log("index.bad_message", level="error", size=len(message))
        return
    with telemetry.bound(userId=change.vendor_id), telemetry.span("index", parent=change.traceparent, kind="consumer"):
        ids = [change.product_id] if change.product_id else [p.id for p in _products_of(change.vendor_id)]
        failed: Exception | None = None
        for id in ids:
            try:
                update_index(change.vendor_id, id, last_shop=change.shop, last_revision=change.revision)
            except Exception as error:
                # The others come first; then the message comes again.
                failed = error
        if failed is not None:
            raise failed


def _products_of(vendor_id: str) -> list[ProductDocument]:
    return list(products.iterate(partition=vendor_id, page_size=500))


def handle_poison_message(message: str) -> None:
    """Take a message from `index-poison`: send it again, later each time; in the end the next rebuild finds it."""
    try:
        change = ProductChange.model_validate_json(message)
    except ValidationError:
        return
    if change.retries >= MAX_POISON_RETRIES:
        telemetry.log("index.given_up", level="error", userId=change.vendor_id, productId=change.product_id)
        return
    telemetry.log("index.poison", level="warning", userId=change.vendor_id, productId=change.product_id)
    again = change.model_copy(update={"retries": change.retries + 1})
    send_change(again, delay_s=POISON_DELAY_S * 2**change.retries)


def update_index(
    vendor_id: str, id: str, *, last_shop: str | None = None, last_revision: int = 0
) -> EmbeddingDocument | None:
    """Make the index follow a product; returns its embedding, None if it is no longer to be found.

    Args:
        last_shop: whose index had it, where its embedding may be gone.
        last_revision: a removal has this revision at least.

    Raises:
        Unavailable: `product_busy`.
    """
    for _ in range(MAX_TRIES):
        product, account = products.find(id, vendor_id), accounts.find(vendor_id, vendor_id)
        embedding = embeddings.find(id, vendor_id)
        if product is None or account is None or product.image is None or product.status is not ProductStatus.ACTIVE:
            revision = max([last_revision, *(found.revision for found in (product, embedding) if found)])
            done = _remove(item_id(vendor_id, id), embedding, embedding.shop if embedding else last_shop, revision)
        else:
            done = _put(product, product.image, account, embedding)
        if done and _is_unchanged(product, products.find(id, vendor_id)):
            return embeddings.find(id, vendor_id)
    raise Unavailable("the product is being changed again and again", code="product_busy")


def _is_unchanged(before: ProductDocument | None, after: ProductDocument | None) -> bool:
    if before is None or after is None:
        return before is after
    return before.revision == after.revision


def _remove(item: str, embedding: EmbeddingDocument | None, shop: str | None, revision: int) -> bool:
    """False when the embedding was changed meanwhile."""
    if shop is None:
        return True
    index().delete(shop, [Removal(item, revision)])
    telemetry.count("studio_index_writes", kind="delete")
    if embedding is None:
        return True
    try:
        embeddings.delete(embedding.id, embedding.vendor_id, etag=embedding.etag)
    except (PreconditionFailed, DocumentNotFound):
        return False
    return True


def _put(
    product: ProductDocument, image: ProductImage, account: AccountDocument, embedding: EmbeddingDocument | None
) -> bool:
    """False when another worker changed the product or its embedding meanwhile."""
    model = running_model()
    if embedding is not None and embedding.shop != account.shop:
        if product.revision <= embedding.revision:
            _raise_revision(product)
            return False
        index().delete(embedding.shop, [Removal(item_id(product.vendor_id, product.id), product.revision)])
    elif embedding is not None and _is_indexed(embedding, product, model.id):
        return True
    try:
        written = _write_embedding(product, image, account, model.id, embedding)
    except (DocumentConflict, PreconditionFailed, DocumentNotFound):
        return False
    except NotFound:
        # The photo was replaced meanwhile: the new document is there already, or comes with its own message.
        return not _is_unchanged(product, products.find(product.id, product.vendor_id))
    shops.record_shop(account.shop)
    confirm(written, index().upsert(account.shop, [index_item(written)]).seq)
    telemetry.count("studio_index_writes", kind="upsert")
    return True


def _is_indexed(embedding: EmbeddingDocument, product: ProductDocument, model_id: str) -> bool:
    """Whether the index has this revision already."""
    return embedding.seq is not None and embedding.model_id == model_id and embedding.revision >= product.revision


def _write_embedding(
    product: ProductDocument,
    image: ProductImage,
    account: AccountDocument,
    model_id: str,
    before: EmbeddingDocument | None,
) -> EmbeddingDocument:
    if before is not None and before.model_id == model_id and before.picture == image.prefix:
        vector = unpack_vector(before.vector)
    else:
        vector = pictures.of_product(image)
    made = new_embedding(product, image, account, model_id, vector)
    return embeddings.create(made) if before is None else embeddings.replace(made, etag=before.etag)


def confirm(embedding: EmbeddingDocument, seq: int) -> None:
    """Note that a revision is in the index. A worker that wrote a later one confirms that."""
    same = (
        where(EmbeddingDocument.revision, "=", embedding.revision),
        where(EmbeddingDocument.shop, "=", embedding.shop),
    )
    done = (assign(EmbeddingDocument.seq, seq), assign(EmbeddingDocument.due_at, None))
    with suppress(PreconditionFailed, DocumentNotFound):
        embeddings.patch(embedding.id, embedding.vendor_id, *done, where=same)


def _raise_revision(product: ProductDocument) -> None:
    """A product that comes into another shop needs a later revision: in the old shop's index this one is used up."""
    with suppress(PreconditionFailed, DocumentNotFound):
        products.patch(product.id, product.vendor_id, increment(ProductDocument.revision), etag=product.etag)


def resend_unconfirmed(limit: int = 500) -> int:
    """Send messages for embeddings that were left unconfirmed; returns how many."""
    sent = 0
    unconfirmed = Pass("index.resend")
    for embedding in embeddings.iterate(where(EmbeddingDocument.due_at, "<", clock.now())):
        with unconfirmed.item(productId=embedding.id), suppress(PreconditionFailed, DocumentNotFound):
            send_change(
                ProductChange(vendor_id=embedding.vendor_id, product_id=embedding.id, revision=embedding.revision)
            )
            sent += 1
            later = assign(EmbeddingDocument.due_at, clock.now() + job_settings().job_orphan_s)
            embeddings.patch(embedding.id, embedding.vendor_id, later, etag=embedding.etag)
        if sent >= limit or unconfirmed.failed >= limit:
            break
    return sent
