"""Every documented issue of PayPal: what the payer, or an administrator, is answered, and the way on."""

from __future__ import annotations

import pytest
from paypal_shop import Shop, payment_of

from shared.commerce.paypal_errors import ISSUES, PROVIDER, Way
from shared.documents import Where, store
from shared.errors import OperatorActionNeeded
from shared.provider_errors import Blame
from shared.providers import circuit

REFUNDS = {name for name, issue in ISSUES.items() if issue.way is Way.NONE}
HTTP = {"AUTHENTICATION_FAILURE": 401, "invalid_client": 401, "NOT_AUTHORIZED": 403, "PERMISSION_DENIED": 403}


def alerts(admin: str, event: str) -> int:
    found = store().query("studio", Where("type", "=", "notification"), partition=admin).items
    return [note["event"] for note in found].count(event)


def test_every_issue_of_a_capture_is_answered_with_a_way_on(shop: Shop) -> None:
    ada = shop.user()
    for name, issue in ISSUES.items():
        if name in REFUNDS:
            continue
        assert issue.source.startswith("https://")
        order = ada.approved()
        status = HTTP.get(name, 422)
        shop.fault("issue", "capture", issue=name, status=status, times=2 if status == 401 else 1)
        answer = ada.capture(order)
        if issue.blame is Blame.USER and issue.code != "order_captured":
            assert (answer.status, answer.code) == (409, issue.code), name
            details = answer.body["details"]
            assert answer.body["retryable"] is False
            if issue.way is Way.APPROVE:
                assert details["next"] == "approve" and order in details["approvalUrl"], name
                assert order in str(ada.payment(order)["approvalUrl"]), name
            else:
                assert details["next"] == "new_order", name
        elif issue.blame is Blame.OPERATOR:
            assert (answer.status, answer.code) == (503, "temporarily_unavailable"), name
            assert name not in answer.body["detail"]
            assert payment_of(order).is_processing, name
        else:
            assert answer.status == 202 and payment_of(order).is_processing, name
        assert not shop.captures(order), name


@pytest.mark.parametrize("name", ["TRANSACTION_REFUSED", "PAYER_CANNOT_PAY", "SOMETHING_NEW_OF_NEXT_YEAR"])
def test_a_refused_payer_can_pay_the_same_order_in_another_way(shop: Shop, name: str) -> None:
    ada, admin = shop.user(), shop.user("admin")
    order = ada.approved()
    shop.fault("issue", "capture", issue=name)
    refused = ada.capture(order)
    assert (refused.status, refused.code) == (409, "payment_refused")
    assert refused.body["retryable"] is (name not in ISSUES)
    assert alerts(admin.id, "payment.alert") == 0
    shop.approve(order)
    assert ada.capture(order).body["status"] == "captured"
    ids = [request["headers"]["PayPal-Request-Id"] for request in shop.requests_of("capture")]
    assert len(set(ids)) == 2
    assert ada.credits() == 10


@pytest.mark.parametrize(("name", "event"), [("AUTHENTICATION_FAILURE", "provider.alert"), ("PAYEE_ACCOUNT_RESTRICTED",
                         "provider.alert"), ("AMOUNT_MISMATCH", "payment.alert")])  # fmt: skip
def test_what_the_operator_has_to_repair_is_alerted_once_and_captured_by_itself(
    shop: Shop, name: str, event: str
) -> None:
    ada, admin = shop.user(), shop.user("admin")
    orders = [ada.approved(), ada.approved()] if event == "provider.alert" else [ada.approved()]
    shop.fault("issue", "capture", issue=name, status=HTTP.get(name, 422), times=len(orders) * 2)
    for order in orders:
        assert ada.capture(order).status == 503
    assert alerts(admin.id, event) == 1
    for _ in range(4):
        shop.sweep()
    for order in orders:
        assert ada.payment(order)["status"] == "captured", name
    assert ada.credits() == 10 * len(orders)


def test_an_order_voided_or_completed_meanwhile_is_what_paypal_has(shop: Shop) -> None:
    ada = shop.user()
    order = ada.approved()
    shop.fault("lost", "capture")
    shop.fault("503", "get", times=2)
    ada.capture(order)
    shop.fault("issue", "capture", issue="ORDER_COMPLETED_OR_VOIDED")
    assert ada.capture(order).body["status"] == "captured"


def test_every_issue_of_a_refund(shop: Shop) -> None:
    ada, admin = shop.user(), shop.user("admin")
    capture = ada.bought()["captureId"]
    for n, name in enumerate(sorted(REFUNDS)):
        shop.fault("issue", "refund", issue=name)
        answer = admin.call(
            "refund_paypal_capture", {}, route={"id": capture}, headers={"Idempotency-Key": f"refund-{n}"}
        )
        assert (answer.status, answer.code) == (409, ISSUES[name].code), name
        assert answer.body["detail"] == ISSUES[name].message
    assert ada.credits() == 10


def test_credentials_that_paypal_refuses_stop_events_until_they_are_repaired(shop: Shop) -> None:
    circuit.trip(PROVIDER, "invalid_client")
    with pytest.raises(OperatorActionNeeded), circuit.guarded(PROVIDER):
        raise AssertionError("the circuit is open")
    assert shop.user().order(), "a payer who waits is not held back"
    with circuit.guarded(PROVIDER):
        pass
