"""What no route takes: preflights, unknown paths, wrong methods."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from http_calls import App, fresh_store
from routes import app_functions, declared

from functions.fallback.blueprint import bp
from shared.http.cors import REQUEST_HEADERS

ORIGIN = "https://shop.example.com"


@pytest.fixture
def change_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    with fresh_store(tmp_path, monkeypatch, ALLOWED_ORIGINS=ORIGIN) as change:
        assert declared()
        yield change


@pytest.fixture
def call(change_settings: Callable[..., None]) -> App:
    return App(bp)


def test_the_last_function_of_all_is_the_one_that_refuses() -> None:
    names = sorted(
        (f.get_function_name() for f in app_functions() if f.get_trigger().type == "httpTrigger"), key=str.lower
    )
    assert names[-1] == "zz_unmatched"


def test_a_preflight_of_a_listed_page(call: App) -> None:
    answer = call("cors_preflight", route={"path": "conversions"}, headers={"Origin": ORIGIN})
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Access-Control-Allow-Headers"] == REQUEST_HEADERS
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    assert int(answer.headers["Access-Control-Max-Age"]) >= 600
    assert answer.headers["Allow"] == "OPTIONS, GET, HEAD, POST"


def test_parameters_and_a_body_change_nothing(call: App) -> None:
    sent = {"query": {"limit": "8", "x": "y"}, "headers": {"Origin": ORIGIN, "Content-Type": "text/odd"}}
    assert call("cors_preflight", b"{", route={"path": "images"}, **sent).status == 204
    assert call("zz_unmatched", b"{", route={"path": "nothing"}, method="POST", **sent).code == "route_not_found"
    assert call("zz_unmatched", b"{", route={"path": "images"}, method="PUT", **sent).code == "method_not_allowed"


def test_a_preflight_of_another_page(call: App) -> None:
    answer = call("cors_preflight", route={"path": "conversions"}, headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["", "nothing", "conversions/a/b/c", "auth", "%2e%2e/admin"])
def test_an_unknown_path_is_a_problem(call: App, method: str, path: str) -> None:
    answer = call("zz_unmatched", route={"path": path}, method=method, headers={"Origin": ORIGIN})
    assert (answer.status, answer.code) == (404, "route_not_found")
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["X-Request-Id"]


def test_every_route_names_its_methods(call: App) -> None:
    for route in declared():
        path = route.path.replace("{", "").replace("}", "")
        answer = call("zz_unmatched", route={"path": path}, method="TRACE")
        assert (answer.status, answer.code) == (405, "method_not_allowed"), path
        assert route.method in answer.headers["Allow"].split(", "), path
