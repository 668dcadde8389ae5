"""The models as shipped: what each `<id>.manifest.json` says, and one ONNX Runtime session, made on first use.

A model is refused when its file is not the one the manifest names, or when it does not answer its golden picture as
it did at export. What goes in (size, mean, channel order) and what comes out is read from the manifest alone, so a
model is replaced by replacing files. Neither numpy nor onnxruntime is imported before a model is asked for.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from shared import telemetry
from shared.errors import ConfigurationError
from shared.settings import settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

ENTRIES = "*.manifest.json"


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class ImageInput(_Part):
    """How a picture becomes the model's input."""

    name: str
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    size: tuple[int, int] = Field(description="height, width in pixels")
    resize: Literal["stretch", "shortest_crop", "letterbox"] = "stretch"
    resample: str = "bilinear"
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    channel_order: Literal["RGB", "BGR"] = "RGB"


class Golden(_Part):
    """A picture, what the model answered on it at export, and how far an answer may be from that."""

    picture: str | None = None
    file: str
    tolerance: dict[str, Any] = Field(default_factory=dict[str, Any])


class Entry(_Part):
    """One model of the manifest; fields that only its own step reads: `own`."""

    id: str
    role: str
    file: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int
    precision: str
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    outputs: dict[str, Any] = Field(default_factory=dict[str, Any])
    labels: tuple[str, ...] = ()
    licence: str = ""
    figures: dict[str, Any] = Field(default_factory=dict[str, Any])
    golden: Golden | None = None

    _own: dict[type[BaseModel], BaseModel] = PrivateAttr(default_factory=dict[type[BaseModel], BaseModel])

    @property
    def version(self) -> str:
        """Names exactly these weights: `<id>@<first 12 digits of the sha256>`."""
        return f"{self.id}@{self.sha256[:12]}"

    def own[T: BaseModel](self, of: type[T]) -> T:
        """The fields that only one step reads, checked when they are first asked for.

        Raises:
            ConfigurationError: one is missing or not valid.
        """
        found = self._own.get(of)
        if not isinstance(found, of):
            try:
                found = self._own[of] = of.model_validate(self.model_extra or {})
            except ValidationError as error:
                raise _not_valid(f"{self.id}.manifest.json", error) from None
        return found


def _not_valid(file: str, error: ValidationError) -> ConfigurationError:
    problem = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    return ConfigurationError(f"{file} is not valid: {where}: {problem['msg']}", code="no_models")


@dataclass(frozen=True)
class Health:
    """How a registered model stands, without loading it."""

    id: str
    version: str
    status: Literal["loaded", "ready", "missing", "refused"]
    bytes: int
    precision: str
    reason: str | None = None


class Model:
    """A loaded model: its manifest entry and its session."""

    def __init__(self, entry: Entry, session: InferenceSession) -> None:
        self.entry = entry
        self._session = session

    @property
    def version(self) -> str:
        """See `Entry.version`."""
        return self.entry.version

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """Run once; outputs by name, those the manifest lists by default. May be called from any thread."""
        names = list(outputs or self.entry.outputs)
        found: list[Any] = list(self._session.run(names, dict(feeds)))
        return dict(zip(names, found, strict=True))


type Check = Callable[[Model, Path], str | None]
"""Compares a model with its golden answer: what is wrong, or None. Gets the folder of the golden files."""


@cache
def manifest() -> Mapping[str, Entry]:
    """What is registered: the entry of every `<id>.manifest.json`, as the command that made the model wrote it.

    Raises:
        ConfigurationError: there is none, or one can't be read.
    """
    found: dict[str, Entry] = {}
    for path in sorted(folder().glob(ENTRIES)):
        try:
            entry = Entry.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise _not_valid(path.name, error) from None
        found[entry.id] = entry
    if not found:
        raise ConfigurationError("no model is registered: MODELS_DIR holds no manifest", code="no_models")
    return found


def folder() -> Path:
    """Where the models lie."""
    return Path(settings().models_dir)


_lock = threading.Lock()
_loaded: dict[str, Model] = {}
_refused: dict[str, str] = {}


def model(id: str, check: Check | None = None) -> Model:
    """The model of this process, loaded and checked on first use.

    Args:
        check: compares it with its golden answer, once.

    Raises:
        ConfigurationError: `model_missing` or `model_refused`, with what was expected and what was found.
    """
    found = _loaded.get(id)
    if found is not None:
        return found
    with _lock:
        if id not in _loaded:
            try:
                _loaded[id] = _load(id, check)
            except ConfigurationError as error:
                _refused[id] = error.message
                telemetry.log("model.refused", level="error", model=id, reason=error.message)
                raise
        return _loaded[id]


def _load(id: str, check: Check | None) -> Model:
    entry = manifest().get(id)
    if entry is None:
        raise ConfigurationError(f"the manifest lists no model `{id}`", code="model_missing")
    with telemetry.span("model.load", model=entry.version):
        try:
            data = (folder() / entry.file).read_bytes()
        except OSError:
            raise ConfigurationError(f"{entry.file} is missing", code="model_missing") from None
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 != entry.sha256:
            raise _refusal(entry, f"sha256 {entry.sha256}", sha256)
        made = Model(entry, _session(entry, data))
        wrong = check(made, folder()) if check else None
        if wrong:
            raise ConfigurationError(f"model `{id}` is refused: {wrong}", code="model_refused")
    telemetry.log("model.loaded", model=entry.version, bytes=len(data))
    return made


def _session(entry: Entry, data: bytes) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings().model_threads
    options.inter_op_num_threads = 1
    # idle threads that spin between calls starve the rest of the process
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # its warnings are about weights that are inputs, too, and so can be replaced: that is meant
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(data, options, providers=_providers())
    except Exception as error:
        raise ConfigurationError(
            f"model `{entry.id}` can't be opened: {type(error).__name__}", code="model_refused"
        ) from error


def _providers() -> list[str]:
    cpu = "CPUExecutionProvider"
    if settings().model_device == "cpu":
        return [cpu]
    import onnxruntime

    # the libraries that torch's wheels bring along
    onnxruntime.preload_dlls()
    return ["CUDAExecutionProvider", cpu]


def _refusal(entry: Entry, expected: str, found: str) -> ConfigurationError:
    return ConfigurationError(
        f"model `{entry.id}` is refused: expected {expected}, found {found}", code="model_refused"
    )


def health() -> list[Health]:
    """How every registered model stands. Reads no weights."""
    return [_standing(entry) for entry in manifest().values()]


def _standing(entry: Entry) -> Health:
    path = folder() / entry.file
    reason = None
    if entry.id in _loaded:
        status = "loaded"
    elif entry.id in _refused:
        status, reason = "refused", _refused[entry.id]
    elif not path.is_file():
        status, reason = "missing", f"{entry.file} is missing"
    elif path.stat().st_size != entry.bytes:
        status, reason = "refused", f"expected {entry.bytes} bytes, found {path.stat().st_size}"
    else:
        status = "ready"
    return Health(entry.id, entry.version, status, entry.bytes, entry.precision, reason)


def forget() -> None:
    """Drop everything loaded and read, for a process whose models or settings have changed."""
    with _lock:
        manifest.cache_clear()
        _loaded.clear()
        _refused.clear()


def tensor(picture: NDArray[np.uint8], wanted: ImageInput) -> NDArray[np.float32]:
    """An RGB picture (h, w, 3) as a model's input, a batch of one.

    `letterbox` pads with grey; `shortest_crop` keeps the middle, and rounds the longer side and the margins down as
    the image processors of transformers do. Pillow's resampling filters when it shrinks.
    """
    import numpy as np
    from PIL import Image

    height, width = wanted.size
    image = Image.fromarray(picture)
    method = Image.Resampling[wanted.resample.rpartition("_")[2].upper()]
    if wanted.resize == "stretch":
        image = image.resize((width, height), method)
    else:
        scales = (width / image.width, height / image.height)
        if wanted.resize == "letterbox":
            scale = min(scales)
            size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        elif scales[0] > scales[1]:
            size = (width, image.height * width // image.width)
        else:
            size = (image.width * height // image.height, height)
        offset = (int((width - size[0]) / 2), int((height - size[1]) / 2))
        canvas = Image.new("RGB", (width, height), (128, 128, 128))
        canvas.paste(image.resize(size, method), offset)
        image = canvas
    pixels = np.asarray(image)
    if wanted.channel_order == "BGR":
        pixels = pixels[:, :, ::-1]
    shape = (1, 3, height, width) if wanted.layout == "NCHW" else (1, height, width, 3)
    found = np.empty(shape, np.float32)
    planes = found[0] if wanted.layout == "NCHW" else found[0].transpose(2, 0, 1)
    # A plane at a time, as one factor and one summand: a tenth of the time of whole pictures in three steps.
    for channel, (mean, std) in enumerate(zip(wanted.mean, wanted.std, strict=True)):
        np.multiply(pixels[:, :, channel], np.float32(1 / (255 * std)), out=planes[channel])
        planes[channel] -= np.float32(mean / std)
    return found


def golden_grid(output: str) -> Check:
    """A check for models that answer a map: the map's values on a grid of places, by cosine, and scalars named in
    the golden file by `<name>_tolerance`."""

    def check(candidate: Model, where: Path) -> str | None:
        import numpy as np
        from PIL import Image

        golden = candidate.entry.golden
        if golden is None or golden.picture is None:
            return "the manifest names no golden picture"
        expected = json.loads((where / golden.file).read_text())
        with Image.open(where / golden.picture) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        wanted = ImageInput.model_validate(candidate.entry.input)
        found = candidate.run({wanted.name: tensor(pixels, wanted)})
        reference = np.asarray(expected[f"{output}_grid"], np.float64)
        height, width = found[output].shape[2:]
        rows, columns = (_places(n, side) for n, side in zip(reference.shape, (height, width), strict=False))
        values = found[output][0][:, rows][:, :, columns].transpose(1, 2, 0)
        a, b = values.ravel().astype(np.float64), reference.ravel()
        cosine = float(a @ b / max(float(np.sqrt((a @ a) * (b @ b))), 1e-12))
        floor = golden.tolerance.get("cosine", {}).get(candidate.entry.precision, 0.999)
        if cosine < floor:
            return f"the golden answer's cosine is {cosine:.5f}, expected at least {floor}"
        for name, answer in found.items():
            allowed = golden.tolerance.get(f"{name}_tolerance")
            value = float(answer.ravel()[0])
            if allowed is not None and abs(value - float(expected[name])) > allowed:
                return f"golden {name} is {value:.4f}, expected {expected[name]} +- {allowed}"
        return None

    return check


def _places(count: int, side: int) -> NDArray[Any]:
    import numpy as np

    return (np.arange(count) * 2 + 1) * side // (2 * count)
