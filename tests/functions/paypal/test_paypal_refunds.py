"""Giving money back takes the credits back, spent or not, and only an administrator may."""

from __future__ import annotations

from typing import Any

from http_calls import Answered
from paypal_shop import Buyer, Shop
from stores import both_stores

from shared.commerce import credits
from shared.documents import store


def refund(admin: Buyer, capture: str, key: str = "r1", **body: Any) -> Answered:
    return admin.call("refund_paypal_capture", body, route={"id": capture}, headers={"Idempotency-Key": key})


def test_a_full_refund_takes_all_credits_back(shop: Shop) -> None:
    ada, admin = shop.user(), shop.user("admin")
    receipt = ada.bought()
    answer = refund(admin, receipt["captureId"])
    assert answer.status == 200, answer.raw
    assert {"status": "refunded", "refundedMinor": 499, "creditsGranted": 0}.items() <= answer.body.items()
    assert ada.credits() == 0
    again = refund(admin, receipt["captureId"], "r2")
    assert (again.status, again.code) == (409, "already_refunded")


def test_refunds_in_parts(shop: Shop) -> None:
    ada, admin = shop.user(), shop.user("admin")
    capture = ada.bought()["captureId"]
    first = refund(admin, capture, "r1", amountMinor=100).body
    assert first["status"] == "partially_refunded" and first["refundedMinor"] == 100
    assert first["creditsGranted"] == ada.credits() == 8
    assert refund(admin, capture, "r1", amountMinor=100).body == first
    assert refund(admin, capture, "r2", amountMinor=400).code == "refund_amount_exceeded"
    assert refund(admin, capture, "r3", amountMinor=399).body["status"] == "refunded"
    assert ada.credits() == 0 and len(shop.control("state")["refunds"]) == 2


@both_stores
def test_a_refund_whose_answer_was_lost_is_not_made_twice(shop: Shop) -> None:
    ada, admin = shop.user(), shop.user("admin")
    capture = ada.bought()["captureId"]
    shop.fault("lost", "refund")
    lost = refund(admin, capture, amountMinor=100)
    assert lost.status == 502 and lost.body["retryable"]
    assert refund(admin, capture, amountMinor=100).body["refundedMinor"] == 100
    assert len(shop.control("state")["refunds"]) == 1


@both_stores
def test_credits_that_are_spent_become_a_debt_with_an_audit_entry(shop: Shop) -> None:
    ada, admin = shop.user(), shop.user("admin")
    capture = ada.bought()["captureId"]
    for _ in range(4):
        store().batch("studio", ada.id, [credits.spend()])
    refund(admin, capture, amountMinor=250)
    assert ada.credits() == 1 and not ada.audited("CREDITS_OVERDRAWN")
    refund(admin, capture, "r2")
    assert ada.credits() == -4
    (entry,) = ada.audited("CREDITS_OVERDRAWN")
    assert entry["captureId"] == capture and entry["returned"] == 10
    ada.bought()
    assert ada.credits() == 6


def test_a_refund_needs_an_administrator_and_a_key(shop: Shop) -> None:
    ada, admin = shop.user(), shop.user("admin")
    capture = ada.bought()["captureId"]
    for role in ("shopper", "vendor", "merchant"):
        assert refund(shop.user(role), capture).status == 403
    keyless = admin.call("refund_paypal_capture", {}, route={"id": capture})
    assert (keyless.status, keyless.code) == (400, "idempotency_key_required")
    assert refund(admin, "NOSUCHCAPTURE").code == "capture_not_found"
    assert ada.credits() == 10
