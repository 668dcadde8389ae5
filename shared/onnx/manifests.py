"""Manifests: the JSON file beside each model, written by the command that made the model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from shared.errors import ConfigurationError
from shared.onnx.settings import model_settings

PATTERN: Final = "*.manifest.json"


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class ImageInput(_Part):
    """How an image becomes the model's input."""

    name: str = Field(description="of the graph's input")
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    size: tuple[int, int] = Field(description="height, width in pixels")
    resize: Literal["stretch", "shortest_crop", "letterbox"] = "stretch"
    resample: str = Field(default="bilinear", description="name of a filter of Pillow, also with a prefix")
    mean: tuple[float, float, float] = Field(description="by channel, of values in 0..1")
    std: tuple[float, float, float] = Field(description="by channel, of values in 0..1")
    channel_order: Literal["RGB", "BGR"] = "RGB"


class Golden(_Part):
    """Outputs of the model at export, and how far its outputs may be from them."""

    picture: str | None = Field(default=None, description="file of the image they were made from")
    file: str = Field(description="JSON file with the outputs")
    tolerance: dict[str, Any] = Field(default_factory=dict[str, Any])


class Manifest(_Part):
    """What is known of a model. Fields that only one package reads: `extra_as`."""

    id: str
    role: str
    file: str = Field(description="ONNX file, in the folder of the manifest")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="of the file, hex")
    bytes: int = Field(description="size of the file")
    precision: str = Field(description="`fp32` or `int8`, which says how weights are stored")
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    outputs: dict[str, Any] = Field(default_factory=dict[str, Any], description="by name")
    labels: tuple[str, ...] = Field(default=(), description="names of the classes, in the order of the output")
    licence: str = ""
    figures: dict[str, Any] = Field(default_factory=dict[str, Any], description="measured quality")
    golden: Golden | None = None

    _extra: dict[type[BaseModel], BaseModel] = PrivateAttr(default_factory=dict[type[BaseModel], BaseModel])

    @property
    def version(self) -> str:
        """Identifies the exact weights: `<id>@<first 12 digits of the sha256>`."""
        return f"{self.id}@{self.sha256[:12]}"

    @property
    def golden_cosine(self) -> float:
        """The least cosine between the outputs of the model and its golden outputs, at its precision."""
        tolerance = self.golden.tolerance if self.golden else {}
        return tolerance.get("cosine", {}).get(self.precision, 0.999)

    @cached_property
    def image_input(self) -> ImageInput:
        """The input of a model that takes an image.

        Raises:
            ConfigurationError: the manifest describes no such input.
        """
        try:
            return ImageInput.model_validate(self.input)
        except ValidationError as error:
            raise _not_valid(f"{self.id}.manifest.json", error) from None

    def extra_as[T: BaseModel](self, model: type[T]) -> T:
        """The fields that only one package reads, validated on first use.

        Raises:
            ConfigurationError: one is missing or not valid.
        """
        found = self._extra.get(model)
        if not isinstance(found, model):
            try:
                found = self._extra[model] = model.model_validate(self.model_extra or {})
            except ValidationError as error:
                raise _not_valid(f"{self.id}.manifest.json", error) from None
        return found


def _not_valid(file: str, error: ValidationError) -> ConfigurationError:
    problem = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    return ConfigurationError(f"{file} is not valid: {where}: {problem['msg']}", code="no_models")


def models_dir() -> Path:
    """The folder of the models."""
    return model_settings().models_dir


@cache
def manifests() -> Mapping[str, Manifest]:
    """The manifest of every model by its id.

    Raises:
        ConfigurationError: there is none, or one can't be read.
    """
    found: dict[str, Manifest] = {}
    for path in sorted(models_dir().glob(PATTERN)):
        try:
            manifest = Manifest.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise _not_valid(path.name, error) from None
        found[manifest.id] = manifest
    if not found:
        raise ConfigurationError("no model is registered: MODELS_DIR holds no manifest", code="no_models")
    return found


def get_manifest(id: str) -> Manifest:
    """The manifest of a model. Raises ConfigurationError: `model_missing`."""
    manifest = manifests().get(id)
    if manifest is None:
        raise ConfigurationError(f"there is no model `{id}`: MODELS_DIR holds no manifest of it", code="model_missing")
    return manifest
