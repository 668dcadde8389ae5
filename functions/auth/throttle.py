"""The delay between attempts with one e-mail address: none at first, then growing, never endless.

An attempt is counted before it is made, by ETag, and forgotten when it succeeds. So parallel guesses can't outrun the
count. The subject is a hash of the e-mail address whether or not it has an account, so the answer reveals nothing.
"""

from __future__ import annotations

from functions.auth.documents import LoginAttempts, LoginAttemptsId, login_attempts
from shared.accounts.settings import account_settings
from shared.documents.containers import DAY
from shared.errors import DocumentConflict, DocumentNotFound, PreconditionFailed, TooManyRequests

RACES = 20
FREE_ATTEMPTS = 5
BASE_DELAY_S = 2


def reserve(subject: str, at: float) -> None:
    """Count an attempt, if one may be made now.

    Args:
        subject: hash of the e-mail address.
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


def _refused(wait_s: float) -> TooManyRequests:
    return TooManyRequests(
        "too many attempts with this e-mail address: wait and try again",
        code="login_throttled",
        retry_after=wait_s,
    )
