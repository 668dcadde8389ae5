"""Secrets and signatures as in Standard Webhooks 1.0 (standardwebhooks.com), symmetric version `v1`.

Any library of that name verifies these signatures.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

from shared.webhooks.documents import SigningKey

PREFIX = "whsec_"


def new_secret() -> str:
    """A secret of 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(secret: str, id: str, timestamp: int, body: str) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body` (UTF-8), the key being the decoded secret."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, f"{id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def headers(keys: Iterable[SigningKey], id: str, body: str, at: float) -> dict[str, str]:
    """The headers of one delivery, signed with every secret that is in force.

    Args:
        keys: of the endpoint, the newest first.
        at: now, epoch seconds.
    """
    timestamp = int(at)
    live = [key.secret for key in keys if key.until is None or key.until > at]
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(secret, id, timestamp, body) for secret in live),
    }
