"""HTTP triggers of observability: `health`, `admin/ping`, `admin/metrics`, `openapi.json`, `docs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from shared.http.auth import ADMIN_ONLY, PUBLIC
from shared.http.endpoint import Call, Reply, endpoint
from shared.http.version import VERSION

if TYPE_CHECKING:
    from functions.observe.models import Health, HealthQuery, Metrics

bp = func.Blueprint()
ALIVE = f'{{"status":"ok","version":"{VERSION}","failed":null,"probes":null,"details":null}}'.encode()
"""`Health(version=VERSION)` without its model."""


# `health` is what the platform waits for at a cold start: pydantic, and so every model, is imported after it.
def _query() -> type[HealthQuery]:
    from functions.observe.models import HealthQuery

    return HealthQuery


def _health() -> type[Health]:
    from functions.observe.models import Health

    return Health


def _metrics() -> type[Metrics]:
    from functions.observe.models import Metrics

    return Metrics


@endpoint(bp, "GET", "health", access=PUBLIC, limit=None, query=_query, answer=_health, answers={503: _health})
def health(call: Call) -> Reply:
    """Get health

    Answers immediately; with `probe=all` it also probes every dependency.
    """
    if call.query is None or call.query.probe is None:
        return Reply(content=ALIVE)
    from functions.observe import service

    return service.probed(VERSION, call.headers)


@endpoint(bp, "GET", "admin/ping", access=ADMIN_ONLY, answer=_health)
def ping(call: Call) -> Health:
    """Ping (admin)

    Answers after the token and the role were checked.
    """
    return _health()(version=VERSION)


@endpoint(bp, "GET", "admin/metrics", access=ADMIN_ONLY, answer=_metrics, media=("text/plain", "application/json"))
def metrics(call: Call) -> Metrics | Reply:
    """Get metrics (admin)

    Of this process and of the whole system: Prometheus text, or JSON by `Accept: application/json`.
    """
    from functions.observe import service

    if "application/json" in call.headers.get("Accept", ""):
        return service.metrics()
    text, content_type = service.prometheus()
    return Reply(content=text, headers={"Content-Type": content_type})


@endpoint(bp, "GET", "openapi.json", access=PUBLIC, limit="docs", errors=(304,))
def openapi(call: Call) -> Reply:
    """Get API description"""
    from functions.observe import docs

    return docs.description(call.headers)


@endpoint(bp, "GET", "docs", access=PUBLIC, limit="docs", media=("text/html",))
def docs_page(call: Call) -> Reply:
    """Read API reference"""
    from functions.observe import docs

    return docs.asset("docs.html", call.headers)


@endpoint(
    bp, "GET", "docs/{file}", access=PUBLIC, limit="docs", media=("text/javascript", "text/css"), errors=(404,)
)  # fmt: skip
def docs_file(call: Call) -> Reply:
    """Get file of the API reference"""
    from functions.observe import docs

    return docs.asset(call.path["file"], call.headers)
