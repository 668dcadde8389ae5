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
        default=15 * 1024 * 1024,
        ge=1024,
        description="size in bytes of an image in the body of a request, which several copies of the memory hold; "
        "larger ones go to an upload URL",
    )
    file_max_bytes: int = Field(
        default=64 * 1024 * 1024,
        ge=1024,
        description="size in bytes of an image sent to an upload URL or dropped by a vendor; JPEGs of 50 and 61 "
        "megapixels have 20 to 60 MB",
    )
    upload_max_megapixels: float = Field(
        default=64.0,
        gt=0,
        le=250,
        description="size of an uploaded picture in millions of pixels; phones have up to 50, full-frame cameras 61. "
        "Decoding takes 100 MB, and 3 MB a megapixel more where a picture lies on its side or is no JPEG",
    )
    upload_max_side: int = Field(
        default=16_384, ge=1024, le=65_535, description="longest side of an uploaded picture in pixels"
    )


def image_settings() -> ImageSettings:
    """The settings of images."""
    return load(ImageSettings)
