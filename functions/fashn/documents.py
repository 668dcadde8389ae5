"""What the jobs of `background-remove` are made with and result in."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from shared.documents.model import Record
from shared.tryons.documents import StoredImage

BACKGROUND_KIND: Final = "fashn.background"


class BackgroundPayload(Record, frozen=True):
    """What a job needs."""

    image: StoredImage
    return_base64: bool = False
    webhook_url: str | None = Field(default=None, description="is sent the run when it has ended", repr=False)


class BackgroundResult(Record, frozen=True):
    """What a job results in."""

    segmentation_id: str = Field(description="id as clients see it")
