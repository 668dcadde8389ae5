"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for when it is lost.

Its secret is written before the account says that a code is asked for. Every write is conditional on the version that
was read, so that of two enrolments one wins, and an owner never has the secret of the other one.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Final

from functions.auth import own, throttle
from functions.auth.documents import (
    SecondFactorDocument,
    SecondFactorId,
    second_factors,
)
from functions.auth.second_factor_models import RecoveryCodes, SecondFactorSecret
from shared import audit, clock
from shared.accounts import lifecycle
from shared.accounts.documents import AccountDocument, accounts
from shared.documents.fields import Change, assign
from shared.errors import Conflict, DocumentConflict, DocumentNotFound, Forbidden, PreconditionFailed
from shared.http.auth import Principal
from shared.notifications import account_messages
from shared.notifications.account_messages import AccountMessage

ISSUER: Final = "AI Fashion Studio"
STEP_S: Final = 30
WINDOW: Final = 1
"""Time steps before and after the current one whose codes are accepted, because clocks differ (RFC 6238, 5.2)."""
RECOVERY_CODES: Final = 10
CONFIRMING_S: Final = 60
"""For this long a confirmed secret is not replaced although the account asks for no code: the request that confirmed it
is about to switch it on. Later it is what a process that ended in between has left."""


def begin(account: AccountDocument) -> SecondFactorSecret:
    """Make the secret for an authenticator app; it counts once a code of it was confirmed.

    Raises:
        Conflict: `second_factor_on`: there is one already. `account_busy`: another request makes or confirms one.
    """
    from pyotp import random_base32
    from pyotp.totp import TOTP

    id = SecondFactorId.of(account.id)
    known = second_factors.find(id, id)
    # Read after the secret: what is confirmed from now on has another version.
    if accounts.get(account.id, account.id).second_factor:
        raise Conflict("there is a second factor already: remove it first", code="second_factor_on")
    if known is not None and known.confirmed_at is not None and clock.now() < known.confirmed_at + CONFIRMING_S:
        raise lifecycle.account_busy_error()
    secret = random_base32()
    begun = SecondFactorDocument(id=id, user_id=account.id, secret=secret, created_at=clock.iso(), ttl=-1)
    try:
        if known is None:
            second_factors.create(begun)
        else:
            second_factors.replace(begun, etag=known.etag)
    except (DocumentConflict, DocumentNotFound, PreconditionFailed):
        raise lifecycle.account_busy_error() from None
    uri = TOTP(secret).provisioning_uri(name=account.email, issuer_name=ISSUER)
    return SecondFactorSecret(secret=secret, uri=uri)


def confirm(caller: Principal, code: str, ip: str) -> RecoveryCodes:
    """Switch the second factor on, by a code of the app.

    Raises:
        Unauthorized: `token_invalid`: the session has ended.
        Conflict: `second_factor_on`, or `second_factor_missing`: it was not begun. `account_busy`: another request
            makes or confirms one.
        Forbidden: `second_factor_wrong`.
        TooManyRequests: `login_throttled`.
    """
    account = accounts.get(caller.user_id, caller.user_id)
    own.check_session(account, caller)
    if account.second_factor:
        raise _is_on()
    id = SecondFactorId.of(account.id)
    if second_factors.find(id, id) is None:
        raise Conflict("begin with POST auth/me/second-factor", code="second_factor_missing")
    factor = _check(account, code)
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    confirmed = (
        assign(SecondFactorDocument.recovery, tuple(_digest(code) for code in codes)),
        assign(SecondFactorDocument.confirmed_at, clock.now()),
    )
    try:
        second_factors.patch(id, id, *confirmed, etag=factor.etag)
    except (DocumentNotFound, PreconditionFailed):
        raise lifecycle.account_busy_error() from None

    def switch_on(found: AccountDocument) -> list[Change]:
        if found.second_factor:
            raise _is_on()
        return [assign(AccountDocument.second_factor, True)]

    own.update_own(caller, switch_on)
    audit.record(account.id, "SECOND_FACTOR_ON", ip=ip)
    account_messages.send(AccountMessage.SECOND_FACTOR_ON, account.email_hash, user_id=account.id)
    return RecoveryCodes(recovery_codes=codes)


def remove(caller: Principal, account: AccountDocument, code: str, ip: str) -> None:
    """Switch the second factor off, after a check of a code if it is on.

    Args:
        account: the caller's, as it was when the password was checked.

    Raises:
        Unauthorized: `token_invalid`: the session has ended.
        Forbidden: `second_factor_wrong`.
        Conflict: `account_busy`: it was switched on meanwhile.
        TooManyRequests: `login_throttled`.
    """
    if account.second_factor:
        _check(account, code)

    def switch_off(found: AccountDocument) -> list[Change]:
        if found.second_factor and not account.second_factor:
            raise lifecycle.account_busy_error()
        return [assign(AccountDocument.second_factor, False)]

    own.update_own(caller, switch_off)
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


def accepts(user_id: str, code: str) -> bool:
    """Whether a code is right, and not used before; it is used up then."""
    return _use(user_id, code) is not None


def _check(account: AccountDocument, code: str) -> SecondFactorDocument:
    """Use a code up. Attempts are counted: who has a session and the password has six digits to guess."""
    subject = f"second-factor:{account.id}"
    throttle.reserve(subject, clock.now())
    factor = _use(account.id, code)
    if factor is None:
        raise wrong()
    throttle.clear(subject)
    return factor


def _use(user_id: str, code: str) -> SecondFactorDocument | None:
    """Use a code up; the version after that, or None if the code is wrong or was used before."""
    from pyotp.totp import TOTP

    id = SecondFactorId.of(user_id)
    factor = second_factors.find(id, id)
    if factor is None:
        return None
    if "-" in code:
        digest = _digest(code)
        if digest not in factor.recovery:
            return None
        left = tuple(known for known in factor.recovery if known != digest)
        return _write(factor, assign(SecondFactorDocument.recovery, left))
    current = int(clock.now() // STEP_S)
    totp = TOTP(factor.secret)
    for step in range(current - WINDOW, current + WINDOW + 1):
        if step > factor.last_step and secrets.compare_digest(totp.generate_otp(step), code):
            return _write(factor, assign(SecondFactorDocument.last_step, step))
    return None


def wrong() -> Forbidden:
    """The error for a code that is not right, or was used."""
    return Forbidden("the code is wrong, or was used before", code="second_factor_wrong", field="code")


def _is_on() -> Conflict:
    return Conflict("there is a second factor already", code="second_factor_on")


def _write(factor: SecondFactorDocument, change: Change) -> SecondFactorDocument | None:
    """Use a code up; None if another request was faster."""
    try:
        return second_factors.patch(factor.id, factor.id, change, etag=factor.etag)
    except (PreconditionFailed, DocumentNotFound):
        return None


def _recovery_code() -> str:
    """120 bits in six groups of four characters: enough for a plain hash (OWASP ASVS 5.0, 6.5.2)."""
    text = base64.b32encode(secrets.token_bytes(15)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
