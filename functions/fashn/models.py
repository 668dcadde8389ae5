"""Requests and answers of FASHN's wire, with its names."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, RootModel, StringConstraints

from shared.http.models import Answer, Body, Query
from shared.http.problem_models import Problem

MAX_IMAGE_CHARS: Final = 21 * 1024 * 1024
"""Of a data URI: base64 of the largest upload, 15 MiB, is a third longer."""
MAX_RUN_BYTES: Final = 2 * MAX_IMAGE_CHARS + 64 * 1024

type ImageText = Annotated[str, StringConstraints(min_length=1, max_length=MAX_IMAGE_CHARS)]

_SNAKE_CASE: Final = ConfigDict(alias_generator=None)
_OPEN: Final = ConfigDict(alias_generator=None, extra="ignore")
"""FASHN's client for npm sends the options of its own `subscribe` (`pollInterval`, `timeout`) beside the inputs."""


class CommonInputs(Body):
    """What both try-ons take."""

    model_config = _SNAKE_CASE

    model_image: ImageText = Field(
        description="the person: a data URI of base64, a URL that this API returned, or a public "
        "https URL where the deployment fetches images"
    )
    output_format: Literal["png", "jpeg"] = Field(
        default="png", description="of pictures in base64; URLs lead to PNG in any case"
    )
    return_base64: bool = Field(default=False, description="answer data URIs and no URLs")
    seed: int | None = Field(default=None, ge=0, le=2**32 - 1, description="chosen by default; the lower 31 bits count")


class TryOnInputs(CommonInputs):
    """Inputs of `tryon-v1.6`."""

    garment_image: ImageText = Field(description="the garment, named as `model_image` is")
    category: Literal["auto", "tops", "bottoms", "one-pieces"] = "auto"
    num_samples: int = Field(default=1, ge=1, le=4)
    garment_photo_type: Literal["auto", "flat-lay", "model"] = Field(default="auto", description="without effect")
    mode: Literal["performance", "balanced", "quality"] = Field(default="balanced", description="without effect")
    moderation_level: Literal["conservative", "permissive", "none"] = Field(
        default="permissive", description="without effect: the engine's policy holds"
    )
    segmentation_free: bool = Field(default=True, description="without effect")


class TryOnMaxInputs(CommonInputs):
    """Inputs of `tryon-max`."""

    product_image: ImageText = Field(description="the garment, named as `model_image` is")
    num_images: int = Field(default=1, ge=1, le=4)
    generation_mode: Literal["fast", "balanced", "quality"] = Field(default="balanced", description="without effect")
    resolution: Literal["1k", "2k", "4k"] = Field(
        default="1k", description="without effect: a result has the size of the person image"
    )


class TryOnRun(Body):
    """A run of `tryon-v1.6`."""

    model_config = _OPEN

    model_name: Literal["tryon-v1.6"]
    inputs: TryOnInputs


class TryOnMaxRun(Body):
    """A run of `tryon-max`."""

    model_config = _OPEN

    model_name: Literal["tryon-max"]
    inputs: TryOnMaxInputs


class BackgroundRemoveInputs(Body):
    """Inputs of `background-remove`."""

    model_config = _SNAKE_CASE

    image: ImageText = Field(description="a data URI of base64, or a URL, as for a try-on")
    return_base64: bool = Field(default=False, description="answer a data URI and no URL")


class BackgroundRemoveRun(Body):
    """A run of `background-remove`: the person in the image, or a garment that lies alone, as PNG with transparency."""

    model_config = _OPEN

    model_name: Literal["background-remove"]
    inputs: BackgroundRemoveInputs


class RunRequest(RootModel[Annotated[TryOnRun | TryOnMaxRun | BackgroundRemoveRun, Field(discriminator="model_name")]]):
    """A run, by the model it names."""


class RunQuery(Query):
    """Where a run is posted when it has ended."""

    model_config = _SNAKE_CASE

    webhook_url: Annotated[str, StringConstraints(min_length=1, max_length=2048)] | None = Field(
        default=None, description="https, of a host with public addresses only; is sent the run when it has ended"
    )


class WireAnswer(Answer):
    """An answer with FASHN's names."""

    model_config = _SNAKE_CASE


class StartedRun(WireAnswer):
    """A run that was accepted."""

    id: str
    error: None = None


class RunError(WireAnswer):
    """Why a run failed."""

    name: str = Field(description="`PoseError`, `InputValidationError`, `ContentModerationError`, `ImageLoadError`, "
                      "`PipelineError`, `ThirdPartyError` or `InternalServerError`")  # fmt: skip
    message: str


class Run(WireAnswer):
    """A run and, once it is completed, its pictures."""

    id: str
    status: Literal["in_queue", "processing", "completed", "failed", "canceled"]
    output: list[str] | None = Field(description="URLs, or data URIs if `return_base64` was set")
    error: RunError | None


class CreditCounts(WireAnswer):
    """Try-ons that are left."""

    total: int
    subscription: int = Field(description="free ones of this month")
    on_demand: int = Field(description="bought credits")


class Credits(WireAnswer):
    """Credits of the account."""

    credits: CreditCounts


class RefusedCall(Problem):
    """A problem with the two members that FASHN's clients read."""

    error: str = Field(
        description="`BadRequest`, `UnauthorizedAccess`, `NotFound`, `RateLimitExceeded`, `ConcurrencyLimitExceeded`, "
        "`OutOfCredits`, `ImageLoadError` or `InternalServerError`"
    )
    message: str = Field(description="as `detail`")
