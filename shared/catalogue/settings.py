"""Settings of what anyone may see of products."""

from __future__ import annotations

from pydantic import Field

from shared.settings import SettingsGroup, TlsUrl, load


class WindowSettings(SettingsGroup):
    """Addresses of public pictures."""

    picture_base_url: TlsUrl | None = Field(
        default=None,
        description="address of the CDN in front of the API, for URLs of public pictures; without it they are relative",
    )


def window_settings() -> WindowSettings:
    """The settings of public pictures."""
    return load(WindowSettings)
