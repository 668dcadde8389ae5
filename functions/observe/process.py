"""The counters and histograms of this process, for Prometheus and for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from functions.observe.models import RouteFigures
from shared import telemetry

if TYPE_CHECKING:
    from prometheus_client.core import Metric

LATENCY = "studio_http_seconds"


def families() -> Iterator[Metric]:
    """What this process has counted."""
    from prometheus_client import REGISTRY

    telemetry.flush()
    yield from REGISTRY.collect()


@dataclass(frozen=True)
class _Together:
    """This process's families under its name, and those of the whole system."""

    system: Sequence[Metric]
    instance: str

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import Metric

        for family in families():
            own = Metric(family.name, family.documentation, family.type, family.unit)
            own.samples = [
                sample._replace(labels={**sample.labels, "instance": self.instance})
                for sample in family.samples
                if not sample.name.endswith("_created")
            ]
            yield own
        yield from self.system


def text(system: Sequence[Metric], instance: str) -> bytes:
    """Prometheus' text format (0.0.4)."""
    from prometheus_client import generate_latest

    return generate_latest(_Together(system, instance))  # pyright: ignore[reportArgumentType]


def counters(found: Iterable[Metric]) -> dict[str, float]:
    """`name{label="value"}` -> count, of our own counters."""
    counts: dict[str, float] = {}
    for family in found:
        if family.type != "counter" or not family.name.startswith("studio_"):
            continue
        for sample in family.samples:
            if sample.name.endswith("_total"):
                labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
                counts[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return counts


def routes(found: Iterable[Metric]) -> list[RouteFigures]:
    """Requests and latencies by route, those asked for most first."""
    buckets: dict[str, dict[float, float]] = {}
    errors: dict[str, float] = {}
    for family in found:
        if family.name != LATENCY:
            continue
        for sample in family.samples:
            route = sample.labels.get("route", "")
            if sample.name.endswith("_bucket"):
                bounds = buckets.setdefault(route, {})
                bound = float(sample.labels["le"])
                bounds[bound] = bounds.get(bound, 0) + sample.value
            elif sample.name.endswith("_count") and sample.labels.get("status", "").startswith("5"):
                errors[route] = errors.get(route, 0) + sample.value
    found_routes = [
        RouteFigures(
            route=route,
            requests=int(max(bounds.values())),
            server_errors=int(errors.get(route, 0)),
            p50_ms=quantile(bounds, 0.5) * 1000,
            p95_ms=quantile(bounds, 0.95) * 1000,
            p99_ms=quantile(bounds, 0.99) * 1000,
        )
        for route, bounds in buckets.items()
    ]
    return sorted(found_routes, key=lambda figures: -figures.requests)


def quantile(buckets: dict[float, float], share: float) -> float:
    """The quantile of a cumulative histogram, linear within a bucket as Prometheus' `histogram_quantile` has it.

    Args:
        buckets: upper bound -> observations at or below it; the last bound is infinite.
        share: 0..1.
    """
    bounds = sorted(buckets.items())
    rank = share * bounds[-1][1]
    below_bound = below = 0.0
    for bound, count in bounds:
        if count >= rank and count > below:
            if bound == float("inf"):
                return below_bound
            return below_bound + (bound - below_bound) * (rank - below) / (count - below)
        below_bound, below = bound, count
    return 0.0
