"""Spans leave for Application Insights and for an OTLP collector in the wire formats of both, with the same ids."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[2]
KEY = "00000000-1111-2222-3333-444444444444"
PROGRAM = """
from shared import telemetry
with telemetry.span("outer", jobId="job:7"):
    with telemetry.span("inner"):
        print(telemetry.traceparent())
"""


class Collector(ThreadingHTTPServer):
    """Takes what is posted, as both kinds of collector do."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, str, bytes]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.posted.append((self.path, self.headers["Content-Type"], body))
        answer = b""
        if self.path.endswith("/track"):
            count = len(items(body))
            answer = json.dumps({"itemsReceived": count, "itemsAccepted": count, "errors": []}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


def items(body: bytes) -> list[dict]:
    """Telemetry items come as a JSON array or a line each."""
    text = body.decode()
    return json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def run(**settings: str) -> str:
    """A process that makes two spans and ends; answers the inner one's trace id."""
    given = {
        "ENVIRONMENT": "development",
        "Storage": "UseDevelopmentStorage=true",
        "DOCUMENTS": "sqlite::memory:",
        "JWT_KEYS": json.dumps({"k1": "development-only-" + "k" * 32}),
        "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    }
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(ROOT), **given, **settings},
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return ended.stdout.split("-")[1]


def test_application_insights_gets_the_spans(collector: Collector) -> None:
    trace_id = run(APPLICATIONINSIGHTS_CONNECTION_STRING=f"InstrumentationKey={KEY};IngestionEndpoint={collector.url}/")
    found = [item for path, _, body in collector.posted if path.endswith("/track") for item in items(body)]
    spans = {item["data"]["baseData"]["name"]: item for item in found if "name" in item["data"]["baseData"]}
    assert {"outer", "inner"} <= spans.keys()
    for span in spans.values():
        assert span["iKey"] == KEY
        assert span["tags"]["ai.operation.id"] == trace_id
    outer = spans["outer"]["data"]["baseData"]
    assert outer["properties"]["jobId"] == "job:7"
    assert spans["inner"]["tags"]["ai.operation.parentId"] == outer["id"]


def test_an_otlp_collector_gets_the_spans(collector: Collector) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    trace_id = run(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    (posted,) = collector.posted
    assert posted[:2] == ("/v1/traces", "application/x-protobuf")
    request = ExportTraceServiceRequest.FromString(posted[2])
    (resource,) = request.resource_spans
    assert ("service.name", "ai-fashion-studio") in [
        (a.key, a.value.string_value) for a in resource.resource.attributes
    ]
    spans = {span.name: span for scope in resource.scope_spans for span in scope.spans}
    assert spans.keys() == {"outer", "inner"}
    assert {span.trace_id.hex() for span in spans.values()} == {trace_id}
    assert spans["inner"].parent_span_id == spans["outer"].span_id


def test_a_collector_that_is_down_costs_nothing_but_the_spans() -> None:
    assert run(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_EXPORTER_OTLP_TIMEOUT="1")
