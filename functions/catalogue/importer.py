"""What an import does with each product of a file: create it, change it, or say why not.

A product is one document, so none is ever half written; sending the file again finishes what a crash left, and changes
nothing that is as it says already.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from functions.catalogue import products
from functions.catalogue.feed_products import MAX_SHOWN, FeedProduct
from functions.catalogue.feed_variants import Finding
from functions.catalogue.import_pictures import PictureFetcher, Wanted
from functions.catalogue.import_schemas import ImportedProduct, ImportFinding
from functions.catalogue.models import ProductChange
from functions.catalogue.service import assignments
from functions.catalogue.vendor_files import product_id
from shared.catalogue.documents import ProductDocument, ProductStatus
from shared.catalogue.documents import products as repository
from shared.errors import DocumentConflict, StudioError
from shared.passes import Pass

PICTURE_MISSING: Final = "there is no photo yet: upload it as {sku}.jpg"
PICTURE_ELSEWHERE: Final = f"pictures are fetched with `pictures=fetch` only; {PICTURE_MISSING}"
WITHOUT_PHOTO: Final = (ProductStatus.AWAITING_IMAGE,)

type Outcome = Literal["created", "updated", "unchanged", "refused"]


class Importer:
    """Writes the products of one vendor."""

    def __init__(self, vendor_id: str, *, fetch: bool = False) -> None:
        self._vendor_id = vendor_id
        self._pass = Pass("catalogue.import")
        self._fetcher = PictureFetcher(vendor_id) if fetch else None
        self.photos_fetched = 0

    def take(self, one: FeedProduct) -> ImportedProduct:
        """Create or change a product, or say why not."""
        current: ProductDocument | None = None
        try:
            current = self._current(one.sku) if one.sku else None
            change = one.change
            if change is None or one.problems:
                return self._answer(one, "refused", current)
            outcome, product = self._write(one, change, current)
        except StudioError as error:
            one.problems.append(Finding(one.line, "sku", one.sku, f"{error.message}: send the file again"))
            return self._answer(one, "refused", current)
        except Exception as error:
            # A stored product that no model can read, say: it must not take the others with it.
            self._pass.report(error, vendorId=self._vendor_id, sku=one.sku)
            one.problems.append(Finding(one.line, "sku", one.sku, "could not be imported: ask the shop's operator"))
            return self._answer(one, "refused", None)
        if product is not None and product.image is None:
            self._wait_for_picture(one, product)
        return self._answer(one, outcome, product)

    def take_all(self, found: Sequence[FeedProduct]) -> list[ImportedProduct]:
        """Create or change products, then fetch the photos that they lack where the import does so."""
        made = [self.take(one) for one in found]
        return made if self._fetcher is None else self._fetch_pictures(found, made, self._fetcher)

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

    def _wait_for_picture(self, one: FeedProduct, product: ProductDocument) -> None:
        line, column, read = one.image or (one.line, "image", "")
        if not _is_address(read):
            one.notices.append(Finding(line, column, read[:MAX_SHOWN], PICTURE_MISSING.format(sku=one.sku)))
        elif self._fetcher is None:
            one.notices.append(Finding(line, column, read[:MAX_SHOWN], PICTURE_ELSEWHERE.format(sku=one.sku)))

    def _fetch_pictures(
        self, found: Sequence[FeedProduct], made: list[ImportedProduct], fetcher: PictureFetcher
    ) -> list[ImportedProduct]:
        lacking = [
            (number, one, one.image)
            for number, one in enumerate(found)
            if one.image and _is_address(one.image[2]) and made[number].status in WITHOUT_PHOTO
        ]
        answers = fetcher.fetch([Wanted(one.sku, image[2]) for _, one, image in lacking])
        for (number, one, (line, column, read)), failure in zip(lacking, answers, strict=True):
            if not failure:
                self.photos_fetched += failure is None
                continue
            notice = Finding(line, column, read[:MAX_SHOWN], f"the photo was not fetched: {failure}")
            one.notices.append(notice)
            made[number] = made[number].model_copy(update={"notices": [*made[number].notices, _finding(notice)]})
        return made

    def _answer(self, one: FeedProduct, outcome: Outcome, product: ProductDocument | None) -> ImportedProduct:
        return ImportedProduct(
            line=one.line,
            sku=one.sku,
            product_id=None if product is None else product.id.public,
            outcome=outcome,
            status=None if product is None else product.status,
            problems=[_finding(problem) for problem in one.problems],
            notices=[_finding(notice) for notice in one.notices],
        )


def _is_address(image: str) -> bool:
    return image.lower().startswith(("http://", "https://"))


def _finding(found: Finding) -> ImportFinding:
    return ImportFinding(**vars(found))
