"""Reading an upload from its request: multipart with a `file` part, or the bytes as the body."""

from __future__ import annotations

import azure.functions as func
from pydantic import ValidationError

from functions.upload import form
from functions.upload.models import UploadQuery
from shared import text
from shared.errors import BadRequest, TooLarge, Unprocessable
from shared.http.requests import media_type
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
    limit = image_settings().upload_max_bytes
    data = request.get_body()
    if len(data) > limit + OVERHEAD_BYTES:
        raise TooLarge(f"an image may have {limit} bytes at most")
    fields: dict[str, str] = dict(request.params)
    if media_type(request.headers.get("Content-Type")) == "multipart/form-data":
        data, fields = _multipart(data, request.headers.get("Content-Type") or "", fields)
    if not data:
        raise BadRequest(
            "send the image as a multipart part named `file`, or as the body", code="no_image", field="file"
        )
    if len(data) > limit:
        raise TooLarge(f"an image may have {limit} bytes at most", field="file")
    try:
        return data, UploadQuery.model_validate(fields)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in problem["loc"])[:64]
        raise Unprocessable(f"{name}: {problem['msg']}", field=name) from None


def _multipart(body: bytes, content_type: str, fields: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    parts = form.read(body, content_type)
    files = [part for part in parts if part.filename is not None]
    if len(files) != 1 or files[0].name != "file":
        raise BadRequest("send exactly one part named `file`", code="no_image", field="file")
    name = text.line(files[0].filename or "")
    if name:
        fields.setdefault("name", name[:255])
    return files[0].data, {**fields, **{part.name: form.field_text(part) for part in parts if part.filename is None}}
