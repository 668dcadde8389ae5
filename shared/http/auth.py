"""Who calls: access tokens (JWT, RFC 7519 under the rules of RFC 8725) and what a role may do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from shared import clock
from shared.accounts.cache import account_cache
from shared.accounts.documents import DEFAULT_SHOP, Role
from shared.accounts.settings import account_settings
from shared.errors import Unauthorized

ALGORITHM = "HS256"
ISSUER = "ai-fashion-studio"
AUDIENCE = "ai-fashion-studio-api"
LEEWAY_S = 10


@dataclass(frozen=True)
class Access:
    """Who may call a route. Every route declares one; there is no default.

    Args:
        roles: roles that may; empty for none.
        public: no token needed.
    """

    roles: frozenset[Role] = frozenset()
    public: bool = False


PUBLIC = Access(public=True)
SIGNED_IN = Access(frozenset(Role))
ADMIN_ONLY = Access(frozenset({Role.ADMIN}))


@dataclass(frozen=True)
class Principal:
    """A caller whose token holds; `shop` is whose products they find."""

    user_id: str
    role: Role
    token_id: str
    expires: float
    shop: str = DEFAULT_SHOP


def issue(user_id: str, role: str, token_version: int) -> tuple[str, int]:
    """Sign an access token: (token, seconds it lives)."""
    import jwt

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
    key = conf.jwt_keys[conf.jwt_active_kid].get_secret_value()
    return jwt.encode(claims, key, ALGORITHM, headers={"kid": conf.jwt_active_kid}), lifetime


def authenticate(header: str | None) -> Principal:
    """The caller behind an `Authorization` header.

    The signature alone is not enough: the account must exist, be enabled, and have the token's version, read at most
    `ACCOUNT_CACHE_S` ago.

    Raises:
        Unauthorized: one answer for every cause, so that nothing is learned from it.
    """
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("sign in first: send `Authorization: Bearer <access token>`", code="token_missing")
    claims = _claims(token.strip())
    account = account_cache.find(claims["sub"])
    if (
        account is None
        or account.disabled
        or account.token_version != claims["ver"]
        or any(revoked.jti == claims["jti"] for revoked in account.revoked)
    ):
        raise _refused()
    return Principal(account.id, account.role, claims["jti"], claims["exp"], account.shop)


def _refused() -> Unauthorized:
    return Unauthorized("the access token is not valid any more: sign in again", code="token_invalid")


def _claims(token: str) -> Mapping[str, Any]:
    conf = account_settings()
    if len(token) > 4096:
        raise _refused()
    keys = tuple((kid, key.get_secret_value()) for kid, key in conf.jwt_keys.items())
    claims = _verified(token, keys)
    # Of all that was verified, this alone does not stay true.
    if int(claims["exp"]) <= time.time() - LEEWAY_S:
        raise _refused()
    return claims


@lru_cache(maxsize=1024)
def _verified(token: str, keys: tuple[tuple[str, str], ...]) -> Mapping[str, Any]:
    """The claims of a token that is ours; remembered, since a token comes with every request of its holder."""
    import jwt

    try:
        kid = jwt.get_unverified_header(token).get("kid")
        key = dict(keys).get(kid) if isinstance(kid, str) else None
        if key is None:
            raise _refused()
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY_S,
            options={"require": ["iss", "aud", "sub", "exp", "iat", "nbf", "jti", "ver", "typ", "role"]},
        )
    except (jwt.PyJWTError, ValueError):
        raise _refused() from None
    if claims["typ"] != "access":
        raise _refused()
    return claims
