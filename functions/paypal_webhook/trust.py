"""Which certificates may sign PayPal's deliveries: their origin, their DNS name, and their root."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from functions.paypal_webhook.settings import paypal_webhook_settings
from shared.commerce.paypal_settings import paypal_settings
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, Name
    from cryptography.x509.verification import Store

PATH: Final = r"/v1/notifications/certs/CERT-[A-Za-z0-9-]{8,80}"
"""Where PayPal publishes certificates. No query, fragment, userinfo or dot segment fits it."""


@dataclass(frozen=True)
class Trust:
    """`scheme://host` origins from which certificates are fetched, and the DNS name that they must carry."""

    origins: tuple[str, ...]
    name: str

    def allows(self, url: str) -> bool:
        """Whether a certificate may be fetched from there."""
        origins = "|".join(re.escape(origin) for origin in self.origins)
        return re.fullmatch(f"(?:{origins}){PATH}", url, re.ASCII) is not None


PAYPAL: Final[Mapping[str, Trust]] = {
    "https://api-m.paypal.com": Trust(
        ("https://api.paypal.com", "https://api-m.paypal.com"),
        "messageverificationcerts.paypal.com",
    ),
    "https://api-m.sandbox.paypal.com": Trust(
        ("https://api.sandbox.paypal.com", "https://api-m.sandbox.paypal.com"),
        "messageverificationcerts.sandbox.paypal.com",
    ),
}
"""By the base URL of the API, so that a sandbox certificate never passes on live."""


@cache
def trust() -> Trust:
    """What this process trusts.

    Raises:
        ConfigurationError: the base URL is not PayPal's, and no setting says what to trust instead.
    """
    conf = paypal_webhook_settings()
    usual = PAYPAL.get(paypal_settings().paypal_base_url.rstrip("/"))
    origins = conf.paypal_cert_origins or (usual.origins if usual else ())
    name = conf.paypal_cert_name or (usual.name if usual else None)
    if not origins or name is None:
        raise ConfigurationError("PAYPAL_BASE_URL is not PayPal's: set PAYPAL_CERT_ORIGINS and PAYPAL_CERT_NAME too")
    return Trust(tuple(origin.rstrip("/") for origin in origins), name)


@cache
def _certificates() -> tuple[Certificate, ...]:
    from cryptography import x509

    path = paypal_webhook_settings().paypal_cert_roots
    if path is None:
        import certifi

        path = certifi.where()
    return tuple(x509.load_pem_x509_certificates(Path(path).read_bytes()))


@cache
def roots() -> Store:
    """The root certificates of this process."""
    from cryptography.x509.verification import Store

    return Store(list(_certificates()))


@cache
def root_subjects() -> frozenset[Name]:
    """The names of the root certificates."""
    return frozenset(certificate.subject for certificate in _certificates())


def forget() -> None:
    """Empty the caches of this process."""
    for cached in (trust, _certificates, roots, root_subjects):
        cached.cache_clear()
