"""FASHN VTON v1.5 (972M parameters, Apache-2.0 code and weights) without its non-commercial human parser.

Code: the package `fashn_vton`, installed without its dependencies. Weights: `./studio models pull fashn`, mounted at
`VTO_FASHN_WEIGHTS` and refused if they are not of the pinned revision. A worn garment is cut out by our own parser,
because only the model's flat-lay path works without its parser. Below compute capability 8.0 bfloat16 is emulated
(475 s for an image on a T4), so float16 is used there and checked for overflow.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shared import telemetry
from shared.engines import region
from shared.engines.base import (
    Category,
    IsCancelled,
    Progress,
    Result,
    composite,
    never_cancelled,
    no_progress,
    raise_if_cancelled,
)
from shared.errors import ConfigurationError, Unprocessable
from shared.vto.errors import EngineFailed, GarmentNotFound, PoseNotFound
from vto_container.engines import fashn_stub
from vto_container.settings import container_settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

REVISION: Final = "7720683168567eb5a2a4c67f15116c6e29c83ded"
SHA256: dict[str, str] = {
    "model.safetensors": "d6cd38286885bc29fa487ea9383f80ffeb95862e7747c630d42c5d3c05bdd35a",
    "dwpose/yolox_l.onnx": "7860ae79de6c89a3c1eb72ae9a2756c0ccfbe04b7791bb5880afabd97855a411",
    "dwpose/dw-ll_ucoco_384.onnx": "724f4ff2439ed61afb86fb8a1951ec39c6220682803b4a8bd4f598cd913b1843",
}
CATEGORIES: dict[Category, str] = {"upper": "tops", "lower": "bottoms", "dress": "one-pieces"}
NEEDED: dict[Category, tuple[int, ...]] = {"upper": (2, 5), "lower": (8, 11), "dress": (2, 5, 8, 11)}
"""OpenPose body points that must be visible: both shoulders, both hips."""
GREY: Final = 127
GUIDANCE: Final = 1.5
FEATHER_SHARE: Final = 0.006
"""Feather as a share of the shorter side; the model keeps the pose, so a narrow seam is enough."""
MIN_BFLOAT16_CAPABILITY: Final = 8
"""Compute capability from which the device supports bfloat16 natively."""


class _Overflow(Exception):
    """float16 overflowed."""


class Fashn:
    """One pipeline, one image at a time: the package sets the global seeds of torch and numpy."""

    name = "fashn"
    version = f"fashn-vton-1.5@{REVISION[:12]}"

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._pipeline: Any = None

    @property
    def device(self) -> str:
        """Where the pipeline runs; `unknown` until it is loaded."""
        return "unknown" if self._pipeline is None else str(self._pipeline.device.type)

    def load(self) -> None:
        """Verify the weights and load them: 2.3 GB, about 8 GB of device memory in bfloat16.

        Raises:
            ConfigurationError: `engine_missing`, `weights_missing` or `weights_refused`.
        """
        weights = _verified(Path(container_settings().fashn_weights))
        fashn_stub.install()
        try:
            torch, pipeline_type = _torch(), _pipeline_type()
        except ImportError as error:
            raise ConfigurationError(
                f"the engine `fashn` is not installed here: {error.name} is missing", code="engine_missing"
            ) from None
        half = torch.cuda.is_available() and torch.cuda.get_device_capability()[0] < MIN_BFLOAT16_CAPABILITY
        with _without_bfloat16(torch, half):
            pipeline = pipeline_type(weights_dir=str(weights))
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
        progress: Progress = no_progress,
        is_cancelled: IsCancelled = never_cancelled,
    ) -> Result:
        """See `base.Engine`. Cancelled between two steps of the sampler.

        Raises:
            NoPerson, PoseNotFound, GarmentNotFound: the images do not show what is needed.
        """
        import numpy as np

        height, width = person.shape[:2]
        before = region.parse_person(person)
        product = cut_out(garment)
        with self._turn:
            painted = self._painted(person, product, category, seed, steps, progress, is_cancelled)
        raise_if_cancelled(is_cancelled)
        edit = region.edit_mask(before, painted, category, (height, width)) if mask is None else mask
        notes = {
            "drift": region.drift(person, painted, edit),
            "dtype": str(self._pipeline.inference_dtype).removeprefix("torch."),
            "reproducible": "on the same device and dtype",
        }
        progress(1.0)
        return composite(
            person,
            np.ascontiguousarray(painted),
            edit,
            engine=self.name,
            version=self.version,
            seed=seed,
            notes=notes,
            feather_px=max(1, round(FEATHER_SHARE * min(height, width))),
        )

    def _painted(
        self,
        person: NDArray[Any],
        product: NDArray[Any],
        category: Category,
        seed: int,
        steps: int,
        progress: Progress,
        is_cancelled: IsCancelled,
    ) -> NDArray[Any]:
        import numpy as np
        from PIL import Image

        pipeline = self._pipeline

        def run() -> Any:
            with _hooked(pipeline, category, steps, progress, is_cancelled):
                return pipeline(
                    person_image=Image.fromarray(person),
                    garment_image=Image.fromarray(product),
                    category=CATEGORIES[category],
                    # Any other type reads the parser's output, and the stub's is empty.
                    garment_photo_type="flat-lay",
                    segmentation_free=True,
                    num_samples=1,
                    num_timesteps=steps,
                    guidance_scale=GUIDANCE,
                    seed=seed,
                )

        try:
            output = run()
        except _Overflow:
            telemetry.log("vto.fashn_overflow", level="warning")
            _cast(pipeline, _torch().float32)
            try:
                output = run()
            except _Overflow:
                raise EngineFailed("the model returned values that are not finite") from None
        return np.asarray(output.images[0].convert("RGB"))


def cut_out(garment: NDArray[Any]) -> NDArray[Any]:
    """A worn garment cut out on grey, any other garment image unchanged. Raises GarmentNotFound."""
    import numpy as np

    from shared.vision.segments import segment, shows_garment

    try:
        found = segment(garment, "garment")
    except Unprocessable:
        found = None
    if found is None or not shows_garment(found.area_share, found.worn, found.confidence):
        raise GarmentNotFound("the image shows no garment", field="garment")
    if not found.worn:
        return garment
    share = found.alpha.astype(np.float32)[:, :, None] / 255
    return (garment * share + GREY * (1 - share)).round().astype(np.uint8)


def _verified(folder: Path) -> Path:
    for name, expected in SHA256.items():
        path = folder / name
        if not path.is_file():
            raise ConfigurationError(
                f"{name} is missing: run `./studio models pull fashn` and mount the folder", code="weights_missing"
            )
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != expected:
            raise ConfigurationError(f"{name} is not of the pinned revision", code="weights_refused")
    return folder


@contextmanager
def _without_bfloat16(torch: Any, disabled: bool) -> Generator[None]:
    """Report bfloat16 as unsupported while the pipeline is built, which uses it even if it is only emulated."""
    real = torch.cuda.is_bf16_supported
    if disabled:
        torch.cuda.is_bf16_supported = _unsupported
    try:
        yield
    finally:
        torch.cuda.is_bf16_supported = real


def _torch() -> Any:
    import torch  # pyright: ignore[reportMissingImports]

    return torch


def _pipeline_type() -> Any:
    from fashn_vton import TryOnPipeline  # pyright: ignore[reportMissingImports, reportUnknownVariableType]

    return TryOnPipeline  # pyright: ignore[reportUnknownVariableType]


def _unsupported(*_: Any, **__: Any) -> bool:
    return False


def _cast(pipeline: Any, dtype: Any) -> None:
    pipeline.inference_dtype = dtype
    pipeline.tryon_model.to(dtype=dtype)


@contextmanager
def _hooked(
    pipeline: Any, category: Category, steps: int, progress: Progress, is_cancelled: IsCancelled
) -> Generator[None]:
    """Checks the pose and every step of the sampler by hooks in the pipeline.

    Raises:
        PoseNotFound, Cancelled, _Overflow: from within the pipeline's call.
    """
    torch = _torch()
    model, pose = pipeline.tryon_model, pipeline.pose_model
    forward, done = model.forward_for_cfg, 0

    def detect_pose(*args: Any, **kwargs: Any) -> Any:
        detected = pose(*args, **kwargs)
        points = detected["bodies"]["subset"]
        if not len(points) or any(points[0][point] < 0 for point in NEEDED[category]):
            raise PoseNotFound("the image shows too little of the body for this garment", field="person")
        return detected

    def step(*args: Any, **kwargs: Any) -> Any:
        nonlocal done
        raise_if_cancelled(is_cancelled)
        output = forward(*args, **kwargs)
        done += 1
        progress(min(0.05 + 0.9 * done / steps, 0.95))
        if not bool(torch.isfinite(output["v_c"]).all()):
            raise _Overflow
        return output

    pipeline.pose_model, model.forward_for_cfg = detect_pose, step
    try:
        yield
    finally:
        pipeline.pose_model = pose
        # The hook is an attribute of the instance that hides the class's method.
        del model.forward_for_cfg
