"""What the service reads from an item: its id, its partition key and its time to live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from emulators.cosmos import partitioning
from emulators.cosmos.containers import Container
from emulators.cosmos.errors import BadRequest

MAX_ID_BYTES: Final = 1023
SYSTEM: Final = ("_rid", "_self", "_etag", "_attachments", "_ts", "_lsn")


def without_system(item: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the client."""
    return {name: value for name, value in item.items() if name not in SYSTEM}


def check_id(id: object) -> str:
    """The id of an item. Raises BadRequest."""
    if not isinstance(id, str) or not id:
        raise BadRequest("The input content is invalid because the required properties - 'id; ' - are missing")
    if any(character in id for character in "/\\?#"):
        raise BadRequest("Id contains illegal chars.")
    if id.endswith(" ") or len(id.encode(errors="replace")) > MAX_ID_BYTES:
        raise BadRequest(
            "The input name is invalid. Ensure to provide a unique non-empty string less than '1024' characters. "
            "It can't end with a space."
        )
    return id


def matching_key(container: Container, item: Mapping[str, Any], given: Sequence[Any] | None) -> list[Any]:
    """The components of the item's key, which must be those of the header."""
    components = container.key.components(item)
    if given is None or not given:
        return components
    if partitioning.logical(components) != partitioning.logical(given):
        raise BadRequest(
            "PartitionKey extracted from document doesn't match the one specified in the header", sub_status=1001
        )
    return components


def expiry_of(container: Container, item: Mapping[str, Any], now: float) -> float | None:
    """When an item expires (epoch seconds); None if it does not. Raises BadRequest."""
    ttl = item.get("ttl")
    if "ttl" in item and (type(ttl) is not int or ttl == 0 or not -1 <= ttl < 2**31):
        raise BadRequest("The input ttl is invalid: it must be -1 or a positive whole number of seconds.")
    if container.default_ttl is None:
        return None
    seconds = container.default_ttl if ttl is None else ttl
    return None if seconds == -1 else now + seconds
