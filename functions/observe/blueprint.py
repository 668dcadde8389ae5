"""HTTP triggers of observability: `health`, `admin/ping`, `admin/metrics`, `openapi.json`, `docs`."""

from __future__ import annotations

import azure.functions as func

from functions.observe.models import Health, HealthQuery, Metrics
from shared.http.auth import ADMIN_ONLY, PUBLIC
from shared.http.endpoint import Call, Reply, endpoint
from shared.http.openapi import VERSION

bp = func.Blueprint()


@endpoint(bp, "GET", "health", access=PUBLIC, limit=None, query=HealthQuery, answer=Health, answers={503: Health})
def health(call: Call) -> Health | Reply:
    """Get health

    Answers at once; with `probe=all` it also probes every dependency.
    """
    if call.query.probe is None:
        return Health(version=VERSION)
    from functions.observe import service

    return service.probed(VERSION, call.headers)


@endpoint(bp, "GET", "admin/ping", access=ADMIN_ONLY, answer=Health)
def ping(call: Call) -> Health:
    """Ping (admin)

    Answers after the token and the role were checked.
    """
    return Health(version=VERSION)


@endpoint(bp, "GET", "admin/metrics", access=ADMIN_ONLY, answer=Metrics, media=("text/plain", "application/json"))
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
