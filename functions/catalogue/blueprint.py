"""Triggers of the catalogue: files that vendors drop, the `drops` queue, its sweeper, and `products` over HTTP."""

from __future__ import annotations

from functools import cache

import azure.functions as func

from functions.catalogue.models import Drop, DropList, DropsQuery, Product, ProductList, ProductsQuery
from shared import telemetry
from shared.accounts.documents import Role
from shared.http.auth import Access
from shared.http.endpoint import Call, endpoint
from shared.jobs import queues
from shared.jobs.consumer import consumer
from shared.jobs.step import Step

VENDORS = Access(frozenset({Role.VENDOR}))

bp = func.Blueprint()


@cache
def _step() -> Step:
    from functions.catalogue.worker import DropStep

    return DropStep()


consumer(bp, queues.DROPS, _step)


@bp.function_name("vendor_drop")
@bp.blob_trigger(
    arg_name="blob",
    path="vendor-uploads/{vendorId}/{name}",
    connection="Storage",
    source=func.BlobSource.EVENT_GRID,
)
def vendor_drop(blob: func.InputStream) -> None:
    """A file has landed. Only a record and a job are made: the rest has leases, retries and an end."""
    from functions.catalogue import drops

    with telemetry.span("vendor.drop"):
        drops.arrived(str(blob.name))


@bp.function_name("catalogue_sweeper")
@bp.timer_trigger(arg_name="timer", schedule="%CATALOGUE_SWEEP_SCHEDULE%")
def catalogue_sweeper(timer: func.TimerRequest) -> None:
    """Find files that no trigger told of, and products whose files were deleted."""
    from functions.catalogue.reconcile import reconcile

    with telemetry.span("catalogue.sweep"):
        swept = reconcile()
    if swept.noticed or swept.retired or swept.settled:
        telemetry.log("catalogue.sweep", **vars(swept), pastDue=timer.past_due)


@endpoint(bp, "GET", "products", access=VENDORS, query=ProductsQuery, answer=ProductList)
def products_list(call: Call) -> ProductList:
    """One's products, latest change first."""
    from functions.catalogue import service

    return service.listed(call.caller, call.query)


@endpoint(bp, "GET", "products/{id}", access=VENDORS, answer=Product, errors=(404,))
def products_get(call: Call) -> Product:
    """A product with its photo, cut-out, mask and colours."""
    from functions.catalogue import service

    return service.product(call.caller, call.path["id"])


@endpoint(bp, "DELETE", "products/{id}", access=VENDORS, status=204, errors=(404, 409))
def products_delete(call: Call) -> None:
    """Take a product off the shelf; its dropped files go, too."""
    from functions.catalogue import service

    service.delete(call.caller, call.path["id"])


@endpoint(bp, "GET", "drops", access=VENDORS, query=DropsQuery, answer=DropList)
def drops_list(call: Call) -> DropList:
    """What became of the files one has dropped, latest first."""
    from functions.catalogue import service

    return service.drops(call.caller, call.query)


@endpoint(bp, "GET", "drops/{id}", access=VENDORS, answer=Drop, errors=(404,))
def drops_get(call: Call) -> Drop:
    """What became of one file."""
    from functions.catalogue import service

    return service.drop(call.caller, call.path["id"])
