"""Shared access signatures (SAS) for blobs, at the cost of one HMAC each.

What is signed differs between two blobs of a container by their names alone. So the SDK, which knows the format, signs
once a second for a blob without a name and tells what it signed; a page of URLs then takes the names put in.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

EARLY: Final = timedelta(minutes=5)
"""How long before now a signature holds already: clocks differ."""
_NAME: Final = "\0"


@dataclass(frozen=True)
class Signer:
    """Who signs, and over what.

    Args:
        credential: `account_key`, or `user_delegation_key`, as the SDK names them, with its value.
        protocol: `https`, or `https,http`.
    """

    account: str
    credential: tuple[str, Any]
    protocol: str

    def tokens(self, container: str, names: Sequence[str], at: int, minutes: int, said: Mapping[str, str]) -> list[str]:
        """The queries of URLs that are good for one blob each, from `EARLY` before a second (epoch) to `minutes` after.

        Args:
            said: what they allow and how they are answered: `permission`, `content_type`, `content_disposition`.
        """
        before, after, query, key = _template(self, container, at, minutes, tuple(said.items()))
        digests = (hmac.digest(key, f"{before}{name}{after}".encode(), "sha256") for name in names)
        # Quoted by hand, since of base64 these two alone need it and `quote` takes twice as long as the rest.
        signatures = (base64.b64encode(digest).replace(b"+", b"%2B").replace(b"=", b"%3D") for digest in digests)
        return [f"{query}&sig={signature.decode()}" for signature in signatures]


@lru_cache(maxsize=64)
def _template(
    signer: Signer, container: str, at: int, minutes: int, said: tuple[tuple[str, str], ...]
) -> tuple[str, str, str, bytes]:
    """What is signed before and after the blob's name, the query without the signature, and the key."""
    from azure.storage.blob import generate_blob_sas

    now = datetime.fromtimestamp(at, UTC)
    name, value = signer.credential
    signed: list[str] = []
    options: dict[str, Any] = {name: value, **dict(said)}
    token = generate_blob_sas(
        account_name=signer.account,
        container_name=container,
        blob_name=_NAME,
        start=now - EARLY,
        expiry=now + timedelta(minutes=minutes),
        protocol=signer.protocol,
        sts_hook=signed.append,
        **options,
    )
    before, _, after = signed[0].partition(_NAME)
    key = value if name == "account_key" else value.value
    return before, after, token.rpartition("&sig=")[0], base64.b64decode(key)
