"""Uploads of vendors by presigned URL, into their own folder; what arrives there is processed as any drop."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from functions.catalogue.vendor_files import VendorFile
from shared import blobs, clock
from shared.http.auth import Principal
from shared.http.models import Answer, Body

CONTENT_TYPE: Final = "application/octet-stream"
"""Sent with every file: its bytes decide what it is."""


class DropRequest(Body):
    """A file to upload."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(
        description="`SKU.jpg` or another picture, or `SKU.json`; the same name again replaces the file"
    )


class DropUpload(Answer):
    """Where to PUT the file."""

    name: str
    url: str
    method: str = "PUT"
    headers: dict[str, str] = Field(description="to send with the PUT")
    expires_at: str


def presign_drop(user: Principal, request: DropRequest) -> DropUpload:
    """A URL to upload one file to. Raises Unprocessable: `bad_name`."""
    file = VendorFile(user.user_id, request.name, "")
    file.sku()
    url, expires = blobs.upload_url(blobs.VENDOR_UPLOADS, file.blob, overwrite=True)
    return DropUpload(
        name=request.name,
        url=url,
        headers={"x-ms-blob-type": "BlockBlob", "Content-Type": CONTENT_TYPE},
        expires_at=clock.iso(expires),
    )
