"""Imports of products: a table or a feed, checked as a whole and then written product by product.

A product is one document, so none is ever half written; sending the file again finishes what a crash left, and changes
nothing that is as it says already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

from functions.catalogue import products
from functions.catalogue.feed_kinds import Feed, read_feed
from functions.catalogue.feed_products import FeedProduct, Prices, products_of
from functions.catalogue.feed_variants import Finding
from functions.catalogue.import_schemas import ImportedProduct, ImportFinding, ImportQuery, ImportReport
from functions.catalogue.models import ProductChange
from functions.catalogue.service import assignments
from functions.catalogue.vendor_files import product_id
from shared import audit
from shared.catalogue.documents import ProductDocument, ProductStatus
from shared.catalogue.documents import products as repository
from shared.errors import DocumentConflict, StudioError, TooLarge
from shared.http.auth import Principal
from shared.tables.schemas import TableReading
from shared.tables.upload import CONTENT_TYPES, TableUpload

MAX_PRODUCTS: Final = 1_000
"""Of a file: its writes end well before a gateway gives up on the request (measured in docs/imports.md)."""
XML_TYPES: Final = ("application/xml", "text/xml", "application/rss+xml", "application/atom+xml")
PICTURE_MISSING: Final = "there is no photo yet: upload it as {sku}.jpg (`POST drops`)"

type Outcome = Literal["created", "updated", "unchanged", "refused"]


def import_products(user: Principal, upload: TableUpload, query: ImportQuery) -> ImportReport:
    """Create and change products by a file.

    Raises:
        TooLarge: over 16 MiB, or more than 1,000 products.
        UnsupportedMedia: the content type is neither of a table nor of XML.
        Unprocessable: the file can't be read, or in two ways; nothing was changed.
    """
    data = upload.validate((*CONTENT_TYPES, *XML_TYPES))
    feed = read_feed(data, upload.format(query.decimal, "auto", query.sheet))
    prices = Prices.of(feed, query.decimal, query.currency)
    found = products_of(feed, prices)
    if len(found) > MAX_PRODUCTS:
        raise TooLarge(
            f"the file has {len(found)} products, an import takes up to {MAX_PRODUCTS}: split it",
            code="too_many_products",
        )
    importer = _Import(user.user_id)
    report = _report(feed, prices, [importer.take(one) for one in found])
    counts = report.model_dump(include={"created", "updated", "unchanged", "refused"})
    audit.record(user.user_id, "PRODUCTS_IMPORTED", kind=report.kind, **counts)
    return report


def _report(feed: Feed, prices: Prices, made: Sequence[ImportedProduct]) -> ImportReport:
    counts: Counter[Outcome] = Counter(one.outcome for one in made)
    waiting = sum(one.status == ProductStatus.AWAITING_IMAGE for one in made if one.outcome != "refused")
    return ImportReport(
        kind=feed.kind.name,
        created=counts["created"],
        updated=counts["updated"],
        unchanged=counts["unchanged"],
        refused=counts["refused"],
        awaiting_photo=waiting,
        read_as=TableReading.all_of((*feed.grid.read_as, *prices.read_as)),
        ignored_columns=list(feed.ignored),
        products=list(made),
    )


class _Import:
    """Writes the products of one vendor."""

    def __init__(self, vendor_id: str) -> None:
        self._vendor_id = vendor_id

    def take(self, one: FeedProduct) -> ImportedProduct:
        """Create or change a product, or say why not."""
        current = self._current(one.sku) if one.sku else None
        change = one.change
        if change is None or one.problems:
            return self._answer(one, "refused", current)
        try:
            outcome, product = self._write(one, change, current)
        except StudioError as error:
            one.problems.append(Finding(one.line, "sku", one.sku, f"{error.message}: send the file again"))
            return self._answer(one, "refused", current)
        if product is not None and product.image is None:
            self._note_missing_picture(one)
        return self._answer(one, outcome, product)

    def _write(
        self, one: FeedProduct, change: ProductChange, current: ProductDocument | None
    ) -> tuple[Outcome, ProductDocument | None]:
        changes = tuple(assignments(change))
        if current is None:
            if change.title is None:
                one.problems.append(Finding(one.line, "title", "", "is empty: a new product needs one"))
                return "refused", None
            try:
                made = products.create(self._vendor_id, one.sku, *changes)
            except DocumentConflict:
                current = products.get_product(self._vendor_id, product_id(self._vendor_id, one.sku))
            else:
                products.propagate(made)
                return "created", made
        retired = current.status is ProductStatus.RETIRED
        if retired and change.status != "active":
            one.problems.append(
                Finding(one.line, "sku", one.sku, "is retired: give it the status `active` to offer it again")
            )
            return "refused", current
        if not retired and current.with_changes(*changes) == current:
            if current.propagation_due is not None:
                products.propagate(current)
            return "unchanged", current
        changed = products.update(current, *changes, status=change.status)
        products.propagate(changed)
        return "updated", changed

    def _current(self, sku: str) -> ProductDocument | None:
        return repository.find(product_id(self._vendor_id, sku), self._vendor_id)

    def _note_missing_picture(self, one: FeedProduct) -> None:
        line, column, read = one.image or (one.line, "image", "")
        message = PICTURE_MISSING.format(sku=one.sku)
        if read.lower().startswith(("http://", "https://")):
            message = f"pictures are not fetched from addresses; {message}"
        one.notices.append(Finding(line, column, read[:80], message))

    def _answer(self, one: FeedProduct, outcome: Outcome, product: ProductDocument | None) -> ImportedProduct:
        return ImportedProduct(
            line=one.line,
            sku=one.sku,
            product_id=None if product is None else product.id.public,
            outcome=outcome,
            status=None if product is None else product.status,
            problems=[ImportFinding(**vars(problem)) for problem in one.problems],
            notices=[ImportFinding(**vars(notice)) for notice in one.notices],
        )
