"""Blob Storage under our own identity: bytes in and out, and short URLs (SAS) minted when they are read.

A SAS never goes into a document, a queue message, an e-mail or a log: names are stored, URLs are made on demand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from os import SEEK_END
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import quote

from shared import clock
from shared.errors import Conflict, NotFound
from shared.identity import azure_credential
from shared.settings import settings
from shared.signatures import Signer
from shared.storage import OPTIONS, read_s, storage_errors

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient, ContainerClient

UPLOADS = "uploads"
"""Raw uploads by SAS, not yet sanitized: a quarantine, never served."""
IMAGES = "images"
"""Sanitized images: original, optimised."""
THUMBNAILS = "thumbnails"
RESULTS = "results"
MASKS = "masks"
"""Masks and cut-outs, `{userId}/{sha256 of the picture}/...` or `{vendorId}/{productId}/...`."""
TRYON = "tryon"
"""Try-ons with their masks and reports, `{userId}/{id}/{generation}/...`, as the container wrote them."""
VENDOR_UPLOADS = "vendor-uploads"
"""What vendors drop, `{vendorId}/{sku}.jpg|json`: foreign bytes, never served."""
VENDOR_REJECTED = "vendor-rejected"
EXPORTS = "exports"
"""A person's own data as a zip, for a day."""
INDEXES = "indexes"
"""Versions of search indexes, `{shop}/{version}/...`, and `{shop}/current.json`, which names the one in use."""
HEATMAPS = "heatmaps"
"""Which part of a picture moves a prediction, `{userId}/{sha256 of the picture}/...`."""
MODELS = "models"
"""Merchants' own sales models, `{userId}/...`."""
ANALYTICS = "analytics"
"""Merchants' tables and lists as they sent them, reports on them, and predictions as CSV, `{userId}/...`."""
IMPORTS = "imports"
"""Files of products that jobs import, and their reports, `{vendorId}/{importId}/...`."""
CONTAINERS = (
    UPLOADS, IMAGES, THUMBNAILS, RESULTS, MASKS, TRYON, VENDOR_UPLOADS, VENDOR_REJECTED, EXPORTS, INDEXES,
    HEATMAPS, MODELS, ANALYTICS, IMPORTS,
)  # fmt: skip

BLOCK_BYTES: Final = 256 * 1024
"""Of a download, read at a time; the SDK's own choice where it makes its transport."""
SAME_URL_S: Final = 900
"""Length in seconds of the windows in which a blob's read URL is the same; hours are divided evenly, so that a window
lies within the life of one delegation key."""
IMMUTABLE = "private, max-age=31536000, immutable"


@dataclass(frozen=True)
class BlobInfo:
    """What the service says of a blob: size in bytes, its content type, ETag and metadata."""

    name: str
    size: int
    content_type: str | None
    etag: str
    metadata: Mapping[str, str]
    modified: float


def is_addressable(name: str) -> bool:
    """Whether a URL can name a blob: `.` and `..` between slashes are resolved on the way, and would mean another."""
    return not any(part in (".", "..") for part in name.replace("\\", "/").split("/"))


@cache
def _service() -> BlobServiceClient:
    from azure.storage.blob import BlobServiceClient

    from shared.connections import pooled_transport

    conf = settings()
    # Options of a transport that the client is given are for that transport.
    transport = pooled_transport(connection_data_block_size=BLOCK_BYTES, **OPTIONS)
    options: dict[str, Any] = {**OPTIONS, "transport": transport}
    if conf.storage is not None:
        return BlobServiceClient.from_connection_string(conf.storage.get_secret_value(), **options)
    credential = azure_credential(conf.storage_client_id)
    return BlobServiceClient(str(conf.storage_blob_uri), credential=credential, **options)


@cache
def _container(name: str) -> ContainerClient:
    """The client of a container that exists: made on the first use in this process, so a fresh account works."""
    from azure.core.exceptions import ResourceExistsError

    client = _service().get_container_client(name)
    with suppress(ResourceExistsError):
        client.create_container()
    return client


def endpoint() -> str:
    """The account's blob endpoint without a trailing slash, as it stands in blob URLs."""
    return _service().url.rstrip("/")


def put(
    container: str,
    name: str,
    data: bytes | IO[bytes],
    *,
    content_type: str,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Store `data` under `name`, whole or not at all; what was there is overwritten."""
    from azure.storage.blob import ContentSettings

    with storage_errors():
        _container(container).upload_blob(
            name,
            data,
            overwrite=True,
            metadata=dict(metadata or {}),
            content_settings=ContentSettings(content_type=content_type, cache_control=IMMUTABLE),
            read_timeout=read_s(_size(data)),
        )


def _size(data: bytes | IO[bytes]) -> int:
    """Bytes that are left to read of `data`."""
    if isinstance(data, bytes):
        return len(data)
    at = data.tell()
    end = data.seek(0, SEEK_END)
    data.seek(at)
    return end - at


def swap(container: str, name: str, data: bytes, *, content_type: str, etag: str | None) -> str:
    """Overwrite the version `etag` of a blob, or with None make one where there is none; returns the new ETag.

    Raises:
        Conflict: `blob_changed`, there is another version, or one at all.
    """
    from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
    from azure.storage.blob import ContentSettings

    kind = ContentSettings(content_type=content_type)
    try:
        with storage_errors():
            blob = _container(container).get_blob_client(name)
            answer = blob.upload_blob(
                data, overwrite=etag is not None, content_settings=kind, read_timeout=read_s(len(data)), **_only(etag)
            )
    except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
        raise Conflict(f"the blob {container}/{name} was overwritten", code="blob_changed") from None
    return str(answer["etag"])


def newer(container: str, name: str, etag: str | None) -> tuple[bytes, str] | None:
    """The bytes and the ETag of a blob if it is another version than `etag`; None if it is that one, or missing."""
    from azure.core import MatchConditions
    from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

    unlike: dict[str, Any] = {} if etag is None else {"etag": etag, "match_condition": MatchConditions.IfModified}
    try:
        with storage_errors():
            found = _container(container).download_blob(name, **unlike)
            return found.readall(), str(found.properties.etag)
    except (ResourceNotFoundError, ResourceModifiedError):
        return None


def chunks(container: str, name: str) -> Iterator[bytes]:
    """The bytes of a blob piece by piece, whatever its size. Raises NotFound."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        with storage_errors():
            yield from _container(container).download_blob(name).chunks()
    except ResourceNotFoundError:
        raise NotFound(f"there is no blob {container}/{name}", code="blob_not_found") from None


def get(container: str, name: str, *, etag: str | None = None) -> bytes:
    """The bytes of a blob, with `etag` of that version alone.

    Raises:
        NotFound: there is none.
        Conflict: `blob_changed`, there is another version.
    """
    from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

    try:
        with storage_errors():
            return _container(container).download_blob(name, **_only(etag)).readall()
    except ResourceNotFoundError:
        raise NotFound(f"there is no blob {container}/{name}", code="blob_not_found") from None
    except ResourceModifiedError:
        raise Conflict(f"the blob {container}/{name} was overwritten", code="blob_changed") from None


class Kept:
    """What a piece of work has read and written of blobs that never change: nothing is read twice.

    It is in memory as long as this object, one of each run.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}

    def get(self, container: str, name: str) -> bytes:
        """As the function `get`."""
        key = (container, name)
        if key not in self._kept:
            self._kept[key] = get(container, name)
        return self._kept[key]

    def put(self, container: str, name: str, data: bytes, *, content_type: str) -> None:
        """As the function `put`."""
        put(container, name, data, content_type=content_type)
        self._kept[container, name] = data


def _only(etag: str | None) -> dict[str, Any]:
    from azure.core import MatchConditions

    return {} if etag is None else {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def info(container: str, name: str) -> BlobInfo | None:
    """What is known of a blob without reading it; None when there is none."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        with storage_errors():
            return _info(_container(container).get_blob_client(name).get_blob_properties())
    except ResourceNotFoundError:
        return None


def _info(properties: Any) -> BlobInfo:
    return BlobInfo(
        name=properties.name,
        size=properties.size,
        content_type=properties.content_settings.content_type,
        etag=properties.etag,
        metadata=properties.metadata or {},
        modified=properties.last_modified.timestamp(),
    )


def delete(container: str, name: str, *, etag: str | None = None) -> bool:
    """Remove a blob, with `etag` that version alone; False when there was none."""
    from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

    try:
        with storage_errors():
            _container(container).delete_blob(name, **_only(etag))
    except (ResourceNotFoundError, ResourceModifiedError):
        return False
    return True


def copy(container: str, name: str, to: str, as_name: str, *, etag: str | None = None) -> None:
    """Copy a blob's bytes, in chunks, whatever its size; with `etag` of that version alone.

    Raises:
        NotFound, Conflict: as `get` does.
    """
    from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

    try:
        with storage_errors():
            source = _container(container).download_blob(name, **_only(etag))
            _container(to).upload_blob(
                as_name, source.chunks(), length=source.size, overwrite=True, read_timeout=read_s(source.size)
            )
    except ResourceNotFoundError:
        raise NotFound(f"there is no blob {container}/{name}", code="blob_not_found") from None
    except ResourceModifiedError:
        raise Conflict(f"the blob {container}/{name} was overwritten", code="blob_changed") from None


def listing(container: str, prefix: str = "") -> Iterator[BlobInfo]:
    """All blobs of a container whose names start with `prefix`, by name."""
    with storage_errors():
        for properties in _container(container).list_blobs(name_starts_with=prefix, include=["metadata"]):
            yield _info(properties)


@cache
def _delegation_key(hour: int) -> Any:
    """A user delegation key good for the hour after next; `hour` is the cache key."""
    start = datetime.fromtimestamp(hour * 3600, UTC) - timedelta(minutes=10)
    return _service().get_user_delegation_key(start, start + timedelta(hours=3))


def _sign(container: str, names: Sequence[str], at: int, minutes: int, **said: str) -> list[str]:
    service = _service()
    if settings().storage is not None:
        credential = ("account_key", service.credential.account_key)  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
    else:
        with storage_errors():
            credential = ("user_delegation_key", _delegation_key(at // 3600))
    signer = Signer(str(service.account_name), credential, "https" if service.url.startswith("https") else "https,http")
    tokens = signer.tokens(container, names, at, minutes, said)
    base = f"{endpoint()}/{container}"
    return [f"{base}/{quote(name)}?{token}" for name, token in zip(names, tokens, strict=True)]


def read_url(container: str, name: str, *, content_type: str) -> str:
    """A URL that reads this one blob for at least `READ_URL_MINUTES`, with the content type we say.

    It stays the same within a window of `SAME_URL_S`, so that browsers and a CDN find the blob in their caches. Where a
    CDN is configured the URL is on its host; its origin is the account, and the signature is part of the URL.
    """
    return read_urls(container, [name], content_type=content_type)[0]


def read_urls(container: str, names: Sequence[str], *, content_type: str) -> list[str]:
    """As `read_url`, for a page of blobs of one type."""
    conf = settings()
    said = {"permission": "r", "content_type": content_type, "content_disposition": "inline"}
    now = int(clock.now())
    window = now - now % SAME_URL_S
    urls = _sign(container, names, window, conf.read_url_minutes + SAME_URL_S // 60, **said)
    cdn = conf.cdn_base_url
    return [url.replace(endpoint(), cdn.rstrip("/"), 1) for url in urls] if cdn else urls


def upload_url(container: str, name: str, *, overwrite: bool = False) -> tuple[str, float]:
    """A URL that may create this one blob for `UPLOAD_URL_MINUTES`: (url, expiry in epoch seconds).

    It works once, or with `overwrite` again and over what was there.

    A SAS limits neither content nor size; what lands is checked when the upload is completed.
    """
    minutes = settings().upload_url_minutes
    with storage_errors():
        _container(container)
    now = int(clock.now())
    return _sign(container, [name], now, minutes, permission="cw" if overwrite else "c")[0], float(now + minutes * 60)
