"""What is left of a rate limit, and the refusal once nothing is."""

import random
from typing import NamedTuple

from shared.errors import TooManyRequests

SPREAD, MAX_SPREAD_S = 0.1, 10.0
"""How long after a window's end those it has refused come back, at random: a share of the window, and seconds at most.
All at once would take the first moments of the next window from others."""


class Allowance(NamedTuple):
    """What is left: calls allowed in the window, calls left, seconds until it ends, seconds it is long.

    `remaining` is exact with one process; with several it leaves out what others have given since this one asked.
    """

    limit: int
    remaining: int
    reset_s: int
    window_s: int

    @property
    def headers(self) -> dict[str, str]:
        """As response headers (draft-ietf-httpapi-ratelimit-headers, the three-field form clients know)."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
            "RateLimit-Policy": f"{self.limit};w={self.window_s}",
        }


class Limited(TooManyRequests):
    """A rate limit is used up; `allowance` is what the response headers say of it.

    `retry_after` is when the window has ended, or up to a tenth of it later.
    """

    def __init__(self, allowance: Allowance) -> None:
        later = random.uniform(0, min(MAX_SPREAD_S, SPREAD * allowance.window_s))
        super().__init__("too many requests: wait and try again", retry_after=allowance.reset_s + later)
        self.allowance = allowance
        self.details = {"limit": allowance.limit, "remaining": 0, "resetSeconds": allowance.reset_s}

    @property
    def headers(self) -> dict[str, str]:
        """What is left, as headers."""
        return self.allowance.headers
