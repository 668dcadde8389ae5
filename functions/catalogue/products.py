"""Changes of product documents, and the work that follows from one.

A photo and its metadata arrive in any order and on several workers, so each writes its own part, conditional on the
document's ETag, and only while the file it was made from is still the current one. The work that follows (the image
record that shoppers use, the message to the index, removal of replaced pictures) is done by `propagate` until
`propagation_due` is cleared; if a process crashes in between, the sweeper finds the product by that field.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Final, Literal, TypeGuard

from functions.catalogue.documents import DropDocument, DropStatus, drops
from functions.catalogue.photos import delete_pictures
from functions.catalogue.vendor_files import METADATA_ENDING, VendorFile, version_of
from shared import blobs, clock
from shared.catalogue.changes import ProductChange, send_change
from shared.catalogue.documents import (
    DraftReason,
    MetadataFields,
    Part,
    PhotoFields,
    ProductDocument,
    ProductSources,
    ProductStatus,
    SourceFile,
    products,
)
from shared.documents.fields import Assign, assign, where
from shared.errors import (
    DocumentConflict,
    DocumentNotFound,
    NotFound,
    PreconditionFailed,
    RevisionConflict,
    StudioError,
    Unavailable,
    Unprocessable,
)
from shared.images.documents import ImageId, ImageKind, StoredRenditions, Visibility, images, ready_image
from shared.jobs.settings import job_settings
from shared.passes import Pass

MAX_TRIES: Final = 20
"""Of one write, while others change the same product."""
NO_METADATA: Final = DraftReason(
    code="metadata_missing", message="There is a photo and no metadata. Upload SKU.json, or set the title."
)
WITHHELD: Final = DraftReason(code="withheld", message="You took it off sale. Set its status to `active` to sell it.")


def get_product(vendor_id: str, id: str) -> ProductDocument:
    """A vendor's product. Raises NotFound, for another vendor's one too."""
    found = products.find(id, vendor_id)
    if found is None:
        raise NotFound("there is no such product", code="product_not_found")
    return found


def find(file: VendorFile) -> ProductDocument | None:
    """The product that a file belongs to. Raises as `VendorFile.sku`."""
    return products.find(file.product_id, file.vendor_id)


def is_made_from(product: ProductDocument | None, file: VendorFile) -> TypeGuard[ProductDocument]:
    """Whether this version of a file is part of a product already."""
    return product is not None and file.source in product.sources.files


def write(
    file: VendorFile, fields: PhotoFields | MetadataFields, product: ProductDocument | None
) -> ProductDocument | None:
    """Put what a file says into its product; None when the file was overwritten or deleted meanwhile.

    Args:
        product: as it was before this version of the file was read. A worker that writes a newer file later changes its
            ETag, so nothing is read again unless that has happened.

    Raises:
        Unprocessable: `duplicate_file`, another file is this part of the product already.
        Unavailable: `product_busy`, others change the product all the time.
    """
    part: Part = "image" if isinstance(fields, PhotoFields) else "metadata"
    for attempt in range(MAX_TRIES):
        if attempt:
            product = find(file)
            # After the product was read, for the reason above.
            blob = blobs.info(blobs.VENDOR_UPLOADS, file.blob)
            if blob is None or version_of(blob) != file.etag:
                return None
        sources = product.sources if product else ProductSources()
        _refuse_duplicate(file, sources.of(part))
        sources = sources.model_copy(update={part: file.source})
        changed = _next_revision(product or _new_product(file), sources, fields)
        try:
            return products.create(changed) if product is None else products.replace(changed, etag=product.etag)
        except (DocumentConflict, PreconditionFailed, DocumentNotFound):
            continue
    raise Unavailable("the product is being changed by others again and again", code="product_busy")


def _refuse_duplicate(file: VendorFile, current: SourceFile | None) -> None:
    """A second file for the same SKU would replace the first without a word."""
    if current is None or current.name == file.name:
        return
    if blobs.info(blobs.VENDOR_UPLOADS, f"{file.vendor_id}/{current.name}") is not None:
        raise Unprocessable(
            f"The product {file.sku()} is made from {current.name} already. Overwrite or delete that file.",
            code="duplicate_file",
        )


def note_refused_metadata(file: VendorFile, error: StudioError) -> None:
    """Say at a draft why its metadata was refused."""
    reason = DraftReason(code="metadata_refused", message=f"{file.name} was refused: {error.message}")
    is_draft = (
        where(ProductDocument.status, "=", ProductStatus.DRAFT),
        where(ProductDocument.title, "=", None),
    )
    with suppress(DocumentNotFound, PreconditionFailed):
        products.patch(
            file.product_id,
            file.vendor_id,
            assign(ProductDocument.draft, reason),
            assign(ProductDocument.updated_at, clock.iso()),
            where=is_draft,
        )


def create(vendor_id: str, sku: str, *changes: Assign) -> ProductDocument:
    """A product that waits for its photo.

    Raises:
        Unprocessable: `bad_name`, the SKU can't be one.
        DocumentConflict: there is such a product.
    """
    product = _new_product(VendorFile(vendor_id, f"{sku}.jpg", ""))
    return products.create(_next_revision(product.with_changes(*changes), product.sources))


def update(
    product: ProductDocument,
    *changes: Assign,
    revision: int | None = None,
    status: Literal["active", "draft", "retired"] | None = None,
) -> ProductDocument:
    """Change fields of a product by its vendor's request.

    Args:
        revision: the one that the vendor has seen; None changes whatever there is.
        status: what the vendor asks for. A retired product keeps its files, and stays retired unless another status
            is asked for.

    Raises:
        RevisionConflict: it has another revision.
        Unavailable: `product_busy`.
    """
    for _ in range(MAX_TRIES):
        if revision is not None and product.revision != revision:
            raise RevisionConflict("the product was changed since: read it again")
        changed = _next_revision(product.with_changes(*changes), product.sources)
        if status == "retired" or (status is None and product.status is ProductStatus.RETIRED):
            changed = changed.model_copy(update={"status": ProductStatus.RETIRED, "draft": None})
        try:
            return products.replace(changed, etag=product.etag)
        except PreconditionFailed:
            product = get_product(product.vendor_id, product.id)
        except DocumentNotFound:
            break
    raise Unavailable("the product is being changed by others again and again", code="product_busy")


def retire(product: ProductDocument, missing: Collection[Part]) -> ProductDocument | None:
    """Stop offering a product; None when it was changed meanwhile.

    Args:
        missing: parts whose files were deleted; metadata that is still there waits for the next photo.
    """
    kept: list[PhotoFields | MetadataFields] = []
    if "image" in missing:
        kept.append(PhotoFields())
    if "metadata" in missing:
        kept.append(MetadataFields())
    sources = product.sources.model_copy(update=dict.fromkeys(missing))
    changed = _next_revision(product, sources, *kept).model_copy(update={"status": ProductStatus.RETIRED})
    try:
        return products.replace(changed, etag=product.etag)
    except (PreconditionFailed, DocumentNotFound):
        return None


def _new_product(file: VendorFile) -> ProductDocument:
    return ProductDocument(
        id=file.product_id,
        vendor_id=file.vendor_id,
        sku=file.sku(),
        status=ProductStatus.AWAITING_IMAGE,
        revision=0,
        created_at=clock.iso(),
        updated_at=clock.iso(),
    )


def _next_revision(
    product: ProductDocument, sources: ProductSources, *parts: PhotoFields | MetadataFields
) -> ProductDocument:
    changed = product.model_copy(update={name: value for part in parts for name, value in part})
    before = {product.image.prefix} if product.image else set[str]()
    after = {changed.image.prefix} if changed.image else set[str]()
    status, draft = _offer(changed)
    return changed.model_copy(
        update={
            "sources": sources,
            "stale": tuple(sorted((set(product.stale) | before) - after)),
            "status": status,
            "draft": draft,
            "revision": product.revision + 1,
            "updated_at": clock.iso(),
            "propagation_due": clock.now() + job_settings().job_orphan_s,
        }
    )


def _offer(product: ProductDocument) -> tuple[ProductStatus, DraftReason | None]:
    """Whether a product can be on sale, and why not."""
    if product.image is None:
        return ProductStatus.AWAITING_IMAGE, None
    if product.title is None:
        refused = product.draft if product.draft and product.draft.code == "metadata_refused" else None
        return ProductStatus.DRAFT, refused or _refused_before(product) or NO_METADATA
    if product.withheld:
        return ProductStatus.DRAFT, WITHHELD
    return ProductStatus.ACTIVE, None


def _refused_before(product: ProductDocument) -> DraftReason | None:
    """Why the metadata that came before the photo was refused."""
    refused = drops.list(
        where(DropDocument.name, "=", f"{product.sku}{METADATA_ENDING}"),
        where(DropDocument.status, "=", DropStatus.REJECTED),
        partition=product.vendor_id,
        order_by=DropDocument.updated_at,
        descending=True,
        limit=1,
        skip_unreadable=True,
    ).items
    if not refused or refused[0].error is None:
        return None
    drop = refused[0]
    return DraftReason(
        code="metadata_refused", message=f"{drop.name} was refused: {drop.error.message if drop.error else ''}"
    )


def propagate(product: ProductDocument) -> None:
    """Bring everything that depends on a product up to its last revision. May be repeated."""
    for _ in range(MAX_TRIES):
        _update_image_record(product)
        send_change(ProductChange(vendor_id=product.vendor_id, product_id=product.id, revision=product.revision))
        for prefix in product.stale:
            delete_pictures(prefix)
        same = where(ProductDocument.revision, "=", product.revision)
        done = (assign(ProductDocument.propagation_due, None), assign(ProductDocument.stale, ()))
        try:
            products.patch(product.id, product.vendor_id, *done, where=(same,))
            return
        except PreconditionFailed:
            product = products.get(product.id, product.vendor_id)
        except DocumentNotFound:
            return


def _update_image_record(product: ProductDocument) -> None:
    """The product's photo as an image of a garment, so that shoppers can try it on: public while it is on sale, the
    vendor's own while it is a draft, none when it is retired."""
    if product.image is None or product.status not in (ProductStatus.ACTIVE, ProductStatus.DRAFT):
        with suppress(DocumentNotFound):
            images.delete(ImageId.of(product.id), product.vendor_id)
        return
    stored = StoredRenditions(
        renditions=product.image.renditions.by_name(),
        width=product.image.width,
        height=product.image.height,
        sha256=product.image.sha256,
        bytes=product.image.bytes,
    )
    # No bytes: products do not count in the vendor's storage quota.
    image = ready_image(
        product.id,
        product.vendor_id,
        stored,
        kind=ImageKind.GARMENT,
        visibility=Visibility.PUBLIC if product.status is ProductStatus.ACTIVE else Visibility.PRIVATE,
        name=product.name,
        bytes=0,
        product_id=product.id,
    )
    images.upsert(image)


def propagate_overdue(limit: int = 200) -> int:
    """Propagate changes that were left by a crash, `limit` of them at most; returns how many."""
    done = 0
    overdue = Pass("catalogue.propagate")
    for product in products.iterate(where(ProductDocument.propagation_due, "<", clock.now())):
        with overdue.item(productId=product.id, userId=product.vendor_id):
            propagate(product)
            done += 1
        if done >= limit or overdue.failed >= limit:
            break
    return done
