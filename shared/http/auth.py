"""Who may call a route, and who calls."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.accounts.roles import DEFAULT_SHOP, Role, Scope, is_api_key
from shared.errors import Forbidden, Unauthorized


class Access(NamedTuple):
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


_PICTURES: Final = frozenset({Scope.TRYON, Scope.CATALOGUE, Scope.SEARCH, Scope.ANALYTICS})
SCOPES: Final[Mapping[str, frozenset[Scope]]] = {
    "analytics": frozenset({Scope.ANALYTICS}),
    "conversions": frozenset({Scope.TRYON}),
    "cv": frozenset({Scope.TRYON}),
    "drops": frozenset({Scope.CATALOGUE}),
    "files": _PICTURES,
    "images": _PICTURES,
    "jobs": _PICTURES,
    "notifications": frozenset({Scope.TRYON}),
    "products": frozenset({Scope.CATALOGUE}),
    "search": frozenset({Scope.SEARCH}),
    "v1": frozenset({Scope.TRYON}),
    "webhooks": frozenset({Scope.WEBHOOKS}),
}
"""Scopes of an API key that open the routes below a path segment, any one of them; other routes take no key."""


class Principal(NamedTuple):
    """A caller with a valid token or key.

    Args:
        token_id: id of the access token, or of the API key.
        expires: epoch seconds when the token expires.
        shop: the shop whose products they find, or sell in.
        scopes: of an API key; None: signed in, with every right of the account.
        session: id of the session of the token; None for a token or key without one.
        confirmed: whether the e-mail address is confirmed; without that nothing is done that costs money.
        version: `tokenVersion` that the token was issued for; None for an API key.
    """

    user_id: str
    role: Role
    token_id: str
    expires: float
    shop: str = DEFAULT_SHOP
    scopes: frozenset[Scope] | None = None
    session: str | None = None
    confirmed: bool = True
    version: int | None = None

    @property
    def credential(self) -> str:
        """By what to find again what the caller makes: id of the session, else of the access token or key."""
        return self.session or self.token_id

    def check_scope(self, path: str) -> None:
        """Raise Forbidden where an API key is not for routes of this path."""
        if self.scopes is not None and not self.scopes & SCOPES.get(path.partition("/")[0], frozenset()):
            raise Forbidden("this API key is not for this route: sign in, or use a key with its scope", code="scope")

    def require_confirmed(self) -> None:
        """Refuse what costs money to an account that may belong to anyone.

        Raises:
            Forbidden: `email_unconfirmed`.
        """
        if not self.confirmed:
            raise Forbidden(
                "confirm your e-mail address first: open the link in the message we sent, "
                "or request another one with POST auth/me/email/confirmation",
                code="email_unconfirmed",
            )


def authenticate(header: str | None) -> Principal:
    """The caller behind an `Authorization` header.

    The signature alone is not enough: the account must exist, be enabled, and have the token's version, read at most
    `ACCOUNT_CACHE_S` ago.

    Raises:
        Unauthorized: one answer for every cause, so that nothing is learned from it.
    """
    from shared.accounts.cache import account_cache
    from shared.http.tokens import token_error, verify

    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("sign in first: send `Authorization: Bearer <access token>`", code="token_missing")
    token = token.strip()
    if is_api_key(token):
        return _key_holder(token)
    claims = verify(token)
    account = account_cache.find(claims["sub"])
    if account is None or not account.accepts(claims["ver"], claims["jti"], claims.get("sid")):
        raise token_error()
    return Principal(
        account.id,
        account.role,
        claims["jti"],
        claims["exp"],
        account.shop,
        session=claims.get("sid"),
        confirmed=account.email_confirmed,
        version=claims["ver"],
    )


def _key_holder(key: str) -> Principal:
    """The account of a secret API key. Raises Unauthorized."""
    from shared.accounts.api_keys import KeyKind, api_key_cache
    from shared.accounts.cache import account_cache

    document = api_key_cache.find(key)
    account = None if document is None else account_cache.find(document.user_id)
    if document is None or document.kind is not KeyKind.SECRET or account is None or account.disabled:
        raise Unauthorized("the API key is not valid: create one at POST /api/api-keys", code="key_invalid")
    expires = document.expires_at or float("inf")
    scopes = frozenset(document.scopes)
    return Principal(
        account.id, account.role, document.id.public, expires, account.shop, scopes, confirmed=account.email_confirmed
    )
