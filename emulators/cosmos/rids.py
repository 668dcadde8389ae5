"""Resource ids: bytes in base64, a database's 4, a container's 8 and an item's 16, each beginning with its parent's."""

from __future__ import annotations

import base64
from functools import lru_cache


def database(number: int) -> str:
    """The id of the n-th database."""
    return _encode(number.to_bytes(4, "big"))


def container(parent: str, number: int) -> str:
    """The id of the n-th container; the top bit tells it from other children of a database."""
    return _encode(_decode(parent) + (number | 0x80000000).to_bytes(4, "big"))


def item(parent: str, number: int) -> str:
    """The id of the n-th item of a container."""
    return _encode(_decode(parent) + number.to_bytes(8, "little"))


@lru_cache(maxsize=1024)
def prefix(container_rid: str) -> str:
    """The link of a container: `dbs/<rid>/colls/<rid>/`."""
    return f"dbs/{_encode(_decode(container_rid)[:4])}/colls/{container_rid}/"


def parent(item_rid: str) -> str:
    """The container's id of an item's."""
    return _parent(item_rid[:12])


@lru_cache(maxsize=4096)
def _parent(beginning: str) -> str:
    return _encode(_decode(beginning)[:8])


def is_rid(text: str) -> bool:
    """Whether a segment of a path may be a resource id rather than a name."""
    return len(text) in (8, 12, 24) and text.endswith("=")


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode().replace("/", "-")


def _decode(text: str) -> bytes:
    return base64.b64decode(text.replace("-", "/"))
