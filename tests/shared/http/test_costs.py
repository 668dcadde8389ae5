"""Limits count what work costs: pixels, bytes, and seconds of models; what was found out late is counted late."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import azure.functions as func
import pytest
from http_calls import Answered, App
from PIL import Image

from shared import turns
from shared.errors import Unprocessable
from shared.http import classes, limits, routes
from shared.http.auth import PUBLIC, SIGNED_IN
from shared.http.endpoint import Call, endpoint
from shared.images.renditions import sanitize_image
from shared.turns import Work

JPEG = {"Content-Type": "image/jpeg"}


def picture(side: int, format: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side), (180, 30, 40)).save(out, format)
    return out.getvalue()


@pytest.fixture
def studio() -> Iterator[App]:
    """Routes that decode what they get, run a model for some seconds, and put work off."""
    bp, before = func.Blueprint(), len(routes.ROUTES)

    @endpoint(bp, "POST", "pictures", access=SIGNED_IN, limit="upload", upload=True)
    def decode(call: Call) -> None:
        sanitize_image(call.raw.get_body())

    @endpoint(bp, "POST", "anyone", access=PUBLIC, limit="window-picture", upload=True)
    def decode_for_anyone(call: Call) -> None:
        sanitize_image(call.raw.get_body())

    @endpoint(bp, "POST", "models", access=SIGNED_IN, limit="segment")
    def run(call: Call) -> None:
        turns.spend(model_s=1.0)

    @endpoint(bp, "POST", "late", access=SIGNED_IN, limit="segment")
    def fail(call: Call) -> None:
        turns.spend(calls=4)
        raise Unprocessable("found out late")

    yield App(bp)
    del routes.ROUTES[before:]


@pytest.fixture(autouse=True)
def ten(change_settings: Callable[..., None]) -> None:
    change_settings(RATE_LIMITS=f'{{"default": [10, {10**9}]}}', RATE_LIMIT_SCALE="1")
    limits.forget()


def left(answer: Answered) -> int:
    return int(answer.headers["RateLimit-Remaining"])


@pytest.mark.processes
def test_a_large_picture_counts_for_several(studio: App, token: Callable[..., str]) -> None:
    ada = token()
    assert left(studio("decode", picture(500), token=ada, headers=JPEG)) == 9
    # 49 megapixels: three calls beyond the one.
    large = picture(7000)
    assert left(studio("decode", large, token=ada, headers=JPEG)) == 5
    assert left(studio("decode", large, token=ada, headers=JPEG)) == 1
    # It is counted after it was made, so this one is answered, and nothing is left.
    last = studio("decode", large, token=ada, headers=JPEG)
    assert (last.status, left(last)) == (204, 0)
    answer = studio("decode", picture(500), token=ada, headers=JPEG)
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert studio("decode", picture(500), token=token("bob"), headers=JPEG).status == 204


@pytest.mark.processes
def test_a_damaged_picture_is_not_free(studio: App, token: Callable[..., str]) -> None:
    damaged = studio("decode", picture(3000)[:-2000], token=token(), headers=JPEG)
    assert (damaged.status, damaged.code, left(damaged)) == (422, "corrupt", 5)


@pytest.mark.processes
def test_visitors_pay_by_address(studio: App) -> None:
    large = picture(6000)
    assert left(studio("decode_for_anyone", large, headers=JPEG, ip="203.0.113.1")) == 7
    assert left(studio("decode_for_anyone", large, headers=JPEG, ip="203.0.113.2")) == 7


def test_seconds_of_models_and_work_that_was_put_off_count(studio: App, token: Callable[..., str]) -> None:
    ada = token()
    assert left(studio("run", token=ada)) == 7
    failed = studio("fail", token=ada)
    assert (failed.status, left(failed)) == (422, 2)


def test_many_accounts_behind_one_address_share_what_it_may_spend(studio: App, token: Callable[..., str]) -> None:
    # An address has five callers' worth: 50 of these, each of which counts for three.
    answers = [studio("run", token=token(f"user{number}"), ip="203.0.113.9").status for number in range(20)]
    assert answers == [204] * 17 + [429] * 3


@pytest.mark.parametrize(
    ("work", "cost"),
    [
        (Work("ada", megapixels=12.2), 0),
        (Work("ada", megapixels=36), 2),
        (Work("ada", megapixels=36 * 4), 9),
        (Work("ada", megabytes=15), 1),
        (Work("ada", model_s=0.4, megapixels=4), 1),
        (Work("ada", calls=49), 49),
    ],
)
def test_what_work_costs_beyond_its_call(work: Work, cost: int) -> None:
    assert classes.cost_of(work) == cost
