"""Signing certificates: fetched once, checked against the roots, kept by process and in the document store.

The store keeps what was fetched so that a fresh process needs no PayPal to check a delivery; it is not believed: the
chain is checked each time a process takes a certificate up.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from functions.paypal_webhook.trust import roots, trust
from shared import clock, telemetry
from shared.documents import store
from shared.errors import BadRequest, Unavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

CONTAINER = "webhook_events"
MAX_BYTES = 64 * 1024
TIMEOUT_S = 5
KEPT = 16
REFUSED_S = 60
"""A certificate that was refused is not fetched again for this long."""

_lock = threading.Lock()
_keys: OrderedDict[str, tuple[float, RSAPublicKey | None]] = OrderedDict()


def key(url: str) -> RSAPublicKey:
    """The public key of the certificate at a URL.

    Raises:
        BadRequest: the URL is not PayPal's, or the certificate does not hold.
        Unavailable: it can't be fetched right now; the sender comes again.
    """
    if not trust().allows(url):
        telemetry.log("webhook.foreign_certificate", level="warning", host=url[:200])
        raise refused()
    with _lock:
        until, known = _keys.get(url, (0.0, None))
        if until > clock.now():
            if known is None:
                raise refused()
            return known
    id = f"certificate:{hashlib.sha256(url.encode()).hexdigest()}"
    kept = store().find(CONTAINER, id, id)
    pem = kept["pem"].encode() if kept else _fetch(url)
    try:
        if pem is None:
            raise refused()
        found, until = _checked(pem)
    except BadRequest:
        _keep(url, clock.now() + REFUSED_S, None)
        raise
    if kept is None:
        with suppress(Exception):
            store().upsert(CONTAINER, {"id": id, "type": "certificate", "url": url, "pem": pem.decode()})
    _keep(url, until, found)
    return found


def forget() -> None:
    """Drop what this process knows."""
    with _lock:
        _keys.clear()


def refused() -> BadRequest:
    """One answer for every way in which a delivery is not PayPal's."""
    return BadRequest("this is not a delivery of PayPal's to us", code="webhook_signature")


def _keep(url: str, until: float, found: RSAPublicKey | None) -> None:
    with _lock:
        _keys[url] = (until, found)
        _keys.move_to_end(url)
        while len(_keys) > KEPT:
            _keys.popitem(last=False)


def _fetch(url: str) -> bytes | None:
    """What is published there; None when there is nothing."""
    import requests
    import urllib3

    try:
        with requests.get(url, timeout=TIMEOUT_S, allow_redirects=False, stream=True) as response:
            pem = response.raw.read(MAX_BYTES + 1, decode_content=True)
            status = response.status_code
    except (requests.RequestException, urllib3.exceptions.HTTPError):
        status, pem = 503, b""
    if status == 429 or status >= 500:
        raise Unavailable("the certificate of this delivery can't be fetched now", code="webhook_certificate")
    return pem if status == 200 and len(pem) <= MAX_BYTES else None


def _checked(pem: bytes) -> tuple[RSAPublicKey, float]:
    """(key of the first certificate, when it ends) of a chain that leads to a root we trust and carries the name."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.x509.verification import PolicyBuilder, VerificationError

    try:
        leaf, *others = x509.load_pem_x509_certificates(pem)
        policy = PolicyBuilder().store(roots()).time(datetime.fromtimestamp(clock.now(), UTC).replace(tzinfo=None))
        policy.build_server_verifier(x509.DNSName(trust().name)).verify(leaf, others)
        public = leaf.public_key()
    except (ValueError, VerificationError) as error:
        telemetry.log("webhook.bad_certificate", level="warning", error=str(error)[:200])
        raise refused() from None
    if not isinstance(public, RSAPublicKey):
        raise refused()
    return public, leaf.not_valid_after_utc.timestamp()
