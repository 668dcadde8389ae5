"""The emulated part of the OData filter of `:send`: `userId` and `connectionId` with `eq`, `ne` and `and`."""

from __future__ import annotations

import re

from emulators.webpubsub.hub import Connection


class UnsupportedFilter(ValueError):
    """The filter uses more of OData than is emulated."""


def matching(connections: list[Connection], text: str | None) -> list[Connection]:
    """The connections that pass the filter; all of them without one. Raises UnsupportedFilter."""
    for clause in re.split(r"\s+and\s+", text) if text else []:
        shape = re.fullmatch(r"\s*(userId|connectionId)\s+(eq|ne)\s+(?:'((?:[^']|'')*)'|(null))\s*", clause)
        if shape is None:
            raise UnsupportedFilter(f"the emulator does not know the filter {clause!r}")
        wanted = None if shape[4] else shape[3].replace("''", "'")
        connections = [
            one
            for one in connections
            if ((one.user if shape[1] == "userId" else one.id) == wanted) == (shape[2] == "eq")
        ]
    return connections
