"""What tests of seeing look at: drawn garments with their exact masks, and whether the model is there."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from wardrobe import draw_garment, garment_specs

MODELS = Path(__file__).resolve().parents[1] / "models_onnx"
needs_model = pytest.mark.skipif(
    not (MODELS / "garment_parser.onnx").is_file(), reason="models_onnx/garment_parser.onnx has not been trained here"
)


def garments(count: int, seed: int, size: tuple[int, int] = (256, 320)) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Photos (h, w, 3) uint8 and their masks (h, w) bool; fewer of a seed are the first ones of more. Not to be
    changed: a process draws each once."""
    return [_drawn(seed, number, size) for number in range(count)]


@cache
def _drawn(seed: int, number: int, size: tuple[int, int]) -> tuple[NDArray[Any], NDArray[Any]]:
    one = draw_garment(garment_specs(number + 1, seed)[number], size)
    made = np.asarray(one.image.convert("RGB")), np.asarray(one.mask) > 127
    for array in made:
        array.flags.writeable = False
    return made


def iou(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Intersection over union of two bool masks."""
    return float((a & b).sum() / max(1, (a | b).sum()))
