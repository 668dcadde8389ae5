"""Partition keys: from an item or a header to the effective partition key that places an item.

Hashing is that of the service. Version 2, the default, is MurmurHash3 (128 bits) over the binary form of the
components, the two most significant bits cleared (learn.microsoft.com/cosmos-db/partitioning-overview; the SDK's
`partition_key.py` computes the same for feed ranges); version 1 is in `hashing_v1`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import mmh3

from emulators.cosmos import hashing_v1
from emulators.cosmos.errors import BadRequest
from emulators.cosmos.json_types import is_array, is_object
from emulators.cosmos.sql.values import UNDEFINED

MIN, MAX = "", "FF"
MAX_KEY_BYTES: Final = 2048
"""Longest partition key, as documented (large partition keys)."""


@dataclass(frozen=True)
class PartitionKeyDefinition:
    """The paths of a container's partition key; several for a hierarchical one."""

    paths: tuple[tuple[str, ...], ...]
    hierarchical: bool
    version: int = 2

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> PartitionKeyDefinition:
        """From a container's `partitionKey`. Raises `BadRequest`."""
        paths = definition.get("paths")
        if not is_array(paths) or not paths or not all(isinstance(p, str) and p.startswith("/") for p in paths):
            raise BadRequest("The partition key path must start with '/'.")
        if len(paths) > 3:
            raise BadRequest("Too many partition key paths: a hierarchical partition key has at most three.")
        version = definition.get("version", 2)
        hierarchical = definition.get("kind") == "MultiHash"
        if version not in (1, 2) or (hierarchical and version == 1):
            raise BadRequest(f"The partition key can't have version {version}.")
        return cls(tuple(split_path(path) for path in paths), hierarchical, version)

    def components(self, item: Mapping[str, Any]) -> list[Any]:
        """The components of an item's key; `UNDEFINED` for a path that it lacks."""
        return [_at(item, path) for path in self.paths]


def split_path(path: str) -> tuple[str, ...]:
    """The segments of `/a/"b c"/d`."""
    segments: list[str] = []
    rest = path[1:]
    while rest:
        quote = rest[0]
        if quote in "\"'" and quote in rest[1:]:
            end = rest.index(quote, 1)
            while rest[end - 1] == "\\" and quote in rest[end + 1 :]:
                end = rest.index(quote, end + 1)
            segments.append(rest[1:end].replace("\\" + quote, quote))
            rest = rest[end + 1 :].removeprefix("/")
        else:
            segment, _, rest = rest.partition("/")
            segments.append(segment)
    return tuple(segment for segment in segments if segment)


def _at(item: Any, path: Sequence[str]) -> Any:
    for segment in path:
        if not is_object(item) or segment not in item:
            return UNDEFINED
        item = item[segment]
    return item if not isinstance(item, dict | list) else UNDEFINED


def from_header(header: str) -> list[Any]:
    """The components of `x-ms-documentdb-partitionkey`; `{}` in it is an undefined component.

    Raises:
        BadRequest: it is no JSON array of scalars.
    """
    try:
        components = json.loads(header)
    except ValueError:
        raise BadRequest("The partition key supplied in x-ms-partitionkey header is not valid JSON.") from None
    if not is_array(components):
        raise BadRequest("Partition key provided in the header is not an array.")
    return [UNDEFINED if component == {} else component for component in components]


def logical(components: Sequence[Any]) -> str:
    """The logical partition as text: equal for equal keys."""
    text = json.dumps([{} if c is UNDEFINED else _number(c) for c in components], ensure_ascii=False)
    if len(text.encode(errors="replace")) > MAX_KEY_BYTES + 16:
        raise BadRequest(f"The partition key is longer than {MAX_KEY_BYTES} bytes.")
    return text


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def effective(components: Sequence[Any], definition: PartitionKeyDefinition) -> str:
    """The effective partition key, upper-case hexadecimal; of a prefix for a hierarchical key cut short."""
    if definition.version == 1:
        return hashing_v1.effective(components)
    if definition.hierarchical:
        return "".join(_hash(_binary(component)) for component in components)
    return _hash(b"".join(map(_binary, components)))


def _binary(component: Any) -> bytes:
    if component is UNDEFINED:
        return b"\x00"
    if component is None:
        return b"\x01"
    if component is False:
        return b"\x02"
    if component is True:
        return b"\x03"
    if isinstance(component, int | float):
        return b"\x05" + struct.pack("<d", float(component))
    return b"\x08" + str(component).encode(errors="surrogatepass") + b"\xff"


def _hash(data: bytes) -> str:
    digest = bytearray(mmh3.hash_bytes(data))
    digest.reverse()
    digest[0] &= 0x3F
    return digest.hex().upper()


@dataclass(frozen=True)
class Range:
    """A physical partition: effective keys from `low` on, below `high`."""

    id: str
    low: str
    high: str


def ranges(count: int, version: int = 2) -> list[Range]:
    """The physical partitions of a container, equal shares of its keys (of version 2: `00` to `3F`, see `_hash`)."""
    if version == 1:
        bounds = [hashing_v1.bound(index / count) for index in range(count)]
    else:
        bounds = [f"{0x40 * index // count:02X}" + "0" * 30 for index in range(count)]
    bounds[0] = MIN
    return [Range(str(i), low, bounds[i + 1] if i + 1 < count else MAX) for i, low in enumerate(bounds)]
