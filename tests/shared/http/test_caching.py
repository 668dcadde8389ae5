"""Conditional requests: an unchanged answer is a 304."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from http_calls import App
from routes import declared


def etag(call: App, token: str, **query: str) -> str:
    answer = call("search", token=token, query=query)
    assert answer.status == 200
    return answer.headers["ETag"]


def test_an_unchanged_answer_is_sent_once(call: App, token: Callable[..., str]) -> None:
    ada = token()
    known = etag(call, ada)
    for sent in (known, f"W/{known}", f'"other", {known}', "*"):
        again = call("search", token=ada, headers={"If-None-Match": sent})
        assert (again.status, again.raw, again.headers["ETag"]) == (304, b"", known)
        assert again.headers["RateLimit-Remaining"]


@pytest.mark.parametrize("sent", ['"other"', "", "garbage", '"'])
def test_another_version_is_sent_whole(call: App, token: Callable[..., str], sent: str) -> None:
    answer = call("search", token=token(), headers={"If-None-Match": sent})
    assert answer.status == 200
    assert answer.body["id"] == "ada"


def test_another_answer_has_another_version(call: App, token: Callable[..., str]) -> None:
    ada, bob = token(), token("bob")
    assert etag(call, ada) != etag(call, bob)
    assert etag(call, ada) != etag(call, ada, limit="5")


def test_browsers_may_keep_what_is_polled_and_nothing_else() -> None:
    kept = {route.path for route in declared() if route.stored_by_browsers}
    polled = {
        "analytics/batches/{id}", "analytics/trainings", "analytics/trainings/{id}", "conversions/{id}",
        "cv/segmentations/{id}", "cv/tryon", "cv/tryon/batches/{id}", "cv/tryon/{id}", "drops", "drops/{id}",
        "images", "jobs/{id}", "products", "products/imports", "products/imports/{id}", "shops/{shop}/products",
        "v1/status/{id}",
    }  # fmt: skip
    assert polled <= kept
    assert not {path for path in kept if path.startswith(("auth", "admin", "privacy", "webhooks", "paypal"))}


def test_every_answer_that_is_asked_for_again_can_be_asked_for_by_its_version() -> None:
    asked_again = [route for route in declared() if route.method == "GET" and "application/json" in route.media]
    without = {route.path for route in asked_again if not route.revalidates}
    # Liveness touches nothing; the description has a version of its own.
    assert without == {"health", "cv/segmentation/health", "openapi.json"}


def test_nothing_is_stored_by_default(call: App, token: Callable[..., str]) -> None:
    for name in ("admin", "search"):
        answer = call(name, token=token(f"root-{name}", role="admin"))
        assert answer.headers["Cache-Control"] == "no-store"


def test_errors_and_changes_have_no_version(call: App, token: Callable[..., str]) -> None:
    assert "ETag" not in call("crash").headers
    assert "ETag" not in call("order", {"sku": "a"}, token=token()).headers
