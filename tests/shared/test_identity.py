"""The managed identity, asked over the wire that Functions and Container Apps document (version 2019-08-01)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import DefaultAzureCredential

from shared.identity import azure_credential

COSMOS = "https://cosmos.azure.com/.default"
STORAGE = "https://storage.azure.com/.default"
SECRET = "header-of-the-platform"


class Endpoint(ThreadingHTTPServer):
    """Hands out tokens to who knows the header's secret, and remembers the queries."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, str]] = []


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Endpoint)
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        self.server.asked.append(query)
        known = self.headers.get("X-IDENTITY-HEADER") == SECRET
        token = {
            "access_token": f"token for {query['resource']}",
            "expires_on": str(int(time.time()) + 86_400),
            "resource": query["resource"],
            "token_type": "Bearer",
            "client_id": query.get("client_id", ""),
        }
        body = json.dumps(token if known else {"statusCode": 401, "message": "unknown header"}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    with Endpoint() as server:
        threading.Thread(target=server.serve_forever).start()
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{server.server_port}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", SECRET)
        monkeypatch.setenv("AZURE_CLIENT_ID", "identity-of-the-app")
        azure_credential.cache_clear()
        yield server
        azure_credential.cache_clear()
        server.shutdown()


def test_each_service_costs_one_token_for_all_clients(endpoint: Endpoint) -> None:
    for _ in range(3):
        assert azure_credential().get_token(COSMOS).token == "token for https://cosmos.azure.com"
        assert azure_credential("of-storage").get_token(STORAGE).token == "token for https://storage.azure.com"
    assert [(query["resource"], query["client_id"]) for query in endpoint.asked] == [
        ("https://cosmos.azure.com", "identity-of-the-app"),
        ("https://storage.azure.com", "of-storage"),
    ]
    assert {query["api-version"] for query in endpoint.asked} == {"2019-08-01"}


def test_no_other_identity_is_tried_after_a_refusal(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "another")
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.setenv(name, "of-another-identity")
    with pytest.raises(ClientAuthenticationError):
        azure_credential().get_token(COSMOS)


def test_a_developer_signs_in_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IDENTITY_ENDPOINT", raising=False)
    azure_credential.cache_clear()
    assert isinstance(azure_credential(), DefaultAzureCredential)
    azure_credential.cache_clear()
