"""Who may call: whoever knows the shared token, and managed identities by their Entra tokens. Nobody else."""

from __future__ import annotations

import hmac
from functools import cache
from typing import TYPE_CHECKING, Any

from shared import telemetry
from shared.errors import Forbidden, Unauthorized, Unavailable
from shared.settings import settings as shared_settings
from vto_container.settings import settings

if TYPE_CHECKING:
    from jwt import PyJWKClient

LONGEST = 8192
LEEWAY_S = 30


def check(authorization: str | None) -> None:
    """Let a call pass or raise.

    Raises:
        Unauthorized: no token, or one that holds for nothing here.
        Forbidden: a true token of an identity that may not call.
        Unavailable: the keys of the identity platform can't be had.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > LONGEST:
        raise Unauthorized("a bearer token is needed")
    secret = shared_settings().vto_token
    if secret is not None and hmac.compare_digest(token.encode(), secret.get_secret_value().encode()):
        return
    if settings().tenant is None or token.count(".") != 2:
        raise _refused()
    if _identity(token) not in settings().clients:
        raise Forbidden("this identity may not call")


def _refused() -> Unauthorized:
    return Unauthorized("the token does not hold")


def _identity(token: str) -> str:
    """The object id of the managed identity whose token it is.

    Version 1 and version 2 tokens differ in their issuer; which one comes is the application's choice, not ours.
    """
    import jwt

    conf = settings()
    audience = str(shared_settings().vto_audience)
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
        raise Unavailable("the identity platform's keys can't be had", retry_after=5) from None
    except jwt.PyJWTError:
        raise _refused() from None
    if claims["tid"] != conf.tenant:
        raise _refused()
    return str(claims["oid"])


@cache
def _keys() -> PyJWKClient:
    from jwt import PyJWKClient

    conf = settings()
    url = f"{conf.authority}/{conf.tenant}/discovery/v2.0/keys"
    return PyJWKClient(url, cache_keys=True, lifespan=3600, timeout=5)
