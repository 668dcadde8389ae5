"""Reading an upload off the request: multipart with a `file` part, or the bytes as the body."""

from __future__ import annotations

import re

import azure.functions as func
from pydantic import ValidationError

from functions.upload.models import UploadQuery
from shared.errors import BadRequest, TooLarge, Unprocessable
from shared.images.settings import image_settings

MAX_PARTS = 10
OVERHEAD_BYTES = 64 * 1024
"""What a multipart envelope may add to the image."""


def read(req: func.HttpRequest) -> tuple[bytes, UploadQuery]:
    """The image's bytes, and what the caller says of them.

    Raises:
        TooLarge: the body is over the limit.
        BadRequest: there is no image in it, or more than one.
        Unprocessable: a field of the form or the query is not valid.
    """
    limit = image_settings().upload_max_bytes
    body = req.get_body()
    if len(body) > limit + OVERHEAD_BYTES:
        raise TooLarge(f"an image may have {limit} bytes at most")
    fields: dict[str, str] = dict(req.params)
    kind = (req.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        body, fields = _multipart(req, fields)
    if not body:
        raise BadRequest(
            "send the image as a multipart part named `file`, or as the body", code="no_image", field="file"
        )
    if len(body) > limit:
        raise TooLarge(f"an image may have {limit} bytes at most", field="file")
    try:
        return body, UploadQuery.model_validate(fields)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in problem["loc"])[:64]
        raise Unprocessable(f"{name}: {problem['msg']}", field=name) from None


def _multipart(req: func.HttpRequest, fields: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    boundary = re.search(r'boundary="?([^";,]+)', req.headers.get("Content-Type") or "")
    if boundary and req.get_body().count(b"--" + boundary[1].encode(errors="replace")) > MAX_PARTS + 1:
        # Counted before parsing: a body of empty parts costs the parser seconds.
        raise BadRequest(f"send at most {MAX_PARTS} parts, one of them named `file`", code="bad_multipart")
    try:
        files, form = req.files, req.form
    except Exception:
        raise BadRequest("the multipart body can't be read", code="bad_multipart") from None
    parts = list(files.items(multi=True))
    if len(parts) != 1 or parts[0][0] != "file":
        raise BadRequest("send exactly one part named `file`", code="no_image", field="file")
    part = parts[0][1]
    if part.filename:
        fields.setdefault("name", part.filename[:255])
    return part.read(), {**fields, **{name: str(value) for name, value in form.items()}}
