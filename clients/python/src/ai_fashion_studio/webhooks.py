"""Signatures of webhook deliveries (Standard Webhooks 1.0, symmetric version `v1`)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any, Final

from ai_fashion_studio.errors import StudioError

TOLERANCE_S: Final = 300
"""How far the time of a delivery may be from now, in seconds: an older one may be a replay by an attacker."""
_PREFIX: Final = "whsec_"


def verify_webhook(
    headers: Mapping[str, str], body: str | bytes, secret: str, *, now: float | None = None
) -> dict[str, Any]:
    """The event in a delivery whose signature is right.

    Args:
        headers: of the request; names in any case.
        body: exactly as it was received.
        secret: of the endpoint: `whsec_...`.
        now: epoch seconds; the clock's by default.

    Raises:
        StudioError: `webhook_headers`, `webhook_timestamp`, `webhook_signature` or `webhook_secret`.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        id, sent, signatures = given["webhook-id"], given["webhook-timestamp"], given["webhook-signature"]
    except KeyError as error:
        raise StudioError(f"the header {error.args[0]} is missing", code="webhook_headers") from None
    current = time.time() if now is None else now
    if not (sent.isascii() and sent.isdigit()) or abs(current - int(sent)) > TOLERANCE_S:
        raise StudioError(f"the delivery's time is not within {TOLERANCE_S} s of now", code="webhook_timestamp")
    raw = body.encode() if isinstance(body, str) else body
    digest = hmac.digest(_key(secret), f"{id}.{sent}.".encode() + raw, hashlib.sha256)
    wanted = b"v1," + base64.b64encode(digest)
    if not any(hmac.compare_digest(wanted, signature.encode()) for signature in signatures.split()):
        raise StudioError("no signature is of this secret and body", code="webhook_signature")
    return json.loads(raw)


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise StudioError("the secret is not `whsec_` and base64", code="webhook_secret")
    return key
