"""Settings of images."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from shared.settings import SettingsGroup, load

PENDING_UPLOAD_S: Final = 24 * 3600
"""How long an upload URL's image waits for its upload to be completed, in seconds."""


class ImageSettings(SettingsGroup):
    """What is accepted as an upload."""

    upload_max_bytes: int = Field(
        default=15 * 1024 * 1024, ge=1024, description="size of an uploaded file in bytes; larger ones are rejected"
    )


def image_settings() -> ImageSettings:
    """The settings of images."""
    return load(ImageSettings)
