"""Stored documents of try-on: try-ons, their results, and batches; and what their jobs are made with and result in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AliasChoices, BeforeValidator, Field

from shared import clock
from shared.commerce.billable_documents import BillableDocument
from shared.conversions.documents import ConversionOptions
from shared.documents.fields import where
from shared.documents.model import DocumentId, Record, StoredDocument, Timestamp
from shared.documents.repository import Repository
from shared.errors import NotFound
from shared.images.sources import Source
from shared.jobs import protocol, queues
from shared.jobs.models import Job, JobError, JobId, JobProgress, JobSubject
from shared.jobs.settings import KEEP_S
from shared.vto.errors import current_code
from shared.vto.protocol import Category, SampleReport

TRYON_KIND: Final = "tryon"
BATCH_KIND: Final = "tryon.batch"

type RequestedCategory = Literal["auto", "upper", "lower", "dress"]


class Door(StrEnum):
    """The route by which a try-on was requested; it decides how the user is answered and notified, nothing else."""

    TRYON = "tryon"
    """`POST cv/tryon`, or a batch."""
    CONVERSIONS = "conversions"
    """`POST conversions`."""
    FASHN = "fashn"
    """`POST v1/run`, the wire of FASHN's API."""


class TryOnId(DocumentId):
    """`tryon:<id>`."""

    prefix: ClassVar[str] = "tryon:"


class TryOnResultId(DocumentId):
    """`tryon_result:<id of the result's image>`."""

    prefix: ClassVar[str] = "tryon_result:"


class BatchId(DocumentId):
    """`tryon_batch:<id>`."""

    prefix: ClassVar[str] = "tryon_batch:"


class StoredImage(Record, frozen=True):
    """An image that a try-on uses."""

    container: str = Field(description="container of the blob")
    name: str = Field(description="name of the blob")
    image_id: str | None = Field(default=None, description="id of the image; None for a mask of the user's own")
    sha256: str | None = Field(default=None, description="digest of the blob, hex, if known")
    pixels: int | None = Field(default=None, description="width times height, if known")

    @classmethod
    def of(cls, source: Source) -> Self:
        """How a source is stored."""
        return cls(
            container=source.container, name=source.name, image_id=source.image_id, sha256=source.sha256,
            pixels=source.pixels,
        )  # fmt: skip

    @property
    def source(self) -> Source:
        """The source that was stored."""
        return Source(self.container, self.name, self.image_id, self.sha256, self.pixels)


class TryOnGarment(Record, frozen=True):
    """A garment of a try-on."""

    image: StoredImage = Field(validation_alias=AliasChoices("image", "source"))
    requested_category: RequestedCategory = Field(
        default="auto", validation_alias=AliasChoices("requestedCategory", "wanted"),
    )  # fmt: skip
    category: Category | None = Field(default=None, description="as found in the image; None until it is inspected")
    product_id: str | None = Field(default=None, description="id of the product whose image it is")


class TryOnFailure(JobError, frozen=True):
    """Why a try-on failed."""

    code: Annotated[str, BeforeValidator(current_code)] = Field(description="stable, for programs")


class EngineRun(Record, frozen=True):
    """How the results were made."""

    engine: str
    version: str = Field(description="of the engine; names its weights")
    processing_ms: int = Field(
        validation_alias=AliasChoices("processingMs", "ms"),
        description="milliseconds from the start of the first attempt to the result",
    )


class FashnRun(Record, frozen=True):
    """What a request by FASHN's wire asked for beside the try-on."""

    output_format: Literal["png", "jpeg"] = "png"
    return_base64: bool = Field(default=False, description="answer the pictures themselves and no URLs")
    input_ids: tuple[str, ...] = Field(
        default=(), description="ids of the images that came with the request, deleted when the run has ended"
    )
    webhook_url: str | None = Field(default=None, description="is sent the run when it has ended", repr=False)


class TryOnDocument(JobSubject, BillableDocument, frozen=True):
    """A try-on."""

    type: Literal["tryon_job"] = "tryon_job"
    id: TryOnId
    job_id: JobId
    batch_id: str | None = Field(default=None, description="id of the batch it belongs to, as clients see it")
    person: StoredImage
    garments: list[TryOnGarment] = Field(description="in the order in which they are put on")
    mask: StoredImage | None = Field(default=None, description="white where the person image may be changed")
    seed: int = Field(description="of the first result")
    samples: int = Field(default=1, description="number of results")
    engine: str
    door: Door = Door.TRYON
    options: ConversionOptions = Field(default=ConversionOptions(), description="options of a conversion")
    fashn: FashnRun | None = Field(default=None, description="of a request by FASHN's wire")
    called_in: int | None = Field(
        default=None, description="generation of the job in which a hosted engine was called, which has to be paid"
    )
    notify: bool = Field(
        description="whether the user is notified of its end: not while a caller waits, nor in a batch"
    )
    result_image_ids: list[str] = Field(default_factory=list[str])
    run: EngineRun | None = Field(default=None, validation_alias=AliasChoices("run", "made"))
    error: TryOnFailure | None = Field(default=None, description="why it failed")
    request_id: str | None = Field(default=None, description="of the request that created it")
    created_at: Timestamp


class TryOnResultDocument(StoredDocument, frozen=True):
    """A result of a try-on; its image is a separate image document."""

    type: Literal["tryon_result"] = "tryon_result"
    id: TryOnResultId
    user_id: str = Field(description="whose try-on it is; the partition")
    tryon_id: TryOnId
    image_id: str = Field(description="id of the image")
    seed: int
    engine: str
    version: str = Field(description="of the engine")
    width: int = Field(description="pixels")
    height: int = Field(description="pixels")
    report: SampleReport
    created_at: Timestamp


class TryOnBatchDocument(JobSubject, frozen=True):
    """A batch: one person, and a try-on for each of several products. Its status is that of the job creating them."""

    type: Literal["tryon_batch"] = "tryon_batch"
    id: BatchId
    user_id: str = Field(description="whose batch it is; the partition")
    job_id: JobId
    person: StoredImage
    garments: list[TryOnGarment] = Field(description="one for each product")
    seed: int | None = None
    samples: int = 1
    engine: str
    next_index: int = Field(
        default=0, validation_alias=AliasChoices("nextIndex", "asked"),
        description="index of the first garment whose try-on is not created yet",
    )  # fmt: skip
    refused: dict[str, TryOnFailure] = Field(
        default_factory=dict[str, TryOnFailure], description="why a try-on could not be created, by `refusal_key`"
    )
    request_id: str | None = Field(default=None, description="of the request that created it")
    created_at: Timestamp

    @property
    def is_complete(self) -> bool:
        """Whether the try-ons of all products were created or refused."""
        return self.next_index >= len(self.garments)


class TryOnPayload(Record, frozen=True):
    """What a try-on's job needs."""

    tryon_id: TryOnId
    door: Door = Door.TRYON
    batch_id: str | None = Field(
        default=None,
        validation_alias=AliasChoices("batchId", "ofBatch"),
        # Without a null: `fan_out` counts the jobs whose payload has a batch.
        exclude_if=lambda value: value is None,
        description="id as clients see it",
    )


class BatchPayload(Record, frozen=True):
    """What a batch's job needs."""

    batch_id: BatchId


class TryOnJobResult(Record, frozen=True):
    """What a try-on's job results in."""

    tryon_id: str = Field(description="id as clients see it")
    result_image_ids: list[str]
    result_image_id: str | None = Field(default=None, description="the first of them")
    engine: str = ""


class BatchJobResult(Record, frozen=True):
    """What a batch's job results in."""

    refused: int = Field(description="products whose try-on could not be created")


class TryOnProgress(JobProgress, frozen=True):
    """How far a try-on is."""

    position: int | None = Field(default=None, description="runs before it in the container's queue")


class TryOnJob(Job, frozen=True):
    """The job of a try-on."""

    progress: TryOnProgress | None = None


tryons: Final = Repository(TryOnDocument)
tryon_results: Final = Repository(TryOnResultDocument)
batches: Final = Repository(TryOnBatchDocument)
tryon_jobs: Final = Repository(TryOnJob)


def new_tryon(
    id: str,
    user_id: str,
    person: StoredImage,
    garments: Sequence[TryOnGarment],
    *,
    mask: StoredImage | None = None,
    seed: int | None = None,
    samples: int = 1,
    engine: str,
    notify: bool,
    batch_id: str | None = None,
    door: Door = Door.TRYON,
    options: ConversionOptions | None = None,
    fashn: FashnRun | None = None,
    request_id: str | None = None,
) -> tuple[TryOnDocument, Job]:
    """A try-on and its job, not yet stored.

    Args:
        id: id as clients see it.
        seed: by default derived from the id, so that a repeated request gets the same one.
        notify: whether to notify the user of its end.
    """
    at = clock.iso()
    tryon = TryOnDocument(
        id=TryOnId.of(id),
        user_id=user_id,
        job_id=JobId.of(id),
        batch_id=batch_id,
        person=person,
        garments=list(garments),
        mask=mask,
        seed=_default_seed(id) if seed is None else seed,
        samples=samples,
        engine=engine,
        door=door,
        options=options or ConversionOptions(),
        fashn=fashn,
        notify=notify,
        request_id=request_id,
        created_at=at,
        updated_at=at,
    )
    payload = TryOnPayload(tryon_id=tryon.id, batch_id=batch_id, door=door)
    queue = queues.TRYON if batch_id is None else queues.TRYON_BATCH
    job = protocol.new_job(
        TRYON_KIND, queue, user_id, payload, id=tryon.job_id, subject_id=tryon.id, request_id=request_id
    )
    return tryon, job


def _default_seed(id: str) -> int:
    return int.from_bytes(hashlib.sha256(id.encode()).digest()[:4]) >> 1


def get_tryon_document(user_id: str, id: str) -> TryOnDocument:
    """The user's try-on. Raises NotFound, for another user's too."""
    tryon = tryons.find(TryOnId.of(id), user_id)
    if tryon is None:
        raise NotFound("there is no such try-on", code="tryon_not_found")
    return tryon


def get_batch_document(user_id: str, id: str) -> TryOnBatchDocument:
    """The user's batch. Raises NotFound, for another user's too."""
    batch = batches.find(BatchId.of(id), user_id)
    if batch is None:
        raise NotFound("there is no such batch", code="batch_not_found")
    return batch


def list_results(tryon: TryOnDocument) -> list[TryOnResultDocument]:
    """The results of a try-on that are not deleted, in order."""
    found = tryon_results.find_many([(TryOnResultId.of(id), tryon.user_id) for id in tryon.result_image_ids])
    return [result for result in found if result is not None]


def list_batch_tryons(batch: TryOnBatchDocument) -> list[TryOnDocument]:
    """The try-ons of a batch that were created and not deleted since."""
    return tryons.list(
        where(TryOnDocument.batch_id, "=", batch.id.public), partition=batch.user_id, limit=100
    ).items  # fmt: skip


def refusal_key(index: int) -> str:
    """The key in `TryOnBatchDocument.refused` of the garment with an index."""
    return f"n{index}"


def retention_s() -> int:
    """Seconds that a try-on which completed or was cancelled is kept; images have their own retention."""
    return KEEP_S
