"""Settings of the sweeper."""

from __future__ import annotations

from pydantic import Field

from shared.settings import Seconds, SettingsGroup, load


class SweepSettings(SettingsGroup):
    """What the sweeper does less often than it runs (SWEEP_SCHEDULE)."""

    catalogue_sweep_s: Seconds = Field(
        default=300, description="seconds between two comparisons of the vendors' files with the catalogue"
    )


def sweep_settings() -> SweepSettings:
    """The settings of the sweeper."""
    return load(SweepSettings)
