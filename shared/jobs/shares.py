"""How many jobs of one user a process runs at the same time in a lane; messages beyond that come again later.

A Storage Queue is first in, first out, and the host takes the next messages only once few of its last ones are still
running. So one user with a hundred slow jobs would hold all threads of a lane, and every job of others would wait for
them. A message beyond the share goes back to the end of the queue, without a look at its job, and makes way for others.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from time import monotonic
from typing import Final

from shared.jobs.settings import job_settings

PATIENCE_S: Final = 0.5
"""How long a message waits for a place of its user, if their jobs are short. As many wait as there are places, others
go to the end of the queue without a delay, and the host takes no more meanwhile. With a delay, which is of whole
seconds and until the host's next look, places would be empty."""
SHORT_S: Final = 1.0
"""Jobs of a user are short while one of them has ended within this time."""
AGAIN_EVERY_S: Final = 0.25
"""Between two messages of a user with longer jobs that come again."""
LONGEST_S: Final = 15.0
"""Longest time until a message comes again; the sweeper sends a lost one after 30 s."""
REMEMBERED: Final = 10_000
"""Users whose times are remembered; beyond this all are forgotten."""


class Shares:
    """The jobs that run in a lane of this process, by user. Safe for threads."""

    def __init__(self) -> None:
        self._running: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._next: dict[str, float] = {}
        self._ended: dict[str, float] = {}
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, user_id: str) -> Generator[float | None]:
        """Hold one of the user's places for the block.

        Yields:
            None; or, if all places of the user are taken and none is held, the seconds after which to come again.
        """
        wait = self._take(user_id)
        try:
            yield wait
        finally:
            if wait is None:
                self._give_back(user_id)

    def _take(self, user_id: str) -> float | None:
        limit = job_settings().jobs_at_once
        with self._changed:
            if self._running[user_id] >= limit:
                has_short_jobs = monotonic() - self._ended.get(user_id, 0) <= SHORT_S
                if has_short_jobs and self._waiting[user_id] >= limit:
                    return 0.0
                if not has_short_jobs or not self._waits_for_one(user_id, limit):
                    return self._later(user_id)
            self._running[user_id] += 1
            return None

    def _waits_for_one(self, user_id: str, limit: int) -> bool:
        self._waiting[user_id] += 1
        try:
            return self._changed.wait_for(lambda: self._running[user_id] < limit, PATIENCE_S)
        finally:
            _less(self._waiting, user_id)

    def _later(self, user_id: str) -> float:
        now = monotonic()
        due = max(now, self._next.get(user_id, now)) + AGAIN_EVERY_S
        self._next[user_id] = due = min(due, now + LONGEST_S)
        return due - now

    def _give_back(self, user_id: str) -> None:
        with self._changed:
            _less(self._running, user_id)
            if len(self._ended) >= REMEMBERED:
                self._ended.clear()
                self._next.clear()
            self._ended[user_id] = monotonic()
            self._changed.notify_all()


def _less(counts: Counter[str], user_id: str) -> None:
    counts[user_id] -= 1
    if not counts[user_id]:
        del counts[user_id]
