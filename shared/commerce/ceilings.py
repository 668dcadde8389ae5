"""Ceilings over all users for what costs money at a provider: in an hour, in a day, and for SMS by country.

Accounts cost nothing, so a limit of each user is no limit of all. A counter is one conditional patch, as for rate
limits; at four fifths of a ceiling and at the ceiling the administrators are alerted, once each, and they can pause a
kind altogether (`PUT admin/spending/{kind}`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar, Final

from pydantic import Field

from shared import audit, clock, telemetry
from shared.accounts.documents import AccountDocument, Role, accounts
from shared.commerce.spending_settings import spending_settings
from shared.documents import store
from shared.documents.containers import DAY
from shared.documents.fields import increment, where
from shared.documents.model import StoredDocument, Timestamp
from shared.documents.repository import Repository
from shared.errors import BatchFailed, DocumentConflict, DocumentNotFound, PreconditionFailed, Unavailable
from shared.jobs import protocol
from shared.notifications.announce import announce

HOUR: Final = 3600
ALERT_SHARE: Final = 0.8
STRANGERS_SHARE: Final = 0.5
"""Of a ceiling, what messages to addresses that no one has confirmed may use up: anyone can ask for those, to any
address. The rest is left to people who have shown that an address is theirs."""
PAUSE_RETRY_S: Final = 300
OTHER_COUNTRIES: Final = "*"
_TWO_DIGITS: Final = re.compile(r"2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]")
"""Calling codes of two digits; those that begin with 1 or 7 have one, all others three."""


class Spending(StrEnum):
    """What costs money at a provider."""

    CONVERSION = "conversion"
    """A picture by Gemini or another hosted engine."""
    SMS = "sms"
    """A text message."""
    EMAIL = "email"
    """An e-mail."""


class SpendingCounter(StoredDocument, frozen=True):
    """What was spent of a kind in one window; its id names both."""

    container: ClassVar[str] = "rate_limits"

    spent: int = Field(alias="n", description="units so far")


class SpendingSwitch(StoredDocument, frozen=True):
    """Whether administrators have paused a kind; `switch:<kind>`."""

    container: ClassVar[str] = "rate_limits"

    paused: bool
    reason: str
    changed_by: str = Field(description="user id of the administrator")
    changed_at: Timestamp


counters: Final = Repository(SpendingCounter)
switches: Final = Repository(SpendingSwitch)


@dataclass(frozen=True)
class Window:
    """A ceiling and its counter.

    Args:
        name: `hour`, `day`, or the calling code of a country.
        ends: epoch seconds.
    """

    id: str
    name: str
    limit: int
    ends: float


def check(kind: Spending) -> None:
    """Refuse a request whose work would be refused. Nothing is counted: the work is, when it calls the provider.

    Raises:
        Unavailable: as `take`.
    """
    _require_running(kind)
    for window in windows(kind):
        if spent(window) >= window.limit:
            raise _reached(kind, window)


def take(kind: Spending, number: str | None = None, *, share: float = 1.0) -> None:
    """Count one unit of a kind, if all of its ceilings allow it.

    Args:
        number: where an SMS goes, E.164.
        share: of each ceiling, what units of this sort may fill: they are refused once so much of it is spent.

    Raises:
        Unavailable: `spending_paused`: administrators have paused the kind; retryable. `ceiling_reached`.
    """
    _require_running(kind)
    for window in windows(kind, number):
        most = min(window.limit, max(1, int(share * window.limit)))
        try:
            count = _count(window, most)
        except PreconditionFailed:
            raise _reached(kind, window) from None
        # Exactly one call sees each count.
        if count in (max(1, int(ALERT_SHARE * window.limit)), window.limit, most):
            _alert(kind, window, count)


def windows(kind: Spending, number: str | None = None) -> Iterator[Window]:
    """The ceilings that a unit counts against now, the narrowest first."""
    conf, at = spending_settings(), clock.now()
    moment = datetime.fromtimestamp(at, UTC)
    day_ends = at - at % DAY + DAY
    per_hour, per_day = {
        Spending.CONVERSION: (conf.conversions_an_hour, conf.conversions_a_day),
        Spending.SMS: (conf.sms_an_hour, conf.sms_a_day),
        Spending.EMAIL: (conf.emails_an_hour, conf.emails_a_day),
    }[kind]
    if number is not None:
        code, limit = _country(number)
        yield Window(f"spent:{kind}:{moment:%Y-%m-%d}:{code[1:]}", code, limit, day_ends)
    yield Window(f"spent:{kind}:{moment:%Y-%m-%dT%H}", "hour", per_hour, at - at % HOUR + HOUR)
    yield Window(f"spent:{kind}:{moment:%Y-%m-%d}", "day", per_day, day_ends)


def spent(window: Window) -> int:
    """How much of a ceiling is used."""
    counter = counters.find(window.id, window.id)
    return counter.spent if counter else 0


def find_switch(kind: Spending) -> SpendingSwitch | None:
    """Whether and why a kind is paused; None if it never was."""
    return switches.find(_switch_id(kind), _switch_id(kind))


def set_switch(kind: Spending, *, paused: bool, reason: str, admin: str) -> SpendingSwitch:
    """Pause a kind, or let it go on."""
    switch = SpendingSwitch(
        id=_switch_id(kind), paused=paused, reason=reason, changed_by=admin, changed_at=clock.iso(), ttl=-1
    )
    return switches.upsert(switch)


def calling_code(number: str) -> str:
    """The country calling code of an E.164 number, `+49` (ITU-T E.164: codes are of one to three digits)."""
    digits = number.removeprefix("+")
    length = 1 if digits[:1] in ("1", "7") else 2 if _TWO_DIGITS.match(digits) else 3
    return f"+{digits[:length]}"


def _require_running(kind: Spending) -> None:
    switch = find_switch(kind)
    if switch is not None and switch.paused:
        raise Unavailable(
            f"{kind} is paused by the administrators: try again later",
            code="spending_paused",
            retry_after=PAUSE_RETRY_S,
        )


def _reached(kind: Spending, window: Window) -> Unavailable:
    return Unavailable(
        f"the ceiling of {kind} for all users is reached: try again later",
        code="ceiling_reached",
        retry_after=max(1.0, window.ends - clock.now()),
        retryable=kind is Spending.CONVERSION,
    )


def _country(number: str) -> tuple[str, int]:
    """The prefix that an SMS counts under, and its ceiling a day: the longest of the settings, else its country."""
    ceilings = spending_settings().sms_a_day_by_prefix
    prefix = max((known for known in ceilings if number.startswith(known)), key=len, default=None)
    if prefix is not None:
        return prefix, ceilings[prefix]
    return calling_code(number), ceilings.get(OTHER_COUNTRIES, 0)


def _count(window: Window, most: int) -> int:
    if most == 0:
        raise PreconditionFailed("nothing is allowed")
    below = (where(SpendingCounter.spent, "<", most),)
    for _ in range(2):
        try:
            return counters.patch(window.id, window.id, increment(SpendingCounter.spent), where=below).spent
        except DocumentNotFound:
            try:
                return counters.create(SpendingCounter(id=window.id, n=1, ttl=2 * DAY)).spent
            except DocumentConflict:
                continue
    return counters.patch(window.id, window.id, increment(SpendingCounter.spent), where=below).spent


def _alert(kind: Spending, window: Window, spent: int) -> None:
    """Log, audit, and send to every administrator that a ceiling is near or reached. Never raises."""
    try:
        telemetry.log("spending.ceiling", level="error", kind=kind, window=window.name, spent=spent, limit=window.limit)
        key = f"{window.id}:{spent}".replace(":", "-")
        audit.record(
            "system", "SPENDING_ALERT", subject=kind, id=f"alert:{key}", window=window.name, spent=spent,
            limit=window.limit,
        )  # fmt: skip
        said = {"kind": kind.value, "window": window.name, "spent": spent, "limit": window.limit}
        for admin in accounts.list(where(AccountDocument.role, "=", Role.ADMIN), limit=50).items:
            news = announce(admin.id, "spending.alert", f"spending-{key}", said, request_id=None)
            try:
                store().batch(protocol.CONTAINER, admin.id, news)
            except BatchFailed:
                continue
            protocol.enqueue_created(news)
    except Exception as error:
        telemetry.log("spending.alert_failed", level="error", error=type(error).__name__)


def _switch_id(kind: Spending) -> str:
    return f"switch:{kind}"
