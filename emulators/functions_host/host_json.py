"""host.json: the names that this host reads, in any case as in Azure, and what it does not read.

.NET compares the names of settings without regard to case, so `batchsize` counts there. A name that is not read here is
misspelled, or a setting that this host does not have; either is said once when it starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

type Names = Mapping[str, Names | None]

READ: Final[Names] = {
    "version": None,
    "id": None,
    "functionTimeout": None,
    "extensionBundle": None,
    "logging": None,
    "extensions": {
        "http": {
            "routePrefix": None,
            "maxOutstandingRequests": None,
            "maxConcurrentRequests": None,
            "customHeaders": None,
        },
        "queues": {
            "batchSize": None,
            "newBatchThreshold": None,
            "maxDequeueCount": None,
            "visibilityTimeout": None,
            "maxPollingInterval": None,
            "messageEncoding": None,
        },
        "blobs": {"poisonBlobThreshold": None},
    },
}
"""Names by where they stand; below None anything may follow."""
WITHOUT_EFFECT: Final = frozenset({"$schema", "telemetryMode"})
"""What says nothing about how functions run."""


def spelled(given: Mapping[str, Any], names: Names = READ) -> dict[str, Any]:
    """The same settings with the names that are read spelled as here; of two spellings the later counts."""
    known = {name.lower(): name for name in names}
    found: dict[str, Any] = {}
    for name, value in given.items():
        right = known.get(name.lower(), name)
        inner = names.get(right)
        is_nested = inner is not None and isinstance(value, dict)
        found[right] = spelled(cast("dict[str, Any]", value), inner) if is_nested and inner is not None else value
    return found


def unread(given: Mapping[str, Any], names: Names = READ, where: str = "") -> list[str]:
    """The paths of settings, as `spelled` gives them, that this host does not read."""
    found: list[str] = []
    for name, value in given.items():
        if name not in names:
            found += [] if name in WITHOUT_EFFECT and not where else [f"{where}{name}"]
        elif (inner := names[name]) is not None and isinstance(value, dict):
            found += unread(cast("dict[str, Any]", value), inner, f"{where}{name}.")
    return found
