"""Built-in functions of date and time (learn.microsoft.com/cosmos-db/query/date-time functions).

A moment is a number of ticks of 100 ns since 1970; as text it has seven digits after the second.
"""

from __future__ import annotations

import re
import time
from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from emulators.cosmos.sql.functions import TABLE, define, is_number
from emulators.cosmos.sql.values import UNDEFINED

SECOND: Final = 10_000_000
DAY: Final = 24 * 3600 * SECOND
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?(Z|[+-]\d{2}:\d{2})?)?"
)  # fmt: skip
_PARTS: Final[Mapping[str, str]] = {
    alias: name
    for name, aliases in {
        "year": "yyyy yy", "month": "mm m", "day": "dd d", "hour": "hh", "minute": "mi n", "second": "ss s",
        "millisecond": "ms", "microsecond": "mcs", "nanosecond": "ns",
    }.items()
    for alias in (name, *aliases.split())
}  # fmt: skip
_TICKS: Final[Mapping[str, float]] = {
    "day": DAY, "hour": 3600 * SECOND, "minute": 60 * SECOND, "second": SECOND, "millisecond": 10_000,
    "microsecond": 10, "nanosecond": 0.01,
}  # fmt: skip


def _now() -> int:
    return time.time_ns() // 100


def _ticks(text: Any) -> int | None:
    """The moment of a text; None for any other value."""
    match = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    day, minute, second, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{minute or '00:00'}:{second or '00'}{zone or 'Z'}")
    except ValueError:
        return None
    return (moment - EPOCH) // timedelta(seconds=1) * SECOND + int((fraction or "0").ljust(7, "0"))


def _iso(ticks: int) -> Any:
    try:
        moment = EPOCH + timedelta(seconds=ticks // SECOND)
    except OverflowError:
        return UNDEFINED
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ticks % SECOND:07d}Z".rjust(28, "0")


def _moment(ticks: int) -> datetime:
    return EPOCH + timedelta(seconds=ticks // SECOND)


def _months(ticks: int) -> int:
    moment = _moment(ticks)
    return moment.year * 12 + moment.month - 1


def _part(name: Any) -> str | None:
    return _PARTS.get(name.lower()) if isinstance(name, str) else None


for _suffix in ("", "STATIC"):
    # The static ones have one value in all of a query; the compiler calls them once.
    TABLE[f"GETCURRENTDATETIME{_suffix}"] = (lambda: _iso(_now()), 0, 0)
    TABLE[f"GETCURRENTTIMESTAMP{_suffix}"] = (lambda: _now() // 10_000, 0, 0)
    TABLE[f"GETCURRENTTICKS{_suffix}"] = (_now, 0, 0)


@define("DATETIMETOTIMESTAMP", 1)
def _date_time_to_timestamp(text: Any) -> Any:
    ticks = _ticks(text)
    return UNDEFINED if ticks is None else ticks // 10_000


@define("TIMESTAMPTODATETIME", 1)
def _timestamp_to_date_time(value: Any) -> Any:
    return _iso(int(value * 10_000)) if is_number(value) else UNDEFINED


@define("DATETIMETOTICKS", 1)
def _date_time_to_ticks(text: Any) -> Any:
    ticks = _ticks(text)
    return UNDEFINED if ticks is None else ticks


@define("TICKSTODATETIME", 1)
def _ticks_to_date_time(value: Any) -> Any:
    return _iso(int(value)) if is_number(value) else UNDEFINED


@define("DATETIMEADD", 3)
def _date_time_add(part: Any, count: Any, text: Any) -> Any:
    name, ticks = _part(part), _ticks(text)
    if name is None or ticks is None or not is_number(count):
        return UNDEFINED
    if name in _TICKS:
        return _iso(ticks + int(int(count) * _TICKS[name]))
    moment = _moment(ticks)
    year, month = divmod(_months(ticks) + int(count) * (12 if name == "year" else 1), 12)
    if not 1 <= year <= 9999:
        return UNDEFINED
    day = min(moment.day, monthrange(year, month + 1)[1])
    there = moment.replace(year=year, month=month + 1, day=day)
    return _iso((there - EPOCH) // timedelta(seconds=1) * SECOND + ticks % SECOND)


@define("DATETIMEDIFF", 3)
def _date_time_diff(part: Any, start: Any, end: Any) -> Any:
    """How many boundaries of the part lie between two moments."""
    name, first, last = _part(part), _ticks(start), _ticks(end)
    if name is None or first is None or last is None:
        return UNDEFINED
    if name == "month":
        return _months(last) - _months(first)
    if name == "year":
        return _moment(last).year - _moment(first).year
    if name == "nanosecond":
        return (last - first) * 100
    size = int(_TICKS[name])
    return last // size - first // size


@define("DATETIMEPART", 2)
def _date_time_part(part: Any, text: Any) -> Any:
    name, ticks = _part(part), _ticks(text)
    if name is None or ticks is None:
        return UNDEFINED
    fraction = ticks % SECOND
    fractions = {"millisecond": fraction // 10_000, "microsecond": fraction // 10, "nanosecond": fraction * 100}
    return fractions[name] if name in fractions else getattr(_moment(ticks), name)


@define("DATETIMEBIN", 2, 4)
def _date_time_bin(text: Any, part: Any, size: Any = 1, origin: Any = "1970-01-01") -> Any:
    name, ticks, start = _part(part), _ticks(text), _ticks(origin)
    if name is None or ticks is None or start is None or not is_number(size) or size < 1:
        return UNDEFINED
    if name in _TICKS:
        width = max(1, int(int(size) * _TICKS[name]))
        return _iso(start + (ticks - start) // width * width)
    width = int(size) * (12 if name == "year" else 1)
    first = _months(start)
    year, month = divmod(first + (_months(ticks) - first) // width * width, 12)
    if year < 1:
        return UNDEFINED
    return _iso((datetime(year, month + 1, 1, tzinfo=UTC) - EPOCH) // timedelta(seconds=1) * SECOND)


@define("DATETIMEFROMPARTS", 3, 7)
def _date_time_from_parts(*parts: Any) -> Any:
    if not all(is_number(part) for part in parts):
        return UNDEFINED
    *whole, fraction = [int(part) for part in (*parts, *[0] * (7 - len(parts)))]
    if not 0 <= fraction < SECOND:
        return UNDEFINED
    try:
        moment = datetime(*whole[:6], tzinfo=UTC)
    except (ValueError, OverflowError):
        return UNDEFINED
    return _iso((moment - EPOCH) // timedelta(seconds=1) * SECOND + fraction)
