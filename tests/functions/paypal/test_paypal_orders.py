"""Buying credits: the order, the capture, the receipt, and everything PayPal may answer instead."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from paypal_shop import Shop, payment_of
from stores import both_stores

from shared import settings
from shared.documents import Where, store


def test_a_pack_is_ordered_approved_captured_and_its_credits_granted(shop: Shop) -> None:
    ada = shop.user()
    made = ada.call("create_paypal_order", {"pack": "small"})
    assert made.status == 201 and made.headers["Location"] == f"/api/paypal/orders/{made.body['id']}"
    assert set(made.body) == {"id", "approvalUrl"} and made.body["id"] in made.body["approvalUrl"]
    order = made.body["id"]
    assert ada.payment(order)["status"] == "created" and ada.credits() == 0
    shop.approve(order)
    receipt = ada.capture(order)
    assert receipt.status == 200
    wanted = {"status": "captured", "amount": "4.99", "amountMinor": 499, "currency": "USD", "creditsGranted": 10}
    assert wanted.items() <= receipt.body.items()
    assert list(shop.captures(order)) == [receipt.body["captureId"]]
    assert ada.payment(order) == receipt.body
    listed = ada.call("list_payments").body
    assert listed["credits"] == 10 and listed["items"] == [receipt.body]


def test_what_paypal_is_sent(shop: Shop) -> None:
    ada = shop.user()
    order = ada.order("medium")
    payment = payment_of(order)
    event = shop.signed({"type": "CHECKOUT.ORDER.APPROVED", "orderId": order})[1].decode()
    assert f'"custom_id":"{payment.id}"' in event.replace(": ", ":")
    assert '"19.99"' in event and payment.id.public in event
    (request,) = shop.requests_of("create")
    assert request["headers"]["PayPal-Request-Id"]


@pytest.mark.parametrize("field", ["amount", "price", "credits", "currency", "userId", "status"])
def test_a_client_names_no_price(shop: Shop, field: str) -> None:
    refused = shop.user().call("create_paypal_order", {"pack": "small", field: 1})
    assert (refused.status, refused.code) == (422, "invalid")
    assert not shop.requests_of("create")


def test_an_unknown_pack_is_refused(shop: Shop) -> None:
    refused = shop.user().call("create_paypal_order", {"pack": "gigantic"})
    assert (refused.status, refused.code, refused.body["field"]) == (422, "unknown_pack", "pack")


def test_the_price_list(shop: Shop) -> None:
    packs = shop.user().call("list_credit_packs").body["items"]
    assert {pack["id"]: (pack["credits"], pack["price"]) for pack in packs} == {
        "small": (10, "4.99"),
        "medium": (50, "19.99"),
        "large": (200, "59.99"),
    }


@both_stores
def test_the_same_key_makes_one_order(shop: Shop) -> None:
    ada = shop.user()
    assert ada.order(key="k1") == ada.order(key="k1") != ada.order(key="k2")
    assert len(ada.call("list_payments").body["items"]) == 2


def test_the_order_of_another_user_is_not_found(shop: Shop) -> None:
    ada, eve = shop.user(), shop.user()
    order = ada.approved()
    for name in ("get_paypal_order", "capture_paypal_order"):
        foreign = eve.call(name, route={"id": order})
        missing = eve.call(name, route={"id": "NOSUCHORDER"})
        assert foreign.status == missing.status == 404
        assert foreign.body["detail"] == missing.body["detail"] and foreign.code == "order_not_found"
    assert not shop.captures(order)
    assert eve.call("list_payments").body["items"] == []


def test_capturing_before_the_approval_sends_back_to_paypal(shop: Shop) -> None:
    ada = shop.user()
    order = ada.order()
    refused = ada.capture(order)
    assert (refused.status, refused.code) == (409, "order_not_approved")
    assert order in refused.body["details"]["approvalUrl"]
    shop.approve(order)
    assert ada.capture(order).body["status"] == "captured"


@both_stores
def test_twenty_captures_at_once_are_one_capture_and_one_grant(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYPAL_LEASE_S", "60")
    settings.forget()
    ada = shop.user()
    order = ada.approved()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: ada.capture(order), range(20)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body["captureId"] for answer in answers}) == 1
    assert len(shop.captures(order)) == 1 and len(shop.requests_of("capture")) == 1
    assert len(ada.grants()) == 1 and ada.credits() == 10


def test_a_lost_answer_to_create_is_requested_again_under_the_same_id(shop: Shop) -> None:
    shop.fault("lost", "create")
    ada = shop.user()
    order = ada.order()
    assert len({request["headers"]["PayPal-Request-Id"] for request in shop.requests_of("create")}) == 1
    assert list(shop.control("state")["orders"]) == [order]


@pytest.mark.parametrize("mode", ["500", "503", "html", "truncated", "empty", "huge", "disconnect", "429", "redirect"])
def test_an_order_paypal_does_not_answer_is_refused_and_can_be_sent_again(shop: Shop, mode: str) -> None:
    shop.fault(mode, "create", times=2)
    ada = shop.user()
    refused = ada.call("create_paypal_order", {"pack": "small"}, headers={"Idempotency-Key": "k"})
    assert refused.status == 502 and refused.body["retryable"]
    shop.control("faults", {"mode": "slow", "on": "nothing"})
    while shop.control("faults")["faults"][0]["mode"] == mode:
        ada.call("create_paypal_order", {"pack": "small"})
    assert ada.order(key="k")


@pytest.mark.parametrize("mode", ["wrong_amount", "wrong_currency", "wrong_payee", "wrong_custom_id"])
def test_an_order_that_is_not_ours_is_never_shown(shop: Shop, mode: str) -> None:
    shop.fault(mode, "create")
    refused = shop.user().call("create_paypal_order", {"pack": "small"})
    assert (refused.status, refused.code) == (502, "payment_mismatch")


@pytest.mark.parametrize("mode", ["lost", "500", "503", "html", "truncated", "empty", "huge"])
def test_a_capture_whose_answer_was_lost_is_found_by_asking_paypal(shop: Shop, mode: str) -> None:
    ada = shop.user()
    order = ada.approved()
    shop.fault(mode, "capture", after=True)
    answer = ada.capture(order)
    if mode == "html":
        assert answer.status == 202
        shop.finish(order)
    else:
        assert (answer.status, answer.body["status"]) == (200, "captured")
    assert ada.payment(order)["status"] == "captured"
    assert len(shop.captures(order)) == 1 and ada.credits() == 10


def test_a_timeout_after_success_is_not_reported_as_a_failure(shop: Shop) -> None:
    ada = shop.user()
    order = ada.approved()
    shop.fault("lost", "capture")
    shop.fault("503", "get", times=2)
    answer = ada.capture(order)
    assert answer.status == 202 and answer.body["processing"] and answer.body["status"] == "created"
    assert payment_of(order).capture_unknown
    assert ada.credits() == 0
    shop.sweep()
    assert ada.payment(order)["status"] == "captured" and not ada.payment(order)["processing"]
    assert len(shop.captures(order)) == 1 and ada.credits() == 10


def test_a_capture_that_never_arrived_is_made_by_the_sweeper(shop: Shop) -> None:
    ada = shop.user()
    order = ada.approved()
    shop.fault("500", "capture")
    assert ada.capture(order).status == 202
    assert not shop.captures(order)
    shop.sweep()
    assert ada.payment(order)["status"] == "captured" and ada.credits() == 10
    assert len({request["headers"]["PayPal-Request-Id"] for request in shop.requests_of("capture")}) == 1


@pytest.mark.parametrize("issue", ["ORDER_ALREADY_CAPTURED", "DUPLICATE_INVOICE_ID"])
def test_an_order_captured_before_is_a_success(shop: Shop, issue: str) -> None:
    ada = shop.user()
    order = ada.approved()
    shop.fault("lost", "capture")
    shop.fault("503", "get", times=2)
    ada.capture(order)
    shop.fault("issue", "capture", issue=issue)
    assert ada.capture(order).body["status"] == "captured"


def test_a_declined_card_can_be_replaced(shop: Shop) -> None:
    ada = shop.user()
    order = ada.approved(outcome="refused")
    refused = ada.capture(order)
    assert (refused.status, refused.code) == (409, "instrument_declined")
    assert order in refused.body["details"]["approvalUrl"]
    assert ada.credits() == 0
    shop.approve(order)
    assert ada.capture(order).body["status"] == "captured"
    assert ada.credits() == 10 and len(shop.captures(order)) == 1


def test_a_declined_capture_is_denied_although_the_order_is_completed(shop: Shop) -> None:
    ada = shop.user()
    order = ada.approved()
    shop.fault("declined", "capture")
    answer = ada.capture(order)
    assert answer.body["status"] == "denied" and ada.credits() == 0


def test_a_pending_capture_grants_nothing_until_it_completes(shop: Shop) -> None:
    ada = shop.user()
    order = ada.approved(outcome="pending")
    answer = ada.capture(order)
    assert answer.status == 202 and answer.body["status"] == "capture_pending" and ada.credits() == 0
    (capture,) = shop.captures(order)
    shop.control(f"captures/{capture}", {"status": "COMPLETED"})
    assert ada.capture(order).status == 202
    shop.finish(order)
    assert ada.payment(order)["status"] == "captured" and ada.credits() == 10


@pytest.mark.parametrize("mode", ["wrong_amount", "wrong_currency", "wrong_payee", "wrong_custom_id"])
def test_a_capture_of_something_else_grants_nothing_and_alerts(shop: Shop, mode: str) -> None:
    ada, admin = shop.user(), shop.user("admin")
    order = ada.approved()
    shop.fault(mode, "get")
    answer = ada.capture(order)
    assert (answer.status, answer.code) == (502, "payment_mismatch")
    assert ada.credits() == 0 and len(ada.audited("PAYMENT_ALERT")) == 1
    notifications = store().query("studio", Where("type", "=", "notification"), partition=admin.id).items
    assert [note["event"] for note in notifications] == ["payment.alert"]
    shop.sweep()
    assert ada.payment(order)["status"] == "captured" and ada.credits() == 10


@pytest.mark.parametrize(
    ("issue", "code"),
    [("MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED", "payment_attempts_exceeded"), ("ORDER_VOIDED", "order_voided")],
)
def test_an_order_that_can_no_longer_be_paid_is_refused_with_the_reason(shop: Shop, issue: str, code: str) -> None:
    ada = shop.user()
    order = ada.approved()
    shop.fault("issue", "capture", issue=issue)
    refused = ada.capture(order)
    assert (refused.status, refused.code) == (409, code) and not refused.body["retryable"]
