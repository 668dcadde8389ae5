"""Who may call: holders of the shared token, and listed managed identities by their Microsoft Entra tokens."""

from __future__ import annotations

import hmac
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from shared import telemetry
from shared.errors import Forbidden, Unauthorized, Unavailable
from vto_container.settings import container_settings

if TYPE_CHECKING:
    from jwt import PyJWKClient

MAX_TOKEN_CHARS: Final = 8192
LEEWAY_S: Final = 30
"""Seconds by which the clocks of the identity platform and of this machine may differ."""


def authorize(authorization: str | None) -> None:
    """Check the `Authorization` header of a call.

    Raises:
        Unauthorized: no token, or an invalid one.
        Forbidden: a valid token of an identity that may not call.
        Unavailable: the keys of the identity platform can't be fetched.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN_CHARS:
        raise Unauthorized("a bearer token is required")
    conf = container_settings()
    if conf.token is not None and hmac.compare_digest(token.encode(), conf.token.get_secret_value().encode()):
        return
    if conf.tenant is None or token.count(".") != 2:
        raise _invalid_token()
    if _object_id(token) not in conf.clients:
        raise Forbidden("this identity may not call")


def _invalid_token() -> Unauthorized:
    return Unauthorized("the token is not valid")


def _object_id(token: str) -> str:
    """The object id of the managed identity that a token was issued to.

    Tokens of versions 1 and 2 differ in their issuer; the registration of the application decides which one is sent.
    """
    import jwt

    conf = container_settings()
    audience = str(conf.audience)
    try:
        key = _keys().get_signing_key_from_jwt(token)
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=["RS256"],
            audience=[audience, audience.removeprefix("api://")],
            issuer=[f"{conf.authority}/{conf.tenant}/v2.0", f"https://sts.windows.net/{conf.tenant}/"],
            leeway=LEEWAY_S,
            options={"require": ["exp", "nbf", "iss", "aud", "oid", "tid"]},
        )
    except jwt.PyJWKClientConnectionError:
        telemetry.log("vto.keys_unreachable", level="error")
        raise Unavailable("the keys of the identity platform can't be fetched", retry_after=5) from None
    except jwt.PyJWTError:
        raise _invalid_token() from None
    if claims["tid"] != conf.tenant:
        raise _invalid_token()
    return str(claims["oid"])


@cache
def _keys() -> PyJWKClient:
    from jwt import PyJWKClient

    conf = container_settings()
    url = f"{conf.authority}/{conf.tenant}/discovery/v2.0/keys"
    return PyJWKClient(url, cache_keys=True, lifespan=3600, timeout=5)
