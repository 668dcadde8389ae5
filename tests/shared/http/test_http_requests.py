"""What the adapter lets through, and how it refuses the rest."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import azure.functions as func
import pytest
from http_calls import App
from http_shop import Shop

from shared.http.auth import PUBLIC
from shared.http.endpoint import endpoint
from shared.http.json_body import parse_json
from shared.http.routes import MAX_JSON_BYTES

GOOD = {"item": "hat"}


def test_a_good_request_gets_its_answer(call: App, shop: Shop, token: Callable[..., str]) -> None:
    answer = call("order", {**GOOD, "pieces": 2, "weight": 1.5, "gift": True, "notes": [{"a": None}]}, token=token())
    assert answer.status == 201
    assert answer.body == {"id": shop.runs[0], "item": "hat", "limit": None, "ip": "203.0.113.7"}
    assert answer.headers["Location"] == f"/api/orders/{shop.runs[0]}"
    assert answer.headers["Content-Type"] == "application/json"


def test_a_handler_without_an_answer_says_204(call: App, token: Callable[..., str]) -> None:
    answer = call("nothing", token=token(), route={"id": "x"})
    assert (answer.status, answer.raw) == (204, b"")


def nested(levels: int) -> bytes:
    return b'{"item": "hat", "notes": ' + b"[" * levels + b"]" * levels + b"}"


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 400, "bad_json"),
        (b"{", 400, "bad_json"),
        (b"hat", 400, "bad_json"),
        (b"{'item': 'hat'}", 400, "bad_json"),
        (b'{"item": "hat"} {}', 400, "bad_json"),
        (b'{"item": "hat",}', 400, "bad_json"),
        (b'{"item": "hat" /* red */}', 400, "bad_json"),
        (b'{"item": "\xff"}', 400, "bad_json"),
        (b'{"item": "a\x00b"}', 400, "bad_json"),
        (b"\xef\xbb\xbf" + b'{"item": "hat"}', 400, "bad_json"),
        ('{"item": "hat"}'.encode("utf-16"), 400, "bad_json"),
        (b'{"item": "hat", "weight": NaN}', 400, "bad_json"),
        (b'{"item": "hat", "weight": -Infinity}', 400, "bad_json"),
        (b'{"item": "hat", "weight": 1e999}', 400, "bad_json"),
        (b'{"item": "hat", "pieces": 1' + b"0" * 5000 + b"}", 400, "bad_json"),
        (b'{"item": "hat", "item": "coat"}', 400, "duplicate_field"),
        (b'{"item": "hat", "notes": [{"a": 1, "a": 1}]}', 400, "duplicate_field"),
        (b'{"item": "hat", "\\u0069tem": "coat"}', 400, "duplicate_field"),
        (nested(20), 400, "bad_json"),
        (nested(100_000), 400, "bad_json"),
        (b'{"item": "' + b"x" * MAX_JSON_BYTES + b'"}', 413, "too_many_bytes"),
        (b"[]", 422, "invalid"),
        (b"null", 422, "invalid"),
        (b'"hat"', 422, "invalid"),
        (b"{}", 422, "invalid"),
        (b'{"item": null}', 422, "invalid"),
        (b'{"item": 7}', 422, "invalid"),
        (b'{"item": "\\ud800"}', 422, "invalid"),
        (b'{"item": "' + b"x" * 21 + b'"}', 422, "invalid"),
        (b'{"item": "hat", "pieces": "2"}', 422, "invalid"),
        (b'{"item": "hat", "pieces": 2.5}', 422, "invalid"),
        (b'{"item": "hat", "pieces": true}', 422, "invalid"),
        (b'{"item": "hat", "pieces": 0}', 422, "invalid"),
        (b'{"item": "hat", "pieces": 1' + b"0" * 400 + b"}", 422, "invalid"),
        (b'{"item": "hat", "gift": 1}', 422, "invalid"),
        (b'{"item": "hat", "gift": "true"}', 422, "invalid"),
        (b'{"item": "hat", "userId": "eve"}', 422, "invalid"),
        (b'{"item": "hat", "\\ud800": 1}', 422, "invalid"),
        (b'{"item": "hat", "__proto__": {}}', 422, "invalid"),
    ],
)
def test_a_bad_body_is_refused(
    call: App, shop: Shop, token: Callable[..., str], raw: bytes, status: int, code: str
) -> None:
    answer = call("order", raw, token=token(), headers={"Idempotency-Key": "k"})
    assert (answer.status, answer.code) == (status, code)
    assert shop.runs == []
    assert call("order", GOOD, token=token(), headers={"Idempotency-Key": "k"}).status == 201


def test_nesting_up_to_the_limit_is_taken() -> None:
    assert parse_json(nested(19))["item"] == "hat"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp"]
)
def test_another_content_type_is_refused(call: App, token: Callable[..., str], kind: str) -> None:
    answer = call("order", GOOD, token=token(), headers={"Content-Type": kind})
    assert (answer.status, answer.code, answer.body["field"]) == (415, "unsupported_type", "Content-Type")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_is_json(call: App, shop: Shop, token: Callable[..., str], kind: str) -> None:
    assert call("order", GOOD, token=token(), headers={"Content-Type": kind}).status == 201


def test_every_fault_of_a_body_is_named(call: App, token: Callable[..., str]) -> None:
    answer = call("order", {"pieces": 0, "role": "admin"}, token=token())
    errors = {error["field"]: error["message"] for error in answer.body["details"]["errors"]}
    assert errors.keys() == {"item", "pieces", "role"}
    assert answer.body["field"] in errors


def test_what_was_sent_is_not_sent_back(call: App, token: Callable[..., str]) -> None:
    answer = call("order", {"item": 7, "secret": "hunter2"}, token=token())
    assert b"hunter2" not in answer.raw


@pytest.mark.parametrize(
    ("name", "query", "status", "code"),
    [
        ("plain", {"debug": "1"}, 400, "unknown_query"),
        ("plain", {"\ud800" * 200: "1"}, 400, "unknown_query"),
        ("search", {"limit": "0"}, 422, "invalid"),
        ("search", {"limit": "many"}, 422, "invalid"),
        ("search", {"limit": "5", "userId": "eve"}, 422, "invalid"),
    ],
)
def test_a_bad_query_is_refused(
    call: App, token: Callable[..., str], name: str, query: dict[str, str], status: int, code: str
) -> None:
    answer = call(name, query=query, token=token())
    assert (answer.status, answer.code) == (status, code)


def test_a_query_is_converted(call: App, token: Callable[..., str]) -> None:
    assert call("search", query={"limit": "7"}, token=token()).body["limit"] == 7
    assert call("search", token=token()).body["limit"] == 20


def test_a_role_without_the_function_is_forbidden(call: App, token: Callable[..., str]) -> None:
    answer = call("admin", token=token())
    assert (answer.status, answer.code) == (403, "forbidden")
    assert call("admin", token=token("root", "admin")).status == 200
    assert call("admin").status == 401


def test_a_stranger_learns_nothing_from_a_body(call: App) -> None:
    assert call("order", b"{").status == 401


@pytest.mark.parametrize("given", ["abcdefgh", "0af7651916cd43dd-8448.eb211c_80319c"])
def test_a_request_id_is_kept(call: App, given: str) -> None:
    answer = call("plain", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] == answer.body["id"] == given


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "abcdefgh\r\nSet-Cookie: a=b", "abcdefgh ", "äöüäöüäö"])
def test_a_strange_request_id_is_replaced(call: App, given: str) -> None:
    first, second = (call("plain", headers={"X-Request-Id": given}).headers["X-Request-Id"] for _ in range(2))
    assert first != given
    assert first != second
    assert len(first) == 26


@pytest.mark.parametrize(("name", "status"), [("plain", 200), ("admin", 401), ("busy", 409), ("crash", 500)])
def test_every_answer_carries_the_headers(call: App, name: str, status: int) -> None:
    answer = call(name)
    assert answer.status == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Request-Id"]


def test_an_error_is_a_problem(call: App) -> None:
    answer = call("busy", headers={"X-Request-Id": "request-1"})
    assert answer.code == "busy_now"
    assert answer.body == {
        "type": "urn:ai-fashion-studio:problem:busy_now",
        "title": "busy now",
        "status": 409,
        "detail": "not now",
        "code": "busy_now",
        "retryable": True,
        "requestId": "request-1",
        "details": {"left": 3},
    }
    assert answer.headers["Retry-After"] == "3"


def test_a_crash_tells_the_log_and_not_the_caller(call: App, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "studio"):
        answer = call("crash", headers={"X-Request-Id": "request-1"})
    assert (answer.status, answer.code) == (500, "internal")
    assert not any(word in answer.raw.decode() for word in ("hunter2", "RuntimeError", "Traceback", "/"))
    (line,) = (json.loads(record.message) for record in caplog.records)
    assert (line["event"], line["error"], line["requestId"], line["route"]) == (
        "http.crashed",
        "RuntimeError",
        "request-1",
        "crash",
    )
    assert "hunter2" not in caplog.text
    assert "ada@" not in caplog.text


def test_a_trace_goes_on(call: App, caplog: pytest.LogCaptureFixture) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    with caplog.at_level(logging.INFO, "studio"):
        call("plain", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert json.loads(caplog.records[-1].message)["traceId"] == trace


@pytest.mark.parametrize("broken", ["", "00", "x" * 5000, "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
def test_a_broken_trace_does_no_harm(call: App, broken: str) -> None:
    assert call("plain", headers={"traceparent": broken}).status == 200


def test_a_public_route_can_t_be_idempotent() -> None:
    def handler(call: Any) -> None:
        return None

    with pytest.raises(ValueError, match="key"):
        endpoint(func.Blueprint(), "POST", "x", access=PUBLIC, idempotent=True)(handler)
