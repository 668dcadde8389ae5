"""Export with float16 weights, compare with torch, and write golden outputs and the manifest."""

import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch

from training.pose.compress import compress
from training.runtime import session

from .network import PLANES, SIZE, OutlineNetwork

ID = "garment_outline"
OPSET = 17
FEATURES, OUTLINE = "features", "outline"
SHAPE = (1, PLANES, *SIZE)
PARITY = 0.05
"""Largest difference from torch, in log odds: float16 weights."""
RELATIVE = 0.02


def export(network: OutlineNetwork, path: Path, features: np.ndarray) -> float:
    """Write the file; returns its largest difference from torch on some features (n, planes, rows, columns)."""
    network = network.eval().to(memory_format=torch.contiguous_format)
    path.parent.mkdir(parents=True, exist_ok=True)
    full = path.with_suffix(".fp32.partial")
    torch.onnx.export(
        network,
        (torch.zeros(*SHAPE),),
        full.as_posix(),
        dynamo=False,
        opset_version=OPSET,
        input_names=[FEATURES],
        output_names=[OUTLINE],
    )
    onnx.checker.check_model(full.as_posix())
    compress(full, path, {FEATURES: FEATURES}, {OUTLINE: OUTLINE})
    full.unlink()
    opened = session(path)
    with torch.inference_mode():
        expected = network(torch.from_numpy(features.astype(np.float32))).numpy()
    found = [opened.run([OUTLINE], {FEATURES: one[None].astype(np.float32)})[0][0] for one in features]
    return float(np.abs(np.stack(found) - expected).max())


def golden(path: Path, python: Path, repository: Path) -> dict:
    """Write the outputs for the generated input, by the product's Python; returns the manifest's entry."""
    command = [python.as_posix(), "-m", "training.outline.golden", path.resolve().as_posix(), FEATURES]
    subprocess.run([*command, *(str(side) for side in SHAPE)], check=True, cwd=repository)
    return {"file": path.with_suffix(".golden.json").name, "tolerance": {"relative": RELATIVE}}


def manifest(path: Path, checked: Mapping, data_sha256: str, figures: Mapping) -> dict:
    """The manifest's content."""
    return {
        "id": ID,
        "role": "outline of a garment on a person",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
        "precision": "fp16",
        "opset": OPSET,
        "input": {FEATURES: {"shape": list(SHAPE), "meaning": "vto_container/engines/compact_outline.py"}},
        "outputs": {OUTLINE: {"shape": [1, 1, *SIZE], "meaning": "log odds that the garment is there"}},
        "licence": "weights Apache-2.0, as this repository; photos: CCP repository Apache-2.0 (rights in single photos "
        "not stated)",
        "source": {"repo": "this repository", "command": "python -m training.outline"},
        "training_data": [
            {"name": "Clothing Co-Parsing", "url": "https://github.com/bearpaw/clothing-co-parsing",
             "licence": "Apache-2.0"},
        ],
        "data_manifest_sha256": data_sha256,
        "figures": dict(figures),
        "golden": dict(checked),
    }  # fmt: skip
