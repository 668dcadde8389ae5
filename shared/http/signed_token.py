"""JWTs (RFC 7519) of one algorithm, HMAC with SHA-256, under the rules of RFC 8725.

PyJWT imports `cryptography` for algorithms that are not used here: a third of the time that a cold process took
to answer its first signed-in request (decision 26). Tests compare with PyJWT in both directions.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from typing import Any, Final

from shared.errors import StudioError
from shared.http.json_body import parse_json

ALGORITHM: Final = "HS256"
REQUIRED: Final = ("iss", "aud", "sub", "exp", "iat", "nbf", "jti", "ver", "typ", "role")
_TEXTS: Final = ("iss", "aud", "sub", "jti", "typ", "role")
_TIMES: Final = ("exp", "iat", "nbf")
_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)


class InvalidToken(ValueError):
    """The token is malformed, not signed by one of the keys, or its claims do not hold."""


def sign(claims: Mapping[str, Any], kid: str, key: str) -> str:
    """The token of these claims, signed with the key of that id."""
    header = {"alg": ALGORITHM, "typ": "JWT", "kid": kid}
    start = f"{_encode(_json(header))}.{_encode(_json(claims))}"
    return f"{start}.{_encode(_mac(start, key))}"


def verify(token: str, keys: Mapping[str, str], *, issuer: str, audience: str, leeway_s: float) -> Mapping[str, Any]:
    """The claims of a token that was signed with one of the keys, for this audience, and is valid now.

    Args:
        keys: by the id that the token's header names.
        leeway_s: seconds by which clocks may differ.

    Raises:
        InvalidToken: always the same, whatever the cause.
    """
    found = _COMPACT.fullmatch(token)
    if found is None:
        raise InvalidToken
    header = _object(found[1])
    kid = header.get("kid")
    key = keys.get(kid) if isinstance(kid, str) else None
    if key is None or header.get("alg") != ALGORITHM or "crit" in header:
        raise InvalidToken
    if not hmac.compare_digest(_mac(f"{found[1]}.{found[2]}", key), _decode(found[3])):
        raise InvalidToken
    claims = _object(found[2])
    texts, times = [claims.get(name) for name in _TEXTS], [claims.get(name) for name in _TIMES]
    if any(name not in claims for name in REQUIRED) or not all(isinstance(text, str) for text in texts):
        raise InvalidToken
    if not all(isinstance(at, int | float) and not isinstance(at, bool) for at in times):
        raise InvalidToken
    now = time.time()
    expires, issued, valid_from = (float(at or 0) for at in times)
    if expires <= now - leeway_s or issued > now + leeway_s or valid_from > now + leeway_s:
        raise InvalidToken
    if texts[:2] != [issuer, audience]:
        raise InvalidToken
    return claims


def _mac(text: str, key: str) -> bytes:
    return hmac.digest(key.encode(), text.encode(), hashlib.sha256)


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise InvalidToken from None


def _object(part: str) -> dict[str, Any]:
    try:
        value = parse_json(_decode(part))
    except StudioError:
        raise InvalidToken from None
    if not isinstance(value, dict):
        raise InvalidToken
    return value
