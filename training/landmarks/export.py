"""Export the averaged network with float16 weights; compare it with torch; write golden outputs and manifest."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from PIL import Image

from training.backbone import MEAN, PACKAGE, STD, URL
from training.pose.compress import compress
from training.runtime import session

from .data import Sample
from .names import KINDS, NAMES
from .network import INPUT_SIZE, STRIDE, LandmarkNetwork, Shipped
from .views import GREY, MARGIN

OPSET = 17
OUTPUTS = ("maps", "present", "kind", "several")
PARITY = 5e-3
"""Largest difference from torch: float16 weights."""
GOLDEN_GRID = (16, 12)
ID = "garment_landmarks"


def prepare(view: np.ndarray) -> np.ndarray:
    """A view (h, w, 3) uint8 as the network's input."""
    return ((view.astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)).transpose(2, 0, 1)[None]


def export(network: LandmarkNetwork, path: Path) -> float:
    """Write the file; returns its largest difference from torch."""
    shipped = Shipped(network).eval().to(memory_format=torch.contiguous_format)
    path.parent.mkdir(parents=True, exist_ok=True)
    full = path.with_suffix(".fp32.partial")
    torch.onnx.export(
        shipped,
        (torch.zeros(1, 3, *INPUT_SIZE),),
        full.as_posix(),
        dynamo=False,
        opset_version=OPSET,
        input_names=["image"],
        output_names=list(OUTPUTS),
    )
    onnx.checker.check_model(full.as_posix())
    compress(full, path, {"image": "image"}, {name: name for name in OUTPUTS})
    full.unlink()
    picture = np.random.default_rng(0).integers(0, 256, (*INPUT_SIZE, 3)).astype(np.uint8)
    with torch.inference_mode():
        expected = shipped(torch.from_numpy(prepare(picture)))
    found = session(path).run(list(OUTPUTS), {"image": prepare(picture)})
    return max(float(np.abs(a.numpy() - b).max()) for a, b in zip(expected, found, strict=True))


def golden(path: Path, picture: Sample, folder: Path) -> dict:
    """Write the file's outputs for a drawn garment; returns the manifest's entry."""
    from .views import plain

    view = plain(picture)[0]
    Image.fromarray(view).save(folder / f"{ID}.golden.png", optimize=True)
    found = dict(zip(OUTPUTS, session(path).run(list(OUTPUTS), {"image": prepare(view)}), strict=True))
    height, width = found["maps"].shape[2:]
    rows, columns = (
        (np.arange(n) * 2 + 1) * side // (2 * n) for n, side in zip(GOLDEN_GRID, (height, width), strict=True)
    )
    grid = found["maps"][0][:, rows][:, :, columns].transpose(1, 2, 0)
    values = {"maps_grid": np.round(grid, 6).tolist(), "several": round(float(found["several"].ravel()[0]), 5)}
    (folder / f"{ID}.golden.json").write_text(json.dumps(values) + "\n")
    tolerance = {"cosine": {"fp16": 0.999}, "several_tolerance": 0.02}
    return {"picture": f"{ID}.golden.png", "file": f"{ID}.golden.json", "tolerance": tolerance}


def manifest(path: Path, checked: Mapping, data_sha256: str, figures: Mapping) -> dict:
    """The manifest's content."""
    return {
        "id": ID,
        "role": "landmarks and kind of a garment",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
        "precision": "fp16",
        "opset": OPSET,
        "input": {
            "name": "image", "layout": "NCHW", "size": list(INPUT_SIZE), "resize": "stretch",
            "resample": "pillow_bilinear", "mean": list(MEAN), "std": list(STD), "channel_order": "RGB",
            "padding": list(GREY),
        },
        "margin": MARGIN,
        "outputs": {
            "maps": {"shape": [1, len(NAMES), INPUT_SIZE[0] // STRIDE, INPUT_SIZE[1] // STRIDE],
                     "meaning": "probability of each place for each landmark; each map sums to 1"},
            "present": {"shape": [1, len(NAMES)], "meaning": "probability that the garment has the landmark"},
            "kind": {"shape": [1, len(KINDS)], "meaning": "probability of each kind"},
            "several": {"shape": [1, 1], "meaning": "probability that the photo shows several garments"},
        },
        "labels": list(NAMES),
        "kinds": list(KINDS),
        "licence": "weights Apache-2.0, as those of EfficientNet-Lite0; photos CC0-1.0; drawings as this repository",
        "source": {"repo": "this repository", "command": "python -m training.landmarks"},
        "training_data": [
            {"name": "Clothing dataset (small)", "url": "https://github.com/alexeygrigorev/clothing-dataset-small",
             "licence": "CC0-1.0"},
            {"name": "drawn by wardrobe/", "url": "this repository", "licence": "as this repository"},
            {"name": f"ImageNet, by the weights of {PACKAGE}", "url": URL, "licence": "Apache-2.0"},
        ],
        "data_manifest_sha256": data_sha256,
        "figures": dict(figures),
        "golden": dict(checked),
    }  # fmt: skip
