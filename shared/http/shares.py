"""How much of a process one caller holds at a time: threads for all its calls, and fewer for calls that cost much.

Rate limits count calls in a minute; a few slow concurrent ones would still fill every thread, and others would wait. So
a signed-in caller holds at most a share, counted in this process, and calls beyond it are refused immediately instead
of waiting. All callers who are not signed in have one share together, of costly calls alone: addresses are too easy to
change to have one each.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from shared.errors import TooManyRequests
from shared.http.classes import class_of
from shared.http.settings import http_settings

RETRY_AFTER_S: Final = 1
VISITORS: Final = ""
"""Stands for all who are not signed in; no account has this id."""

_held: Counter[tuple[str, bool]] = Counter()
_lock = threading.Lock()


@contextmanager
def hold(caller: str | None, route_class: str) -> Generator[None]:
    """Hold one of the caller's places for the time of a call.

    Args:
        caller: id of the account; None for callers who are not signed in.
        route_class: of the rate limit.

    Raises:
        TooManyRequests: `too_many_at_once`, the share is taken by earlier calls.
    """
    conf = http_settings()
    costly = class_of(route_class).costly
    if caller is None:
        limits = {True: conf.visitor_costly_calls_at_once}
        places = [(VISITORS, True)] if costly else []
    else:
        limits = {False: conf.calls_at_once, True: conf.costly_calls_at_once}
        places = [(caller, kind) for kind in ((False, True) if costly else (False,))]
    with _lock:
        for place in places:
            if _held[place] >= limits[place[1]]:
                raise TooManyRequests(
                    f"{limits[place[1]]} calls of this kind at a time: wait for the answers of earlier ones",
                    code="too_many_at_once",
                    retry_after=RETRY_AFTER_S,
                )
        _held.update(places)
    try:
        yield
    finally:
        with _lock:
            for place in places:
                _held[place] -= 1
                if not _held[place]:
                    del _held[place]
