"""Classes of routes: how many calls, how exactly they are counted, and what happens while they can't be counted."""

from typing import Final, NamedTuple

from shared.turns import Work


class RouteClass(NamedTuple):
    """What the routes of a class have in common.

    Args:
        calls: calls of one caller in a window, or less of large work (`cost_of`); `RATE_LIMITS` may say otherwise.
        window_s: length of the window in seconds.
        exact: every call is counted in the document store before it is answered, and refused with 503 while the store
            is away: for guessing, for money, and for costly work. Otherwise a process counts in memory and settles now
            and then, and calls go on while the store is away.
        costly: its calls decode pictures or run models; one caller has few at once (`COSTLY_CALLS_AT_ONCE`).
    """

    calls: int
    window_s: int = 60
    exact: bool = False
    costly: bool = False


CLASSES: Final = {
    "default": RouteClass(600),
    "auth": RouteClass(30, exact=True),
    "register": RouteClass(30, exact=True),
    "refresh": RouteClass(600, exact=True),
    "recovery": RouteClass(10, exact=True),
    "invitations": RouteClass(30, 3600, exact=True),
    "upload": RouteClass(60, exact=True, costly=True),
    "conversions": RouteClass(30, exact=True),
    "segment": RouteClass(60, exact=True, costly=True),
    "tryon": RouteClass(30, exact=True, costly=True),
    "search": RouteClass(300),
    "drops": RouteClass(1200),
    "imports": RouteClass(20, exact=True, costly=True),
    "shop": RouteClass(300),
    "window-words": RouteClass(60),
    "window-picture": RouteClass(20, exact=True, costly=True),
    "pictures": RouteClass(3000),
    "visit": RouteClass(20, 600, exact=True),
    "widget": RouteClass(300),
    "widget-photo": RouteClass(20, 600, exact=True, costly=True),
    "widget-tryon": RouteClass(30, 600, exact=True),
    "analytics": RouteClass(120, exact=True, costly=True),
    "paypal": RouteClass(60, exact=True),
    "webhook": RouteClass(1200),
    "replays": RouteClass(60),
}


MEGAPIXELS_A_CALL: Final = 16
"""Decoded megapixels that count like a call; a photo of a phone is below it."""
MODEL_S_A_CALL: Final = 0.5
MEGABYTES_A_CALL: Final = 8


def cost_of(work: Work) -> int:
    """What work counts for in a rate limit beyond the call itself, in calls."""
    return int(
        work.megapixels / MEGAPIXELS_A_CALL
        + work.model_s / MODEL_S_A_CALL
        + work.megabytes / MEGABYTES_A_CALL
        + work.calls
    )


def class_of(name: str) -> RouteClass:
    """The class of that name, or `default`."""
    return CLASSES.get(name, CLASSES["default"])
