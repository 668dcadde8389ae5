"""Access tokens that expire, and the outcomes stored under each `PayPal-Request-Id`."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emulators.paypal.problems import Problem

DAY = 86400.0


class Tokens:
    """OAuth access tokens: they expire after `seconds` and, if `uses` is a number, after as many requests."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all tokens and restore the default limits."""
        self.seconds: float = 32400
        self.uses: int | None = None
        self.issued = 0
        self._known: dict[str, list[float]] = {}

    def issue(self) -> str:
        """A fresh token."""
        self.issued += 1
        token = "A21AA" + secrets.token_urlsafe(48)
        self._known[token] = [time.time() + self.seconds, float("inf") if self.uses is None else self.uses]
        return token

    def accept(self, token: str) -> bool:
        """Whether the token is valid; counts one use of it."""
        known = self._known.get(token)
        if known is None or time.time() >= known[0] or known[1] <= 0:
            return False
        known[1] -= 1
        return True

    def revoke(self) -> None:
        """Revoke all tokens."""
        self._known.clear()


@dataclass
class _Entry:
    until: float
    show: Callable[[], Any] | None = None


class RequestIds:
    """What was done under a request id: 6 hours for orders, 45 days for payments, or `seconds` when set."""

    def __init__(self) -> None:
        self.seconds: float | None = None
        self._entries: dict[tuple[str, str], _Entry] = {}

    def reset(self) -> None:
        """Forget every id."""
        self.seconds = None
        self._entries.clear()

    def known(self, operation: str, request_id: str | None) -> Callable[[], Any] | None:
        """How to show the latest state of what was done under the id; None when it is new.

        A new id is marked as being worked on: `done` or `failed` must follow. Raises Problem while it is.
        """
        if request_id is None:
            return None
        entry = self._entries.get((operation, request_id))
        if entry is not None and entry.until > time.time():
            if entry.show is None:
                raise Problem(409, "PREVIOUS_REQUEST_IN_PROGRESS")
            return entry.show
        usual = 45 * DAY if operation.startswith("refund") else DAY / 4
        until = time.time() + (usual if self.seconds is None else self.seconds)
        self._entries[operation, request_id] = _Entry(until)
        return None

    def done(self, operation: str, request_id: str | None, show: Callable[[], Any]) -> None:
        """Remember the outcome."""
        if request_id is not None:
            self._entries[operation, request_id].show = show

    def failed(self, operation: str, request_id: str | None) -> None:
        """Forget an id under which nothing was done."""
        if request_id is not None:
            entry = self._entries.get((operation, request_id))
            if entry is not None and entry.show is None:
                del self._entries[operation, request_id]
