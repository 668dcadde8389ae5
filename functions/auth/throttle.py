"""How many passwords can be tried with one e-mail address.

An attempt is counted before it is made, by ETag, and forgotten when it succeeds. So parallel guesses can't outrun the
count. Subjects are hashes of the e-mail address whether or not it has an account, so the answer reveals nothing.

Attempts are counted apart for each network, and for each device that has signed in before, so that strangers slow down
themselves and not the owner. All unknown devices together have a budget a day besides, because a botnet has
many networks: once it is used up, a device that is not known signs in by e-mail (`POST auth/password/forgot`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from functions.auth.documents import GuessBudget, LoginAttempts, LoginAttemptsId, guess_budgets, login_attempts
from shared import clock
from shared.accounts.settings import account_settings
from shared.documents.containers import DAY
from shared.documents.fields import increment, where
from shared.errors import DocumentConflict, DocumentNotFound, PreconditionFailed, TooManyRequests
from shared.http.client_address import network_of

RACES: Final = 20
FREE_ATTEMPTS: Final = 5
BASE_DELAY_S: Final = 2


@dataclass(frozen=True)
class Attempt:
    """An attempt to sign in that was counted."""

    subject: str
    budget: str | None = None
    last_of_budget: bool = False

    def succeeded(self) -> None:
        """Forget the attempts of this network or device, and give back what the day's budget lost to this one."""
        clear(self.subject)
        if self.budget is not None:
            try:
                guess_budgets.patch(self.budget, self.budget, increment(GuessBudget.attempts, -1))
            except DocumentNotFound:
                return


def count_sign_in(email_hash: str, ip: str, device: str | None, *, by_email: bool) -> Attempt:
    """Count an attempt to sign in, if one may be made now.

    Args:
        device: id of the device if it has signed in to this account before.
        by_email: whether one can sign in by e-mail instead. Otherwise an address whose budget is used up is slowed
            down for all unknown devices, and not closed to them.

    Raises:
        TooManyRequests: `login_throttled`: from here too many have failed. `login_by_email`: from all unknown devices
            together.
    """
    at = clock.now()
    if device is not None:
        subject = f"{email_hash}:device:{device}"
        reserve(subject, at)
        return Attempt(subject)
    subject = f"{email_hash}:{network_of(ip)}"
    reserve(subject, at)
    id = f"guesses:{email_hash}:{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
    limit = account_settings().login_guesses_a_day
    try:
        used = _spend(id, limit)
    except PreconditionFailed:
        if by_email:
            raise TooManyRequests(
                "too many wrong passwords today: sign in on a device you have used before, or reset your password",
                code="login_by_email",
                retry_after=DAY - at % DAY,
            ) from None
        reserve(f"{email_hash}:all", at)
        return Attempt(subject)
    return Attempt(subject, id, used == limit)


def reserve(subject: str, at: float) -> None:
    """Count an attempt, if one may be made now.

    Args:
        subject: what attempts are counted for.
        at: now, epoch seconds.

    Raises:
        TooManyRequests: `login_throttled`; `retry_after` says when the next attempt is allowed. Asking earlier does
            not lengthen the delay.
    """
    id = LoginAttemptsId.of(subject)
    for _ in range(RACES):
        known = login_attempts.find(id, id)
        if known is not None and known.until > at:
            raise _refused(known.until - at)
        attempts = (known.attempts if known else 0) + 1
        counted = LoginAttempts(id=id, n=attempts, until=at + delay(attempts), ttl=DAY)
        try:
            if known is None:
                login_attempts.create(counted)
            else:
                login_attempts.replace(counted, etag=known.etag)
            return
        except (DocumentConflict, PreconditionFailed, DocumentNotFound):
            continue
    raise _refused(1)


def clear(subject: str) -> None:
    """Forget all attempts: one has succeeded."""
    try:
        login_attempts.delete(LoginAttemptsId.of(subject), LoginAttemptsId.of(subject))
    except DocumentNotFound:
        return


def delay(attempts: int) -> float:
    """Seconds to wait after so many attempts without success."""
    over = attempts - FREE_ATTEMPTS
    return min(account_settings().login_delay_cap_s, BASE_DELAY_S * 2.0 ** min(over, 60)) if over >= 0 else 0.0


def _spend(id: str, limit: int) -> int:
    """Take one of a day's budget; returns how many are taken. Raises PreconditionFailed when none is left."""
    below = (where(GuessBudget.attempts, "<", limit),)
    for _ in range(2):
        try:
            return guess_budgets.patch(id, id, increment(GuessBudget.attempts), where=below).attempts
        except DocumentNotFound:
            try:
                return guess_budgets.create(GuessBudget(id=id, n=1, ttl=2 * DAY)).attempts
            except DocumentConflict:
                continue
    return guess_budgets.patch(id, id, increment(GuessBudget.attempts), where=below).attempts


def _refused(wait_s: float) -> TooManyRequests:
    return TooManyRequests(
        "too many attempts with this e-mail address: wait and try again",
        code="login_throttled",
        retry_after=wait_s,
    )
