"""A stand-in with the surface of fashn-AI/fashn-vton-1.5 at 7c0f10a and tiny random weights.

What the real pipeline does with a call is done here, too, as far as the engine depends on it: the parser is made and
asked, its tables are read, the dtype is chosen by torch's word, poses are looked for, the sampler calls
`forward_for_cfg` at every step, and the answer has the person's aspect at another size. What would make the real one
read the parser's answer raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from fashn_human_parser import (
    BODY_COVERAGE_TO_LABELS,
    CATEGORY_TO_BODY_COVERAGE,
    IDENTITY_LABELS,
    LABELS_TO_IDS,
    FashnHumanParser,
)
from PIL import Image

IDENTITY = tuple(IDENTITY_LABELS)
CALLS: list[dict[str, Any]] = []


@dataclass
class PipelineOutput:
    images: list[Image.Image]


class TryOnModel:
    """A random 3 x 9 matrix, from person, garment and noise to colours."""

    def __init__(self) -> None:
        self.weights = np.random.default_rng(3).normal(0, 0.2, (9, 3))
        self.dtype = torch.float32

    def to(self, *_: Any, dtype: Any = None) -> TryOnModel:
        self.dtype = dtype or self.dtype
        return self

    def forward_for_cfg(self, images: Any, t_vec: Any, *, ca_images: Any, garment_images: Any) -> dict[str, Any]:
        found = np.concatenate([images, ca_images, garment_images], 2) @ self.weights
        # a large number overflows in half precision alone
        if self.dtype == torch.float16 and garment_images.max() > 0.99:
            found = found * np.inf
        return {"v_c": found, "v_u": found * 0.5}


class TryOnPipeline:
    def __init__(self, weights_dir: str, device: str | None = None, logger: Any = None) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.inference_dtype = torch.float32
        if self.device.type == "cuda" and torch.cuda.is_bf16_supported():
            self.inference_dtype = torch.bfloat16
        self.tryon_model = TryOnModel().to(dtype=self.inference_dtype)
        self.pose_model = self._pose
        self.hp_model = FashnHumanParser(device=self.device.type)

    @staticmethod
    def _pose(bgr: Any) -> dict[str, Any]:
        """All points are there, unless the picture is nearly black."""
        subset = np.full((1, 18), 0 if bgr.mean() > 20 else -1)
        return {"bodies": {"candidate": np.full((18, 2), 0.5), "subset": subset}}

    def __call__(
        self,
        person_image: Image.Image,
        garment_image: Image.Image,
        category: str,
        garment_photo_type: str = "model",
        num_samples: int = 1,
        num_timesteps: int = 30,
        guidance_scale: float = 1.5,
        skip_cfg_last_n_steps: int = 1,
        seed: int = 42,
        segmentation_free: bool = True,
    ) -> PipelineOutput:
        assert segmentation_free
        assert garment_photo_type == "flat-lay"
        assert num_samples == 1
        facts = {"category": category, "steps": num_timesteps, "guidance": guidance_scale, "seed": seed}
        CALLS.append({**facts, "dtype": self.inference_dtype, "garment": np.asarray(garment_image)})
        np.random.seed(seed)
        person = np.asarray(person_image)
        self.pose_model(person[..., ::-1])
        for picture in (person, np.asarray(garment_image)):
            assert self.hp_model.predict(picture).shape == picture.shape[:2]
        labels = BODY_COVERAGE_TO_LABELS[CATEGORY_TO_BODY_COVERAGE[category]]
        assert [LABELS_TO_IDS[label] for label in labels] == []
        size = (round(288 * person_image.width / person_image.height), 288)
        small = np.asarray(person_image.resize(size)) / 255.0
        cloth = np.asarray(garment_image.resize(size)) / 255.0
        noise = np.random.normal(0, 0.1, small.shape)
        for _ in range(num_timesteps):
            found = self.tryon_model.forward_for_cfg(noise, 0.0, ca_images=small, garment_images=cloth)
            noise = noise + (found["v_u"] + guidance_scale * (found["v_c"] - found["v_u"])) / num_timesteps
        # half the garment, a little of the noise: the pose stays where it was
        mixed = np.clip((0.5 * small + 0.45 * cloth.mean((0, 1)) + 0.05 * noise) * 255, 0, 255).astype(np.uint8)
        return PipelineOutput([Image.fromarray(mixed)])
