"""Cross-origin requests: which pages may call, and what they may read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from http_calls import App

from shared.errors import ConfigurationError
from shared.http import cors
from shared.http.settings import http_settings

LISTED = "https://shop.example.com"


@pytest.fixture(autouse=True)
def listed(change_settings: Callable[..., None]) -> None:
    """One page may call."""
    change_settings(ALLOWED_ORIGINS=f"{LISTED}/, https://Other.example:8443")


@pytest.mark.parametrize("origin", [LISTED, "https://SHOP.example.com", "https://other.example:8443"])
def test_a_listed_page_may_call_and_read_headers(call: App, origin: str) -> None:
    answer = call("plain", headers={"Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert {"Location", "Retry-After", "RateLimit-Remaining", "X-Request-Id", "ETag", "Idempotency-Replayed"} <= {
        name.strip() for name in answer.headers["Access-Control-Expose-Headers"].split(",")
    }
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://shop.example.com", f"{LISTED}.evil.example", f"{LISTED}:8443", "null", "https://"],
)
def test_another_page_may_not(call: App, origin: str) -> None:
    answer = call("plain", headers={"Origin": origin})
    assert answer.status == 200
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Origin" in answer.headers["Vary"]


def test_problems_carry_the_headers_too(call: App) -> None:
    assert call("order", {}, headers={"Origin": LISTED}).headers["Access-Control-Allow-Origin"] == LISTED
    assert call("crash", headers={"Origin": LISTED}).headers["Access-Control-Allow-Origin"] == LISTED


def test_without_an_origin_the_answer_varies_by_it(call: App) -> None:
    headers = call("plain").headers
    assert not [name for name in headers if name.startswith("Access-Control")]
    assert headers["Vary"] == "Origin"


def test_what_any_page_may_read_is_the_same_for_all() -> None:
    for path in ("shops/{shop}/products/{id}/pictures/{version}/{name}", "openapi.json"):
        assert cors.response_headers(path, None) == cors.response_headers(path, "https://any.example")
        assert "Vary" not in cors.response_headers(path, None)


def test_credentials_are_never_allowed() -> None:
    for path in ("plain", "shops/default/products"):
        headers = {**cors.preflight_headers(path, LISTED), **cors.response_headers(path, LISTED)}
        assert "Access-Control-Allow-Credentials" not in headers


def test_any_page_may_look_at_a_shop_window() -> None:
    assert cors.response_headers("shops/{shop}/products", "https://any.example")["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in cors.response_headers("conversions", "https://any.example")


def test_a_star_allows_every_page(change_settings: Callable[..., None]) -> None:
    change_settings(ALLOWED_ORIGINS="*")
    assert cors.preflight_headers("conversions", "https://any.example")["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    "wrong", ["shop.example.com", "https://shop.example.com/path", "ftp://x", "javascript:alert(1)"]
)
def test_what_is_no_origin_is_refused(change_settings: Callable[..., None], wrong: str) -> None:
    change_settings(ALLOWED_ORIGINS=wrong)
    with pytest.raises(ConfigurationError, match="is no origin"):
        http_settings()
