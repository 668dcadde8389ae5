"""Uploads of vendors by presigned URL, into their own folder; what arrives there is processed as any drop."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from functions.catalogue.documents import FileKind
from functions.catalogue.models import DropError
from functions.catalogue.vendor_files import VendorFile
from shared import blobs, clock, turns
from shared.errors import Unprocessable
from shared.http.auth import Principal
from shared.http.models import Answer, Body, example

CONTENT_TYPE: Final = "application/octet-stream"
"""Sent with every file: its bytes decide what it is."""
MAX_NAMES: Final = 100
"""Names of one call, each of which counts as a call in the rate limit."""


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


class DropsRequest(Body):
    """Files to upload."""

    model_config = example(names=["SHIRT-1.jpg", "SHIRT-1.json"])

    names: list[str] = Field(
        min_length=1, max_length=MAX_NAMES, description="each as `name` of `POST drops`, and counted as such a call"
    )


class DropUploadRow(Answer):
    """What became of one name: where to PUT its file, or why it is refused."""

    name: str = Field(description="as it was sent")
    upload: DropUpload | None = Field(description="null: the name is refused")
    error: DropError | None = Field(description="`bad_name` or `duplicate_file`, and what to do; null: upload the file")


class DropUploads(Answer):
    """The answer to each name, in the order sent."""

    items: list[DropUploadRow]


def presign_drop(user: Principal, request: DropRequest) -> DropUpload:
    """A URL to upload one file to. Raises Unprocessable: `bad_name`."""
    file = VendorFile(user.user_id, request.name, "")
    file.sku()
    return _upload_of(file)


def presign_drops(user: Principal, request: DropsRequest) -> DropUploads:
    """A URL for each name; a bad name is refused by itself. Counts as many calls as it has names."""
    turns.spend(calls=len(request.names) - 1)
    taken: dict[tuple[str, bool], str] = {}
    return DropUploads(items=[_row_of(VendorFile(user.user_id, name, ""), taken) for name in request.names])


def _row_of(file: VendorFile, taken: dict[tuple[str, bool], str]) -> DropUploadRow:
    """The answer to one name.

    Args:
        taken: names that have an address, by product and whether they are its metadata; this one is added.
    """
    try:
        part = (file.sku(), file.kind is FileKind.METADATA)
        if part in taken:
            raise Unprocessable(
                f"{taken[part]} in this call is the same part of the product {part[0]}: upload one of them.",
                code="duplicate_file",
            )
    except Unprocessable as refused:
        return DropUploadRow(name=file.name, upload=None, error=DropError(code=refused.code, message=refused.message))
    taken[part] = file.name
    return DropUploadRow(name=file.name, upload=_upload_of(file), error=None)


def _upload_of(file: VendorFile) -> DropUpload:
    url, expires = blobs.upload_url(blobs.VENDOR_UPLOADS, file.blob, overwrite=True)
    return DropUpload(
        name=file.name,
        url=url,
        headers={"x-ms-blob-type": "BlockBlob", "Content-Type": CONTENT_TYPE},
        expires_at=clock.iso(expires),
    )
