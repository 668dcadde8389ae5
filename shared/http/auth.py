"""Who may call a route, and who calls."""

from __future__ import annotations

from dataclasses import dataclass

from shared.accounts.cache import account_cache
from shared.accounts.documents import DEFAULT_SHOP, Role
from shared.errors import Unauthorized
from shared.http.tokens import token_error, verify


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
    """A caller with a valid token; `shop` is the one whose products they find."""

    user_id: str
    role: Role
    token_id: str
    expires: float
    shop: str = DEFAULT_SHOP


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
    claims = verify(token.strip())
    account = account_cache.find(claims["sub"])
    if (
        account is None
        or account.disabled
        or account.token_version != claims["ver"]
        or any(revoked.jti == claims["jti"] for revoked in account.revoked)
    ):
        raise token_error()
    return Principal(account.id, account.role, claims["jti"], claims["exp"], account.shop)
