"""FASHN VTON v1.5 (972M parameters, Apache-2.0 code and weights) without its non-commercial human parser.

Code: the package `fashn_vton`, installed without its dependencies. Weights: `./studio models pull fashn`, mounted at
`VTO_FASHN_WEIGHTS`, refused when they are not of the pinned revision. Traps and figures: a worn garment is cut out by
our own parser, since the model's flat-lay path is the only one that needs no other; below compute capability 8.0
bfloat16 is emulated (475 s an image on a T4), so half precision is used there and checked for overflow.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared import telemetry
from shared.errors import ConfigurationError, Unprocessable
from shared.vto.errors import EngineFailed, GarmentNotFound, PoseNotFound
from vto_container.engines import fashn_stub, region
from vto_container.engines.base import Cancelled, Category, Progress, Result, check, finished, never, unheard
from vto_container.settings import settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

REVISION = "7720683168567eb5a2a4c67f15116c6e29c83ded"
SHA256 = {
    "model.safetensors": "d6cd38286885bc29fa487ea9383f80ffeb95862e7747c630d42c5d3c05bdd35a",
    "dwpose/yolox_l.onnx": "7860ae79de6c89a3c1eb72ae9a2756c0ccfbe04b7791bb5880afabd97855a411",
    "dwpose/dw-ll_ucoco_384.onnx": "724f4ff2439ed61afb86fb8a1951ec39c6220682803b4a8bd4f598cd913b1843",
}
CATEGORIES: dict[Category, str] = {"upper": "tops", "lower": "bottoms", "dress": "one-pieces"}
NEEDED: dict[Category, tuple[int, ...]] = {"upper": (2, 5), "lower": (8, 11), "dress": (2, 5, 8, 11)}
"""OpenPose body points: both shoulders, both hips."""
GREY = 127
GUIDANCE = 1.5
FEATHER = 0.006
"""Of the shorter side; the model keeps the pose, so the seam may be narrow."""
BF16_FROM = 8
"""Compute capability from which bfloat16 is the device's own."""


class _Overflow(Exception):
    """Half precision was not enough."""


class Fashn:
    """One pipeline; the package sets the global seeds of torch and numpy, so one picture at a time."""

    name = "fashn"
    version = f"fashn-vton-1.5@{REVISION[:12]}"

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._pipeline: Any = None

    @property
    def device(self) -> str:
        """Where the pipeline runs; `unknown` before it was loaded."""
        return "unknown" if self._pipeline is None else str(self._pipeline.device.type)

    def load(self) -> None:
        """Check the weights and load them: 2.3 GB, about 8 GB of device memory in bfloat16.

        Raises:
            ConfigurationError: `engine_missing`, `weights_missing` or `weights_refused`.
        """
        weights = _checked(Path(settings().fashn_weights))
        fashn_stub.install()
        try:
            torch = _torch()
            from fashn_vton import TryOnPipeline  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise ConfigurationError(
                f"the engine `fashn` is not installed here: {error.name} is missing", code="engine_missing"
            ) from None
        half = torch.cuda.is_available() and torch.cuda.get_device_capability()[0] < BF16_FROM
        with _no_bfloat16(torch, half):
            pipeline = TryOnPipeline(weights_dir=str(weights))
        if half:
            _cast(pipeline, torch.float16)
        telemetry.log("vto.fashn_loaded", device=str(pipeline.device), dtype=str(pipeline.inference_dtype))
        self._pipeline = pipeline

    def generate(
        self,
        person: NDArray[Any],
        garment: NDArray[Any],
        category: Category,
        seed: int,
        steps: int,
        mask: NDArray[Any] | None = None,
        progress: Progress = unheard,
        cancelled: Cancelled = never,
    ) -> Result:
        """See `base.Engine`. Stops between two steps of the sampler.

        Raises:
            NoPerson, PoseNotFound, GarmentNotFound: as the pictures are.
        """
        import numpy as np

        height, width = person.shape[:2]
        before = region.person(person)
        cloth = cut_out(garment)
        with self._turn:
            painted = self._painted(person, cloth, category, seed, steps, progress, cancelled)
        check(cancelled)
        edit = region.edit(before, painted, category, (height, width)) if mask is None else mask
        notes = {
            "drift": region.drift(person, painted, edit),
            "dtype": str(self._pipeline.inference_dtype).removeprefix("torch."),
            "reproducible": "on the same device and dtype",
        }
        progress(1.0)
        return finished(
            person,
            np.ascontiguousarray(painted),
            edit,
            engine=self.name,
            version=self.version,
            seed=seed,
            notes=notes,
            feather=max(1, round(FEATHER * min(height, width))),
        )

    def _painted(
        self,
        person: NDArray[Any],
        cloth: NDArray[Any],
        category: Category,
        seed: int,
        steps: int,
        progress: Progress,
        cancelled: Cancelled,
    ) -> NDArray[Any]:
        import numpy as np
        from PIL import Image

        pipeline = self._pipeline

        def run() -> Any:
            with _watched(pipeline, category, steps, progress, cancelled):
                return pipeline(
                    person_image=Image.fromarray(person),
                    garment_image=Image.fromarray(cloth),
                    category=CATEGORIES[category],
                    # anything else would have the parser's answer looked at, and ours says nothing
                    garment_photo_type="flat-lay",
                    segmentation_free=True,
                    num_samples=1,
                    num_timesteps=steps,
                    guidance_scale=GUIDANCE,
                    seed=seed,
                )

        try:
            answer = run()
        except _Overflow:
            telemetry.log("vto.fashn_overflow", level="warning")
            _cast(pipeline, _torch().float32)
            try:
                answer = run()
            except _Overflow:
                raise EngineFailed("the model answered with numbers that are none") from None
        return np.asarray(answer.images[0].convert("RGB"))


def cut_out(garment: NDArray[Any]) -> NDArray[Any]:
    """A garment that somebody wears, alone on grey; one that lies alone as it is. Raises GarmentNotFound."""
    import numpy as np

    from shared.vision.segments import segment, shows_garment

    try:
        found = segment(garment, "garment")
    except Unprocessable:
        found = None
    if found is None or not shows_garment(found.area_share, found.worn, found.confidence):
        raise GarmentNotFound("no garment is to be seen in the picture", field="garment")
    if not found.worn:
        return garment
    share = found.alpha.astype(np.float32)[:, :, None] / 255
    return (garment * share + GREY * (1 - share)).round().astype(np.uint8)


def _checked(folder: Path) -> Path:
    for name, expected in SHA256.items():
        path = folder / name
        if not path.is_file():
            raise ConfigurationError(
                f"{name} is missing: run `./studio models pull fashn` and mount it", code="weights_missing"
            )
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise ConfigurationError(f"{name} is not of the pinned revision", code="weights_refused")
    return folder


@contextmanager
def _no_bfloat16(torch: Any, wanted: bool) -> Generator[None]:
    """While the pipeline is made: it takes bfloat16 wherever torch says so, and torch counts emulation."""
    real = torch.cuda.is_bf16_supported
    if wanted:
        torch.cuda.is_bf16_supported = _never
    try:
        yield
    finally:
        torch.cuda.is_bf16_supported = real


def _torch() -> Any:
    import torch  # pyright: ignore[reportMissingImports]

    return torch


def _never(*_: Any, **__: Any) -> bool:
    return False


def _cast(pipeline: Any, dtype: Any) -> None:
    pipeline.inference_dtype = dtype
    pipeline.tryon_model.to(dtype=dtype)


@contextmanager
def _watched(
    pipeline: Any, category: Category, steps: int, progress: Progress, cancelled: Cancelled
) -> Generator[None]:
    """Looks at the pose and at every step of the sampler, from where the pipeline calls for them.

    Raises:
        PoseNotFound, Stopped, _Overflow: from within the pipeline's call.
    """
    torch = _torch()
    model, pose = pipeline.tryon_model, pipeline.pose_model
    forward, seen = model.forward_for_cfg, 0

    def posed(*given: Any, **named: Any) -> Any:
        found = pose(*given, **named)
        points = found["bodies"]["subset"]
        if not len(points) or any(points[0][point] < 0 for point in NEEDED[category]):
            raise PoseNotFound("the body can't be seen well enough for this garment", field="person")
        return found

    def stepped(*given: Any, **named: Any) -> Any:
        nonlocal seen
        check(cancelled)
        found = forward(*given, **named)
        seen += 1
        progress(min(0.05 + 0.9 * seen / steps, 0.95))
        if not bool(torch.isfinite(found["v_c"]).all()):
            raise _Overflow
        return found

    pipeline.pose_model, model.forward_for_cfg = posed, stepped
    try:
        yield
    finally:
        pipeline.pose_model = pose
        # the hook lies on the instance, over the class's own method
        del model.forward_for_cfg
