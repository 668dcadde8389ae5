"""Reading an upload from its request: multipart with a `file` part, or the bytes as the body."""

from __future__ import annotations

import re

import azure.functions as func
from pydantic import ValidationError

from functions.upload.models import UploadQuery
from shared.errors import BadRequest, TooLarge, Unprocessable
from shared.http.requests import media_type
from shared.images.settings import image_settings

MAX_PARTS = 10
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
        data, fields = _multipart(request, fields)
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


def _multipart(request: func.HttpRequest, fields: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    boundary = re.search(r'boundary="?([^";,]+)', request.headers.get("Content-Type") or "")
    if boundary and request.get_body().count(b"--" + boundary[1].encode(errors="replace")) > MAX_PARTS + 1:
        # Counted before parsing: a body of empty parts costs the parser seconds.
        raise BadRequest(f"send at most {MAX_PARTS} parts, one of them named `file`", code="bad_multipart")
    try:
        files, form = request.files, request.form
    except Exception:
        raise BadRequest("the multipart body can't be read", code="bad_multipart") from None
    parts = list(files.items(multi=True))
    if len(parts) != 1 or parts[0][0] != "file":
        raise BadRequest("send exactly one part named `file`", code="no_image", field="file")
    part = parts[0][1]
    if part.filename:
        fields.setdefault("name", part.filename[:255])
    return part.read(), {**fields, **{name: str(value) for name, value in form.items()}}
