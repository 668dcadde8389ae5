"""How events are handled: late, twice, before the capture call has answered, about nothing of ours, or unknown."""

from __future__ import annotations

import json

import pytest
from paypal_shop import Buyer, Shop, payment_of

from functions.paypal_webhook.documents import events
from functions.paypal_webhook.events import parse
from shared.commerce.payment_documents import PaymentDocument, payments
from shared.documents import Where, store
from shared.documents.fields import assign
from shared.errors import BadRequest
from shared.jobs import protocol
from shared.jobs.models import JobStatus


@pytest.fixture
def ada(shop: Shop) -> Buyer:
    return shop.user()


def kinds(shop: Shop, order: str) -> dict[str, str]:
    """Ids of an order's events by type."""
    events = shop.control(f"events?orderId={order}")["events"]
    return {event["type"]: event["id"] for event in events}


def test_an_approval_is_captured_without_the_clients_return(shop: Shop, ada: Buyer) -> None:
    order = ada.approved()
    event = shop.handle(shop.events(order)[0])
    assert event.outcome == "captured" and event.handled_at
    assert ada.payment(order)["status"] == "captured" and ada.credits() == 10
    assert ada.capture(order).body["status"] == "captured"
    assert len(shop.captures(order)) == 1 and len(ada.grants()) == 1


def test_an_approval_that_the_bank_declines_waits_for_the_payer(shop: Shop, ada: Buyer) -> None:
    order = ada.approved(outcome="refused")
    assert shop.handle(shop.events(order)[0]).outcome == "instrument_declined"
    shop.approve(order)
    assert shop.handle(shop.events(order)[1]).outcome == "captured"
    assert ada.credits() == 10


def test_the_capture_event_before_the_capture_call_has_answered(shop: Shop, ada: Buyer) -> None:
    order = ada.approved()
    shop.fault("lost", "capture")
    shop.fault("503", "get", times=2)
    assert ada.capture(order).status == 202
    assert shop.handle(kinds(shop, order)["PAYMENT.CAPTURE.COMPLETED"]).outcome == "captured"
    assert ada.credits() == 10 and not ada.payment(order)["processing"]


def test_an_event_that_arrives_before_the_order_is_stored(shop: Shop, ada: Buyer) -> None:
    order = ada.approved()
    payment = payment_of(order)
    payments.patch(payment.id, ada.id, assign(PaymentDocument.order_id, None))
    assert shop.handle(shop.events(order)[0]).outcome == "captured"
    assert ada.payment(order)["status"] == "captured"


@pytest.mark.parametrize("denial", ["DENIED", "DECLINED"])
def test_pending_and_then_denied_under_both_names(shop: Shop, ada: Buyer, denial: str) -> None:
    order = ada.approved(outcome="pending")
    ada.capture(order)
    (capture,) = shop.captures(order)
    assert shop.handle(kinds(shop, order)["PAYMENT.CAPTURE.PENDING"]).outcome == "capture_pending"
    shop.control(f"captures/{capture}", {"status": denial})
    assert shop.handle(kinds(shop, order)[f"PAYMENT.CAPTURE.{denial}"]).outcome == "denied"
    assert ada.payment(order)["status"] == "denied" and ada.credits() == 0


def test_a_refund_made_at_paypal(shop: Shop, ada: Buyer) -> None:
    receipt = ada.bought()
    order = receipt["orderId"]
    token = _token(shop)
    _refund(shop, token, receipt["captureId"], "1.00")
    assert shop.handle(shop.events(order)[-1]).outcome == "partially_refunded"
    assert ada.credits() == 8
    _refund(shop, token, receipt["captureId"], None)
    assert shop.handle(shop.events(order)[-1]).outcome == "refunded"
    assert ada.credits() == 0


def test_a_reversal_takes_all_credits_back_and_alerts_the_administrators(shop: Shop, ada: Buyer) -> None:
    admin = shop.user("admin")
    receipt = ada.bought()
    shop.control(f"captures/{receipt['captureId']}", {"status": "REVERSED"})
    for _ in range(2):
        assert shop.handle(kinds(shop, receipt["orderId"])["PAYMENT.CAPTURE.REVERSED"]).outcome == "reversed"
    assert ada.payment(receipt["orderId"])["status"] == "reversed" and ada.credits() == 0
    assert len(ada.audited("PAYMENT_ALERT")) == 1
    assert store().count("studio", Where("event", "=", "payment.alert"), partition=admin.id) == 1


def test_an_approval_that_was_reversed_is_void(shop: Shop, ada: Buyer) -> None:
    order = ada.approved()
    shop.control(f"orders/{order}", {"action": "reverse"})
    assert shop.handle(kinds(shop, order)["CHECKOUT.PAYMENT-APPROVAL.REVERSED"]).outcome == "voided"
    assert ada.payment(order)["status"] == "voided"
    assert shop.handle(kinds(shop, order)["CHECKOUT.ORDER.APPROVED"]).outcome == "voided"
    assert ada.capture(order).body["status"] == "voided" and ada.credits() == 0


def test_disputes_are_recorded_and_alerted(shop: Shop, ada: Buyer) -> None:
    admin = shop.user("admin")
    receipt = ada.bought()
    for state in ("CREATED", "RESOLVED"):
        spec = {"type": f"CUSTOMER.DISPUTE.{state}", "captureId": receipt["captureId"]}
        assert shop.handle(spec).outcome == f"dispute_{state.lower()}"
    payment = payment_of(receipt["orderId"])
    assert sorted(payment.disputes.values()) == ["created", "resolved"]
    assert payment.status == "captured" and ada.credits() == 10
    assert store().count("studio", Where("event", "=", "payment.alert"), partition=admin.id) == 2


def test_unknown_events_are_kept_and_answered(shop: Shop) -> None:
    event = shop.handle({"type": "BILLING.PLAN.ACTIVATED", "resource": {"id": "P-1"}})
    assert event.outcome == "kept" and event.event_type == "BILLING.PLAN.ACTIVATED"


def test_events_about_unknown_payments_are_stored_and_ignored(shop: Shop) -> None:
    gone = {"type": "PAYMENT.CAPTURE.COMPLETED", "resource": {"id": "0123456789ABCDEFG"}}
    assert shop.handle(gone).outcome == "unknown_at_paypal"
    assert shop.handle({"type": "PAYMENT.CAPTURE.COMPLETED", "resource": "garbage"}).outcome == "not_ours"
    assert shop.handle({"type": "CHECKOUT.ORDER.APPROVED", "resource": {"id": "../../x"}}).outcome == "not_ours"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id": 7, "event_type": "X"}', b'{"id":"a","id":"b"}', b"\xff"])
def test_malformed_events_are_refused(shop: Shop, body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse(body)


def test_an_event_is_retried_until_paypal_answers(shop: Shop, ada: Buyer) -> None:
    order = ada.approved()
    shop.fault("503", "get", times=6)
    shop.deliver(shop.events(order)[0])
    shop.run_jobs()
    id = shop.events(order)[0]
    job = protocol.jobs.get(f"job:{id}", id)
    assert job.status is JobStatus.RETRYING and job.last_error and job.last_error.code == "paypal_unavailable"
    shop.finish(order)
    assert ada.payment(order)["status"] == "captured"


def test_an_event_without_a_job_is_found_by_the_sweeper(shop: Shop, ada: Buyer) -> None:
    order = ada.approved()
    (event,) = shop.events(order)
    shop.deliver(event)
    protocol.jobs.delete(f"job:{event}", event)
    shop.run_jobs()
    assert ada.payment(order)["status"] == "created"
    shop.sweep()
    shop.run_jobs()
    assert ada.payment(order)["status"] == "captured"


def test_a_payment_that_does_not_match_is_parked_for_an_administrator(shop: Shop, ada: Buyer) -> None:
    order = ada.approved()
    shop.fault("wrong_amount", "get", times=None)
    shop.deliver(shop.events(order)[0])
    shop.run_jobs()
    id = shop.events(order)[0]
    job = protocol.jobs.get(f"job:{id}", id)
    assert job.status is JobStatus.FAILED and job.last_error and job.last_error.code == "payment_mismatch"
    assert events.get(id, id).outcome == "payment_mismatch"
    assert ada.payment(order)["status"] == "created" and not shop.captures(order)


def _token(shop: Shop) -> str:
    import requests

    answer = requests.post(
        f"{shop.facts['url']}/v1/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(shop.facts["clientId"], shop.facts["clientSecret"]),
        timeout=5,
    )
    return answer.json()["access_token"]


def _refund(shop: Shop, token: str, capture: str, value: str | None) -> None:
    import requests

    body = {"amount": {"currency_code": "USD", "value": value}} if value else {}
    url = f"{shop.facts['url']}/v2/payments/captures/{capture}/refund"
    answer = requests.post(url, data=json.dumps(body), headers={"Authorization": f"Bearer {token}"}, timeout=5)
    answer.raise_for_status()
