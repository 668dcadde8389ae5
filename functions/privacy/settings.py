"""Settings of data retention and data export."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from shared.settings import SettingsGroup, load

DEFAULT_DAYS: Final = {
    "person": 30, "uploads": 1, "exports": 1, "heatmaps": 180, "vendor-rejected": 30, "imports": 30,
}  # fmt: skip


class PrivacySettings(SettingsGroup):
    """How long data is kept, and how much of it one export holds."""

    retention_days: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=lambda: dict(DEFAULT_DAYS),
        description=(
            "JSON object of days to keep private images by their kind (`person`, `garment`, `result`) and blobs "
            "without a document by their container (`uploads`, `exports`, ...); 0 keeps for ever"
        ),
    )
    export_max_bytes: int = Field(
        default=500 * 1024 * 1024,
        ge=1024,
        description="bytes of files in one export; files beyond are listed in it instead",
    )


def privacy_settings() -> PrivacySettings:
    """The settings of privacy."""
    return load(PrivacySettings)
