"""Settings of try-on."""

from __future__ import annotations

from pydantic import Field

from shared.settings import Seconds, SettingsGroup, load


class TryOnSettings(SettingsGroup):
    """How long try-ons wait and how many run at once."""

    tryon_sync_s: Seconds = Field(
        default=12, description="seconds that a caller waits for a small try-on before it is answered 202"
    )
    tryon_run_s: Seconds = Field(
        default=300, description="seconds that an attempt waits for its run in the container, its queue included"
    )
    tryon_steps: int = Field(default=30, ge=1, le=100, description="steps of engines that work in steps")
    tryon_patience_s: Seconds = Field(
        default=3600,
        description="seconds that a job waits for a container that is down, busy or misconfigured before its attempts "
        "count",
    )
    tryon_batch_open: int = Field(
        default=2, ge=1, le=50, description="try-ons of a user's batches that may be open at once"
    )
    tryon_orphan_s: Seconds = Field(
        default=3600, description="age in seconds at which a blob that belongs to no try-on is deleted"
    )


def tryon_settings() -> TryOnSettings:
    """The settings of this process. Raises as `load` does."""
    return load(TryOnSettings)
