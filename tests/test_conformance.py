"""The app as Microsoft's worker library sees it: every function indexed, nothing heavy imported on the way."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emulators.functions_host.routes import Route

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[1]
FORBIDDEN = ("onnxruntime", "faiss", "PIL", "numpy", "google", "twilio", "azure.storage", "azure.cosmos", "requests")


TRIGGERS = {
    "interactive_worker": ("queueTrigger", "interactive"),
    "batch_worker": ("queueTrigger", "batch"),
    "delivery_worker": ("queueTrigger", "delivery"),
    "index_worker": ("queueTrigger", "index"),
    "retention": ("timerTrigger", "0 30 3 * * *"),
    "sweeper": ("timerTrigger", "%SWEEP_SCHEDULE%"),
}
"""Every function that scales separately."""

ROUTES = {
    ("POST", "auth/register"), ("POST", "auth/login"), ("POST", "auth/refresh"), ("POST", "auth/logout"),
    ("GET", "auth/me"), ("POST", "images/upload"), ("GET", "images"), ("GET", "images/{id}"),
    ("DELETE", "images/{id}"), ("POST", "files/presign"), ("POST", "files/{id}/complete"),
    ("POST", "conversions"), ("GET", "conversions"), ("GET", "conversions/{id}"), ("DELETE", "conversions/{id}"),
    ("GET", "jobs/{id}"), ("POST", "jobs/{id}/cancel"), ("POST", "jobs/{id}/retry"), ("GET", "notifications"),
    ("PATCH", "notifications/{id}"), ("GET", "notifications/preferences"), ("PUT", "notifications/preferences"),
    ("GET", "notifications/negotiate"), ("GET", "health"), ("GET", "admin/ping"), ("GET", "admin/dead-letters"),
    ("POST", "admin/dead-letters/{id}/redrive"),
    ("GET", "admin/dead-letters/{id}"), ("POST", "admin/dead-letters/redrive"),
    ("POST", "admin/dead-letters/{id}/discard"), ("GET", "admin/users"), ("GET", "admin/users/{id}"),
    ("PATCH", "admin/users/{id}"), ("GET", "admin/jobs"), ("GET", "admin/jobs/counts"), ("GET", "admin/jobs/{id}"),
    ("GET", "admin/audit"), ("DELETE", "auth/me"), ("GET", "auth/me/export"), ("POST", "privacy/report"),
    ("POST", "webhooks"), ("GET", "webhooks"), ("GET", "webhooks/{id}"), ("DELETE", "webhooks/{id}"),
    ("POST", "webhooks/{id}/rotate"), ("GET", "webhooks/deliveries"), ("GET", "webhooks/deliveries/{id}"),
    ("POST", "cv/tryon"), ("GET", "cv/tryon"), ("GET", "cv/tryon/{id}"), ("DELETE", "cv/tryon/{id}"),
    ("POST", "cv/tryon/{id}/cancel"), ("POST", "cv/tryon/batch"), ("GET", "cv/tryon/batches/{id}"),
    ("POST", "cv/tryon/batches/{id}/cancel"),
    ("POST", "webhooks/deliveries/{id}/replay"), ("PATCH", "webhooks/{id}"),
    ("POST", "search/image"), ("POST", "search/text"), ("POST", "search/hybrid"), ("POST", "search/rebuild"),
    ("POST", "search/feedback"), ("GET", "search/eval"), ("GET", "search/products/{id}/similar"),
    ("GET", "admin/index-versions"), ("POST", "admin/index-versions/{version}/rollback"),
    ("POST", "analytics/predict"), ("POST", "analytics/batches"), ("GET", "analytics/batches/{id}"),
    ("GET", "analytics/predictions"), ("GET", "analytics/predictions/{id}"), ("GET", "analytics/eval"),
    ("POST", "analytics/train"), ("GET", "analytics/trainings"),
    ("GET", "analytics/trainings/{id}"), ("GET", "analytics/models"),
    ("POST", "analytics/models/{id}/activate"), ("DELETE", "analytics/models/{id}"),
}  # fmt: skip


@pytest.fixture(scope="module")
def indexed() -> dict[str, Any]:
    """Index the app in a separate process: `{functions: {name: bindings}, modules: [...]}`."""
    command = [sys.executable, str(Path(__file__).parent / "index_app.py")]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_trigger_is_indexed(indexed: dict[str, Any]) -> None:
    kinds = {name: bindings[0]["type"] for name, bindings in indexed["functions"].items()}
    alone = {name for name, kind in kinds.items() if kind not in ("httpTrigger", "blobTrigger")}
    assert alone == TRIGGERS.keys()
    for name, (kind, source) in TRIGGERS.items():
        (binding,) = indexed["functions"][name]
        assert binding["type"] == kind
        assert source in (binding.get("queueName"), binding.get("schedule"))


def test_no_route_is_taken_by_a_parameter_of_another(indexed: dict[str, Any]) -> None:
    # The host tries routes by the names of their functions: `products/{id}` must not come before `products/imports`.
    found = {
        name: (bindings[0]["route"], frozenset(bindings[0]["methods"]))
        for name, bindings in indexed["functions"].items()
        if bindings[0]["type"] == "httpTrigger"
    }
    table = [
        (name, Route(route), methods)
        for name, (route, methods) in sorted(found.items(), key=lambda one: one[0].lower())
    ]
    for name, (route, methods) in found.items():
        path = re.sub(r"\{[^}]*\}", "value", route)
        for method in methods:
            first = next(
                other for other, compiled, allowed in table if method in allowed and compiled.match(path) is not None
            )
            assert first == name, f"{method} {route} is answered by {first}"


def test_every_route_is_indexed_once(indexed: dict[str, Any]) -> None:
    found = [
        (binding["methods"][0], binding["route"].removeprefix("api/"))
        for bindings in indexed["functions"].values()
        for binding in bindings
        if binding["type"] == "httpTrigger"
    ]
    assert len(found) == len(set(found))
    assert set(found) >= ROUTES


def test_no_route_is_one_the_real_host_refuses(indexed: dict[str, Any]) -> None:
    for bindings in indexed["functions"].values():
        for binding in bindings:
            assert not str(binding.get("route") or "").startswith(("admin", "runtime"))


def test_indexing_imports_nothing_heavy(indexed: dict[str, Any]) -> None:
    assert not [name for name in indexed["modules"] if name.startswith(FORBIDDEN)]
