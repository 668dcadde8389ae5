"""Settings of the shop window."""

from __future__ import annotations

from pydantic import Field

from shared.settings import Seconds, SettingsGroup, TlsUrl, load


class ShopSettings(SettingsGroup):
    """Public pictures, and how fresh lists are."""

    picture_base_url: TlsUrl | None = Field(
        default=None,
        description="address of the CDN in front of the API, for URLs of public pictures; without it they are relative",
    )
    shelf_refresh_s: Seconds = Field(
        default=15, description="seconds after which a process reads what has changed in the shops again"
    )


def shop_settings() -> ShopSettings:
    """The settings of the shop window."""
    return load(ShopSettings)
