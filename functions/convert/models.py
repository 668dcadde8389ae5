"""Requests and answers of conversions."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from shared.http.models import Answer, Body, Id, PageQuery
from shared.images.models import Image

type AspectRatio = Literal["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9"]
type Status = Literal["queued", "processing", "retrying", "completed", "failed", "cancelled"]


class ConversionOptions(Body):
    """How the picture shall be made."""

    prompt: str | None = Field(default=None, max_length=500, description="wishes in words, in addition to ours")
    aspect_ratio: AspectRatio | None = Field(default=None, description="as the person's photo by default")
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)


class ConversionRequest(Body):
    """Put the garment of one image on the person of another."""

    user_image_id: Id
    cloth_image_id: Id
    options: ConversionOptions = ConversionOptions()


class ConversionsQuery(PageQuery):
    """Which of one's conversions to list, newest first."""

    status: Status | None = None


class Conversion(Answer):
    """A conversion and its images; the URLs live for minutes."""

    id: str
    status: Status
    job_id: str
    user_image_id: str
    cloth_image_id: str
    result_image_id: str | None
    user_image: Image | None = Field(default=None, description="absent in lists, or when it was deleted")
    cloth_image: Image | None = None
    result_image: Image | None = None
    progress: dict[str, Any] | None = None
    attempt: int = 0
    error: dict[str, Any] | None
    processing_ms: int | None = Field(description="from the first attempt's start to the result")
    created_at: str
    updated_at: str


class ConversionList(Answer):
    """A page of conversions."""

    items: list[Conversion]
    continuation: str | None = None
