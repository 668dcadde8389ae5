"""Access tokens: JWT (RFC 7519) under the rules of RFC 8725."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from shared import clock
from shared.accounts.settings import account_settings
from shared.errors import Unauthorized
from shared.http import signed_token

ISSUER: Final = "ai-fashion-studio"
AUDIENCE: Final = "ai-fashion-studio-api"
LEEWAY_S: Final = 10


def issue(user_id: str, role: str, token_version: int, session: str | None = None) -> tuple[str, int]:
    """Sign an access token: (token, seconds it lives).

    Args:
        session: id of the session that it belongs to, and with which it ends.
    """
    conf = account_settings()
    at = int(clock.now())
    lifetime = conf.access_token_minutes * 60
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": user_id,
        "role": role,
        "ver": token_version,
        "typ": "access",
        "jti": clock.new_id(),
        "iat": at,
        "nbf": at,
        "exp": at + lifetime,
    }
    if session is not None:
        claims["sid"] = session
    key = conf.jwt_keys[conf.jwt_active_kid].get_secret_value()
    return signed_token.sign(claims, conf.jwt_active_kid, key), lifetime


def token_error() -> Unauthorized:
    """The one error for a token that is not valid, whatever the cause."""
    return Unauthorized("the access token is not valid any more: sign in again", code="token_invalid")


def verify(token: str) -> Mapping[str, Any]:
    """The claims of a valid token. Raises Unauthorized."""
    conf = account_settings()
    if len(token) > 4096:
        raise token_error()
    keys = tuple((kid, key.get_secret_value()) for kid, key in conf.jwt_keys.items())
    claims = _verified(token, keys)
    # Of all that was verified, this alone does not stay true.
    if int(claims["exp"]) <= time.time() - LEEWAY_S:
        raise token_error()
    return claims


@lru_cache(maxsize=1024)
def _verified(token: str, keys: tuple[tuple[str, str], ...]) -> Mapping[str, Any]:
    """The claims of a token that was issued here; cached, because a client sends its token with every request."""
    try:
        claims = signed_token.verify(token, dict(keys), issuer=ISSUER, audience=AUDIENCE, leeway_s=LEEWAY_S)
    except signed_token.InvalidToken:
        raise token_error() from None
    if claims["typ"] != "access":
        raise token_error()
    return claims
