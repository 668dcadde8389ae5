"""The engine of FASHN's hosted API: the official client against the emulator, every row of its table, and its price."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import count
from typing import Any

import numpy as np
import pytest
import requests
from drawn import garments, needs_model
from PIL import Image

from demo.photos import people
from shared.engines import fashn_api
from shared.engines.base import Cancelled, Result
from shared.engines.fashn_api import FashnApi, FashnClient
from shared.errors import ConfigurationError, OperatorActionNeeded, StudioError, Unprocessable, UpstreamError
from shared.provider_errors import FEW_TRIES, Blame, ProviderError
from shared.vto import errors, fashn_errors

pytestmark = [pytest.mark.processes, needs_model]
_seeds = count(1000)


@cache
def person() -> Any:
    with Image.open(people()[0].photo) as image:
        image.thumbnail((240, 240))
        return np.asarray(image.convert("RGB"))


@cache
def shirt() -> Any:
    return garments(1, 3)[0][0]


@pytest.fixture(scope="module")
def facts(emulated: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return emulated["fashn"]


class Called:
    """The engine, with faults of the emulator for its next run."""

    def __init__(self, url: str) -> None:
        self.url, self.client = url, FashnClient()

    def fault(self, **posted: Any) -> int:
        seed = next(_seeds)
        body = {"match": str(seed), "times": 1, **posted}
        requests.post(f"{self.url}/_emulator/faults", json=body, timeout=5).raise_for_status()
        return seed

    def run(self, seed: int) -> bytes | StudioError:
        """The picture of a run without the work around it, or its error."""
        try:
            engine = FashnApi(self.client)
            done = lambda _: None  # noqa: E731
            return engine._run(person(), shirt(), "upper", seed, done, lambda: False)[0]  # pyright: ignore
        except StudioError as error:
            return error


@pytest.fixture
def called(change: Callable[..., None], facts: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Called:
    change(FASHN_API_KEY=facts["apiKey"], FASHN_BASE_URL=facts["url"])
    monkeypatch.setattr(fashn_api, "POLL_S", 0.01)
    return Called(facts["url"])


def assert_is(row: ProviderError, error: bytes | StudioError) -> None:
    kind = {Blame.USER: Unprocessable, Blame.OPERATOR: OperatorActionNeeded, Blame.TRANSIENT: UpstreamError}[row.blame]
    assert isinstance(error, kind), (row, error)
    assert row.source.startswith("https://")
    assert (error.code, error.max_tries) == (row.code, row.max_tries), row
    assert row.blame is Blame.OPERATOR or row.code in errors.KINDS, row


def test_every_error_of_a_request(called: Called) -> None:
    for reason, row in fashn_errors.REQUEST_ERRORS.items():
        if reason.startswith("HTTP"):
            status = int(reason[5:].replace("5xx", "520"))
            assert_is(row, called.run(called.fault(mode="answer", status=status, body={"message": "?"}, on="run")))
        else:
            assert_is(row, called.run(called.fault(mode="error", name=reason, on="run")))
            body = {"error": {"name": reason, "message": "?"}}
            assert_is(row, called.run(called.fault(mode="answer", status=429, body=body, on="run")))


def test_every_error_of_a_run(called: Called) -> None:
    for reason, row in fashn_errors.RUN_ERRORS.items():
        if reason in ("time_out", "canceled"):
            assert_is(row, called.run(called.fault(mode="ended", status=reason, on="run")))
        else:
            assert_is(row, called.run(called.fault(mode="failed", name=reason, on="run")))


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"mode": "answer", "status": 418, "body": {"error": "Teapot"}, "on": "run"}, "engine_failed"),
        ({"mode": "failed", "name": "SomethingNew", "on": "run"}, "engine_failed"),
        ({"mode": "html", "on": "run"}, "engine_failed"),
        ({"mode": "disconnect", "on": "run"}, "engine_unavailable"),
        ({"mode": "disconnect", "on": "status"}, "engine_unavailable"),
        ({"mode": "no_output", "on": "run"}, "engine_bad_answer"),
    ],
)
def test_the_unknown_passes(called: Called, fault: dict[str, Any], code: str) -> None:
    error = called.run(called.fault(**fault))
    assert isinstance(error, UpstreamError) and not isinstance(error, OperatorActionNeeded)
    assert error.code == code and error.retryable
    assert error.max_tries in (None, FEW_TRIES)


def test_a_wrong_key_is_the_operators(called: Called, change: Callable[..., None]) -> None:
    assert isinstance(called.run(2), bytes)
    change(FASHN_API_KEY="wrong")
    assert isinstance(Called(called.url).run(1), OperatorActionNeeded)


def test_without_a_key_the_setting_is_named(local: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="FASHN_API_KEY"):
        FashnClient().get()


def test_a_result_is_composited_and_names_engine_and_price(called: Called) -> None:
    calls: list[str] = []
    result: Result = FashnApi(called.client, on_call=lambda: calls.append("called")).generate(
        person(), shirt(), "upper", 7, 30
    )
    assert result.image.shape == person().shape
    assert (result.report.engine, result.report.version) == ("fashn-api", "tryon-v1.6-balanced")
    assert result.report.changed_outside_mask == 0 and (result.mask > 0).any()
    assert (result.report.notes["credits"], result.report.notes["costUsd"]) == (1, 0.075)
    assert calls == ["called"]


def test_cancelled_before_the_call_it_costs_nothing(called: Called) -> None:
    calls: list[str] = []
    with pytest.raises(Cancelled):
        FashnApi(called.client, on_call=lambda: calls.append("called")).generate(
            person(), shirt(), "upper", 7, 30, is_cancelled=lambda: True
        )
    assert calls == []


def test_cancelled_while_it_runs_it_stops_polling(called: Called) -> None:
    calls: list[str] = []
    with pytest.raises(Cancelled):
        FashnApi(called.client, on_call=lambda: calls.append("called")).generate(
            person(), shirt(), "upper", 7, 30, is_cancelled=lambda: bool(calls)
        )
    assert calls == ["called"]
