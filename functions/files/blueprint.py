"""HTTP triggers of upload by SAS: `files/presign`, `files/{id}/complete`."""

from __future__ import annotations

import azure.functions as func

from functions.files.models import Presigned, PresignRequest
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, Reply, endpoint
from shared.images import access
from shared.images.models import Image

bp = func.Blueprint()


@endpoint(
    bp, "POST", "files/presign", access=SIGNED_IN, status=201, limit="upload", idempotent=True,
    body=PresignRequest, answer=Presigned, errors=(403, 410, 413),
)  # fmt: skip
def presign_upload(call: Call) -> Reply:
    """Presign an upload.

    Returns a URL to upload the image to, straight into Blob Storage.
    """
    from functions.files import service

    if call.repeated:
        access.ensure_not_deleted(call.new_id, call.caller.user_id)
    return Reply(service.presign(call.caller, call.new_id, call.body), kept=False)


@endpoint(
    bp, "POST", "files/{id}/complete", access=SIGNED_IN, limit="upload", answer=Image,
    errors=(404, 409, 413, 415, 422),
)  # fmt: skip
def complete_upload(call: Call) -> Image:
    """Complete an upload.

    What was uploaded is checked, stripped of metadata, re-encoded and stored with smaller copies.
    """
    from functions.files import service

    return service.complete_upload(call.caller, call.path["id"])
