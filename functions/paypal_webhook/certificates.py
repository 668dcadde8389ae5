"""Signing certificates: fetched once, verified against the roots, cached by the process and in the document store.

A certificate that comes without its intermediate can't be verified here: then PayPal is asked for each delivery. The
store keeps what was fetched so that a new process can verify a delivery without PayPal. It is not trusted: the chain is
verified each time a process loads a certificate.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from functions.paypal_webhook.documents import CertificateDocument, CertificateId, certificates
from functions.paypal_webhook.trust import root_subjects, roots, trust
from shared import clock, telemetry
from shared.errors import BadRequest, Unavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.x509 import Certificate

MAX_BYTES: Final = 64 * 1024
TIMEOUT_S: Final = 5
MAX_CACHED: Final = 16
REFUSED_S: Final = 60
"""A certificate that was refused is not fetched again for this many seconds."""

_lock = threading.Lock()
_keys: OrderedDict[str, tuple[float, RSAPublicKey | None]] = OrderedDict()


class ChainIncomplete(Exception):
    """PayPal published a certificate without its intermediate: it can't be verified as PayPal's."""


def public_key(url: str) -> RSAPublicKey:
    """The public key of the certificate at a URL.

    Raises:
        ChainIncomplete: ask PayPal instead.
        BadRequest: the URL is not PayPal's, or the certificate is not valid.
        Unavailable: it can't be fetched now; PayPal sends the delivery again.
    """
    if not trust().allows(url):
        telemetry.log("webhook.foreign_certificate", level="warning", host=url[:200])
        raise signature_error()
    with _lock:
        until, known = _keys.get(url, (0.0, None))
        if until > clock.now():
            if known is None:
                raise signature_error()
            return known
    id = CertificateId.of_url(url)
    stored = certificates.find(id, id)
    pem = stored.pem.encode() if stored else _fetch(url)
    try:
        if pem is None:
            raise signature_error()
        key, until = _verified(pem)
    except ChainIncomplete:
        # The next fetch may bring the whole chain.
        telemetry.log("webhook.chain_incomplete", level="warning", url=url)
        raise
    except BadRequest:
        _cache(url, clock.now() + REFUSED_S, None)
        raise
    if stored is None:
        with suppress(Exception):
            certificates.upsert(CertificateDocument(id=id, url=url, pem=pem.decode()))
    _cache(url, until, key)
    return key


def forget() -> None:
    """Empty the cache of this process."""
    with _lock:
        _keys.clear()


def signature_error() -> BadRequest:
    """One error for every way in which a delivery is not PayPal's."""
    return BadRequest("this is not a delivery of PayPal's to us", code="webhook_signature")


def _cache(url: str, until: float, key: RSAPublicKey | None) -> None:
    with _lock:
        _keys[url] = (until, key)
        _keys.move_to_end(url)
        while len(_keys) > MAX_CACHED:
            _keys.popitem(last=False)


def _fetch(url: str) -> bytes | None:
    """The PEM published at a URL; None if there is none."""
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


def _verified(pem: bytes) -> tuple[RSAPublicKey, float]:
    """(public key, end of validity) of the first certificate; it must chain to a trusted root and carry the name."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.x509.verification import PolicyBuilder, VerificationError

    try:
        leaf, *others = x509.load_pem_x509_certificates(pem)
        public = leaf.public_key()
    except ValueError as error:
        raise _refused(error) from None
    policy = PolicyBuilder().store(roots()).time(datetime.fromtimestamp(clock.now(), UTC).replace(tzinfo=None))
    try:
        policy.build_server_verifier(x509.DNSName(trust().name)).verify(leaf, others)
    except VerificationError as error:
        if _lacks_intermediate(leaf, others):
            raise ChainIncomplete from None
        raise _refused(error) from None
    if not isinstance(public, RSAPublicKey):
        raise signature_error()
    return public, leaf.not_valid_after_utc.timestamp()


def _refused(error: Exception) -> BadRequest:
    telemetry.log("webhook.bad_certificate", level="warning", error=str(error)[:200])
    return signature_error()


def _lacks_intermediate(leaf: Certificate, others: Sequence[Certificate]) -> bool:
    """Whether a valid certificate with PayPal's name fails only because an issuer between it and a root is missing."""
    from cryptography import x509

    now = datetime.fromtimestamp(clock.now(), UTC)
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    is_current = leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc
    if trust().name not in names.get_values_for_type(x509.DNSName) or not is_current:
        return False
    known = {certificate.subject: certificate for certificate in others}
    current = leaf
    for _ in range(len(others) + 1):
        if current.issuer == current.subject or current.issuer in root_subjects():
            return False
        if current.issuer not in known:
            return True
        current = known[current.issuer]
    return False
