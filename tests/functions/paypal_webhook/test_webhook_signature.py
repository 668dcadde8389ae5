"""Which deliveries are accepted: PayPal's own, to us, unaltered, recent; and how little even those can change."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from http_calls import Answered
from paypal_shop import Buyer, Shop, payment_of

from functions.paypal_webhook import certificates
from functions.paypal_webhook.documents import events
from functions.paypal_webhook.settings import PayPalWebhookSettings
from shared.commerce.paypal_settings import PayPalSettings
from shared.documents import Where, store


@pytest.fixture
def ada(shop: Shop) -> Buyer:
    return shop.user()


@pytest.fixture
def order(ada: Buyer) -> str:
    """An approved order, of which there is one event."""
    return ada.approved()


def stored_events() -> int:
    return events.count()


def refused(answer: Answered, code: str = "webhook_signature") -> None:
    assert (answer.status, answer.code) == (400, code), answer.raw
    assert stored_events() == 0


def test_a_genuine_delivery_is_kept_and_answered(shop: Shop, order: str) -> None:
    (event,) = shop.events(order)
    answer = shop.deliver(event)
    assert (answer.status, answer.body) == (200, {"status": "accepted"})
    stored = events.get(event, event)
    assert stored.event_type == "CHECKOUT.ORDER.APPROVED" and stored.order_id == order
    assert stored.handled_at is None
    assert "payer" not in json.dumps(store().read("webhook_events", event, event))


def test_a_certificate_without_its_intermediate_is_left_to_paypal(shop: Shop, order: str) -> None:
    event = shop.events(order)[0]
    shop.fault("leaf_only", "cert", times=2)
    assert shop.deliver({"replay": event}).status == 200
    (asked,) = shop.requests_of("verify")
    assert asked["status"] == 200
    forged = shop.deliver({"replay": event, "tamper": "body"})
    assert (forged.status, forged.code) == (400, "webhook_signature")
    # The next fetch brings the whole chain: PayPal is not asked any more.
    assert shop.deliver({"replay": event}).status == 200
    assert len(shop.requests_of("verify")) == 2


@pytest.mark.parametrize("certificate", ["expired", "self_signed", "foreign_name", "no_intermediate", "other_ca"])
def test_an_invalid_certificate_is_refused(shop: Shop, order: str, certificate: str) -> None:
    refused(shop.deliver({"replay": shop.events(order)[0], "certificate": certificate}))


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1/notifications/certs/CERT-12345678",
        "{origin}.evil.example/v1/notifications/certs/CERT-12345678",
        "{origin}@evil.example/v1/notifications/certs/CERT-12345678",
        "{origin}/v1/notifications/certs/../certs/CERT-12345678",
        "{origin}/v1/notifications/certs/CERT-12345678?x=1",
        "{origin}/v1/notifications/certs/CERT-12345678#x",
        "{origin}/v1/notifications/certs/CERT-12345678/../../x",
        "{origin}\\@evil.example/v1/notifications/certs/CERT-12345678",
        "http://169.254.169.254/v1/notifications/certs/CERT-12345678",
        "http://[::1]/v1/notifications/certs/CERT-12345678",
        "file:///v1/notifications/certs/CERT-12345678",
        "{origin}/v1/notifications/certs/CERT-12345678\n",
        "",
    ],
)
def test_a_foreign_certificate_url_is_never_fetched(shop: Shop, order: str, url: str) -> None:
    headers, body = shop.signed(shop.events(order)[0])
    headers["PAYPAL-CERT-URL"] = url.format(origin=shop.facts["certOrigin"])
    before = len(shop.control("requests")["requests"])
    refused(shop.webhook("receive_paypal_event", body, headers=headers))
    assert len(shop.control("requests")["requests"]) == before


def test_a_certificate_is_fetched_once_and_outlives_the_process(shop: Shop, ada: Buyer) -> None:
    events = [shop.events(ada.approved())[0] for _ in range(3)]
    for event in events:
        assert shop.deliver(event).status == 200
        certificates.forget()
    fetched = [entry for entry in shop.control("requests")["requests"] if "/certs/" in entry["path"]]
    assert len(fetched) == 1


@pytest.mark.parametrize("mode", ["500", "html", "disconnect"])
def test_an_unreachable_certificate_makes_paypal_retry(shop: Shop, order: str, mode: str) -> None:
    certificates.forget()
    shop.fault(mode, "cert")
    (event,) = shop.events(order)
    answer = shop.deliver(event)
    assert (answer.status, answer.code) == (503, "webhook_certificate") and stored_events() == 0
    assert shop.deliver(event).status == 200


@pytest.mark.parametrize("mode", ["redirect", "huge", "404"])
def test_malformed_certificates_are_refused(shop: Shop, order: str, mode: str) -> None:
    certificates.forget()
    shop.fault(mode, "cert", location=shop.facts["url"])
    refused(shop.deliver(shop.events(order)[0]))


def test_another_webhook_id_is_refused(shop: Shop, order: str) -> None:
    refused(shop.deliver({"replay": shop.events(order)[0], "webhookId": "SOMEONEELSES"}))


def test_another_algorithm_is_refused(shop: Shop, order: str) -> None:
    for algorithm in ("SHA1withRSA", "none", "sha256withrsa", "SHA256withRSA "):
        refused(shop.deliver({"replay": shop.events(order)[0], "algorithm": algorithm}))


@pytest.mark.parametrize("tamper", ["body", "reserialise"])
def test_an_altered_body_is_refused(shop: Shop, order: str, tamper: str) -> None:
    refused(shop.deliver({"replay": shop.events(order)[0], "tamper": tamper}))


@pytest.mark.parametrize(
    "name", ["ID", "TIME", "SIG"],
)  # fmt: skip
def test_an_altered_or_missing_header_is_refused(shop: Shop, order: str, name: str) -> None:
    headers, body = shop.signed(shop.events(order)[0])
    header = f"PAYPAL-TRANSMISSION-{name}"
    for other in ("", "x" * 10, headers[header][:-2] + "AA", headers[header] + " "):
        refused(shop.webhook("receive_paypal_event", body, headers={**headers, header: other}))


def test_an_old_delivery_is_refused_although_it_is_genuine(shop: Shop, order: str) -> None:
    at = datetime.now(UTC)
    for days, status in ((-6, 400), (1, 400), (-4, 200)):
        sent = (at + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = shop.deliver({"replay": shop.events(order)[0], "transmissionTime": sent})
        assert answer.status == status, (days, answer.raw)


def test_a_replay_is_answered_and_changes_nothing(shop: Shop, ada: Buyer, order: str) -> None:
    (event,) = shop.events(order)
    headers, body = shop.signed(event)
    shop.webhook("receive_paypal_event", body, headers=headers)
    shop.finish(order)
    before = ada.call("list_payments").body
    for _ in range(3):
        answer = shop.webhook("receive_paypal_event", body, headers=headers)
        assert (answer.status, answer.body) == (200, {"status": "seen"})
    shop.run_jobs()
    assert ada.call("list_payments").body == before
    assert store().count("studio", Where("kind", "=", "paypal.event"), Where("id", "=", f"job:{event}")) == 1


def test_a_forged_body_with_the_same_checksum_changes_nothing(shop: Shop, ada: Buyer) -> None:
    """One genuine delivery is enough to sign any body: CRC32 is linear. So a body may only ever say where to look."""
    order = ada.order("small")
    shop.approve(order)
    (event,) = shop.events(order)
    headers, body = shop.signed(event)
    _, forged = shop.signed({"replay": event, "tamper": "crc"})
    assert forged != body and zlib.crc32(forged) == zlib.crc32(body) and b"99999.00" in forged
    assert shop.webhook("receive_paypal_event", forged, headers=headers).status == 200
    shop.finish(order)
    payment = ada.payment(order)
    assert (payment["status"], payment["amountMinor"], ada.credits()) == ("captured", 499, 10)


def forged_like(body: bytes, claims: dict[str, Any]) -> bytes:
    from emulators.paypal.forgery import same_checksum

    return same_checksum(body, claims)


@pytest.mark.parametrize("kind", ["PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.REFUNDED", "PAYMENT.CAPTURE.REVERSED"])
def test_a_forged_event_of_another_kind_changes_nothing(shop: Shop, ada: Buyer, kind: str) -> None:
    """Eve pays for nothing: she turns the delivery of one order into the capture, or the refund, of another."""
    bought = ada.bought()
    eve = shop.user()
    unpaid = eve.order("large")
    headers, body = shop.signed(shop.events(bought["orderId"])[0])
    payment = payment_of(unpaid)
    target = bought["captureId"] if kind != "PAYMENT.CAPTURE.COMPLETED" else "0123456789ABCDEFG"
    resource = {"id": target, "custom_id": payment.id, "status": "COMPLETED", "amount": {"value": "59.99"}}
    related = {"supplementary_data": {"related_ids": {"order_id": unpaid}}}
    forged = forged_like(body, {"id": "WH-FORGED-1", "event_type": kind, "resource": {**resource, **related}})
    answer = shop.webhook("receive_paypal_event", forged, headers=headers)
    assert answer.status == 200
    shop.run_jobs()
    assert eve.payment(unpaid)["status"] == "created" and eve.credits() == 0
    assert ada.payment(bought["orderId"])["status"] == "captured" and ada.credits() == 10


def test_a_transmission_has_one_body(shop: Shop, ada: Buyer, order: str) -> None:
    (event,) = shop.events(order)
    headers, body = shop.signed(event)
    assert shop.webhook("receive_paypal_event", body, headers=headers).status == 200
    _, forged = shop.signed({"replay": event, "tamper": "crc"})
    answer = shop.webhook("receive_paypal_event", forged, headers=headers)
    assert (answer.status, answer.code) == (400, "webhook_rebound")
    assert store().count("audit", Where("action", "=", "PAYMENT_ALERT"), partition="system") == 1


def test_a_body_over_a_mebibyte_is_refused(shop: Shop, order: str) -> None:
    headers, _ = shop.signed(shop.events(order)[0])
    answer = shop.webhook("receive_paypal_event", b" " * (1024 * 1024 + 1), headers=headers)
    assert (answer.status, answer.code) == (413, "too_many_bytes")


def test_postback_lets_paypal_verify(shop: Shop, order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.settings import forget

    monkeypatch.setenv("PAYPAL_WEBHOOK_VERIFY", "postback")
    forget()
    (event,) = shop.events(order)
    refused(shop.deliver({"replay": event, "tamper": "reserialise"}))
    refused(shop.deliver({"replay": event, "webhookId": "SOMEONEELSES"}))
    assert shop.deliver(event).status == 200


def test_only_paypals_own_hosts_are_trusted_by_default(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.paypal_webhook import trust
    from shared.errors import ConfigurationError
    from shared.settings import forget

    for name in ("PAYPAL_CERT_ORIGINS", "PAYPAL_CERT_NAME", "PAYPAL_CERT_ROOTS"):
        monkeypatch.delenv(name)
    certificate = "/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270"
    for base, host, other in (
        ("https://api-m.paypal.com", "api.paypal.com", "api.sandbox.paypal.com"),
        ("https://api-m.sandbox.paypal.com", "api.sandbox.paypal.com", "api.paypal.com"),
    ):
        monkeypatch.setenv("PAYPAL_BASE_URL", base)
        forget()
        trust.trust.cache_clear()
        assert trust.trust().allows(f"https://{host}{certificate}") and trust.trust().allows(base + certificate)
        assert not trust.trust().allows(f"https://{other}{certificate}")
        assert not trust.trust().allows(f"http://{host}{certificate}")
    monkeypatch.setenv("PAYPAL_BASE_URL", "https://paypal.example")
    forget()
    trust.trust.cache_clear()
    with pytest.raises(ConfigurationError):
        trust.trust()


def test_production_refuses_plain_http_and_development_secrets(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from pydantic import ValidationError

    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("PAYPAL_CLIENT_SECRET", "EK3d9vZr4mQy7Lc2Vb6Nx1Hk8Ds3Gf5Ja")
    with pytest.raises(ValidationError, match="PAYPAL_BASE_URL"):
        PayPalSettings.read()
    monkeypatch.setenv("PAYPAL_BASE_URL", "https://api-m.paypal.com")
    with pytest.raises(ValidationError, match="PAYPAL_CERT_ORIGINS"):
        PayPalWebhookSettings.read()
    monkeypatch.setenv("PAYPAL_CERT_ORIGINS", '["https://api.paypal.com"]')
    assert PayPalWebhookSettings.read().paypal_cert_origins == ("https://api.paypal.com",)
    assert PayPalSettings.read().paypal_base_url.endswith("paypal.com")
    monkeypatch.setenv("PAYPAL_CLIENT_SECRET", shop.facts["clientSecret"])
    with pytest.raises(ValidationError, match="PAYPAL_CLIENT_SECRET"):
        PayPalSettings.read()
    assert requests.get(shop.facts["url"] + "/_emulator/ca.pem", timeout=5).ok
