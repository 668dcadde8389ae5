"""From an `imageUrl` that a client sent to the blob it means. The URL is never fetched, only read: so there is no
server-side request to forge, and redirects, DNS and foreign hosts play no part.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from shared.errors import NotFound, Unprocessable

MAX_LENGTH = 2_048
MAX_NAME = 1_024
_FORBIDDEN = re.compile(r'[^\x21-\x7e]|[\\<>"{}|^`#]')
_DEFAULT_PORTS = {"https": ":443", "http": ":80"}


@dataclass(frozen=True, slots=True)
class BlobRef:
    """A blob of ours. `owner` is the first part of its name in a private container, else None."""

    container: str
    name: str
    owner: str | None


def resolve(
    url: object,
    *,
    endpoints: Iterable[str],
    containers: Collection[str],
    private: Collection[str] = (),
    owner: str | None = None,
) -> BlobRef:
    """The blob that a URL names, or an error.

    Args:
        url: what the client sent; a query (their SAS) is dropped, we read with our own identity.
        endpoints: what our blob URLs begin with: scheme, host, port and path prefix, such as
            `https://NAME.blob.core.windows.net`, a CDN's base URL, or Azurite's
            `http://127.0.0.1:PORT/devstoreaccount1`. Scheme, host and port must be one of these exactly.
        containers: names that any signed-in user may refer to.
        private: names in which blobs are `{owner}/...`, and only those of `owner` may be referred to.
        owner: the caller's id; None may refer to nothing private.

    Raises:
        Unprocessable: `image_url`, the URL is none of ours, or not well-formed.
        NotFound: `image_not_found`, a private blob of someone else.
    """
    if not isinstance(url, str) or not 0 < len(url) <= MAX_LENGTH or _FORBIDDEN.search(url):
        raise _refused()
    segments = _path_below(url, endpoints)
    if segments is None or len(segments) < 2:
        raise _refused()
    decoded = [_decoded(segment) for segment in segments]
    container, name = decoded[0], "/".join(decoded[1:])
    if len(name) > MAX_NAME:
        raise _refused()
    if container in private:
        if len(decoded) < 3:
            raise _refused()
        if owner is None or decoded[1] != owner:
            raise NotFound("There is no such image.", code="image_not_found", field="imageUrl")
        return BlobRef(container, name, owner)
    if container not in containers:
        raise _refused()
    return BlobRef(container, name, None)


def _path_below(url: str, endpoints: Iterable[str]) -> list[str] | None:
    """The raw path segments behind the endpoint that the URL begins with; None if it begins with none."""
    origin, segments = _split(url)
    for endpoint in endpoints:
        own_origin, prefix = _split(endpoint.rstrip("/"))
        if origin == own_origin and segments[: len(prefix)] == prefix:
            return segments[len(prefix) :]
    return None


def _split(url: str) -> tuple[str, list[str]]:
    """Origin in lower case without a default port, and the raw path segments. Comparing whole origins leaves
    user info, odd ports, trailing dots and other spellings of an address no room."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _refused() from None
    scheme, host = parts.scheme.lower(), parts.netloc.lower()
    return f"{scheme}://{host.removesuffix(_DEFAULT_PORTS.get(scheme, '/'))}", parts.path.split("/")[1:]


def _decoded(segment: str) -> str:
    """One path segment, decoded once; what would need a second look is refused."""
    try:
        text = unquote(segment, errors="strict")
    except ValueError:
        raise _refused() from None
    if text in ("", ".", "..") or not text.isprintable() or set(text) & set("%/\\?#"):
        raise _refused()
    return text


def _refused() -> Unprocessable:
    return Unprocessable(
        "Not the URL of an image stored here. Upload the image and use the URL, or the id, that you get.",
        code="image_url",
        field="imageUrl",
    )
