"""What is said between the functions and the try-on container.

`POST /tryon` asks for a run and waits a while for its end; `GET /tryon/{jobId}` tells how it stands; `DELETE` stops it
between two steps. A run is named by its `jobId`. The same request again joins the run or gets its answer, also from a
container that was started since: results are committed in Blob Storage by their `report.json`, written last. Only a
failed or cancelled run is run again, by a request of a higher `attempt`.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from shared.http.models import Answer, Body

type Category = Literal["upper", "lower", "dress"]
type Status = Literal["queued", "running", "done", "failed", "cancelled", "handed_back"]

ENDED: frozenset[Status] = frozenset({"done", "failed", "cancelled", "handed_back"})
LONGEST_WAIT_S = 25.0
"""Seconds that one request is held open at most; well under what proxies on the way allow."""
REPORT = "report.json"
"""Name, below the output's prefix, of the blob that commits a result."""

JobId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9:_-]{0,127}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._:/-]{0,511}$")]


class Input(Body):
    """A picture in Blob Storage."""

    container: Literal["images", "results", "masks", "tryon"]
    blob: Name

    @model_validator(mode="after")
    def inside(self) -> Input:
        """No name climbs."""
        return _inside(self, self.blob)


class Garment(Input):
    """A garment's picture and what kind of garment it is."""

    category: Category


class Output(Body):
    """Where the results go: `{prefix}/report.json` and the files that it names."""

    container: Literal["tryon", "results"]
    prefix: Name

    @model_validator(mode="after")
    def inside(self) -> Output:
        """No name climbs."""
        return _inside(self, self.prefix)


def _inside[M: Body](model: M, name: str) -> M:
    if ".." in name or "//" in name or name.endswith("/"):
        raise ValueError("a blob's name has no `..`, no `//` and no `/` at its end")
    return model


class TryOnRequest(Body):
    """Put one garment, or several in their order, on a person.

    `mask` says where the picture may be changed (above 127); without one the engine finds it. `attempt` only grows:
    a request of an older attempt than the run's is refused, so that a worker that was overtaken stops nothing.
    """

    job_id: JobId
    attempt: int = Field(default=1, ge=0, le=10**9)
    person: Input
    garments: list[Garment] = Field(min_length=1, max_length=4)
    mask: Input | None = None
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    samples: int = Field(default=1, ge=1, le=4)
    steps: int = Field(default=30, ge=1, le=100)
    engine: str | None = Field(
        default=None, pattern=r"^[a-z0-9_-]{1,32}$", description="the container's default by none"
    )
    output: Output

    @property
    def fingerprint(self) -> str:
        """Names what is asked for: everything but the attempt."""
        return hashlib.sha256(self.model_dump_json(exclude={"attempt"}).encode()).hexdigest()


class Sample(Answer):
    """One result: its picture, its mask and its report; PNG both, so that pixels outside the mask are the input's own.

    The picture carries its provenance: whoever decodes and encodes it again takes that away.
    `report`: {changedOutsideMask, engine, version, seed, ms, notes, provenance}. All garments share the one mask.
    """

    image: str = Field(description="name of the blob in the output's container")
    mask: str
    content_type: Literal["image/png"] = "image/png"
    width: int
    height: int
    seed: int
    report: dict[str, Any]


class TryOnResult(Answer):
    """What a run made; the same document is `report.json`."""

    job_id: str
    fingerprint: str
    container: str
    engine: str
    version: str
    samples: list[Sample]
    ms: int = Field(description="of the engine, for all samples")


class RunError(Answer):
    """Why a run failed; `code` is one of `shared.vto.errors`, or another of the house."""

    code: str
    message: str
    retryable: bool
    retry_after: float | None = None
    field: str | None = None


class Run(Answer):
    """How a run stands."""

    job_id: str
    attempt: int
    status: Status
    position: int | None = Field(default=None, description="runs before it, while queued")
    progress: float = Field(default=0, ge=0, le=1)
    result: TryOnResult | None = None
    error: RunError | None = None


class Memory(Answer):
    """Resident memory in MB: of the service and of the engine's process, and of the device where there is one."""

    service_mb: float
    engine_mb: float | None = None
    device_mb: float | None = None


class Queue(Answer):
    """Runs that wait, how many may, and whether one is being made."""

    waiting: int
    capacity: int
    running: bool


class Health(Answer):
    """What `GET /health` says. `state` is `idle` before the engine was ever needed."""

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
