"""Which certificates may sign PayPal's deliveries: where they come from, what name they carry, who vouches for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import ConfigurationError
from shared.settings import settings

if TYPE_CHECKING:
    from cryptography.x509.verification import Store

PATH = r"/v1/notifications/certs/CERT-[A-Za-z0-9-]{8,80}"
"""Where PayPal publishes certificates. No query, fragment, userinfo or dot segment fits it."""


@dataclass(frozen=True)
class Trust:
    """What is trusted: `scheme://host` origins of certificates, and the DNS name of the certificate."""

    origins: tuple[str, ...]
    name: str

    def allows(self, url: str) -> bool:
        """Whether a certificate may be fetched from there."""
        origins = "|".join(re.escape(origin) for origin in self.origins)
        return re.fullmatch(f"(?:{origins}){PATH}", url, re.ASCII) is not None


PAYPAL = {
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
    """What the settings trust.

    Raises:
        ConfigurationError: the base URL is not PayPal's, and the settings do not say what to trust instead.
    """
    conf = settings()
    usual = PAYPAL.get(conf.paypal_base_url.rstrip("/"))
    origins = conf.paypal_cert_origins or (usual.origins if usual else ())
    name = conf.paypal_cert_name or (usual.name if usual else None)
    if not origins or name is None:
        raise ConfigurationError("PAYPAL_BASE_URL is not PayPal's: set PAYPAL_CERT_ORIGINS and PAYPAL_CERT_NAME too")
    return Trust(tuple(origin.rstrip("/") for origin in origins), name)


@cache
def roots() -> Store:
    """The root certificates of this process."""
    from cryptography import x509
    from cryptography.x509.verification import Store

    path = settings().paypal_cert_roots
    if path is None:
        import certifi

        path = certifi.where()
    return Store(x509.load_pem_x509_certificates(Path(path).read_bytes()))
