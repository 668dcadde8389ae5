"""Places for costly work in a process (decoders, models, waits), which callers take in turns.

A first-in-first-out queue gives all places to the caller that asks most. Here a free place goes to the waiting caller
that holds the fewest, by turns among equals, and no caller holds more than a share: so another caller's next piece of
work waits for one of each that is ahead, however many they have sent.
"""

from __future__ import annotations

import os
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

NO_CALLER: Final = ""
"""Stands for the app: timers, and what runs outside a request and a job."""


class Work:
    """What is done for a caller in a request or a job, and what it has cost so far.

    `megapixels` were decoded, `model_s` are seconds of models, `megabytes` were received, and `calls` is work that was
    put off and counts like this number of calls.
    """

    def __init__(
        self, caller: str, *, megapixels: float = 0.0, model_s: float = 0.0, megabytes: float = 0.0, calls: float = 0.0
    ) -> None:
        self.caller = caller
        self.megapixels = megapixels
        self.model_s = model_s
        self.megabytes = megabytes
        self.calls = calls


_work: ContextVar[Work | None] = ContextVar("work", default=None)


@contextmanager
def acting_for(caller: str) -> Generator[Work]:
    """Do the work of the block for a caller. Threads that it starts need its context."""
    work = Work(caller)
    mark = _work.set(work)
    try:
        yield work
    finally:
        _work.reset(mark)


def current_caller() -> str:
    """The caller that this thread works for."""
    work = _work.get()
    return NO_CALLER if work is None else work.caller


def spend(*, megapixels: float = 0.0, model_s: float = 0.0, megabytes: float = 0.0, calls: float = 0.0) -> None:
    """Note what the current work has cost."""
    work = _work.get()
    if work is not None:
        work.megapixels += megapixels
        work.model_s += model_s
        work.megabytes += megabytes
        work.calls += calls


def cpus() -> int:
    """Processors that this process may use."""
    return os.process_cpu_count() or 1


class Places:
    """A number of places. Safe for threads.

    Args:
        size: places in all.
        share: of these, the most that one caller holds; all by default.
    """

    def __init__(self, size: int, share: int | None = None) -> None:
        self.size = size
        self.share = size if share is None else share
        self._free = size
        self._held: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[threading.Event]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, timeout_s: float | None = 0.0, caller: str | None = None) -> bool:
        """Take a place for the current caller (or another); False if it was not its turn within the time.

        Args:
            timeout_s: seconds to wait; None for no limit.
        """
        caller = current_caller() if caller is None else caller
        turn = threading.Event()
        with self._lock:
            self._waiting.setdefault(caller, deque()).append(turn)
            self._serve()
            if timeout_s is not None and timeout_s <= 0:
                return turn.is_set() or self._leave(caller, turn)
        if turn.wait(timeout_s):
            return True
        with self._lock:
            return turn.is_set() or self._leave(caller, turn)

    def has_share(self, caller: str) -> bool:
        """Whether a caller holds all that one may hold."""
        with self._lock:
            return self._held[caller] >= self.share

    def give_back(self, caller: str | None = None) -> None:
        """Give a place back that `take` gave to the same caller."""
        caller = current_caller() if caller is None else caller
        with self._lock:
            self._held[caller] -= 1
            if not self._held[caller]:
                del self._held[caller]
            self._free += 1
            self._serve()

    def _leave(self, caller: str, turn: threading.Event) -> bool:
        self._waiting[caller].remove(turn)
        if not self._waiting[caller]:
            del self._waiting[caller]
        return False

    def _serve(self) -> None:
        """Give free places to those who wait."""
        while self._free:
            able = [caller for caller in self._waiting if self._held[caller] < self.share]
            if not able:
                return
            caller = min(able, key=self._held.__getitem__)
            turns = self._waiting.pop(caller)
            turns.popleft().set()
            if turns:
                self._waiting[caller] = turns
            self._free -= 1
            self._held[caller] += 1
