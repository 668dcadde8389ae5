"""Guessing one account's password: free at first, then slower and slower, never locked for good.

An attempt is counted before it is made, by ETag, and forgotten when it succeeds. So parallel guesses can't outrun the
count. The subject is a hash of the e-mail address whether or not it has an account, so the answer tells nothing.
"""

from __future__ import annotations

from typing import Any

from shared.accounts.settings import account_settings
from shared.documents import store
from shared.documents.containers import DAY
from shared.errors import DocumentConflict, DocumentNotFound, PreconditionFailed, TooManyRequests

CONTAINER = "rate_limits"
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
    id = _id(subject)
    for _ in range(RACES):
        seen = store().find(CONTAINER, id, id)
        if seen is not None and seen["until"] > at:
            raise _refused(seen["until"] - at)
        n = (seen["n"] if seen else 0) + 1
        item: dict[str, Any] = {"id": id, "n": n, "until": at + delay(n), "ttl": DAY}
        try:
            if seen is None:
                store().create(CONTAINER, item)
            else:
                store().replace(CONTAINER, item, etag=seen.etag)
            return
        except (DocumentConflict, PreconditionFailed, DocumentNotFound):
            continue
    raise _refused(1)


def clear(subject: str) -> None:
    """Forget all attempts: one has succeeded."""
    try:
        store().delete(CONTAINER, _id(subject), _id(subject))
    except DocumentNotFound:
        return


def delay(attempts: int) -> float:
    """Seconds to wait after so many attempts without success."""
    over = attempts - FREE_ATTEMPTS
    return min(account_settings().login_delay_cap_s, BASE_DELAY_S * 2.0 ** min(over, 60)) if over >= 0 else 0.0


def _id(subject: str) -> str:
    return f"login:{subject}"


def _refused(wait_s: float) -> TooManyRequests:
    return TooManyRequests(
        "too many attempts with this e-mail address: wait and try again",
        code="login_throttled",
        retry_after=wait_s,
    )
