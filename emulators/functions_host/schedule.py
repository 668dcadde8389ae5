"""Timer schedules in UTC: NCRONTAB of six fields (seconds first) or five, or an interval `hh:mm:ss`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from croniter import CroniterError, croniter

from .settings import SettingsError, seconds

_FIELDS_WITH_SECONDS = 6


_FIELD = re.compile(r"^(?:\*|[A-Za-z]+|\d+)(?:-(?:[A-Za-z]+|\d+))?(?:/\d+)?$")
_SUNDAY_TWICE = re.compile(r"(?:^|[,-])0*7(?:$|[,/-])")


class ScheduleError(ValueError):
    """A schedule that cannot be understood."""


class Schedule:
    """When a timer is due."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        fields = len(self.text.split())
        self._interval: timedelta | None = None
        self._seconds = fields == _FIELDS_WITH_SECONDS
        try:
            if fields == 1:
                self._interval = timedelta(seconds=seconds(self.text, "schedule"))
                if not self._interval:
                    raise ScheduleError("a timer interval must be more than zero")
            elif fields in (5, _FIELDS_WITH_SECONDS):
                if odd := _beyond_ncrontab(self.text):
                    raise ScheduleError(f"'{text}' is no schedule: NCRONTAB does not have {odd!r}")
                croniter.expand(self.text, second_at_beginning=self._seconds)
            else:
                raise ScheduleError(f"'{text}' has {fields} fields, NCRONTAB has six (or five)")
        except (CroniterError, SettingsError) as error:
            raise ScheduleError(f"'{text}' is no schedule: {error}") from error

    def after(self, moment: datetime) -> datetime:
        """The first due time after `moment` (both aware, UTC)."""
        if self._interval is not None:
            return moment + self._interval
        # NCrontab wants day of month AND day of week to match, unlike Vixie cron's OR.
        times = croniter(self.text, moment, second_at_beginning=self._seconds, day_or=False)
        return times.get_next(datetime).astimezone(UTC)

    def is_frequent(self, moment: datetime) -> bool:
        """Whether two runs lie less than a minute apart: then no status is kept, as in the real host."""
        first = self.after(moment)
        return self.after(first) - first < timedelta(minutes=1)


def _beyond_ncrontab(text: str) -> str | None:
    """A field that croniter understands and NCRONTAB does not: `L`, `W`, `#`, `?`, and 7 for Sunday."""
    fields = text.split()
    for field in fields:
        words = field.split(",")
        if not all(_FIELD.match(word) and word.upper() not in ("L", "W", "R", "H") for word in words):
            return field
    return fields[-1] if _SUNDAY_TWICE.search(fields[-1]) else None
