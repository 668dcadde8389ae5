"""Requests and answers of health, metrics and the API's description."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.http.models import Answer, Query

type Standing = Literal["ok", "failed", "not_configured"]


class HealthQuery(Query):
    """Which probes to run."""

    probe: Literal["all"] | None = Field(default=None, description="also probe every dependency")


class ProbeResult(Answer):
    """The result of one probe."""

    status: Standing
    latency_ms: float
    note: str | None = Field(default=None, description="what the dependency answered, or what is wrong")


class Health(Answer):
    """Whether the process answers and, on request, its dependencies."""

    status: Literal["ok", "failed"] = "ok"
    version: str
    failed: list[str] | None = Field(default=None, description="names of the probes that failed")
    probes: dict[str, Standing] | None = None
    details: dict[str, ProbeResult] | None = Field(
        default=None, description="only for administrators and with `X-Probe-Key`"
    )


class RouteFigures(Answer):
    """Requests of one route in this process; times in milliseconds, interpolated in the histogram's buckets."""

    route: str
    requests: int
    server_errors: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


class JobCount(Answer):
    """Jobs of one queue in one state."""

    queue: str
    status: str
    jobs: int


class QueueFigures(Answer):
    """A storage queue; its depth is the service's estimate and counts hidden messages too."""

    queue: str
    depth: int
    oldest_age_s: float | None = Field(description="age of the visible message in front; null when there is none")


class ConversionFigures(Answer):
    """Conversions that ended in the last 24 hours, the latest 500 at most."""

    ended: int
    completed: int
    failed: int
    success_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class QuotaFigures(Answer):
    """Use of this month's allowance."""

    conversions: int = Field(description="charged this month")
    users: int
    users_near_limit: int = Field(description="with 80 % or more used")
    users_at_limit: int


class SearchFigures(Answer):
    """Searches of the last 24 hours, the latest 500 at most: from the request's parsing to its results, all kinds."""

    searches: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class SystemFigures(Answer):
    """The whole system, counted in documents and queues: the same from every instance."""

    jobs: list[JobCount]
    queues: list[QueueFigures]
    dead_letters: int
    conversions: ConversionFigures
    search: SearchFigures
    quota: QuotaFigures


class Metrics(Answer):
    """Figures for people; Prometheus gets the same as text."""

    instance: str
    routes: list[RouteFigures] = Field(description="of this process since it started")
    counters: dict[str, float] = Field(description="of this process since it started, `name{labels}`")
    system: SystemFigures
