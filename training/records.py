"""Parts of manifests and model cards that several trainings write."""

import hashlib
from pathlib import Path
from typing import Any

from .backbone import MEAN, STD


def sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rounded(value: object) -> object:
    """Round floats to four digits, recursively."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(v) for v in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def image_input(size: tuple[int, int]) -> dict[str, Any]:
    """The manifest's `input` of a network for pictures.

    Args:
        size: height and width in pixels.
    """
    return {
        "name": "image",
        "layout": "NCHW",
        "size": list(size),
        "resize": "stretch",
        "resample": "pillow_bilinear",
        "scale": "0..1",
        "mean": list(MEAN),
        "std": list(STD),
        "channel_order": "RGB",
    }


def table(head: list[str], rows: list[list[object]]) -> str:
    """A Markdown table; floats with three digits."""

    def cell(value: object) -> str:
        return f"{value:.3f}" if isinstance(value, float) else str(value)

    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell(v) for v in line) + " |" for line in lines)
