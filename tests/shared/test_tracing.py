"""Spans leave for Application Insights and for an OTLP collector in the wire formats of both, with the same ids."""

from __future__ import annotations

import gzip
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from certificates import write_certificate
from pydantic import ValidationError

from shared.tracing_settings import TracingSettings

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
        self.authorized: list[str | None] = []
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
        self.server.authorized.append(self.headers.get("Authorization"))
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


def run(program: str = PROGRAM, **settings: str) -> str:
    """A process that makes two spans and ends, or another one; prints the inner span's trace id."""
    given = {
        "ENVIRONMENT": "development",
        "Storage": "UseDevelopmentStorage=true",
        "DOCUMENTS": "sqlite::memory:",
        "JWT_KEYS": json.dumps({"k1": "development-only-" + "k" * 32}),
        "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    }
    ended = subprocess.run(
        [sys.executable, "-c", program],
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


IN_A_FUNCTIONS_APP = """
import sys
from shared import telemetry, tracing
with telemetry.span("outer"):
    print(f"0-{tracing.made().__class__.__name__}")
assert "azure.monitor.opentelemetry.exporter" not in sys.modules, "an answer would wait for it"
assert tracing.made().span_processor.force_flush()
"""


def test_in_a_functions_app_no_answer_waits_for_the_exporter(collector: Collector) -> None:
    run(
        IN_A_FUNCTIONS_APP,
        FUNCTIONS_WORKER_RUNTIME="python",
        APPLICATIONINSIGHTS_CONNECTION_STRING=f"InstrumentationKey={KEY};IngestionEndpoint={collector.url}/",
    )
    found = [item for path, _, body in collector.posted if path.endswith("/track") for item in items(body)]
    assert "outer" in [item["data"]["baseData"].get("name") for item in found]


class Identity(BaseHTTPRequestHandler):
    """The token endpoint of a managed identity, as App Service, Functions and Container Apps give it."""

    server: Tokens

    def do_GET(self) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query))
        self.server.asked.append((query, self.headers["X-IDENTITY-HEADER"]))
        answer = json.dumps(
            {"access_token": "entra-token", "expires_on": "4102444800", "token_type": "Bearer", **query}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Tokens(ThreadingHTTPServer):
    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, str], str]] = []
        super().__init__(("127.0.0.1", 0), Identity)


@pytest.fixture
def secure_collector(tmp_path: Path) -> Iterator[tuple[Collector, str]]:
    """A collector behind TLS, without which the SDK sends no token; its address and certificate."""
    certificate = tmp_path / "tls.pem"
    write_certificate(certificate)
    server = Collector()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server, str(certificate)
    server.shutdown()
    server.server_close()


def test_application_insights_gets_a_token_of_the_identity_that_is_named(
    secure_collector: tuple[Collector, str],
) -> None:
    server, certificate = secure_collector
    tokens = Tokens()
    threading.Thread(target=tokens.serve_forever, daemon=True).start()
    address = f"InstrumentationKey={KEY};IngestionEndpoint=https://localhost:{server.server_port}/"
    identity = {
        "IDENTITY_ENDPOINT": f"http://127.0.0.1:{tokens.server_port}/token", "IDENTITY_HEADER": "secret",
        "REQUESTS_CA_BUNDLE": certificate, "APPLICATIONINSIGHTS_CONNECTION_STRING": address,
    }  # fmt: skip
    try:
        run(**identity, APPLICATIONINSIGHTS_AUTHENTICATION_STRING="ClientId=the-app;Authorization=AAD")
        assert set(server.authorized) == {"Bearer entra-token"}
        assert tokens.asked
        for query, header in tokens.asked:
            assert (query["client_id"], header) == ("the-app", "secret")
            assert query["resource"].startswith("https://monitor.azure.com")
        server.authorized.clear()
        run(**identity)
        assert set(server.authorized) == {None}, "the instrumentation key alone"
    finally:
        tokens.shutdown()
        tokens.server_close()


@pytest.mark.parametrize(
    "value", ["AAD", "Authorization=Key", "ClientId=x", "Authorization=AAD;Client=x", "Authorization:AAD"]
)
def test_an_authentication_string_that_would_send_nothing_is_refused(value: str) -> None:
    with pytest.raises(ValidationError, match="Authorization=AAD"):
        TracingSettings(applicationinsights_authentication_string=value)


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
