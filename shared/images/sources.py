"""A picture that a request names, by id or by URL: which blob it is, once it is clear that the caller may use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared import blobs
from shared.errors import NotFound, Unprocessable
from shared.images import library, urls
from shared.settings import settings

CONTAINERS = (blobs.IMAGES, blobs.THUMBNAILS, blobs.RESULTS, blobs.TRYON)
"""Containers of pictures that went through the gate or were made by us, all of them `{owner}/...`."""


@dataclass(frozen=True)
class Source:
    """A stored, clean picture.

    Args:
        image_id: id of its record; None for a URL of one's own picture.
        sha256: of its bytes, hex; `pixels`: width times height. None where no record says.
    """

    container: str
    name: str
    image_id: str | None = None
    sha256: str | None = None
    pixels: int | None = None

    def read(self) -> bytes:
        """Its bytes. Raises NotFound when it was deleted meanwhile."""
        return blobs.get(self.container, self.name)


def by_id(image_id: str, user_id: str) -> Source:
    """One's own image, or a public one.

    Raises:
        NotFound: there is none, or it is somebody else's.
        Unprocessable: `image_not_ready`.
    """
    record = library.visible(image_id, user_id)
    if record["status"] != "ready":
        raise Unprocessable(f"the image is {record['status']}, not ready", code="image_not_ready", field="imageId")
    return _of(record, record["blobs"]["original"])


def by_url(url: str, user_id: str) -> Source:
    """The picture that a URL of ours names; nothing is fetched, its signature is not looked at.

    Raises:
        NotFound: it is somebody else's and not public, or gone.
        Unprocessable: `image_url`, it is none of ours.
    """
    own = [blobs.endpoint(), *([settings().cdn_base_url] if settings().cdn_base_url else [])]
    ref = urls.resolve(url, endpoints=[str(one) for one in own], containers=CONTAINERS)
    owner, _, rest = ref.name.partition("/")
    if owner == user_id:
        return Source(ref.container, ref.name)
    try:
        record = library.visible(rest.partition("/")[0], user_id)
    except NotFound:
        raise _missing() from None
    for blob in (record.get("blobs") or {}).values():
        if (blob["container"], blob["name"]) == (ref.container, ref.name):
            return _of(record, blob)
    raise _missing()


def _of(record: Mapping[str, Any], blob: Mapping[str, Any]) -> Source:
    original = blob is record["blobs"]["original"]
    return Source(
        container=blob["container"],
        name=blob["name"],
        image_id=record["imageId"],
        sha256=record.get("sha256") if original else None,
        pixels=blob["width"] * blob["height"],
    )


def _missing() -> NotFound:
    return NotFound("There is no such image.", code="image_not_found", field="imageUrl")
