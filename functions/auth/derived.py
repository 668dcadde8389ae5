"""Secrets that are derived from the signing keys instead of being stored: of links, codes and repeated refreshes.

What is stored, queued and logged names them only; who reads the database can't make them (HMAC-SHA256 with the key as
a pseudorandom function, a label for each use).
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from shared.accounts.settings import account_settings


def active_key() -> str:
    """Id of the key that new secrets are derived from."""
    return account_settings().jwt_active_kid


def secret(label: str, kid: str | None = None) -> str | None:
    """43 characters of base64url derived for a label; None if the key is no longer among the settings."""
    digest = _digest(label, kid)
    return None if digest is None else base64.urlsafe_b64encode(digest).decode().rstrip("=")


def digits(label: str, kid: str) -> str | None:
    """Six digits derived for a label; None if the key is no longer among the settings."""
    digest = _digest(label, kid)
    return None if digest is None else f"{int.from_bytes(digest) % 1_000_000:06d}"


def _digest(label: str, kid: str | None) -> bytes | None:
    key = account_settings().jwt_keys.get(kid or active_key())
    if key is None:
        return None
    return hmac.new(key.get_secret_value().encode(), f"derived-secret:{label}".encode(), hashlib.sha256).digest()
