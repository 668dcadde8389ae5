"""Reading an upload from its request: multipart with a `file` part, or the bytes as the body."""

from __future__ import annotations

import azure.functions as func
from pydantic import ValidationError

from functions.upload import form
from functions.upload.models import UploadQuery
from shared import text
from shared.errors import BadRequest, TooLarge, Unprocessable
from shared.http.requests import media_type
from shared.http.validation import message_of
from shared.images.settings import image_settings

OVERHEAD_BYTES = 64 * 1024
"""What multipart may add to the bytes of the image."""


def read(request: func.HttpRequest) -> tuple[bytes, UploadQuery]:
    """The bytes of the image, and what the caller says about them.

    Raises:
        TooLarge: the body is over the limit.
        BadRequest: there is no image in it, or more than one.
        Unprocessable: a field of the form or the query is not valid.
    """
    conf = image_settings()
    limit = conf.upload_max_bytes
    too_large = (
        f"an image in a request may have {limit / 1e6:.1f} MB at most; "
        f"`POST files/presign` gives a URL for files up to {conf.file_max_bytes / 1e6:.1f} MB"
    )
    data = request.get_body()
    if len(data) > limit + OVERHEAD_BYTES:
        raise TooLarge(too_large)
    fields: dict[str, str] = dict(request.params)
    if media_type(request.headers.get("Content-Type")) == "multipart/form-data":
        data, fields = _multipart(data, request.headers.get("Content-Type") or "", fields)
    if not data:
        raise BadRequest(
            "send the image as a multipart part named `file`, or as the body", code="no_image", field="file"
        )
    if len(data) > limit:
        raise TooLarge(too_large, field="file")
    try:
        return data, UploadQuery.model_validate(fields)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in problem["loc"])[:64]
        raise Unprocessable(f"{name}: {message_of(problem)}", field=name) from None


def _multipart(body: bytes, content_type: str, fields: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    parts = form.read(body, content_type)
    files = [part for part in parts if part.filename is not None]
    if len(files) != 1 or files[0].name != "file":
        raise BadRequest("send exactly one part named `file`", code="no_image", field="file")
    name = text.line(files[0].filename or "")
    if name:
        fields.setdefault("name", name[:255])
    return files[0].data, {**fields, **{part.name: form.field_text(part) for part in parts if part.filename is None}}
