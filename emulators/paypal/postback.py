"""`POST /v1/notifications/verify-webhook-signature`: whether a delivery is PayPal's own."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from emulators.paypal.certificates import Authority
from emulators.posted import as_object

FIELDS = ("auth_algo", "cert_url", "transmission_id", "transmission_sig", "transmission_time", "webhook_id")


def is_genuine(raw: str, authority: Authority, webhook_id: str) -> bool:
    """Whether the delivery described in a request body carries the good certificate's signature.

    The checksum is computed over the source text of the event in `raw`, so serialising it again breaks it.
    Raises ValueError when the body is no JSON object or lacks a field.
    """
    posted = as_object(json.loads(raw))
    if not all(isinstance(posted.get(name), str) for name in FIELDS):
        raise ValueError(f"needed are {', '.join(FIELDS)} and webhook_event")
    signer = authority.signer()
    if posted["webhook_id"] != webhook_id or posted["cert_url"].rpartition("/")[2] != signer.id:
        return False
    checksum = zlib.crc32(_member(raw, "webhook_event").encode())
    text = f"{posted['transmission_id']}|{posted['transmission_time']}|{webhook_id}|{checksum}"
    try:
        signature = base64.b64decode(posted["transmission_sig"], validate=True)
        signer.key.public_key().verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (binascii.Error, InvalidSignature):
        return False
    return posted["auth_algo"] == "SHA256withRSA"


def _member(raw: str, name: str) -> str:
    """The source text of a top-level member of a JSON object. Raises ValueError when it is not there."""
    decoder = json.JSONDecoder()
    at = _past(raw, raw.index("{") + 1)
    while raw[at] != "}":
        key, at = decoder.raw_decode(raw, at)
        at = _past(raw, _past(raw, at) + 1)
        value: tuple[Any, int] = decoder.raw_decode(raw, at)
        if key == name:
            return raw[at : value[1]]
        at = _past(raw, value[1])
        if raw[at] == ",":
            at = _past(raw, at + 1)
    raise ValueError(f"{name} is missing")


def _past(raw: str, at: int) -> int:
    while raw[at] in " \t\r\n":
        at += 1
    return at
