"""How the documented errors of a provider are described: one typed table for each provider, read by its client.

The reason that a response's body names decides, not only the HTTP status. A reason that no table has is `transient`
with few tries: it is neither blamed on the user nor repeated for long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared import clock
from shared.errors import OperatorActionNeeded, ProviderAway, StudioError, Unprocessable, UpstreamError

FEW_TRIES: Final = 2
"""Tries of a request whose failure nothing is known about."""
LONGEST_WAIT_S: Final = 3600
"""A provider that asks for a longer wait fails the attempt instead of making the user's job wait."""


UNREADABLE: Final = (ValueError, TypeError, AttributeError, LookupError, RecursionError)
"""What SDKs raise for an answer of another form than they know."""
_SECONDS: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def seconds_asked(retry_after: object) -> float | None:
    """What a `Retry-After` asks for: seconds, or a date (RFC 9110, 10.2.3). None if it is neither."""
    text = str(retry_after or "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - clock.now())
    except (ValueError, OverflowError):
        return None


class Blame(StrEnum):
    """Who can remove the cause of a provider's error."""

    USER = "user"
    """The request itself: another picture, number or funding source is needed. Never repeated."""
    OPERATOR = "operator"
    """The account at the provider or a setting. Jobs wait, administrators are alerted once."""
    TRANSIENT = "transient"
    """Time. The request is repeated, for long unless `max_tries` says otherwise."""


@dataclass(frozen=True)
class ProviderError:
    """One documented error of a provider.

    Args:
        reason: as the provider writes it.
        code: ours, for programs; operator errors have one code for all, see `OperatorActionNeeded`.
        message: what the user reads.
        source: where it is documented.
        max_tries: how often a transient one may occur before the job fails for good; None leaves it to the job.
        unreachable: the recipient can't receive: it is remembered and not tried again until it is changed.
    """

    reason: str
    blame: Blame
    code: str
    message: str
    source: str
    max_tries: int | None = None
    unreachable: bool = False

    def to_error(self, provider: str, retry_after: float | None = None) -> StudioError:
        """The error to raise.

        Args:
            retry_after: seconds that the provider asks to wait; more than `LONGEST_WAIT_S` ends a transient one.
        """
        match self.blame:
            case Blame.USER:
                return Unprocessable(self.message, code=self.code)
            case Blame.OPERATOR:
                return OperatorActionNeeded(provider, self.reason, retry_after=retry_after)
            case Blame.TRANSIENT:
                bearable = retry_after is None or retry_after <= LONGEST_WAIT_S
                kind = ProviderAway if self.max_tries is None else UpstreamError
                return kind(
                    self.message,
                    code=self.code,
                    retryable=bearable,
                    retry_after=retry_after if bearable else None,
                    max_tries=self.max_tries,
                )


def by_reason(rows: Iterable[ProviderError]) -> Mapping[str, ProviderError]:
    """The rows of a table by their reason. Raises ValueError: two have the same."""
    table: dict[str, ProviderError] = {}
    for row in rows:
        if row.reason in table:
            raise ValueError(f"{row.reason} is in the table twice")
        table[row.reason] = row
    return table
