"""Everything that is stored of one person, of every kind: counted, deleted, anonymised.

The only place that reads documents of all kinds without their models, so that a kind added later is covered, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from functions.privacy.documents import Inventory
from shared import blobs
from shared.accounts.documents import AccountDocument
from shared.accounts.session_documents import SessionDocument
from shared.audit import AuditEntry, audit_entries
from shared.catalogue.changes import ProductChange, send_change
from shared.catalogue.documents import EmbeddingDocument
from shared.commerce.payment_documents import PaymentDocument
from shared.documents import CONTAINERS, Delete, Document, Where, store
from shared.documents.fields import path_of, where
from shared.errors import BatchFailed, DocumentConflict, DocumentNotFound, PreconditionFailed
from shared.images import derived
from shared.images.documents import ImageDocument, Visibility, images
from shared.passes import Pass

PAYMENTS, AUDIT = "payments", "audit"
PERSONAL: Final = [
    container.name
    for container in CONTAINERS.values()
    if container.partition_key in ("userId", "tenantId") and container.name not in (PAYMENTS, AUDIT)
]
"""Containers in which a partition holds the documents of one person and nothing else."""
INDEX_DELAY_S: Final = 10
TOKENS: Final = SessionDocument.container
MESSAGES: Final = "studio"
PAYMENT_FACTS: Final = ("orderId", "captureId", "refundId")
"""Facts of audit entries that name a payment at PayPal."""
HOST_BLOBS: Final = "azure-webjobs-hosts"
RECEIPTS: Final = "blobreceipts/"


@dataclass(frozen=True)
class PersonalDocument:
    """A document of any kind in a person's partition."""

    kind: str
    id: str
    item: Document


def iterate_documents(container: str, user_id: str) -> Iterator[PersonalDocument]:
    """All documents of a person in a container, by id."""
    continuation: str | None = None
    while True:
        page = store().query(container, partition=user_id, limit=200, continuation=continuation)
        yield from (_document(container, item) for item in page.items)
        continuation = page.continuation
        if continuation is None:
            return


def iterate_blobs(user_id: str) -> Iterator[tuple[str, blobs.BlobInfo]]:
    """All blobs of a person with their containers."""
    for container in blobs.CONTAINERS:
        for blob in blobs.listing(container, f"{user_id}/"):
            yield container, blob


def count_personal_data(user_id: str) -> Inventory:
    """What is stored of a person now."""
    documents: dict[str, int] = {}
    for container in PERSONAL:
        for document in iterate_documents(container, user_id):
            documents[document.kind] = documents.get(document.kind, 0) + 1
    counted: dict[str, int] = {}
    size = 0
    for container, blob in iterate_blobs(user_id):
        counted[container] = counted.get(container, 0) + 1
        size += blob.size
    open_sessions = store().count(TOKENS, Where("userId", "=", user_id))
    return Inventory(documents=documents, blobs=counted, bytes=size, sessions=open_sessions)


def count_payments(user_id: str) -> int:
    """Payments of a person."""
    return store().count(PAYMENTS, partition=user_id)


def delete_blobs(user_id: str) -> None:
    """Delete every blob of a person."""
    for container, blob in list(iterate_blobs(user_id)):
        blobs.delete(container, blob.name)


def delete_documents(user_id: str, on_batch: Callable[[], None] = lambda: None) -> None:
    """Empty the person's partitions, up to 100 documents at a time; `on_batch` is called before each batch."""
    removal = Pass("erasure.derived")
    for container in PERSONAL:
        while items := store().query(container, partition=user_id, limit=100).items:
            on_batch()
            for item in items:
                # What can't be read is deleted all the same.
                with removal.item(container=container, id=item["id"]):
                    _remove_derived(item)
            try:
                store().batch(container, user_id, [Delete(item["id"]) for item in items])
            except BatchFailed:
                for item in items:
                    with suppress(DocumentNotFound):
                        store().delete(container, item["id"], user_id)


def anonymise_payments(user_id: str, pseudonym: str) -> None:
    """Move payments to a pseudonymous user id; PayPal's events find them by their own ids."""
    while items := store().query(PAYMENTS, partition=user_id, limit=100).items:
        for item in items:
            kept = {name: value for name, value in item.items() if not name.startswith("_")}
            moved: dict[str, Any] = {
                **kept,
                path_of(PaymentDocument.user_id): pseudonym,
                path_of(PaymentDocument.request_id): None,
                path_of(PaymentDocument.approval_url): None,
            }
            try:
                store().create(PAYMENTS, moved)
            except DocumentConflict:
                store().upsert(PAYMENTS, moved)
            # A payment that changed meanwhile is copied again.
            with suppress(PreconditionFailed, DocumentNotFound):
                store().delete(PAYMENTS, item["id"], user_id, etag=item.etag)


def delete_tokens(user_id: str, email_hash: str | None) -> None:
    """Delete every session, link, code and second factor of a person, invitations by them and to their address, and the
    jobs of messages about their account."""
    owners = [Where("userId", "=", user_id), Where("invitedBy", "=", user_id)]
    if email_hash is not None:
        owners.append(Where("emailHash", "=", email_hash))
    for owner in owners:
        while items := store().query(TOKENS, owner, limit=100).items:
            for item in items:
                with suppress(DocumentNotFound):
                    store().delete(TOKENS, item["id"], item["id"])
    if email_hash is not None:
        partition = f"address:{email_hash}"
        while items := store().query(MESSAGES, partition=partition, limit=100).items:
            for item in items:
                with suppress(DocumentNotFound):
                    store().delete(MESSAGES, item["id"], partition)


def delete_receipts(user_id: str) -> None:
    """Delete what the Functions host remembers of a vendor's files: a receipt has the name of its blob in its own."""
    for receipt in list(blobs.listing(HOST_BLOBS, RECEIPTS)):
        if f"/{user_id}/" in receipt.name:
            blobs.delete(HOST_BLOBS, receipt.name)


def clean_audit_log(user_id: str, account: AccountDocument | None) -> None:
    """Remove from the audit log IP addresses, hashes of e-mail addresses, and what names a payment; other ids remain.

    A payment stays under a pseudonym; an entry that names it would reveal whose it was.
    """
    entries = list(audit_entries.iterate(partition=user_id))
    if account is not None:
        entries += audit_entries.iterate(where(AuditEntry.email_hash, "=", account.email_hash))
    for entry in entries:
        blank = {
            path_of(field): None
            for field, value in ((AuditEntry.ip, entry.ip), (AuditEntry.email_hash, entry.email_hash))
            if value is not None
        }
        if entry.user_id == user_id and (entry.subject or "").startswith("payment:"):
            blank[path_of(AuditEntry.subject)] = None
        linking = [name for name in entry.facts if name in PAYMENT_FACTS]
        if blank or linking:
            with suppress(DocumentNotFound):
                store().patch(AUDIT, entry.id, entry.user_id, set={**blank, **dict.fromkeys(linking)})


def stored_image(document: PersonalDocument) -> ImageDocument | None:
    """The document as an image, if it is one that can be read."""
    if document.kind != "file":
        return None
    with Pass("export.images").item(id=document.id):
        return images.load(document.item)
    return None


def _document(container: str, item: Document) -> PersonalDocument:
    return PersonalDocument(kind=str(item.get("type") or container), id=item["id"], item=item)


def _remove_derived(item: Document) -> None:
    """Remove what depends on a document: its index entry, and the segmentations of a public image.

    The message to the index is sent before the deletion, so that a crash can't lose it, and delayed, so that the
    documents are gone when it is read.
    """
    kind = item.get("type")
    if kind in ("product", "embedding"):
        change = ProductChange(
            vendor_id=item[path_of(EmbeddingDocument.vendor_id)],
            product_id=item["id"],
            revision=item.get(path_of(EmbeddingDocument.revision), 0) + 1,
            shop=item.get(path_of(EmbeddingDocument.shop)),
        )
        send_change(change, delay_s=INDEX_DELAY_S)
    elif kind == "file" and item.get(path_of(ImageDocument.visibility)) == Visibility.PUBLIC:
        derived.delete_segmentations(images.load(item))
