"""Settings of the catalogue."""

from __future__ import annotations

from pydantic import Field

from shared.settings import Seconds, SettingsGroup, load


class CatalogueSettings(SettingsGroup):
    """How vendors' files are watched."""

    vendor_digest_s: Seconds = Field(
        default=300,
        description="seconds; files rejected within such a window are reported to the vendor in one notification",
    )
    catalogue_orphan_s: Seconds = Field(
        default=30, description="seconds; an uploaded file without a record that is older was missed by the trigger"
    )


def catalogue_settings() -> CatalogueSettings:
    """The settings of the catalogue."""
    return load(CatalogueSettings)
