"""Settings of the circuits of providers."""

from __future__ import annotations

from pydantic import Field

from shared.settings import Seconds, SettingsGroup, load


class ProviderSettings(SettingsGroup):
    """How a provider is treated that refuses our account."""

    provider_probe_s: Seconds = Field(
        default=60,
        description="seconds between two calls that find out whether a provider that refused our account accepts it "
        "again",
    )


def provider_settings() -> ProviderSettings:
    """The settings of the circuits."""
    return load(ProviderSettings)
