"""Settings of segmentation."""

from __future__ import annotations

from pydantic import Field

from shared.settings import SettingsGroup, load


class SegmentSettings(SettingsGroup):
    """Which requests are answered immediately."""

    segment_sync_megapixels: float = Field(
        default=4.0, ge=0, description="larger images, and lists of images, become a job"
    )


def segment_settings() -> SegmentSettings:
    """The settings of this process. Raises as `load` does."""
    return load(SegmentSettings)
