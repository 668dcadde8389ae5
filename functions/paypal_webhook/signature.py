"""The signature of a webhook delivery, verified here or by PayPal.

What is signed is `id|time|webhook id|crc32(body)` (developer.paypal.com/api/rest/webhooks/rest). A CRC is not a
cryptographic hash: with one genuine delivery, another body with the same checksum is made in milliseconds. So a good
signature only says that PayPal sent something under this transmission id, and nothing but ids is taken from the body.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from functions.paypal_webhook import certificates
from functions.paypal_webhook.settings import paypal_webhook_settings
from shared import clock
from shared.commerce import paypal
from shared.commerce.paypal_models import WebhookSignature
from shared.errors import ConfigurationError

ALGORITHM: Final = "SHA256withRSA"
MAX_AGE_S: Final = 5 * 24 * 3600
"""PayPal repeats a delivery for three days, and later on request; a shorter limit would refuse its repetitions."""
MAX_AHEAD_S: Final = 600
"""How far PayPal's clock may be ahead of ours."""


def verify(headers: Mapping[str, str], body: bytes) -> str:
    """Verify a delivery; returns its transmission id.

    Args:
        headers: case-insensitive, as the request has them.
        body: the bytes as received; another serialisation has another checksum.

    Raises:
        BadRequest: `webhook_signature`, one answer for every cause.
        Unavailable, UpstreamError: it can't be verified now; PayPal sends it again.
        ConfigurationError: the webhook's id is not set.
    """
    conf = paypal_webhook_settings()
    webhook_id = conf.paypal_webhook_id
    if webhook_id is None:
        raise ConfigurationError("set PAYPAL_WEBHOOK_ID to take webhooks")
    signature = _read(headers)
    id, sent_at = signature.transmission_id, signature.transmission_time
    if signature.auth_algo != ALGORITHM or not re.fullmatch(r"[A-Za-z0-9-]{8,64}", id, re.ASCII):
        raise certificates.signature_error()
    if not -MAX_AHEAD_S < clock.now() - _epoch(sent_at) < MAX_AGE_S:
        raise certificates.signature_error()
    if conf.paypal_webhook_verify == "postback":
        _ask(signature, body, webhook_id)
        return id
    try:
        signed = base64.b64decode(signature.transmission_sig, validate=True)
    except (binascii.Error, ValueError):
        raise certificates.signature_error() from None
    try:
        _verify(signature.cert_url, signed, f"{id}|{sent_at}|{webhook_id}|{zlib.crc32(body)}".encode())
    except certificates.ChainIncomplete:
        _ask(signature, body, webhook_id)
    return id


def _ask(signature: WebhookSignature, body: bytes, webhook_id: str) -> None:
    """Ask PayPal whether a delivery is its own. Raises BadRequest: it is not."""
    if not paypal.client().is_genuine(signature, body, webhook_id):
        raise certificates.signature_error()


def _read(headers: Mapping[str, str]) -> WebhookSignature:
    return WebhookSignature(
        auth_algo=headers.get("PAYPAL-AUTH-ALGO") or "",
        cert_url=headers.get("PAYPAL-CERT-URL") or "",
        transmission_id=headers.get("PAYPAL-TRANSMISSION-ID") or "",
        transmission_sig=headers.get("PAYPAL-TRANSMISSION-SIG") or "",
        transmission_time=headers.get("PAYPAL-TRANSMISSION-TIME") or "",
    )


def _verify(url: str, signature: bytes, signed: bytes) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    try:
        certificates.public_key(url).verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise certificates.signature_error() from None


def _epoch(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise certificates.signature_error() from None
    if moment.tzinfo is None:
        raise certificates.signature_error()
    return moment.timestamp()
