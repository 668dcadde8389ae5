"""Triggers of the catalogue: vendors' files, the `drops` queue, the sweeper, products and drops over HTTP."""

from __future__ import annotations

import azure.functions as func

from functions.catalogue.drop_uploads import DropRequest, DropsRequest, DropUpload, DropUploads
from functions.catalogue.import_schemas import (
    ImportQuery,
    ImportReport,
    ImportsQuery,
    ProductImport,
    ProductImportList,
)
from functions.catalogue.models import Drop, DropList, DropsQuery, Product, ProductChange, ProductList, ProductsQuery
from shared import telemetry
from shared.accounts.documents import Role
from shared.blob_reference import BlobReference
from shared.http.auth import Access
from shared.http.endpoint import Call, Reply, endpoint
from shared.tables.upload import XLSX, TableUpload

FEEDS = ("text/csv", "text/tab-separated-values", XLSX, "application/xml")
VENDORS = Access(frozenset({Role.VENDOR}))

bp = func.Blueprint()


@bp.function_name("vendor_drop")
@bp.blob_trigger(
    arg_name="blob",
    path="vendor-uploads/{vendorId}/{name}",
    connection="Storage",
    source=func.BlobSource.EVENT_GRID,
)
def vendor_drop(blob: BlobReference) -> None:
    """Record a vendor's file and enqueue its job; processing then has leases, retries and an end."""
    from functions.catalogue import vendor_files

    with telemetry.span("vendor.drop"):
        vendor_files.on_blob_created(blob.name)


@endpoint(bp, "GET", "products", access=VENDORS, query=ProductsQuery, answer=ProductList)
def products_list(call: Call) -> ProductList:
    """List products."""
    from functions.catalogue import service

    return service.list_products(call.caller, call.query)


@endpoint(
    bp, "POST", "products/imports", access=VENDORS, limit="imports", upload=FEEDS, query=ImportQuery,
    answer=ImportReport, answers={202: ProductImport}, errors=(413, 415, 422),
)  # fmt: skip
def products_import(call: Call) -> Reply:
    """Import products.

    Creates and updates products by a table of our columns, an export of Shopify or WooCommerce (CSV or `.xlsx`), or a
    feed for Google Merchant (XML or TSV). The answer says of every product what became of it. More than 1,000 products,
    and `pictures=fetch`, are answered 202 with an import that a job does. May be sent again.
    """
    from functions.catalogue import imports

    upload = TableUpload(call.raw.get_body(), call.headers.get("Content-Type"))
    made = imports.import_products(call.caller, call.new_id, upload, call.query, call.request_id)
    if isinstance(made, ProductImport):
        return Reply(made, status=202, headers={"Location": f"/api/products/imports/{made.id}"})
    return Reply(made)


@endpoint(bp, "GET", "products/imports", access=VENDORS, query=ImportsQuery, answer=ProductImportList)
def product_imports_list(call: Call) -> ProductImportList:
    """List product imports.

    Those that jobs do, newest first; with `status=processing` those that run.
    """
    from functions.catalogue import imports

    return imports.list_imports(call.caller, call.query)


@endpoint(bp, "GET", "products/imports/{id}", access=VENDORS, answer=ProductImport, errors=(404,))
def products_import_get(call: Call) -> ProductImport:
    """Get product import.

    Its progress, and the address of its report once it has ended.
    """
    from functions.catalogue import imports

    return imports.get_import(call.caller, call.path["id"])


@endpoint(bp, "GET", "products/{id}", access=VENDORS, answer=Product, errors=(404,))
def products_get(call: Call) -> Reply:
    """Get product.

    Its `ETag`, sent back as `If-Match`, makes sure that a change is made to what was seen.
    """
    from functions.catalogue import service

    product = service.get_product(call.caller, call.path["id"])
    return Reply(product, headers={"ETag": service.etag(product)})


@endpoint(
    bp, "PATCH", "products/{id}", access=VENDORS, body=ProductChange, answer=Product, errors=(404, 409, 412),
    headers={"If-Match": "the `ETag` of the product as seen: the change is made only to that version"},
)  # fmt: skip
def products_change(call: Call) -> Reply:
    """Update product.

    Its title, price and the like, and whether it is on sale.
    """
    from functions.catalogue import service

    product = service.change_product(call.caller, call.path["id"], call.body, call.headers.get("If-Match"))
    return Reply(product, headers={"ETag": service.etag(product)})


@endpoint(bp, "DELETE", "products/{id}", access=VENDORS, status=204, errors=(404, 409))
def products_delete(call: Call) -> None:
    """Delete product.

    The product is no longer offered, and the files it was made from are deleted.
    """
    from functions.catalogue import service

    service.delete_product(call.caller, call.path["id"])


@endpoint(bp, "GET", "drops", access=VENDORS, query=DropsQuery, answer=DropList)
def drops_list(call: Call) -> DropList:
    """List drops.

    A drop is a file that the vendor uploaded, and what became of it.
    """
    from functions.catalogue import service

    return service.list_drops(call.caller, call.query)


@endpoint(bp, "POST", "drops", access=VENDORS, limit="drops", body=DropRequest, answer=DropUpload)
def drops_create(call: Call) -> DropUpload:
    """Presign a drop.

    Returns a URL to upload a photo or its metadata to. Once it is uploaded the file is a drop: `GET drops` lists it.
    """
    from functions.catalogue import drop_uploads

    return drop_uploads.presign_drop(call.caller, call.body)


@endpoint(
    bp, "POST", "drops/batch", access=VENDORS, limit="drops", idempotent=True, body=DropsRequest, answer=DropUploads,
)  # fmt: skip
def drops_create_batch(call: Call) -> Reply:
    """Presign many drops.

    Up to 100 names, each answered by itself as `POST drops` does and counted as such a call: a bad name is refused in
    its own row, and the others get their URLs.
    """
    from functions.catalogue import drop_uploads

    return Reply(drop_uploads.presign_drops(call.caller, call.body), kept=False)


@endpoint(bp, "GET", "drops/{id}", access=VENDORS, answer=Drop, errors=(404,))
def drops_get(call: Call) -> Drop:
    """Get drop."""
    from functions.catalogue import service

    return service.get_drop(call.caller, call.path["id"])
