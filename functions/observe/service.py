"""Observability: the report of the probes, and the metrics in both formats."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from functions.observe import probes, process, system
from functions.observe.models import Health, Metrics
from functions.observe.settings import observe_settings
from shared.errors import StudioError
from shared.http import auth
from shared.http.endpoint import Reply
from shared.tracing import instance


def probed(version: str, headers: Mapping[str, str]) -> Reply:
    """Health with all probes: 503 when one failed. Latencies and reasons go to those who may know them."""
    found = probes.results()
    failed = sorted(name for name, result in found.items() if result.status == "failed")
    body = Health(
        status="failed" if failed else "ok",
        version=version,
        failed=failed,
        probes={name: result.status for name, result in found.items()},
        details=dict(found) if _may_know(headers) else None,
    )
    return Reply(body, status=503 if failed else 200)


def _may_know(headers: Mapping[str, str]) -> bool:
    key, given = observe_settings().probe_key, headers.get("X-Probe-Key")
    if key is not None and given and hmac.compare_digest(key.get_secret_value().encode(), given.encode()):
        return True
    token = headers.get("Authorization")
    if not token:
        return False
    try:
        return auth.authenticate(token).role == auth.Role.ADMIN
    except StudioError:
        return False


def metrics() -> Metrics:
    """The figures for people."""
    families = list(process.families())
    return Metrics(
        instance=instance(),
        routes=process.routes(families),
        counters=process.counters(families),
        system=system.figures(),
    )


def prometheus() -> tuple[bytes, str]:
    """The figures in Prometheus' text format, and its content type.

    Counters and histograms are this process's own and carry its `instance`; the gauges count the whole system.
    """
    from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

    return process.text(system.families(system.figures()), instance()), CONTENT_TYPE_PLAIN_0_0_4
