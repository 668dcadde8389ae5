"""host.json: the names that this host knows, in any case as in Azure, and what it does not read.

.NET compares the names of settings without regard to case, so `batchsize` counts there. A name that is not known here
is misspelled, or a setting that this host does not have; either is said once when it starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

type Names = Mapping[str, Names | None]

_LEVELS_OF_PROVIDER: Final[Names] = {"logLevel": None}
KNOWN: Final[Names] = {
    "version": None,
    "id": None,
    "functionTimeout": None,
    "extensionBundle": {"id": None, "version": None},
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
    "$schema": None,
    "telemetryMode": None,
    "logging": {
        "logLevel": None,
        "fileLoggingMode": None,
        "console": {**_LEVELS_OF_PROVIDER, "isEnabled": None},
        "applicationInsights": {
            **_LEVELS_OF_PROVIDER,
            "enableDependencyTracking": None,
            "enableLiveMetrics": None,
            "enableLiveMetricsFilters": None,
            "enablePerformanceCountersCollection": None,
            "enableSamplingFilters": None,
            "dependencyTrackingOptions": None,
            "httpAutoCollectionOptions": {
                "enableHttpTriggerExtendedInfoCollection": None,
                "enableW3CDistributedTracing": None,
                "enableResponseHeaderInjection": None,
            },
            "samplingSettings": {
                "isEnabled": None,
                "maxTelemetryItemsPerSecond": None,
                "evaluationInterval": None,
                "initialSamplingPercentage": None,
                "samplingPercentageIncreaseTimeout": None,
                "samplingPercentageDecreaseTimeout": None,
                "minSamplingPercentage": None,
                "maxSamplingPercentage": None,
                "movingAverageRatio": None,
                "excludedTypes": None,
                "includedTypes": None,
            },
            "snapshotConfiguration": None,
        },
    },
}
"""Names by where they stand; below None anything may follow. Of those after `extensions` this host reads `logLevel`;
the others say where telemetry goes and how much of it, not how functions run."""


def spelled(given: Mapping[str, Any], names: Names = KNOWN) -> dict[str, Any]:
    """The same settings with the known names spelled as here; of two spellings the later counts."""
    known = {name.lower(): name for name in names}
    found: dict[str, Any] = {}
    for name, value in given.items():
        right = known.get(name.lower(), name)
        inner = names.get(right)
        is_nested = inner is not None and isinstance(value, dict)
        found[right] = spelled(cast("dict[str, Any]", value), inner) if is_nested and inner is not None else value
    return found


def unread(given: Mapping[str, Any], names: Names = KNOWN, where: str = "") -> list[str]:
    """The paths of settings, as `spelled` gives them, that are not known, or no object where one belongs."""
    found: list[str] = []
    for name, value in given.items():
        inner = names.get(name)
        if name not in names or (inner is not None and not isinstance(value, dict)):
            found.append(f"{where}{name}")
        elif inner is not None:
            found += unread(cast("dict[str, Any]", value), inner, f"{where}{name}.")
    return found


def section(given: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The object at a path; an empty one where something else stands, which .NET reads as no settings."""
    for name in path:
        inner = given.get(name)
        given = cast("dict[str, Any]", inner) if isinstance(inner, dict) else {}
    return given
