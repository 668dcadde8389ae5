"""The tokens of Web PubSub: HS256 over the access key, bound to one URL by their audience."""

from __future__ import annotations

from typing import Any

import jwt

from emulators.posted import as_list


class InvalidToken(Exception):
    """The token is missing, forged, expired or meant for another URL."""


def verify_token(token: str, key: str, audience: str) -> dict[str, Any]:
    """The token's claims. `audience` is the full URL it must be made for, any scheme and case of host.

    Raises InvalidToken.
    """
    if not token:
        raise InvalidToken("no token")
    try:
        options: Any = {"require": ["exp", "aud"], "verify_aud": False}
        claims = jwt.decode(token, key, algorithms=["HS256"], options=options)
    except jwt.PyJWTError as wrong:
        raise InvalidToken(str(wrong)) from wrong
    audiences = as_list(claims["aud"]) or [claims["aud"]]
    if _bare(audience) not in [_bare(str(url)) for url in audiences]:
        raise InvalidToken(f"the audience is {claims['aud']!r}, not {audience!r}")
    return claims


def _bare(url: str) -> str:
    host, slash, rest = url.partition("://")[2].partition("/")
    return f"{host.lower()}{slash}{rest}"


def string_set(claim: Any) -> set[str]:
    """A claim that may be absent, one string or a list of them."""
    if isinstance(claim, str):
        return {claim}
    return {str(item) for item in as_list(claim)}
