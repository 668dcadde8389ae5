"""HTTP triggers of images: `images/upload`, `images`, `images/{id}`."""

from __future__ import annotations

import azure.functions as func

from functions.upload.models import ImageList, ImagesQuery, UploadQuery
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, Reply, endpoint
from shared.images import access
from shared.images.models import Image

bp = func.Blueprint()


@endpoint(
    bp, "POST", "images/upload", access=SIGNED_IN, status=201, limit="upload", idempotent=True, query=UploadQuery,
    answer=Image, upload=True, errors=(400, 403, 410, 413, 415, 422),
)  # fmt: skip
def upload_image(call: Call) -> Reply:
    """Upload an image.

    As the multipart part `file`, or as the raw body. It is checked, stripped of metadata, re-encoded and stored with
    smaller copies.
    """
    from functions.upload import receive, service

    data, described = receive.read(call.raw)
    if call.repeated:
        access.ensure_not_deleted(call.new_id, call.caller.user_id)
    image = service.upload_image(call.caller, call.new_id, data, described)
    return Reply(image, headers={"Location": f"/api/images/{image.id}"}, kept=False)


@endpoint(bp, "GET", "images", access=SIGNED_IN, query=ImagesQuery, answer=ImageList)
def list_images(call: Call) -> ImageList:
    """List images.

    Those that are ready, newest first.
    """
    from functions.upload import service

    return service.list_images(call.caller, call.query)


@endpoint(bp, "GET", "images/{id}", access=SIGNED_IN, answer=Image, errors=(404,))
def get_image(call: Call) -> Image:
    """Get an image.

    The user's own, or a public one. Its URLs expire after minutes.
    """
    from functions.upload import service

    return service.get_image(call.caller, call.path["id"])


@endpoint(bp, "DELETE", "images/{id}", access=SIGNED_IN, status=204, errors=(404, 409))
def delete_image(call: Call) -> None:
    """Delete an image.

    With all its renditions, masks and heat maps.
    """
    from functions.upload import service

    service.delete_image(call.caller, call.path["id"])
