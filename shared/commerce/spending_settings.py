"""Settings of the ceilings of spending."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.settings import SettingsGroup, load


class SpendingSettings(SettingsGroup):
    """Ceilings over all users for what costs money at a provider."""

    conversions_an_hour: int = Field(
        default=1000, ge=0, description="pictures by hosted engines for all users in an hour"
    )
    conversions_a_day: int = Field(
        default=5000, ge=0, description="pictures by hosted engines for all users in a day (UTC)"
    )
    sms_an_hour: int = Field(default=500, ge=0, description="SMS to all users in an hour")
    sms_a_day: int = Field(default=2000, ge=0, description="SMS to all users in a day (UTC)")
    sms_a_day_by_prefix: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=lambda: {"*": 1000} | {f"+{code}": 0 for code in (870, 878, 881, 882, 883, 888, 979)},
        description=(
            "JSON object of number prefix and SMS a day (UTC) to all numbers that begin with it; `*` is the ceiling of "
            "each country that is not named; by default nothing goes to satellite and premium networks"
        ),
    )
    emails_an_hour: int = Field(default=2000, ge=0, description="e-mails to all users in an hour")
    emails_a_day: int = Field(default=10000, ge=0, description="e-mails to all users in a day (UTC)")


def spending_settings() -> SpendingSettings:
    """The ceilings over all users."""
    return load(SpendingSettings)
