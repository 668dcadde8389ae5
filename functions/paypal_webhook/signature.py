"""Is a delivery PayPal's? The signature of a webhook, checked here or by PayPal.

What is signed is `id|time|webhook id|crc32(body)` (developer.paypal.com/api/rest/webhooks/rest). A CRC is no hash:
anybody with one genuine delivery can make another body with the same checksum in milliseconds. So a good signature
only says that PayPal sent something under this transmission id, and nothing but ids is ever taken from the body.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Mapping
from datetime import datetime

from functions.paypal_webhook import certificates
from shared import clock
from shared.commerce import paypal
from shared.errors import ConfigurationError
from shared.settings import settings

HEADERS = (
    "PAYPAL-TRANSMISSION-ID",
    "PAYPAL-TRANSMISSION-TIME",
    "PAYPAL-TRANSMISSION-SIG",
    "PAYPAL-CERT-URL",
    "PAYPAL-AUTH-ALGO",
)
ALGORITHM = "SHA256withRSA"
MAX_AGE_S = 5 * 24 * 3600
"""PayPal sends again for three days, and by hand after that; five minutes would refuse its own repetitions."""
MAX_AHEAD_S = 600


def check(headers: Mapping[str, str], body: bytes) -> str:
    """The transmission id of a genuine delivery.

    Args:
        headers: case-insensitive, as the request has them.
        body: the bytes as they came; another serialisation has another checksum.

    Raises:
        BadRequest: `webhook_signature`, one answer for every cause.
        Unavailable, UpstreamError: it can't be checked right now; the sender comes again.
        ConfigurationError: the webhook's id is not set.
    """
    webhook_id = settings().paypal_webhook_id
    if webhook_id is None:
        raise ConfigurationError("set PAYPAL_WEBHOOK_ID to take webhooks")
    given = {name: headers.get(name) or "" for name in HEADERS}
    sent_id, sent_at = given["PAYPAL-TRANSMISSION-ID"], given["PAYPAL-TRANSMISSION-TIME"]
    if given["PAYPAL-AUTH-ALGO"] != ALGORITHM or not re.fullmatch(r"[A-Za-z0-9-]{8,64}", sent_id, re.ASCII):
        raise certificates.refused()
    if not -MAX_AHEAD_S < clock.now() - _moment(sent_at) < MAX_AGE_S:
        raise certificates.refused()
    if settings().paypal_webhook_verify == "postback":
        if not paypal.client().genuine(given, body, webhook_id):
            raise certificates.refused()
        return sent_id
    try:
        signature = base64.b64decode(given["PAYPAL-TRANSMISSION-SIG"], validate=True)
    except (binascii.Error, ValueError):
        raise certificates.refused() from None
    signed = f"{sent_id}|{sent_at}|{webhook_id}|{zlib.crc32(body)}"
    _verify(given["PAYPAL-CERT-URL"], signature, signed.encode())
    return sent_id


def _verify(url: str, signature: bytes, signed: bytes) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    try:
        certificates.key(url).verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise certificates.refused() from None


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise certificates.refused() from None
    if moment.tzinfo is None:
        raise certificates.refused()
    return moment.timestamp()
