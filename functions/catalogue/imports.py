"""Imports of products over HTTP: small ones within the request, large ones and those that fetch photos by a job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from functions.catalogue.feed_kinds import Feed, read_feed
from functions.catalogue.feed_products import FeedProduct, Prices, products_of
from functions.catalogue.import_documents import (
    IMPORT_JOB,
    KEEP_S,
    ImportCounts,
    ImportDocument,
    ImportId,
    ImportPayload,
    imports,
)
from functions.catalogue.import_schemas import (
    ImportedProduct,
    ImportQuery,
    ImportReport,
    ImportsQuery,
    ProductImport,
    ProductImportList,
)
from functions.catalogue.importer import Importer
from shared import audit, blobs, clock
from shared.catalogue.documents import ProductStatus
from shared.documents import store
from shared.errors import BatchFailed, DocumentConflict, NotFound, TooLarge, Unprocessable
from shared.http.auth import Principal
from shared.http.pages import equals, list_latest
from shared.jobs import protocol, queues
from shared.jobs.models import JobId
from shared.outbound import pictures
from shared.tables.format import TableFormat
from shared.tables.schemas import TableReading
from shared.tables.upload import CONTENT_TYPES, TableUpload

MAX_INLINE: Final = 1_000
"""Products of a file that is imported within the request: its writes end well before a gateway gives up on it."""
MAX_PRODUCTS: Final = 20_000
"""Of a file: a job writes about 50 a second on two busy cores, and a function has ten minutes (docs/imports.md)."""
XML_TYPES: Final = ("application/xml", "text/xml", "application/rss+xml", "application/atom+xml")


def import_products(
    user: Principal, id: str, upload: TableUpload, query: ImportQuery, request_id: str
) -> ImportReport | ProductImport:
    """Create and change products by a file, or queue a job that does.

    Args:
        id: of the import, if there is a job; the same id again returns the same import.

    Raises:
        TooLarge: over 16 MiB, or more than 20,000 products.
        UnsupportedMedia: the content type is neither of a table nor of XML.
        Unprocessable: the file can't be read, or in two ways, or `image_fetch`: this deployment fetches no pictures;
            nothing was changed.
    """
    data = upload.validate((*CONTENT_TYPES, *XML_TYPES))
    if query.pictures == "fetch" and not pictures.is_enabled():
        raise Unprocessable("this deployment fetches no pictures", code="image_fetch", field="pictures")
    said = upload.format(query.decimal, "auto", query.sheet)
    feed, prices, found = read_products(data, said, query.currency)
    if len(found) > MAX_PRODUCTS:
        raise TooLarge(
            f"the file has {len(found)} products, an import takes up to {MAX_PRODUCTS}: split it",
            code="too_many_products",
        )
    if len(found) > MAX_INLINE or query.pictures == "fetch":
        payload = ImportPayload(file_blob=f"{user.user_id}/{id}/file", read=said, currency=query.currency,
                                fetch=query.pictures == "fetch")  # fmt: skip
        return _queue(user, id, data, feed, len(found), payload, request_id)
    importer = Importer(user.user_id)
    report = make_report(feed, prices, importer.take_all(found), importer.photos_fetched)
    record_import(user.user_id, report, None)
    return report


def read_products(data: bytes, said: TableFormat, currency: str | None) -> tuple[Feed, Prices, list[FeedProduct]]:
    """The products of a file. Raises as `import_products`."""
    feed = read_feed(data, said)
    prices = Prices.of(feed, said.decimal, currency)
    return feed, prices, products_of(feed, prices)


def make_report(feed: Feed, prices: Prices, made: Sequence[ImportedProduct], photos_fetched: int) -> ImportReport:
    """What became of a file."""
    counts = count(made, photos_fetched)
    return ImportReport(
        kind=feed.kind.name,
        **counts.model_dump(by_alias=False),
        read_as=TableReading.all_of((*feed.grid.read_as, *prices.read_as)),
        ignored_columns=list(feed.ignored),
        products=list(made),
    )


def count(made: Sequence[ImportedProduct], photos_fetched: int) -> ImportCounts:
    """How many products had which outcome."""
    outcomes: Counter[str] = Counter(one.outcome for one in made)
    waiting = sum(one.status == ProductStatus.AWAITING_IMAGE for one in made if one.outcome != "refused")
    return ImportCounts(**outcomes, awaiting_photo=waiting, photos_fetched=photos_fetched)


def record_import(user_id: str, report: ImportReport, id: str | None) -> None:
    """Write an import to the audit log."""
    counts = report.model_dump(include={"created", "updated", "unchanged", "refused"})
    audit.record(user_id, "PRODUCTS_IMPORTED", kind=report.kind, id=id, **counts)


def _queue(
    user: Principal, id: str, data: bytes, feed: Feed, products: int, payload: ImportPayload, request_id: str
) -> ProductImport:
    """Store the file, then the import and its job."""
    blobs.put(blobs.IMPORTS, payload.file_blob, data, content_type="application/octet-stream")
    at = clock.iso()
    made = ImportDocument(
        id=ImportId.of(id),
        user_id=user.user_id,
        job_id=JobId.of(id),
        kind=feed.kind.name,
        products=products,
        file_blob=payload.file_blob,
        created_at=at,
        updated_at=at,
        ttl=KEEP_S,
    )
    job = protocol.new_job(
        IMPORT_JOB, queues.IMPORTS, user.user_id, payload, id=made.job_id, subject_id=made.id, request_id=request_id
    )
    try:
        store().batch(imports.container, user.user_id, [imports.creation(made), protocol.jobs.creation(job)])
    except BatchFailed as failure:
        if not isinstance(failure.cause, DocumentConflict):
            raise
        return get_import(user, id)
    protocol.enqueue(job)
    return _answer(made)


def list_imports(user: Principal, query: ImportsQuery) -> ProductImportList:
    """The vendor's imports that jobs do, newest first, for as long as they can be looked up."""
    page = list_latest(
        imports,
        query,
        equals(ImportDocument.status, query.status),
        partition=user.user_id,
        by=ImportDocument.created_at,
    )
    items = [_answer(one, with_report=False) for one in page.items]
    return ProductImportList(items=items, continuation=page.continuation)


def get_import(user: Principal, id: str) -> ProductImport:
    """An import that a job does. Raises NotFound, for another vendor's too."""
    found = imports.find(ImportId.of(id), user.user_id)
    if found is None:
        raise NotFound("there is no such import", code="import_not_found")
    return _answer(found)


def _answer(found: ImportDocument, *, with_report: bool = True) -> ProductImport:
    job = protocol.jobs.find(found.job_id, found.user_id)
    url = (
        with_report
        and found.report_blob
        and blobs.read_url(blobs.IMPORTS, found.report_blob, content_type="application/json")
    )
    counts = found.counts.model_dump(by_alias=False)
    return ProductImport.of(
        found, job_id=found.job_id.public, progress=job.progress if job else None, report_url=url or None, **counts
    )
