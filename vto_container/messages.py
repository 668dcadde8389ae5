"""Messages between the service and its engine process: heads of the frames in `shared.images.frames`."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field, TypeAdapter

from shared.vto.protocol import Category, RunError, SampleReport


class Message(BaseModel, frozen=True):
    """Head of a frame; the images follow as its binary parts."""


class EngineRequest(Message, frozen=True):
    """What every request to the engine process names."""

    id: int = Field(default=0, description="number of the request; a cancellation refers to it")
    engine: str
    class_path: str = Field(description="the engine's `module:Class`")


class LoadRequest(EngineRequest, frozen=True):
    """Load an engine."""

    kind: Literal["load"] = "load"


class GenerateRequest(EngineRequest, frozen=True):
    """Make one sample. Parts: the person, the garments in their order, the mask if there is one."""

    kind: Literal["generate"] = "generate"
    categories: list[Category] = Field(description="one for each garment")
    seed: int
    steps: int
    has_mask: bool


class CancelRequest(Message, frozen=True):
    """Cancel the request with this id."""

    kind: Literal["cancel"] = "cancel"
    id: int


class Ready(Message, frozen=True):
    """The process has started."""

    kind: Literal["ready"] = "ready"


class Loaded(Message, frozen=True):
    """The engine is loaded."""

    kind: Literal["loaded"] = "loaded"
    version: str
    device: str
    device_mb: float | None


class ProgressUpdate(Message, frozen=True):
    """How much of the sample is done, 0..1."""

    kind: Literal["progress"] = "progress"
    done: float


class Generated(Message, frozen=True):
    """The sample. Parts: the image and its mask, PNG."""

    kind: Literal["generated"] = "generated"
    width: int
    height: int
    report: SampleReport
    device_mb: float | None


class RequestCancelled(Message, frozen=True):
    """The request was cancelled."""

    kind: Literal["cancelled"] = "cancelled"


class EngineError(Message, frozen=True):
    """The engine refused the request, or failed in a way that it knows."""

    kind: Literal["error"] = "error"
    error: RunError


class Crashed(Message, frozen=True):
    """The engine raised something unexpected."""

    kind: Literal["crashed"] = "crashed"


type Request = LoadRequest | GenerateRequest | CancelRequest
type Response = Ready | Loaded | ProgressUpdate | Generated | RequestCancelled | EngineError | Crashed

requests: Final[TypeAdapter[Request]] = TypeAdapter(Annotated[Request, Field(discriminator="kind")])
responses: Final[TypeAdapter[Response]] = TypeAdapter(Annotated[Response, Field(discriminator="kind")])
