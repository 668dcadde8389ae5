"""How long an operation on documents may wait while the store is busy."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_seconds: ContextVar[float] = ContextVar("patience", default=3.0)


def patience() -> float:
    """Seconds that an operation waits for a busy store before it is `Unavailable`: 3, as somebody waits for the answer,
    unless `patient` says otherwise.
    """
    return _seconds.get()


@contextmanager
def patient(seconds: float) -> Generator[None]:
    """Wait longer, or less long, in this block; for work that nobody waits for, and that is dear to do again."""
    token = _seconds.set(seconds)
    try:
        yield
    finally:
        _seconds.reset(token)
