"""Files of the shipped model: the ONNX head, its manifest entry, golden outputs, and its rows."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from functions.analytics import head
from functions.analytics.dataset import SalesDataset, split_by_date
from functions.analytics.head import HeadWeights
from shared import onnx
from shared.settings import forget
from training.sales import graph, table
from training.sales.table import Sales
from wardrobe import CATEGORIES, GarmentSpec

TOLERANCE = 1e-4
OUTPUTS = {
    "mid": "log(1 + units), the median",
    "lo": "lower end of the calibrated interval",
    "hi": "upper end of the calibrated interval",
    "contributions": "base, image, price, category; they sum to mid",
    "heat": "what each place does to mid; the mean is the image's contribution",
    "gaps": "reach of the interval below and above mid before calibration",
}


@dataclass(frozen=True)
class Facts:
    """Manifest fields that do not follow from the file."""

    tower: str
    facts: dict[str, Any] = field(default_factory=dict)
    rows_sha256: str = ""
    categories: tuple[str, ...] = ()


def rows_of(
    specs: Sequence[GarmentSpec], sales: Sales, vectors: np.ndarray, colours: np.ndarray,
    shares: tuple[float, float, float],
) -> SalesDataset:  # fmt: skip
    """Convert the generated table to rows, split by time."""
    return SalesDataset(
        image_names=tuple(f"{one.title} ({one.sku})" for one in specs),
        vectors=vectors,
        colours=colours,
        categories=CATEGORIES,
        image_index=np.arange(len(specs), dtype=np.int32),
        price=sales.price,
        category=sales.category,
        units=sales.units,
        day=sales.day,
        fold=split_by_date(sales.day, shares),
    )


def placeholder(rows: SalesDataset) -> HeadWeights:
    """Weights of the right shape, for a file whose weights are replaced by inputs."""
    joint, count = rows.vectors.shape[1], len(rows.categories) + 1
    shapes = {
        "centre": (joint,),
        "image": (4, 3, joint),
        "price_weight": (4, 3),
        "price_usual": (4, count),
        "price_sd": (1,),
        "category_weight": (4, count, 3),
        "base": (4, 3),
        "margin": (4, count),
    }
    return HeadWeights(**{name: np.ones(shape, np.float32) for name, shape in shapes.items()})


def stage_registry(stage: Path) -> None:
    """Make `stage` the models folder, with links to all registered models except this one."""
    for path in onnx.models_dir().iterdir():
        if path.is_file() and not path.name.startswith(head.MODEL):
            (stage / path.name).symlink_to(path.resolve())
    os.environ["MODELS_DIR"] = str(stage)
    forget()
    onnx.forget()


def write(
    stage: Path, name: str, weights: HeadWeights, about: Facts, *, golden: SalesDataset | None = None, count: int = 0,
    figures: dict[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write the file, golden outputs and manifest entry, and reload the file; returns the entry."""
    path = stage / f"{name}.onnx"
    graph.write(weights, path)
    data = path.read_bytes()
    answers = stage / f"{name}.golden.json"
    if golden is None:
        answers.write_text("{}")
    entry: dict[str, Any] = {
        "id": name,
        "role": "sales",
        "file": path.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "precision": "fp32",
        "opset": graph.OPSET,
        "input": {
            "places": "(n, P, J) float32: an image tower's map over the norm of its mean; P = 1: the joint embedding",
            "price": "(n,) float32, NaN where it is not given",
            "category": "(n,) int64, the number of categories where it is not given",
            "weights": "every weight is an input too: a merchant's own are fed in the place of the shipped ones",
        },
        "outputs": OUTPUTS,
        "tower": {"id": "fashion_image", "sha256": about.tower},
        "categories": list(about.categories),
        "licence": "CC0 1.0",
        "source": {"repo": "training/sales", "command": "python -m training.sales"},
        "training_data": [{"name": "generated sales of drawn garments", "process": (table.__doc__ or "").strip()}],
        "data": "synthetic",
        "rows": f"{name}.rows.npz",
        "rows_sha256": about.rows_sha256,
        "facts": about.facts,
        "figures": figures or {},
        "golden": {"file": answers.name, "tolerance": {"absolute": TOLERANCE}},
    }
    if golden is not None:
        answers.write_text(json.dumps(_answers(data, golden, count)) + "\n")
    (stage / f"{name}.manifest.json").write_text(json.dumps(entry, indent=1) + "\n")
    onnx.forget()
    if golden is None:
        _trust(name)
    return entry


def _answers(data: bytes, rows: SalesDataset, count: int) -> dict[str, Any]:
    """Outputs of the file for some rows, with fields omitted in turn, computed without the product's own loading."""
    import onnxruntime

    places = np.round(rows.places[:count].astype(np.float64), 5)
    price = [None if number % 2 else round(float(rows.price[number]), 2) for number in range(count)]
    category = [len(rows.categories) if number % 3 == 2 else int(rows.category[number]) for number in range(count)]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    feeds = {
        "places": places.astype(np.float32),
        "price": np.array([np.nan if one is None else one for one in price], np.float32),
        "category": np.array(category, np.int64),
    }
    found = session.run(["mid", "lo", "hi"], feeds)
    outputs = {
        name: np.round(np.asarray(one, float), 6).tolist() for name, one in zip(("mid", "lo", "hi"), found, strict=True)
    }
    return {"places": places.tolist(), "price": price, "category": category, **outputs}


def _trust(name: str) -> None:
    """Load a file without golden outputs; only its graph is used."""
    onnx.get_model(name)
