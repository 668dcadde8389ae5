"""HTTP triggers of the shop window: `shops/{shop}/products`, a product, its public pictures."""

from __future__ import annotations

import azure.functions as func

from functions.shop.models import PictureQuery, WindowPage, WindowQuery
from shared.catalogue.window import WindowProduct
from shared.http.auth import PUBLIC
from shared.http.endpoint import Call, Reply, endpoint

bp = func.Blueprint()


@endpoint(bp, "GET", "shops/{shop}/products", access=PUBLIC, limit="shop", query=WindowQuery, answer=WindowPage)
def shop_products_list(call: Call) -> WindowPage:
    """List products on sale.

    Needs no sign-in. Filters combine; `facets` counts the values of fields.
    """
    from functions.shop import service

    return service.list_products(call.path["shop"], call.query)


@endpoint(bp, "GET", "shops/{shop}/products/{id}", access=PUBLIC, limit="shop", answer=WindowProduct)
def shop_products_get(call: Call) -> WindowProduct:
    """Get product on sale.

    Needs no sign-in.
    """
    from functions.shop import service

    return service.get_product(call.path["shop"], call.path["id"])


@endpoint(
    bp, "GET", "shops/{shop}/products/{id}/pictures/{version}/{name}", access=PUBLIC, limit="pictures",
    query=PictureQuery, media=("image/webp", "image/jpeg", "image/png"), errors=(304,),
)  # fmt: skip
def shop_pictures_get(call: Call) -> Reply:
    """Get public picture.

    The address names the version of the photo: what it returns never changes, so browsers and CDNs keep it for a week.
    """
    from functions.shop import service

    return service.read_picture(call.path["shop"], call.path["id"], call.path["version"], call.path["name"])
