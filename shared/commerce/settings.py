"""Settings of quotas and of the merchant's PayPal account."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from shared.settings import Seconds, SettingsGroup, TlsUrl, load


class CommerceSettings(SettingsGroup):
    """What a user may use without paying."""

    conversion_quota: int = Field(
        default=50, ge=0, description="free conversions and try-ons of a user in a calendar month (UTC)"
    )
    unconfirmed_quota: int = Field(
        default=5,
        ge=0,
        description=(
            "try-ons in a month of a user whose e-mail address is not confirmed, by the built-in engines alone; "
            "nothing that a provider charges for"
        ),
    )
    free_cancellations: int = Field(
        default=3,
        ge=0,
        description="conversions and try-ons that a user may cancel for free in a day (UTC) after a provider was "
        "called; further ones keep their charge",
    )
    upload_quota_bytes: int = Field(
        default=500 * 1024 * 1024, ge=0, description="bytes of images a user may store, derived sizes included"
    )
    upload_quota_images: int = Field(default=500, ge=0, description="images a user may store")


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


class PayPalSettings(SettingsGroup):
    """The merchant's account at PayPal; without credentials no credits are sold."""

    paypal_base_url: TlsUrl = Field(
        default="https://api-m.sandbox.paypal.com", description="PayPal's API; `https://api-m.paypal.com` is live"
    )
    paypal_client_id: str | None = Field(default=None, description="client id of the merchant's REST app")
    paypal_client_secret: SecretStr | None = Field(default=None, description="secret of the merchant's REST app")
    paypal_merchant_id: str | None = Field(default=None, description="the payee every order must name")
    paypal_timeout_s: Seconds = Field(
        default=10, description="seconds to connect to PayPal, and between two reads of an answer"
    )
    paypal_lease_s: Seconds = Field(
        default=90, description="seconds for which one caller may work on a capture before another one tries"
    )


def commerce_settings() -> CommerceSettings:
    """The quotas of this process."""
    return load(CommerceSettings)


def spending_settings() -> SpendingSettings:
    """The ceilings over all users."""
    return load(SpendingSettings)


def paypal_settings() -> PayPalSettings:
    """The PayPal account of this process."""
    return load(PayPalSettings)
