"""Settings of the shop window."""

from __future__ import annotations

from pydantic import Field

from shared.settings import Seconds, SettingsGroup, load


class ShopSettings(SettingsGroup):
    """How fresh lists are."""

    shelf_refresh_s: Seconds = Field(
        default=15, description="seconds after which a process reads what has changed in the shops again"
    )


def shop_settings() -> ShopSettings:
    """The settings of the shop window."""
    return load(ShopSettings)
