"""Requests and answers of conversions."""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, ConfigDict, Field

from shared.conversions.documents import AspectRatio
from shared.http.models import EXAMPLE_ID, Answer, Body, Id
from shared.http.page_query import PageQuery
from shared.images.models import Image
from shared.jobs.models import JobProgress, RunError, RunStatus

_FORMER_NAMES = {"personImageId": "userImageId", "garmentImageId": "clothImageId"}


def _describe_former_names(schema: dict[str, Any]) -> None:
    """Both names of an input are accepted, and one of them is required."""
    for name, former in _FORMER_NAMES.items():
        described = {**schema["properties"][name], "deprecated": True, "description": f"former name of `{name}`"}
        schema["properties"][former] = described
    del schema["required"]
    schema["examples"] = [
        {"personImageId": EXAMPLE_ID, "garmentImageId": EXAMPLE_ID, "options": {"prompt": "tucked in"}}
    ]
    schema["allOf"] = [
        {"anyOf": [{"required": [name]}, {"required": [former]}]} for name, former in _FORMER_NAMES.items()
    ]


class RequestedOptions(Body):
    """How the result is made."""

    prompt: str | None = Field(default=None, max_length=500, description="additional instructions in plain text")
    aspect_ratio: AspectRatio | None = Field(default=None, description="as the person's photo by default")
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)


class ConversionRequest(Body):
    """Put the garment of one image on the person of another."""

    model_config = ConfigDict(json_schema_extra=_describe_former_names)

    person_image_id: Id = Field(
        validation_alias=AliasChoices("personImageId", "userImageId"),
        description="the user's own image of a person, or an earlier result",
    )
    garment_image_id: Id = Field(
        validation_alias=AliasChoices("garmentImageId", "clothImageId"),
        description="the user's own image of a garment, or a public one",
    )
    engine: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9_-]{1,32}$",
        description="one of the try-on engines that this deployment offers; by default Gemini where it is configured",
    )
    options: RequestedOptions = RequestedOptions()


class ConversionsQuery(PageQuery):
    """Which conversions to list."""

    status: RunStatus | None = None


class Conversion(Answer):
    """A conversion and its images."""

    id: str
    status: RunStatus
    job_id: str
    engine: str = Field(default="gemini", description="which engine makes it")
    engine_label: str = Field(default="", description="the engine in words; says if it is a preview")
    engine_version: str | None = Field(default=None, description="once it is made")
    preview: bool = Field(default=False, description="whether the engine makes previews and no photos")
    billed: bool = Field(default=False, description="whether it is charged, to the quota or as a credit")
    person_image_id: str
    garment_image_id: str
    result_image_id: str | None
    person_image: Image | None = Field(default=None, description="absent in lists, or when it was deleted")
    garment_image: Image | None = Field(default=None, description="absent in lists, or when it was deleted")
    result_image: Image | None = Field(default=None, description="absent in lists, or when it was deleted")
    progress: JobProgress | None = None
    attempt: int = Field(default=0, description="attempts started; 0 in lists")
    error: RunError | None
    processing_ms: int | None = Field(description="from the first attempt's start to the result")
    created_at: str
    updated_at: str


class ConversionList(Answer):
    """A page of conversions."""

    items: list[Conversion]
    continuation: str | None = None
