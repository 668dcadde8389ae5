"""Browsers' requests through the host: a preflight, headers of an answer, an upload to storage, unknown routes."""

from __future__ import annotations

import requests

from emulators.stack import Stack


def test_a_page_at_an_allowed_origin_can_call_and_upload(stack: Stack) -> None:
    origin = {"Origin": stack.settings["ALLOWED_ORIGINS"]}
    asks = {**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    preflight = requests.options(f"{stack.url}/api/conversions", headers=asks, timeout=60)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == origin["Origin"]
    answer = requests.get(f"{stack.url}/api/auth/me", headers=origin, timeout=60)
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == origin["Origin"]
    storage = dict(part.split("=", 1) for part in stack.storage.split(";") if part)["BlobEndpoint"]
    asks = {**origin, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-ms-blob-type"}
    upload = requests.options(f"{storage}/uploads/any", headers=asks, timeout=60)
    assert upload.status_code == 200
    assert upload.headers["Access-Control-Allow-Origin"] == origin["Origin"]


def test_a_page_elsewhere_can_not(stack: Stack) -> None:
    elsewhere = {"Origin": "https://elsewhere.example.com"}
    asks = {**elsewhere, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    preflight = requests.options(f"{stack.url}/api/conversions", headers=asks, timeout=60)
    assert "Access-Control-Allow-Origin" not in preflight.headers
    answer = requests.get(f"{stack.url}/api/auth/me", headers=elsewhere, timeout=60)
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_unknown_routes_and_wrong_methods_are_problems(stack: Stack) -> None:
    unknown = requests.get(f"{stack.url}/api/nothing/here", timeout=60)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "route_not_found")
    wrong = requests.put(f"{stack.url}/api/conversions", timeout=60)
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert wrong.headers["Allow"] == "GET, HEAD, POST"
    wrong = requests.head(f"{stack.url}/api/auth/login", timeout=60)
    assert (wrong.status_code, wrong.content) == (405, b"")


def test_head_is_answered_as_get_without_a_body(stack: Stack) -> None:
    for path in ("health", "openapi.json", "docs", "widget/terms", "conversions"):
        wanted = requests.get(f"{stack.url}/api/{path}", timeout=60)
        head = requests.head(f"{stack.url}/api/{path}", timeout=60)
        assert (head.status_code, head.content) == (wanted.status_code, b""), path
        assert head.headers["Content-Type"] == wanted.headers["Content-Type"], path


def test_the_description_is_sent_compressed_and_once(stack: Stack) -> None:
    url = f"{stack.url}/api/openapi.json"
    packed = requests.get(url, headers={"Accept-Encoding": "gzip"}, timeout=60)
    plain = requests.get(url, headers={"Accept-Encoding": "identity"}, timeout=60)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.json() == plain.json()
    assert int(packed.headers["Content-Length"]) * 5 < int(plain.headers["Content-Length"])
    for answer in (packed, plain):
        assert answer.headers["Cache-Control"].startswith("public, max-age=")
        assert answer.headers["Vary"] == "Accept-Encoding"
        known = {"If-None-Match": answer.headers["ETag"], "Accept-Encoding": answer.request.headers["Accept-Encoding"]}
        again = requests.get(url, headers=known, timeout=60)
        assert (again.status_code, again.content) == (304, b"")


def test_preflights_are_kept_and_answers_show_their_headers(stack: Stack) -> None:
    origin = {"Origin": stack.settings["ALLOWED_ORIGINS"], "Access-Control-Request-Method": "GET"}
    for path in ("conversions", "jobs/any", "shops/default/products"):
        preflight = requests.options(f"{stack.url}/api/{path}", headers=origin, timeout=60)
        assert int(preflight.headers["Access-Control-Max-Age"]) >= 600
    shown = requests.get(f"{stack.url}/api/jobs/any", headers=origin, timeout=60).headers
    assert {"Location", "Retry-After", "RateLimit-Remaining", "X-Request-Id", "ETag", "Idempotency-Replayed"} <= set(
        shown["Access-Control-Expose-Headers"].split(", ")
    )
