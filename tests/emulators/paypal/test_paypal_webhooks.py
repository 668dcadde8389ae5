"""Webhook deliveries of the PayPal emulator: signed as PayPal signs them, and altered on demand."""

import base64
import json
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

pytestmark = pytest.mark.processes

NAME = x509.DNSName("messageverificationcerts.sandbox.paypal.com")


def verify(paypal, headers, body, webhook_id=None):
    """What a receiver does offline; raises VerificationError or InvalidSignature."""
    root = x509.load_pem_x509_certificate(Path(paypal["caFile"]).read_bytes())
    pem = requests.get(headers["PAYPAL-CERT-URL"], timeout=5).content
    leaf, *others = x509.load_pem_x509_certificates(pem)
    policy = PolicyBuilder().store(Store([root])).time(datetime.now(UTC))
    policy.build_server_verifier(NAME).verify(leaf, others)
    parts = (
        headers["PAYPAL-TRANSMISSION-ID"],
        headers["PAYPAL-TRANSMISSION-TIME"],
        webhook_id or paypal["webhookId"],
        str(zlib.crc32(body)),
    )
    signature = base64.b64decode(headers["PAYPAL-TRANSMISSION-SIG"], validate=True)
    leaf.public_key().verify(signature, "|".join(parts).encode(), padding.PKCS1v15(), hashes.SHA256())


def types(receiver):
    return [json.loads(body)["event_type"] for _, body in receiver.got]


def bought(merchant):
    order = merchant.approved()
    return order, merchant.capture(order).json()["purchase_units"][0]["payments"]["captures"][0]["id"]


def test_a_purchase_sends_a_webhook_with_a_valid_signature(paypal, merchant, receiver):
    merchant.control("webhook", {"url": receiver.url})
    order, capture = bought(merchant)
    merchant.call("POST", f"/v2/payments/captures/{capture}/refund")
    receiver.wait(lambda: len(receiver.got) == 3)
    assert sorted(types(receiver)) == [
        "CHECKOUT.ORDER.APPROVED",
        "PAYMENT.CAPTURE.COMPLETED",
        "PAYMENT.CAPTURE.REFUNDED",
    ]
    for headers, body in receiver.got:
        assert headers["PAYPAL-AUTH-ALGO"] == "SHA256withRSA"
        verify(paypal, headers, body)
        with pytest.raises(InvalidSignature):
            verify(paypal, headers, body + b" ")
        with pytest.raises(InvalidSignature):
            verify(paypal, headers, body, "another-webhook")
    by_type = {json.loads(body)["event_type"]: json.loads(body) for _, body in receiver.got}
    completed = by_type["PAYMENT.CAPTURE.COMPLETED"]
    assert completed["id"].startswith("WH-") and completed["resource"]["id"] == capture
    assert completed["resource"]["supplementary_data"]["related_ids"]["order_id"] == order
    assert {event["deliveries"][0]["status"] for event in merchant.events(order)} == {200}


def test_the_root_is_also_served(paypal, merchant):
    served = requests.get(f"{paypal['url']}/_emulator/ca.pem", timeout=5).content
    assert served == Path(paypal["caFile"]).read_bytes()


def test_duplicates_are_the_same_event(merchant, receiver):
    merchant.control("webhook", {"url": receiver.url, "duplicates": 2})
    merchant.approved()
    receiver.wait(lambda: len(receiver.got) == 3)
    assert len({body for _, body in receiver.got}) == 1
    assert len({headers["PAYPAL-TRANSMISSION-ID"] for headers, _ in receiver.got}) == 1


def test_held_events_come_in_another_order(merchant, receiver):
    merchant.control("webhook", {"url": receiver.url, "hold": True})
    _, capture = bought(merchant)
    merchant.call("POST", f"/v2/payments/captures/{capture}/refund")
    assert receiver.got == [] and len(merchant.control("webhook")["held"]) == 3
    merchant.control("release", {"order": "reverse", "duplicates": 1})
    receiver.wait(lambda: len(receiver.got) == 6)
    assert types(receiver)[::2] == [
        "PAYMENT.CAPTURE.REFUNDED",
        "PAYMENT.CAPTURE.COMPLETED",
        "CHECKOUT.ORDER.APPROVED",
    ]


def test_a_refusing_shop_gets_the_event_again(merchant, receiver):
    receiver.answers = [500, 503]
    merchant.control("webhook", {"url": receiver.url, "retrySeconds": [0.01, 0.01, 0.01]})
    order = merchant.approved()
    receiver.wait(lambda: len(receiver.got) == 3)
    assert len({body for _, body in receiver.got}) == 1
    receiver.wait(lambda: [one["status"] for one in merchant.events(order)[0]["deliveries"]] == [500, 503, 200])


def test_the_event_may_come_before_the_answer_to_capture(merchant, receiver):
    merchant.control("webhook", {"url": receiver.url})
    order = merchant.approved()
    merchant.fault("lost", "capture", order, seconds=5)
    with pytest.raises(requests.ReadTimeout):
        merchant.capture(order, timeout=0.3)
    receiver.wait(lambda: "PAYMENT.CAPTURE.COMPLETED" in types(receiver))


def test_the_bank_and_the_payer_can_reverse(merchant, receiver):
    merchant.control("webhook", {"url": receiver.url})
    order = merchant.approved(outcome="pending")
    capture = merchant.capture(order).json()["purchase_units"][0]["payments"]["captures"][0]
    assert capture["status"] == "PENDING"
    merchant.control(f"captures/{capture['id']}", {"status": "DENIED"})
    _, paid = bought(merchant)
    merchant.control(f"captures/{paid}", {"status": "REVERSED"})
    unused = merchant.approved()
    merchant.control(f"orders/{unused}", {"action": "reverse"})
    assert merchant.capture(unused).json()["details"][0]["issue"] == "ORDER_VOIDED"
    wanted = {"PENDING", "DENIED", "COMPLETED", "REVERSED"}
    receiver.wait(lambda: {f"PAYMENT.CAPTURE.{one}" for one in wanted} <= set(types(receiver)))
    receiver.wait(lambda: "CHECKOUT.PAYMENT-APPROVAL.REVERSED" in types(receiver))


def test_any_event_can_be_created_and_replayed(paypal, merchant, receiver):
    merchant.control("webhook", {"url": receiver.url})
    order, capture = bought(merchant)
    fired = merchant.control("events", {"type": "CUSTOMER.DISPUTE.CREATED", "captureId": capture})
    assert fired["delivery"]["status"] == 200
    dispute = json.loads(fired["body"])["resource"]
    assert dispute["disputed_transactions"][0]["seller_transaction_id"] == capture
    replayed = merchant.control("events", {"replay": fired["id"]})
    assert replayed["body"] == fired["body"]
    strange = merchant.control("events", {"type": "SOMETHING.NEW", "resource": {"x": 1}, "id": "WH-MINE"})
    assert strange["id"] == "WH-MINE"
    receiver.wait(lambda: types(receiver).count("SOMETHING.NEW") == 1)
    quiet = merchant.control("events", {"type": "PAYMENT.CAPTURE.COMPLETED", "captureId": capture, "deliver": False})
    assert quiet["delivery"] is None
    verify(paypal, quiet["headers"], quiet["body"].encode())
    assert order in quiet["body"]


@pytest.mark.parametrize("kind", ["expired", "self_signed", "foreign_name", "no_intermediate", "other_ca"])
def test_bad_certificates_fail_verification(paypal, merchant, kind):
    fired = merchant.control("events", {"type": "X", "resource": {}, "certificate": kind, "deliver": False})
    with pytest.raises(VerificationError):
        verify(paypal, fired["headers"], fired["body"].encode())


def test_deliveries_can_be_altered(paypal, merchant):
    _, capture = bought(merchant)
    spec = {"type": "PAYMENT.CAPTURE.COMPLETED", "captureId": capture, "deliver": False}
    for tamper in ("body", "reserialise"):
        fired = merchant.control("events", {**spec, "tamper": tamper})
        with pytest.raises(InvalidSignature):
            verify(paypal, fired["headers"], fired["body"].encode())
    other = merchant.control("events", {**spec, "webhookId": "other"})
    with pytest.raises(InvalidSignature):
        verify(paypal, other["headers"], other["body"].encode())
    altered = merchant.control("events", {**spec, "certUrl": "https://evil.example/c", "algorithm": "none"})
    assert altered["headers"]["PAYPAL-CERT-URL"] == "https://evil.example/c"
    assert altered["headers"]["PAYPAL-AUTH-ALGO"] == "none"


def test_a_body_of_the_same_checksum_passes_verification(paypal, merchant):
    _, capture = bought(merchant)
    spec = {"type": "PAYMENT.CAPTURE.COMPLETED", "captureId": capture, "deliver": False}
    forged = merchant.control("events", {**spec, "tamper": "crc"})
    verify(paypal, forged["headers"], forged["body"].encode())
    assert json.loads(forged["body"])["resource"]["amount"]["value"] == "99999.00"


def test_postback_verification_needs_the_event_unchanged(merchant):
    fired = merchant.control("events", {"type": "X", "resource": {"text": "é 1.0"}, "deliver": False})
    headers = fired["headers"]
    known = {
        "auth_algo": headers["PAYPAL-AUTH-ALGO"],
        "cert_url": headers["PAYPAL-CERT-URL"],
        "transmission_id": headers["PAYPAL-TRANSMISSION-ID"],
        "transmission_sig": headers["PAYPAL-TRANSMISSION-SIG"],
        "transmission_time": headers["PAYPAL-TRANSMISSION-TIME"],
        "webhook_id": merchant.facts["webhookId"],
    }
    url = f"{merchant.facts['url']}/v1/notifications/verify-webhook-signature"
    bearer = {"Authorization": f"Bearer {merchant.bearer}"}

    def verdict(event):
        text = json.dumps(known)[:-1] + f', "webhook_event": {event}}}'
        return requests.post(url, data=text.encode(), headers=bearer, timeout=5).json()["verification_status"]

    assert verdict(fired["body"]) == "SUCCESS"
    assert verdict(json.dumps(json.loads(fired["body"]), indent=1)) == "FAILURE"
    known["webhook_id"] = "other"
    assert verdict(fired["body"]) == "FAILURE"


def test_the_certificate_server_can_misbehave(paypal, merchant):
    fired = merchant.control("events", {"type": "X", "resource": {}, "deliver": False})
    url = fired["headers"]["PAYPAL-CERT-URL"]
    merchant.fault("redirect", "cert")
    assert requests.get(url, allow_redirects=False, timeout=5).status_code == 302
    merchant.fault("huge", "cert", bytes=100_000)
    assert len(requests.get(url, timeout=5).content) > 100_000
    merchant.fault("html", "cert")
    assert requests.get(url, timeout=5).status_code == 502
    assert requests.get(url[:-3] + "zzz", timeout=5).status_code == 404


def test_control_refuses_invalid_requests(paypal, merchant):
    for body in ({}, {"type": "X"}, {"replay": "WH-NONE"}, {"type": "X", "resource": 1, "tamper": "x"}):
        answer = requests.post(f"{paypal['url']}/_emulator/events", json=body, timeout=5)
        assert answer.status_code == 400 and answer.json()["error"]
