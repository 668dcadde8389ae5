"""The document of a conversion, and what its job is made with and results in."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import AliasChoices, Field

from shared.commerce.billable_documents import BillableDocument
from shared.documents.model import DocumentId, Record, Timestamp
from shared.documents.repository import Repository
from shared.jobs.models import JobId, JobSubject

type AspectRatio = Literal["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9"]


class ConversionId(DocumentId):
    """`conversion:<id>`."""

    prefix: ClassVar[str] = "conversion:"


class ConversionOptions(Record, frozen=True):
    """How the result is made."""

    prompt: str | None = Field(default=None, description="the user's additional instructions")
    aspect_ratio: AspectRatio | None = Field(default=None, description="None: that of the person's image")
    seed: int | None = None


class ConversionDocument(JobSubject, BillableDocument, frozen=True):
    """A conversion."""

    type: Literal["conversion"] = "conversion"
    id: ConversionId
    job_id: JobId
    person_image_id: str = Field(
        validation_alias=AliasChoices("personImageId", "userImageId"), description="id of the person's image"
    )
    garment_image_id: str = Field(
        validation_alias=AliasChoices("garmentImageId", "clothImageId"), description="id of the garment's image"
    )
    options: ConversionOptions = ConversionOptions()
    result_image_id: str | None = Field(default=None, description="id of the result's image")
    processing_ms: int | None = Field(default=None, description="from the first attempt's start to the result")
    request_id: str | None = Field(default=None, description="of the request that created it")
    created_at: Timestamp


class ConversionPayload(Record, frozen=True):
    """What a conversion's job needs."""

    conversion_id: ConversionId


class ConversionResult(Record, frozen=True):
    """What a conversion's job results in."""

    conversion_id: str = Field(description="id as clients see it")
    result_image_id: str
    tokens: int = Field(description="what the model charged")


conversions: Final = Repository(ConversionDocument)
