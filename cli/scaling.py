"""How Flex Consumption scales the app's functions: HTTP, blob and durable triggers as one group each, every other
function alone. `python -m cli.scaling` prints the groups.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final

from shared.function_index import Entry, read

GROUPS: Final[Mapping[str, str]] = {
    "httpTrigger": "http",
    "blobTrigger": "blob",
    "orchestrationTrigger": "durable",
    "activityTrigger": "durable",
    "entityTrigger": "durable",
}
"""The group of every trigger that scales together with others of its kind. Source: "Per-function scaling" in the
documentation of the Flex Consumption plan."""


def group_of(entry: Entry) -> str:
    """The scaling group of a function; a function that scales alone is its own group."""
    return GROUPS.get(entry.trigger, f"function:{entry.name}")


def scaling_groups(entries: Iterable[Entry] | None = None) -> dict[str, list[str]]:
    """The names of the functions of every group, by default of this app's index."""
    found: dict[str, list[str]] = {}
    for entry in read() if entries is None else entries:
        found.setdefault(group_of(entry), []).append(entry.name)
    return found


if __name__ == "__main__":
    print(json.dumps(scaling_groups(), indent=2))
