"""What a user has used of the month's free quota, without what pays for requests."""

from datetime import UTC, datetime
from typing import NamedTuple

from shared import clock
from shared.commerce.documents import QuotaId, quotas
from shared.commerce.settings import commerce_settings


class QuotaUsage(NamedTuple):
    """What a user has used of this month's free conversions, and how many there are."""

    used: int
    limit: int


def current_month() -> QuotaId:
    """Id of this month's quota (UTC)."""
    return QuotaId.of(f"{datetime.fromtimestamp(clock.now(), UTC):%Y-%m}")


def get_usage(user_id: str) -> QuotaUsage:
    """What the user has used this month."""
    month = quotas.find(current_month(), user_id)
    return QuotaUsage(month.used if month else 0, commerce_settings().conversion_quota)
