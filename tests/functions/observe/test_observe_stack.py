"""Health, metrics, docs and traces of the running system."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from over_http import photo
from prometheus_client.parser import text_string_to_metric_families
from quick import QUICK, eventually

from demo.accounts import create_account
from demo.client import Client
from emulators.stack import Stack

pytestmark = pytest.mark.processes

DOCS_LIMIT = 7


def test_liveness_names_the_version_and_counts_against_no_limit(stack: Stack) -> None:
    response = requests.get(f"{stack.url}/api/health", timeout=10)
    assert response.status_code == 200
    assert response.json()["status"] == "ok" and response.json()["version"]
    assert not [name for name in response.headers if name.startswith("RateLimit")]


def test_a_stranger_sees_which_parts_work_and_no_more(stack: Stack) -> None:
    response = requests.get(f"{stack.url}/api/health", params={"probe": "all"}, timeout=20)
    report = response.json()
    assert report["details"] is None
    for name in ("documents", "blobs", "queues", "gemini", "email", "sms", "webpubsub", "paypal"):
        assert report["probes"][name] == "ok", report
    assert response.status_code == (503 if report["failed"] else 200)


def test_an_administrator_sees_latencies(stack: Stack, admin: Client) -> None:
    response = requests.get(
        f"{stack.url}/api/health",
        params={"probe": "all"},
        headers={"Authorization": str(admin.session.headers["Authorization"])},
        timeout=20,
    )
    details = response.json()["details"]
    assert details["documents"]["latencyMs"] >= 0 and details["documents"]["note"] == "sqlite"


def test_ping_is_for_administrators(admin: Client) -> None:
    assert admin.call("GET", "admin/ping")["status"] == "ok"


def test_prometheus_reads_the_metrics(stack: Stack, admin: Client) -> None:
    response = requests.get(
        f"{stack.url}/api/admin/metrics",
        headers={"Authorization": str(admin.session.headers["Authorization"])},
        timeout=30,
    )
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(response.text)}
    own = [s for s in families["studio_http_seconds"].samples if s.name.endswith("_bucket")]
    assert own and all(re.fullmatch(r".+:\d+", sample.labels["instance"]) for sample in own)
    queues = {sample.labels["queue"] for sample in families["studio_queue_depth"].samples}
    assert {"interactive", "interactive-poison", "delivery"} <= queues
    assert "studio_dead_letters" in families and "studio_quota_users" in families


def test_people_read_them_as_json(admin: Client) -> None:
    report = admin.call("GET", "admin/metrics", headers={"Accept": "application/json"})
    assert report["instance"]
    routes = {row["route"]: row for row in report["routes"]}
    for row in routes.values():
        assert 0 <= row["p50Ms"] <= row["p95Ms"] <= row["p99Ms"]
    assert set(report["system"]) == {"jobs", "queues", "deadLetters", "conversions", "search", "quota"}


def test_the_description_is_served_and_so_is_what_shows_it(stack: Stack) -> None:
    described = requests.get(f"{stack.url}/api/openapi.json", timeout=10)
    assert described.headers["Content-Type"] == "application/json"
    assert described.json()["openapi"] == "3.1.0"
    page = requests.get(f"{stack.url}/api/docs", timeout=10)
    assert page.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "//" not in page.text.replace("<!doctype", ""), "the page loads from nowhere else"
    for name in re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text):
        for coding in ("gzip", "identity"):
            file = requests.get(f"{stack.url}/api/{name}", headers={"Accept-Encoding": coding}, timeout=10)
            assert file.status_code == 200 and len(file.content) > 50
            assert file.headers.get("Content-Encoding") == (coding if coding == "gzip" else None)
    assert requests.get(f"{stack.url}/api/docs/secrets.js", timeout=10).status_code == 404


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A separate stack with two instances whose spans go into one file."""
    spans = tmp_path_factory.mktemp("traces") / "spans.jsonl"
    limits = json.dumps({"default": [600, 60], "docs": [DOCS_LIMIT, 86400]})
    settings = {**QUICK, "TRACE_FILE": str(spans), "RATE_LIMITS": limits, "RATE_LIMIT_SCALE": "1"}
    with Stack(workers=2, settings=settings) as running:
        yield running, spans


def read(spans: Path, trace_id: str) -> dict[str, dict[str, Any]]:
    """The spans of a trace by name."""
    found: dict[str, dict[str, Any]] = {}
    for line in spans.read_text().splitlines():
        span = json.loads(line)
        if span["context"]["trace_id"] == f"0x{trace_id}":
            found[span["name"]] = span
    return found


def test_one_trace_from_the_request_through_queue_and_worker_to_gemini_and_the_notification(
    traced: tuple[Stack, Path],
) -> None:
    stack, file = traced
    client = create_account(stack, phone="+15550001234")
    images = [client.upload(photo(), "photo.jpg", kind)["id"] for kind in ("person", "garment")]
    trace_id, caller = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    body = {"personImageId": images[0], "garmentImageId": images[1]}
    headers = {"traceparent": f"00-{trace_id}-{caller}-01", "X-Request-Id": "request-of-the-trace"}
    made = client.call("POST", "conversions", json=body, headers=headers)

    names = {"POST /api/conversions", "job tryon", "gemini.generate"}
    names |= {f"job notify.{channel}" for channel in ("email", "sms", "websocket")}
    names |= {f"notify.{channel}" for channel in ("email", "sms", "websocket")}
    spans = eventually(lambda: s if names <= set(s := read(file, trace_id)) else None, "the whole trace")

    def parent(name: str) -> str:
        return spans[name]["parent_id"]

    def own(name: str) -> str:
        return spans[name]["context"]["span_id"]

    assert parent("POST /api/conversions") == f"0x{caller}"
    assert parent("job tryon") == own("POST /api/conversions")
    assert parent("gemini.generate") == own("job tryon")
    for channel in ("email", "sms", "websocket"):
        assert parent(f"job notify.{channel}") == own("job tryon")
        assert parent(f"notify.{channel}") == own(f"job notify.{channel}")
    assert spans["POST /api/conversions"]["kind"] == "SpanKind.SERVER"
    assert spans["job tryon"]["kind"] == "SpanKind.CONSUMER"
    for span in spans.values():
        assert span["status"]["status_code"] != "ERROR"
        assert span["attributes"]["studio.requestId"] == "request-of-the-trace"
    assert spans["job tryon"]["attributes"]["studio.jobId"].endswith(made["jobId"])
    assert "@" not in json.dumps(spans) and "+1555" not in json.dumps(spans)


def test_two_instances_of_the_app_share_one_limit_exactly(traced: tuple[Stack, Path]) -> None:
    stack, _ = traced
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: requests.get(f"{stack.url}/api/docs", timeout=30), range(40)))
    admitted = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert (len(admitted), len(refused)) == (DOCS_LIMIT, 40 - DOCS_LIMIT)
    assert sorted(int(a.headers["RateLimit-Remaining"]) for a in admitted) == list(range(DOCS_LIMIT))
    for answer in refused:
        assert answer.headers["RateLimit-Remaining"] == "0"
        assert answer.headers["RateLimit-Policy"] == f"{DOCS_LIMIT};w=86400"
        assert 0 < int(answer.headers["Retry-After"]) <= 86400
        assert answer.json()["code"] == "rate_limited" and answer.json()["retryable"]
