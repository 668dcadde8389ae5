"""Deliveries signed by the product itself, and the mistakes a client must find in them."""

from __future__ import annotations

import time
from typing import NamedTuple

from functions.webhooks import signing
from shared.webhooks.documents import SigningKey

BODY = '{"type":"tryon.completed","data":{"id":"x","name":"Ä"}}'


class Case(NamedTuple):
    """A delivery; `code` is that of the error it must end in, None for a right one."""

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
        Case("right", right, BODY, secret, None),
        Case("header names in another case", {k.title(): v for k, v in right.items()}, BODY, secret, None),
        Case("the secret before a rotation", rotated, BODY, secret, None),
        Case("another secret", right, BODY, other, "webhook_signature"),
        Case("another body", right, BODY + " ", secret, "webhook_signature"),
        Case("another id", {**right, "webhook-id": "evt_2"}, BODY, secret, "webhook_signature"),
        Case("too old", stale, BODY, secret, "webhook_timestamp"),
        Case("from the future", early, BODY, secret, "webhook_timestamp"),
        Case("a time that is none", {**right, "webhook-timestamp": "soon"}, BODY, secret, "webhook_timestamp"),
        Case("no signature", {k: v for k, v in right.items() if k != "webhook-signature"}, BODY, secret,
             "webhook_headers"),
        Case("a signature that is no text of ours", {**right, "webhook-signature": "v1,é v2,x"}, BODY, secret,
             "webhook_signature"),
        Case("a secret that is none", right, BODY, "whsec_%%%", "webhook_secret"),
    ]  # fmt: skip
