"""HTTP triggers of the foreign app, over the wire."""

import hashlib
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

pytestmark = pytest.mark.processes
MASTER = {"x-functions-key": "master"}


@pytest.fixture(scope="module")
def url(start_module_host: Callable[..., Any]) -> Iterator[str]:
    """The running app, with a body limit of 100 kB."""
    host = start_module_host(FUNCTIONS_REQUEST_BODY_SIZE_LIMIT="100000")
    assert host.report["errors"] == {}
    yield host.url


def test_request_arrives_as_it_was_sent(url: str) -> None:
    body = bytes(range(256)) * 10
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = requests.post(
        f"{url}/API/Echo/a%20b/c/d%2Fe?x=1&x=2&empty=&q=%C3%BC+y",
        data=body,
        headers={"traceparent": parent, "X-Thing": "Wert"},
        timeout=10,
    )
    assert answer.status_code == 200
    assert answer.headers["x-shop"] == "yes"
    got = answer.json()
    assert got["method"] == "POST"
    assert got["route"] == {"name": "a b", "rest": "c/d%2Fe"}
    assert got["query"] == {"x": "1,2", "q": "ü y"}
    assert got["sha256"] == hashlib.sha256(body).hexdigest()
    assert got["headers"]["x-thing"] == "Wert"
    assert got["traceparent"] == parent
    assert got["function"] == "echo"


def test_without_traceparent_one_is_made(url: str) -> None:
    for header in ({}, {"traceparent": "rubbish"}):
        got = requests.get(f"{url}/api/echo/n/", headers=header, timeout=10).json()
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", got["traceparent"])


def test_binary_answer_and_cookies(url: str) -> None:
    answer = requests.get(f"{url}/api/bytes", timeout=10)
    assert answer.status_code == 201
    assert answer.content == bytes(range(256))
    cookies = answer.raw.headers.getlist("Set-Cookie")
    assert cookies[0].startswith("a=1;")
    assert {"HttpOnly", "Max-Age=60", "Path=/", "SameSite=Lax"} <= set(cookies[0].split("; "))
    assert {"b=two", "Secure", "expires=Wed, 21 Oct 2037 07:28:00 GMT"} <= set(cookies[1].split("; "))


def test_head_has_headers_and_no_body(url: str) -> None:
    answer = requests.head(f"{url}/api/bytes", timeout=10)
    assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (201, "256", b"")


def test_string_answer_of_an_async_function(url: str) -> None:
    answer = requests.get(f"{url}/api/text", timeout=10)
    assert answer.text == "grüezi"
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_failure_is_500_without_a_word(url: str) -> None:
    answer = requests.get(f"{url}/api/fails", timeout=10)
    assert (answer.status_code, answer.content) == (500, b"")


def test_alphabetical_order_decides_between_routes(url: str) -> None:
    assert requests.get(f"{url}/api/items/recent", timeout=10).text == "details recent"


def test_method_and_constraint_are_part_of_the_route(url: str) -> None:
    guid = "6f1d4b0e-58cf-4f8c-9d55-8d0a5d9f5b11"
    assert requests.delete(f"{url}/api/items/{guid}", timeout=10).text == f"deleted {guid}"
    assert requests.delete(f"{url}/api/items/17", timeout=10).status_code == 404
    assert requests.put(f"{url}/api/items/17", timeout=10).status_code == 404
    assert requests.options(f"{url}/api/items/17", timeout=10).status_code == 404
    assert requests.get(f"{url}/items/17", timeout=10).status_code == 404


@pytest.mark.parametrize(
    ("name", "key", "status"),
    [
        ("staffOnly", None, 401),
        ("staffOnly", "wrong", 401),
        ("staffOnly", "function", 200),
        ("staffOnly", "master", 200),
        ("ownerOnly", "function", 401),
        ("ownerOnly", "master", 200),
    ],
)
def test_auth_levels(url: str, name: str, key: str | None, status: int) -> None:
    by_header = requests.get(f"{url}/api/{name}", headers={"x-functions-key": key or ""}, timeout=10)
    by_query = requests.get(f"{url}/api/{name}", params={"code": key or ""}, timeout=10)
    assert (by_header.status_code, by_query.status_code) == (status, status)


def test_body_limit(url: str) -> None:
    at_limit = requests.post(f"{url}/api/echo/a/b", data=b"x" * 100_000, timeout=10)
    assert at_limit.json()["length"] == 100_000
    assert requests.post(f"{url}/api/echo/a/b", data=b"x" * 100_001, timeout=10).status_code == 413
    chunked = requests.post(f"{url}/api/echo/a/b", data=iter([b"x" * 60_000] * 2), timeout=10)
    assert chunked.status_code == 413


def test_expectation_is_answered(url: str) -> None:
    address = urlsplit(url)
    assert address.hostname
    with socket.create_connection((address.hostname, address.port or 80), timeout=10) as connection:
        head = "POST /api/echo/a/b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"hi")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_encoded_body_is_passed_on_untouched(url: str) -> None:
    answer = requests.post(f"{url}/api/echo/a/b", data=b"not gzip", headers={"Content-Encoding": "gzip"}, timeout=10)
    assert answer.json()["length"] == 8


def test_cors_of_local_settings(url: str) -> None:
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-a"}
    mine = {"Origin": "https://shop.example"}
    preflight = requests.options(f"{url}/api/text", headers=mine | asked, timeout=10)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert preflight.headers["Access-Control-Allow-Methods"] == "PUT"
    assert preflight.headers["Access-Control-Allow-Headers"] == "x-a"
    allowed = requests.get(f"{url}/api/text", headers=mine, timeout=10)
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    other = requests.get(f"{url}/api/text", headers={"Origin": "https://else.example"}, timeout=10)
    assert "Access-Control-Allow-Origin" not in other.headers


def test_admin_routes(url: str) -> None:
    for path in ("host/status", "functions"):
        assert requests.get(f"{url}/admin/{path}", timeout=10).status_code == 401
        assert requests.get(f"{url}/admin/{path}?code=function", timeout=10).status_code == 401
    assert requests.get(f"{url}/admin/host/ping", timeout=10).status_code == 200
    status = requests.get(f"{url}/admin/host/status", headers=MASTER, timeout=10).json()
    assert status["state"] == "Running"
    assert {"echo", "pack", "scan", "tick"} <= set(status["functions"])
    assert status["versions"]["azure-functions-runtime"]
    rows = {row["name"]: row for row in requests.get(f"{url}/admin/functions", headers=MASTER, timeout=10).json()}
    assert rows["itemDelete"]["methods"] == ["DELETE"]
    assert rows["itemDelete"]["url"] == f"{url}/api/items/{{id:guid}}"
    assert (rows["pack"]["trigger"], rows["pack"]["queue"]) == ("queueTrigger", "orders")
    assert rows["scan"]["path"] == "inbox/{vendor}/{sku}.{ext}"
    assert requests.get(f"{url}/admin/nothing", timeout=10).status_code == 404


def test_many_requests_on_one_connection(url: str) -> None:
    with requests.Session() as session:
        for number in range(200):
            assert session.get(f"{url}/api/items/{number}", timeout=10).text == f"details {number}"
