"""Devices that have signed in before: a signed token that a client keeps, and sends with later sign-ins.

It lets an owner pass while strangers guess (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"), and gives
no right besides: who has it still needs the password, and has few attempts of their own.
"""

from __future__ import annotations

from typing import Final

from shared import clock
from shared.accounts.settings import account_settings
from shared.documents.containers import DAY
from shared.http import signed_token
from shared.http.tokens import ISSUER, LEEWAY_S

AUDIENCE: Final = "ai-fashion-studio-device"
TYPE: Final = "device"
KNOWN_DAYS: Final = 180
MAX_LENGTH: Final = 1024


def issue(user_id: str, device: str | None = None) -> tuple[str, str]:
    """A token for a device that has just signed in: (token, id of the device).

    Args:
        device: its id if it was known before.
    """
    conf = account_settings()
    at = int(clock.now())
    id = device or clock.new_id()
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": user_id,
        "role": TYPE,
        "ver": 0,
        "typ": TYPE,
        "jti": id,
        "iat": at,
        "nbf": at,
        "exp": at + KNOWN_DAYS * DAY,
    }
    key = conf.jwt_keys[conf.jwt_active_kid].get_secret_value()
    return signed_token.sign(claims, conf.jwt_active_kid, key), id


def identify(token: str | None, *users: str) -> str | None:
    """The id of the device, if the token was issued for one of these users and has not expired."""
    if token is None or len(token) > MAX_LENGTH:
        return None
    keys = {kid: key.get_secret_value() for kid, key in account_settings().jwt_keys.items()}
    try:
        claims = signed_token.verify(token, keys, issuer=ISSUER, audience=AUDIENCE, leeway_s=LEEWAY_S)
    except signed_token.InvalidToken:
        return None
    return str(claims["jti"]) if claims["typ"] == TYPE and claims["sub"] in users else None
