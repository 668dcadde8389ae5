"""Settings of the widget."""

from __future__ import annotations

from pydantic import Field

from shared.settings import Seconds, SettingsGroup, load


class WidgetSettings(SettingsGroup):
    """How long a visit lasts, and what it may do."""

    widget_visit_s: Seconds = Field(
        default=3600, description="seconds after which a visit to a shop's widget ends and everything of it is deleted"
    )
    widget_keep_days: int = Field(
        default=30, ge=1, le=365, description="days that a visit lasts instead if the shopper keeps the photo"
    )
    widget_photos: int = Field(default=5, ge=1, le=100, description="photos that one visit may upload")
    widget_tryons: int = Field(default=10, ge=1, le=1000, description="try-ons that one visit may start")
    widget_tryons_a_day: int = Field(
        default=200,
        ge=0,
        description="try-ons of all visits by one publishable key in a day (UTC); a key may have a limit of its own",
    )


def widget_settings() -> WidgetSettings:
    """The settings of the widget."""
    return load(WidgetSettings)
