"""One session for each model in a process, opened and checked on first use."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from shared import telemetry, turns
from shared.errors import ConfigurationError
from shared.onnx.manifests import Manifest, get_manifest, manifests, models_dir
from shared.onnx.settings import model_settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Health:
    """The state of a registered model, found without loading it."""

    id: str
    version: str
    status: Literal["loaded", "ready", "missing", "refused"]
    bytes: int
    precision: str
    reason: str | None = None


class Session(Protocol):
    """The part of `onnxruntime.InferenceSession` that is used here; the package has no types."""

    def run(self, output_names: Sequence[str], input_feed: dict[str, Any]) -> Sequence[Any]:
        """Run one inference; outputs in the order of their names."""
        ...


class Model:
    """A loaded model: its manifest and its session."""

    def __init__(self, manifest: Manifest, session: Session) -> None:
        self.manifest = manifest
        self._session = session

    @property
    def version(self) -> str:
        """See `Manifest.version`."""
        return self.manifest.version

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """Run one inference; outputs by name, by default those of the manifest. Safe to call from any thread."""
        names = list(outputs or self.manifest.outputs)
        _places.take(None)
        began = time.thread_time()
        try:
            found: list[Any] = list(self._session.run(names, dict(feeds)))
        finally:
            _places.give_back()
            turns.spend(model_s=time.thread_time() - began)
        return dict(zip(names, found, strict=True))


type GoldenCheck = Callable[[Model, Path], str | None]
"""Compares a model with its golden outputs in the folder: returns what is wrong, or None."""


_lock = threading.Lock()
_places = turns.Places(turns.cpus() + 1, turns.cpus())
"""Inferences at the same time: one caller may have one for each processor, one more is there for others."""
_loaded: dict[str, Model] = {}
_refused: dict[str, str] = {}


def get_model(id: str, check: GoldenCheck | None = None) -> Model:
    """The model of this process, loaded and checked on first use.

    Args:
        check: compares it with its golden outputs, once.

    Raises:
        ConfigurationError: `model_missing` or `model_refused`; the message has the expected and the actual value.
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


def _load(id: str, check: GoldenCheck | None) -> Model:
    manifest = get_manifest(id)
    with telemetry.span("model.load", model=manifest.version):
        try:
            data = (models_dir() / manifest.file).read_bytes()
        except OSError:
            raise ConfigurationError(f"{manifest.file} is missing", code="model_missing") from None
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 != manifest.sha256:
            raise ConfigurationError(
                f"model `{id}` is refused: expected sha256 {manifest.sha256}, found {sha256}", code="model_refused"
            )
        model = Model(manifest, _open_session(id, data))
        problem = check(model, models_dir()) if check else None
        if problem:
            raise ConfigurationError(f"model `{id}` is refused: {problem}", code="model_refused")
    telemetry.log("model.loaded", model=manifest.version, bytes=len(data))
    return model


def _open_session(id: str, data: bytes) -> Session:
    import onnxruntime

    runtime: Any = onnxruntime
    options = runtime.SessionOptions()
    options.intra_op_num_threads = model_settings().model_threads
    options.inter_op_num_threads = 1
    # Idle threads that spin between calls take the CPU from the rest of the process.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Its warnings are about weights that are also inputs and therefore replaceable: that is intended.
    options.log_severity_level = 3
    try:
        return runtime.InferenceSession(data, options, providers=_providers())
    except Exception as error:
        raise ConfigurationError(
            f"model `{id}` can't be opened: {type(error).__name__}", code="model_refused"
        ) from error


def _providers() -> list[str]:
    cpu = "CPUExecutionProvider"
    if model_settings().model_device == "cpu":
        return [cpu]
    import onnxruntime

    runtime: Any = onnxruntime
    # The CUDA libraries that come with torch.
    runtime.preload_dlls()
    return ["CUDAExecutionProvider", cpu]


def list_health() -> list[Health]:
    """The state of every registered model. Reads no weights."""
    return [_health(manifest) for manifest in manifests().values()]


def _health(manifest: Manifest) -> Health:
    path = models_dir() / manifest.file
    reason = None
    if manifest.id in _loaded:
        status = "loaded"
    elif manifest.id in _refused:
        status, reason = "refused", _refused[manifest.id]
    elif not path.is_file():
        status, reason = "missing", f"{manifest.file} is missing"
    elif path.stat().st_size != manifest.bytes:
        status, reason = "refused", f"expected {manifest.bytes} bytes, found {path.stat().st_size}"
    else:
        status = "ready"
    return Health(manifest.id, manifest.version, status, manifest.bytes, manifest.precision, reason)


def forget() -> None:
    """Drop everything loaded and read, for a process whose models or settings have changed."""
    with _lock:
        manifests.cache_clear()
        _loaded.clear()
        _refused.clear()
