"""Figures of the whole system, counted in documents and queues on request.

One answer serves all scrapes of a process for `METRICS_CACHE_S`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from functions.observe.models import (
    ConversionFigures,
    JobCount,
    QueueFigures,
    QuotaFigures,
    SearchFigures,
    SystemFigures,
)
from functions.observe.settings import observe_settings
from shared import clock
from shared.catalogue.search_log import SearchLogDocument, search_logs
from shared.commerce import quota
from shared.commerce.documents import QuotaDocument, quotas
from shared.commerce.settings import commerce_settings
from shared.conversions.documents import ConversionDocument, conversions
from shared.documents.fields import where
from shared.jobs import protocol, queues
from shared.jobs.models import OPEN, TERMINAL, Job, JobStatus, RunStatus
from shared.tryons.documents import Door, TryOnDocument, tryons

if TYPE_CHECKING:
    from prometheus_client.core import Metric

RECENT_S = 24 * 3600
RECENT = 500
THREADS = 8

_lock = threading.Lock()
_known: tuple[float, SystemFigures] | None = None


def figures() -> SystemFigures:
    """The figures as of `METRICS_CACHE_S` ago at most."""
    global _known
    with _lock:
        at = time.monotonic()
        if _known is None or _known[0] <= at:
            _known = (at + observe_settings().metrics_cache_s, _count())
        return _known[1]


def _count() -> SystemFigures:
    states = [(queue, status) for queue in queues.QUEUES for status in (*OPEN, *TERMINAL)]
    names = [name for queue in queues.TRIGGERS for name in (queue, queue + queues.POISON)]
    with ThreadPoolExecutor(THREADS) as pool:
        jobs = list(pool.map(_jobs, states))
        waiting = list(pool.map(_queue, names))
        conversions, allowance, searches = pool.submit(_conversions), pool.submit(_quota), pool.submit(_searches)
        return SystemFigures(
            jobs=[count for count in jobs if count.jobs],
            queues=waiting,
            dead_letters=sum(count.jobs for count in jobs if count.status == JobStatus.DEAD),
            conversions=conversions.result(),
            search=searches.result(),
            quota=allowance.result(),
        )


def _jobs(wanted: tuple[str, JobStatus]) -> JobCount:
    queue, status = wanted
    in_state = (where(Job.queue, "=", queue), where(Job.status, "=", status))
    return JobCount(queue=queue, status=status, jobs=protocol.jobs.count(*in_state))


def _queue(name: str) -> QueueFigures:
    client = queues.client(name)
    depth = client.get_queue_properties().approximate_message_count or 0
    front = client.peek_messages(1) if depth else []
    inserted = front[0].inserted_on if front else None
    age = max(0.0, (datetime.now(UTC) - inserted).total_seconds()) if inserted else None
    return QueueFigures(queue=name, depth=depth, oldest_age_s=age)


def _conversions() -> ConversionFigures:
    recent = (
        where(TryOnDocument.door, "=", Door.CONVERSIONS),
        where(TryOnDocument.status, "in", (RunStatus.COMPLETED, RunStatus.FAILED)),
        where(TryOnDocument.updated_at, ">=", clock.iso(clock.now() - RECENT_S)),
    )
    ended = 0
    times: list[int] = []
    continuation: str | None = None
    while ended < RECENT:
        page = tryons.list(
            *recent,
            order_by=TryOnDocument.updated_at,
            descending=True,
            limit=100,
            continuation=continuation,
            skip_unreadable=True,
        )
        ended += len(page.items)
        times += [one.run.processing_ms for one in page.items if one.run and one.status is RunStatus.COMPLETED]
        continuation = page.continuation
        if continuation is None:
            break
    times.sort()
    return ConversionFigures(
        ended=ended,
        completed=len(times),
        failed=ended - len(times),
        success_rate=len(times) / ended if ended else None,
        p50_ms=_rank(times, 0.5),
        p95_ms=_rank(times, 0.95),
        p99_ms=_rank(times, 0.99),
    )


def _searches() -> SearchFigures:
    recent = where(SearchLogDocument.at, ">=", clock.iso(clock.now() - RECENT_S))
    page = search_logs.list(recent, order_by=SearchLogDocument.at, descending=True, limit=RECENT, skip_unreadable=True)
    times = sorted(search.took_ms for search in page.items)
    return SearchFigures(
        searches=len(times), p50_ms=_rank(times, 0.5), p95_ms=_rank(times, 0.95), p99_ms=_rank(times, 0.99)
    )


def _rank(values: Sequence[float], share: float) -> float | None:
    return float(values[min(len(values) - 1, int(share * len(values)))]) if values else None


def _quota() -> QuotaFigures:
    limit = commerce_settings().conversion_quota
    this_month = where(QuotaDocument.id, "=", quota.current_month())
    charged = (
        where(ConversionDocument.quota_id, "=", quota.current_month()),
        where(ConversionDocument.charged, "=", True),
    )
    return QuotaFigures(
        conversions=conversions.count(*charged) + tryons.count(*charged),
        users=quotas.count(this_month),
        users_near_limit=quotas.count(this_month, where(QuotaDocument.used, ">=", 0.8 * limit)),
        users_at_limit=quotas.count(this_month, where(QuotaDocument.used, ">=", limit)),
    )


def families(found: SystemFigures) -> list[Metric]:
    """The figures as Prometheus gauges."""
    from prometheus_client.core import GaugeMetricFamily

    jobs = GaugeMetricFamily("studio_jobs", "Jobs by queue and state", labels=["queue", "status"])
    for count in found.jobs:
        jobs.add_metric([count.queue, count.status], count.jobs)
    depth = GaugeMetricFamily("studio_queue_depth", "Messages, hidden ones too (an estimate)", labels=["queue"])
    age = GaugeMetricFamily("studio_queue_oldest_seconds", "Age of the visible message in front", labels=["queue"])
    for queue in found.queues:
        depth.add_metric([queue.queue], queue.depth)
        age.add_metric([queue.queue], queue.oldest_age_s or 0)
    conversions, allowance = found.conversions, found.quota
    times = GaugeMetricFamily("studio_conversion_recent_seconds", "Processing, last 24 h", labels=["quantile"])
    for name, value in (("0.5", conversions.p50_ms), ("0.95", conversions.p95_ms), ("0.99", conversions.p99_ms)):
        if value is not None:
            times.add_metric([name], value / 1000)
    searches = GaugeMetricFamily("studio_search_recent_seconds", "Searches, last 24 h", labels=["quantile"])
    for name, value in (("0.5", found.search.p50_ms), ("0.95", found.search.p95_ms), ("0.99", found.search.p99_ms)):
        if value is not None:
            searches.add_metric([name], value / 1000)
    plain = {
        "studio_dead_letters": ("Jobs given up", found.dead_letters),
        "studio_conversions_recent": ("Conversions ended in the last 24 h, 500 at most", conversions.ended),
        "studio_conversion_success_ratio": ("Share of them that completed", conversions.success_rate),
        "studio_quota_conversions": ("Conversions charged this month", allowance.conversions),
        "studio_quota_users": ("Users with an allowance this month", allowance.users),
        "studio_quota_users_near_limit": ("Users with 80 % or more used", allowance.users_near_limit),
        "studio_quota_users_at_limit": ("Users with nothing left", allowance.users_at_limit),
    }
    gauges = [GaugeMetricFamily(name, text, value) for name, (text, value) in plain.items() if value is not None]
    return [jobs, depth, age, times, searches, *gauges]
