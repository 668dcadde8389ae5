"""Deliveries signed by the product itself, and the mistakes a client must find in them."""

from __future__ import annotations

import time
from typing import NamedTuple

from functions.webhooks import signing
from shared.webhooks.documents import SigningKey

BODY = '{"type":"tryon.completed","data":{"id":"x","name":"Ä"}}'


class Case(NamedTuple):
    """A delivery, verified at `at` (epoch seconds); `code` is of the error it must end in, None for a right one."""

    at: float
    name: str
    headers: dict[str, str]
    body: str
    secret: str
    code: str | None


def cases() -> list[Case]:
    """Right deliveries, and one for each way to be wrong."""
    secret, other = signing.new_secret(), signing.new_secret()
    now = time.time()
    right = signing.headers([SigningKey(secret=secret)], "evt_1", BODY, now)
    rotated = signing.headers([SigningKey(secret=other), SigningKey(secret=secret)], "evt_1", BODY, now)
    stale = signing.headers([SigningKey(secret=secret)], "evt_1", BODY, now - 3600)
    early = signing.headers([SigningKey(secret=secret)], "evt_1", BODY, now + 3600)
    return [
        Case(now, "right", right, BODY, secret, None),
        Case(now, "header names in another case", {k.title(): v for k, v in right.items()}, BODY, secret, None),
        Case(now, "the secret before a rotation", rotated, BODY, secret, None),
        Case(now, "another secret", right, BODY, other, "webhook_signature"),
        Case(now, "another body", right, BODY + " ", secret, "webhook_signature"),
        Case(now, "another id", {**right, "webhook-id": "evt_2"}, BODY, secret, "webhook_signature"),
        Case(now, "too old", stale, BODY, secret, "webhook_timestamp"),
        Case(now, "from the future", early, BODY, secret, "webhook_timestamp"),
        Case(now, "a time that is none", {**right, "webhook-timestamp": "soon"}, BODY, secret, "webhook_timestamp"),
        Case(now, "no signature", {k: v for k, v in right.items() if k != "webhook-signature"}, BODY, secret,
             "webhook_headers"),
        Case(now, "a signature that is no text of ours", {**right, "webhook-signature": "v1,é v2,x"}, BODY, secret,
             "webhook_signature"),
        Case(now, "a secret that is none", right, BODY, "whsec_%%%", "webhook_secret"),
    ]  # fmt: skip
