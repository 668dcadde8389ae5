"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for when it is lost."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Final

from functions.auth import throttle
from functions.auth.documents import (
    SecondFactorDocument,
    SecondFactorId,
    second_factors,
)
from functions.auth.second_factor_models import RecoveryCodes, SecondFactorSecret
from shared import audit, clock
from shared.accounts import lifecycle
from shared.accounts.documents import AccountDocument
from shared.documents.fields import Change, assign
from shared.errors import Conflict, DocumentNotFound, Forbidden, PreconditionFailed
from shared.notifications import account_messages
from shared.notifications.account_messages import AccountMessage

ISSUER: Final = "AI Fashion Studio"
STEP_S: Final = 30
WINDOW: Final = 1
"""Time steps before and after the current one whose codes are accepted, because clocks differ (RFC 6238, 5.2)."""
RECOVERY_CODES: Final = 10


def begin(account: AccountDocument) -> SecondFactorSecret:
    """Make the secret for an authenticator app; it counts once a code of it was confirmed.

    Raises:
        Conflict: `second_factor_on`: there is one already.
    """
    from pyotp import random_base32
    from pyotp.totp import TOTP

    if account.second_factor:
        raise Conflict("there is a second factor already: remove it first", code="second_factor_on")
    secret = random_base32()
    second_factors.upsert(
        SecondFactorDocument(
            id=SecondFactorId.of(account.id), user_id=account.id, secret=secret, created_at=clock.iso(), ttl=-1
        )
    )
    uri = TOTP(secret).provisioning_uri(name=account.email, issuer_name=ISSUER)
    return SecondFactorSecret(secret=secret, uri=uri)


def confirm(account: AccountDocument, code: str, ip: str) -> RecoveryCodes:
    """Switch the second factor on, by a code of the app.

    Raises:
        Conflict: `second_factor_on`, or `second_factor_missing`: it was not begun.
        Forbidden: `second_factor_wrong`.
        TooManyRequests: `login_throttled`.
    """
    if account.second_factor:
        raise Conflict("there is a second factor already", code="second_factor_on")
    id = SecondFactorId.of(account.id)
    if second_factors.find(id, id) is None:
        raise Conflict("begin with POST auth/me/second-factor", code="second_factor_missing")
    _check(account, code)
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    digests = tuple(_digest(code) for code in codes)
    second_factors.patch(id, id, assign(SecondFactorDocument.recovery, digests))
    lifecycle.update_account(account.id, lambda _: [assign(AccountDocument.second_factor, True)])
    audit.record(account.id, "SECOND_FACTOR_ON", ip=ip)
    account_messages.send(AccountMessage.SECOND_FACTOR_ON, account.email_hash, user_id=account.id)
    return RecoveryCodes(recovery_codes=codes)


def remove(account: AccountDocument, code: str, ip: str) -> None:
    """Switch the second factor off, after a check of a code if it is on.

    Raises:
        Forbidden: `second_factor_wrong`.
        TooManyRequests: `login_throttled`.
    """
    if account.second_factor:
        _check(account, code)
    lifecycle.update_account(account.id, lambda _: [assign(AccountDocument.second_factor, False)])
    forget(account.id)
    audit.record(account.id, "SECOND_FACTOR_OFF", ip=ip)
    account_messages.send(AccountMessage.SECOND_FACTOR_OFF, account.email_hash, user_id=account.id)


def forget(user_id: str) -> None:
    """Delete the secret and the recovery codes."""
    id = SecondFactorId.of(user_id)
    try:
        second_factors.delete(id, id)
    except DocumentNotFound:
        return


def _check(account: AccountDocument, code: str) -> None:
    """Use a code up. Attempts are counted: who has a session and the password has six digits to guess."""
    subject = f"second-factor:{account.id}"
    throttle.reserve(subject, clock.now())
    if not accepts(account.id, code):
        raise wrong()
    throttle.clear(subject)


def accepts(user_id: str, code: str) -> bool:
    """Whether a code is right, and not used before; it is used up then."""
    from pyotp.totp import TOTP

    id = SecondFactorId.of(user_id)
    factor = second_factors.find(id, id)
    if factor is None:
        return False
    if "-" in code:
        digest = _digest(code)
        if digest not in factor.recovery:
            return False
        left = tuple(known for known in factor.recovery if known != digest)
        return _write(factor, assign(SecondFactorDocument.recovery, left))
    current = int(clock.now() // STEP_S)
    totp = TOTP(factor.secret)
    for step in range(current - WINDOW, current + WINDOW + 1):
        if step > factor.last_step and secrets.compare_digest(totp.generate_otp(step), code):
            return _write(factor, assign(SecondFactorDocument.last_step, step))
    return False


def wrong() -> Forbidden:
    """The error for a code that is not right, or was used."""
    return Forbidden("the code is wrong, or was used before", code="second_factor_wrong", field="code")


def _write(factor: SecondFactorDocument, change: Change) -> bool:
    """Use a code up; False if another request was faster."""
    try:
        second_factors.patch(factor.id, factor.id, change, etag=factor.etag)
    except (PreconditionFailed, DocumentNotFound):
        return False
    return True


def _recovery_code() -> str:
    """120 bits in six groups of four characters: enough for a plain hash (OWASP ASVS 5.0, 6.5.2)."""
    text = base64.b32encode(secrets.token_bytes(15)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
