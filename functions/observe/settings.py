"""Settings of health probes and metrics."""

from __future__ import annotations

from pydantic import Field

from shared.settings import OwnSecret, Seconds, SettingsGroup, load


class ObserveSettings(SettingsGroup):
    """Who may read the details of probes, how long probes take, and how long answers are cached."""

    probe_key: OwnSecret | None = Field(
        default=None, description="secret that, sent as `X-Probe-Key`, shows the details of probes as to administrators"
    )
    probe_timeout_s: Seconds = Field(default=3, description="seconds after which a probe counts as failed")
    probe_cache_s: Seconds = Field(
        default=5, description="seconds for which one round of probes answers all requests of a process"
    )
    metrics_cache_s: Seconds = Field(
        default=10, description="seconds for which system-wide counts answer all scrapes of a process"
    )


def observe_settings() -> ObserveSettings:
    """The settings of health probes and metrics."""
    return load(ObserveSettings)
