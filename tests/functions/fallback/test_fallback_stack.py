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
    assert wrong.headers["Allow"] == "GET, POST"
    head = requests.head(f"{stack.url}/api/conversions", timeout=60)
    assert (head.status_code, head.content) == (405, b"")
