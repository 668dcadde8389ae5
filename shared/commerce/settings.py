"""Settings of what a user may use without paying."""

from pydantic import Field

from shared.settings import SettingsGroup, load


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


def commerce_settings() -> CommerceSettings:
    """The quotas of this process."""
    return load(CommerceSettings)
