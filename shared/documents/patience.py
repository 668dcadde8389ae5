"""How long an operation on documents may wait while the store is busy."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_seconds: ContextVar[float] = ContextVar("patience", default=3.0)


def patience() -> float:
    """Seconds that an operation waits for a busy store before it is `Unavailable`: 3, as a caller waits for the
    response, unless `patient` says otherwise.
    """
    return _seconds.get()


@contextmanager
def patient(seconds: float) -> Generator[None]:
    """Wait up to `seconds` in this block; for work without a waiting caller that is expensive to repeat."""
    token = _seconds.set(seconds)
    try:
        yield
    finally:
        _seconds.reset(token)
