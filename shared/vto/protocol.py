"""Messages between the functions and the try-on container.

`POST /tryon` starts a run and waits for it for a limited time; `GET /tryon/{jobId}` returns its state; `DELETE` cancels
it between two steps. A run is identified by its `jobId`. The same request again joins the run or returns its result,
also after a restart of the container: results are committed in Blob Storage by their `report.json`, written last. A
failed or cancelled run is started again only by a request with a higher `attempt`.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from shared.errors import StudioError
from shared.http.models import Answer, Body

type Category = Literal["upper", "lower", "dress"]


class RunStatus(StrEnum):
    """The states of a run."""

    QUEUED = "queued"
    """Waits for the engine."""
    PROCESSING = "processing"
    """The engine works on it."""
    COMPLETED = "completed"
    """Its result is committed."""
    FAILED = "failed"
    """`error` says why; a container that stops fails its runs as `engine_unavailable`."""
    CANCELLED = "cancelled"
    """It was cancelled by its caller, or replaced by a later attempt."""


ENDED: Final = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})
MAX_WAIT_S: Final = 25.0
"""Seconds that one request is held open at most; well below what proxies on the way allow."""
REPORT: Final = "report.json"
"""Name, below the output's prefix, of the blob that commits a result."""

JobId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9:_-]{0,127}$")]
BlobName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._:/-]{0,511}$")]


class ImageBlob(Body):
    """An image in Blob Storage."""

    container: Literal["images", "results", "masks", "tryon"]
    name: BlobName

    @model_validator(mode="after")
    def refuse_relative_name(self) -> ImageBlob:
        """A name can't point outside its container."""
        return _without_relative_parts(self, self.name)


class Garment(ImageBlob):
    """A garment image and how the garment is worn."""

    category: Category


class Output(Body):
    """Where results are stored: `{prefix}/report.json` and the files that it names."""

    container: Literal["tryon", "results"]
    prefix: BlobName

    @model_validator(mode="after")
    def refuse_relative_name(self) -> Output:
        """A prefix can't point outside its container."""
        return _without_relative_parts(self, self.prefix)


def _without_relative_parts[M: Body](model: M, name: str) -> M:
    if ".." in name or "//" in name or name.endswith("/"):
        raise ValueError("a blob name contains no `..` and no `//`, and does not end with `/`")
    return model


class TryOnRequest(Body):
    """Put one garment, or several in their order, on a person.

    `mask` is white (above 127) where the image may be changed; without one the engine decides. `attempt` only grows: a
    request with an older attempt than the run's is refused, so that a worker that lost its lease can't stop the run.
    """

    job_id: JobId
    attempt: int = Field(default=1, ge=0, le=10**9)
    person: ImageBlob
    garments: list[Garment] = Field(min_length=1, max_length=4)
    mask: ImageBlob | None = None
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    samples: int = Field(default=1, ge=1, le=4)
    steps: int = Field(default=30, ge=1, le=100)
    engine: str | None = Field(
        default=None, pattern=r"^[a-z0-9_-]{1,32}$", description="None selects the container's default"
    )
    output: Output

    @property
    def fingerprint(self) -> str:
        """Identifies the request without its attempt."""
        return hashlib.sha256(self.model_dump_json(exclude={"attempt"}).encode()).hexdigest()


class SampleReport(Answer):
    """How a result was made."""

    changed_outside_mask: int = Field(description="pixels that differ from the person image where the mask is 0")
    engine: str
    version: str = Field(description="of the engine; names its weights")
    seed: int
    ms: int = Field(description="milliseconds of the engine, for all garments")
    notes: list[dict[str, Any]] = Field(description="what the engine adds for each garment: confidence, warnings")
    provenance: list[str] = Field(description="how the image itself says that it was generated: `xmp`, `c2pa`")


class Sample(Answer):
    """One result: PNG image and mask, so that pixels outside the mask are those of the person image.

    The image carries its provenance, which decoding and encoding it again removes. All garments share the mask.
    """

    image: str = Field(description="name of the blob in the output's container")
    mask: str = Field(description="name of the blob in the output's container")
    content_type: Literal["image/png"] = "image/png"
    width: int = Field(description="pixels")
    height: int = Field(description="pixels")
    seed: int
    report: SampleReport


class TryOnResult(Answer):
    """What a run made; the same document is `report.json`."""

    job_id: str
    fingerprint: str
    container: str
    engine: str
    version: str
    samples: list[Sample]
    ms: int = Field(description="milliseconds of the engine, for all samples")


class RunError(Answer):
    """Why a run failed."""

    code: str = Field(description="one of `shared.vto.errors`, or another error of the storage or the engine")
    message: str
    retryable: bool
    retry_after: float | None = Field(default=None, description="seconds")
    field: str | None = None

    @classmethod
    def from_error(cls, error: StudioError) -> Self:
        """How an error is sent."""
        return cls(
            code=error.code, message=error.message, retryable=error.retryable, retry_after=error.retry_after,
            field=error.field,
        )  # fmt: skip


class Run(Answer):
    """The state of a run."""

    job_id: str
    attempt: int
    status: RunStatus
    position: int | None = Field(default=None, description="runs before it, while queued")
    progress: float = Field(default=0, ge=0, le=1)
    result: TryOnResult | None = None
    error: RunError | None = None


class Memory(Answer):
    """Memory in MB: resident of the service and of the engine process, and of the device if there is one."""

    service_mb: float
    engine_mb: float | None = None
    device_mb: float | None = None


class Queue(Answer):
    """How full the container's queue is."""

    waiting: int
    capacity: int = Field(description="runs that may wait")
    running: bool = Field(description="whether the engine works on a run")


class Health(Answer):
    """Response of `GET /health`. `state` is `idle` until the engine is needed for the first time."""

    status: Literal["ok", "draining", "failing"]
    engine: str
    engines: list[str]
    version: str | None
    device: str
    state: Literal["idle", "loading", "ready", "failed"]
    failed: list[str] = Field(default_factory=list[str], description="engines that could not be loaded when last tried")
    memory: Memory
    queue: Queue
    uptime_s: float
