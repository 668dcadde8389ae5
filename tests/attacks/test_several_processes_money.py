"""Captures, refunds and quotas on two and on four processes that share one document store: each is made once in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from app_processes import EACH, Apps
from http_calls import App
from over_http import photo
from paypal_shop import Buyer, Shop, paypal, shop
from stores import both_stores

from shared import settings

pytestmark = [pytest.mark.processes, pytest.mark.long]
__all__ = ["paypal", "shop"]
FREE = 4
"""Conversions that a user has."""


@pytest.fixture(params=[2, 4])
def apps(shop: Shop, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Apps]:
    # A process waits for the one that holds a payment, and does not take it over.
    monkeypatch.setenv("PAYPAL_LEASE_S", "60")
    monkeypatch.setenv("CONVERSION_QUOTA", str(FREE))
    settings.forget()
    started = Apps(request.param)
    yield started
    started.close()


@both_stores
def test_an_order_is_captured_once(apps: Apps, shop: Shop) -> None:
    ada = shop.user()
    order = ada.approved()
    capture = {"name": "capture_paypal_order", "route": {"id": order}, "token": ada.token}
    answers = apps.call(*[capture] * EACH)
    assert {answer["status"] for answer in answers} == {200}
    assert len({answer["body"]["captureId"] for answer in answers}) == 1
    assert len(shop.captures(order)) == 1 and len(shop.requests_of("capture")) == 1
    assert len(ada.grants()) == 1 and ada.credits() == 10


@both_stores
def test_a_refund_is_made_once(apps: Apps, shop: Shop) -> None:
    ada, admin = shop.user(), shop.user("admin")
    id = ada.bought()["captureId"]
    refund = {"name": "refund_paypal_capture", "body": {}, "route": {"id": id}, "token": admin.token}
    same = apps.call(*[{**refund, "headers": {"Idempotency-Key": "one"}}] * EACH)
    assert {answer["status"] for answer in same} == {200}, Counter(answer["status"] for answer in same)
    assert len({str(answer["body"]) for answer in same}) == 1
    others = apps.call_each(lambda process: [{**refund, "headers": {"Idempotency-Key": f"other-{process}"}}])
    assert {answer["body"]["code"] for answer in others} == {"already_refunded"}
    assert len(shop.control("state")["refunds"]) == 1
    assert ada.credits() == 0


@both_stores
def test_refunds_in_parts_do_not_return_more_than_was_paid(apps: Apps, shop: Shop) -> None:
    ada, admin = shop.user(), shop.user("admin")
    id = ada.bought()["captureId"]
    part = {"name": "refund_paypal_capture", "body": {"amountMinor": 300}, "route": {"id": id}, "token": admin.token}

    def parts(process: int) -> list[dict[str, Any]]:
        return [{**part, "headers": {"Idempotency-Key": f"part-{process}-{n}"}} for n in range(EACH)]

    answers = apps.call_each(parts)
    assert Counter(answer["status"] for answer in answers)[200] == 1
    (refund,) = shop.control("state")["refunds"].values()
    assert refund["units"] == 300
    assert ada.credits() == 4


def conversion(ada: Buyer) -> dict[str, Any]:
    """A request of a conversion by a user, whose pictures are uploaded."""
    upload = App.of("upload")
    ids = {
        kind: upload("upload_image", photo(colour), token=ada.token, headers={"Content-Type": "image/jpeg"},
                     query={"kind": kind}).body["id"]
        for kind, colour in (("person", "tan"), ("garment", "teal"))
    }  # fmt: skip
    body = {"personImageId": ids["person"], "garmentImageId": ids["garment"]}
    return {"name": "create_conversion", "body": body, "token": ada.token}


@both_stores
def test_credits_are_not_overdrawn_while_they_are_refunded(apps: Apps, shop: Shop) -> None:
    ada, admin = shop.user(), shop.user("admin")
    id = ada.bought()["captureId"]
    bought = ada.credits()
    convert = conversion(ada)
    statuses: Counter[int] = Counter()
    while statuses[202] < FREE + bought // 2:
        statuses.update(answer["status"] for answer in apps.call(convert))
    refund = {"name": "refund_paypal_capture", "body": {"amountMinor": 300}, "route": {"id": id}, "token": admin.token}

    def race(process: int) -> list[dict[str, Any]]:
        return [{**refund, "headers": {"Idempotency-Key": f"refund-{process}"}}, *[convert] * EACH]

    answers = apps.call_each(race)
    raced = [answer for number, answer in enumerate(answers) if number % (EACH + 1)]
    assert len(shop.control("state")["refunds"]) == 1
    statuses.update(answer["status"] for answer in raced)
    assert {answer["body"]["code"] for answer in raced if answer["status"] != 202} <= {"quota_exceeded"}
    # A refund of 3 of 5 dollars takes 6 of 10 credits, spent or not, and no call spends what is not there.
    assert ada.credits() == bought - 6 - (statuses[202] - FREE) <= 0
    assert statuses[202] - FREE <= bought
    assert [answer["body"]["code"] for answer in apps.call(convert, of=0)] == ["quota_exceeded"]


@both_stores
def test_a_quota_is_not_overdrawn(apps: Apps, shop: Shop) -> None:
    ada = shop.user()
    convert = conversion(ada)
    repeated = apps.call(*[{**convert, "headers": {"Idempotency-Key": "one"}}] * EACH)
    assert {answer["status"] for answer in repeated} == {202}
    assert len({answer["body"]["id"] for answer in repeated}) == 1
    statuses = Counter(answer["status"] for _ in range(2) for answer in apps.call(*[convert] * EACH))
    assert statuses[202] == FREE - 1, statuses
    assert set(statuses) == {202, 429}
