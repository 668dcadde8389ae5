"""Export the averaged networks as ONNX (fp32), compare with torch, write golden outputs and manifest entries."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from training.garment_parser.evaluate import session
from vto_container.engines import compact_golden, compact_inputs
from vto_container.engines.compact_product import SIZE

from .network import Compose, ShippedCompose, ShippedWarp, Warp

OPSET = 17
INPUTS = {
    "tryon_warp": {
        "person": [1, compact_inputs.PERSON_CHANNELS, 128, 96],
        "product": [1, compact_inputs.PRODUCT_CHANNELS, 128, 96],
    },
    "tryon_compose": {
        "picture": [1, 3, *SIZE],
        "cloth": [1, 4, *SIZE],
        "maps": [1, compact_inputs.COMPOSE_CHANNELS, 128, 96],
    },
}
OUTPUTS = {
    "tryon_warp": {
        "places": {
            "shape": [1, 2, 64, 48],
            "meaning": "x and y on the garment's canvas, -1..1 between its outer edges",
        },
        "silhouette": {"shape": [1, 1, 128, 96], "meaning": "probability that the garment is there"},
        "spread": {"shape": [1, 1, 64, 48], "meaning": "logarithm of the expected error of places"},
    },
    "tryon_compose": {
        "paint": {"shape": [1, 3, *SIZE], "meaning": "RGB in 0..1 behind the garment"},
        "alpha": {"shape": [1, 1, *SIZE], "meaning": "opacity of the garment"},
        "gain": {"shape": [1, 1, 64, 48], "meaning": "factor on the garment's colours"},
        "detail": {"shape": [1, 1, 64, 48], "meaning": "share of the garment's texture that is kept"},
    },
}
ROLES = {"tryon_warp": "try-on: garment to body", "tryon_compose": "try-on: picture"}
PARITY = 2e-3
"""Largest difference from torch."""
GOLDEN = 0.02
"""Allowed difference of another runtime, as a share of the output's range."""


def export(network: nn.Module, name: str, path: Path) -> float:
    """Write a network; returns its largest difference from torch."""
    shipped = (ShippedWarp if isinstance(network, Warp) else ShippedCompose)(network).eval()
    shipped = shipped.to(memory_format=torch.contiguous_format)
    shapes = INPUTS[name]
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        shipped,
        tuple(torch.zeros(shape) for shape in shapes.values()),
        path.as_posix(),
        dynamo=False,
        opset_version=OPSET,
        input_names=list(shapes),
        output_names=list(OUTPUTS[name]),
    )
    onnx.checker.check_model(path.as_posix())
    feeds = compact_golden.make_inputs(shapes)
    with torch.inference_mode():
        expected = shipped(*(torch.from_numpy(feeds[key]) for key in shapes))
    found = session(path).run(list(OUTPUTS[name]), feeds)
    return max(float(np.abs(a.numpy() - b).max()) for a, b in zip(expected, found, strict=True))


def golden(path: Path, name: str, folder: Path) -> Path:
    """Write the file's outputs for the fixed input."""
    feeds = compact_golden.make_inputs(INPUTS[name])
    values = session(path).run(list(OUTPUTS[name]), feeds)
    outputs = compact_golden.sample_outputs(dict(zip(OUTPUTS[name], values, strict=True)))
    written = folder / f"{name}.golden.json"
    written.write_text(json.dumps({"input": "vto_container/engines/compact_golden.py", "outputs": outputs}) + "\n")
    return written


def entry(name: str, path: Path, expected: Path, data_sha256: str, figures: Mapping) -> dict:
    """The manifest entry."""
    return {
        "id": name,
        "role": ROLES[name],
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
        "precision": "fp32",
        "opset": OPSET,
        "input": {key: {"shape": shape} for key, shape in INPUTS[name].items()},
        "outputs": OUTPUTS[name],
        "licence": "weights as this repository; photos: CCP repository Apache-2.0 (rights in single photos not stated)",
        "source": {"repo": "this repository", "command": "python -m training.tryon"},
        "training_data": [
            {
                "name": "Clothing Co-Parsing",
                "url": "https://github.com/bearpaw/clothing-co-parsing",
                "licence": "Apache-2.0",
            }
        ],
        "data_manifest_sha256": data_sha256,
        "figures": dict(figures),
        "golden": {"file": expected.name, "tolerance": {"relative": GOLDEN}},
    }


def write(networks: tuple[Warp, Compose], out: Path, data_sha256: str, figures: Mapping) -> dict[str, float]:
    """Write both files with golden outputs and manifest entries; returns the parity of each."""
    parity = {}
    for name, network in zip(INPUTS, networks, strict=True):
        path = out / f"{name}.onnx"
        parity[name] = export(network, name, path)
        expected = golden(path, name, out)
        facts = {**figures, "parity_max_difference": round(parity[name], 6)}
        manifest = entry(name, path, expected, data_sha256, facts)
        (out / f"{name}.manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return parity
