"""Try-on with the engine `compact`: quality in self-reconstruction against two baselines, latency and size.

The protocol is that of `training/tryon/protocol.py`; both baselines know the true outline. Without the photos in
`../shared/data` only latency, size and "nothing changes outside the mask" are measured, on drawings.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench._common import elapsed_ms
from emulators.functions_host.settings import local_values
from emulators.stack import ROOT
from shared.engines.base import Category, Engine, Result
from vto_container.engines.compact_body import GRID
from wardrobe import draw_garment, draw_posed_mannequin, garment_specs

DATA = ROOT.parent / "shared" / "data"
RUNS = 8
HEIGHT = 512
KINDS: tuple[tuple[str, Category], ...] = (("t-shirt", "upper"), ("trousers", "lower"), ("dress", "dress"))
type Picture = NDArray[Any]
"""RGB (h, w, 3) uint8."""
GOALS = {"above_floors": 0.05, "warped_mask_iou": 0.85, "bytes": 25_000_000, "ms": 400}


def main() -> dict[str, Any]:
    """Measure quality, latency (milliseconds, 512 px high) and size."""
    local_values(ROOT)
    cv2.setNumThreads(1)
    from shared import onnx

    entries = onnx.manifests()
    report: dict[str, Any] = {
        "ok": True,
        "models": {id: entries[id].version for id in ("garment_parser", "tryon_warp", "tryon_compose")},
        "bytes": sum(entries[id].bytes for id in ("garment_parser", "tryon_warp", "tryon_compose")),
    }
    if DATA.is_dir():
        report["self_reconstruction"] = quality()
    else:
        report["note"] = "../shared/data is missing: only latency and size on drawn mannequins"
    report["whole_engine"] = whole()
    report["reached"] = reached(report)
    return report


def quality() -> dict[str, Any]:
    """Run the protocol on the validation photos of CCP."""
    from shared.vision import parser
    from training.tryon import data, protocol

    pairs = data.load(DATA, lambda picture: parser.parse(picture).on(*GRID).probabilities, "val")
    found = protocol.measured(pairs, network("tryon_warp"), network("tryon_compose"))
    return {**found, "perceptual_distance": "1 - gradient magnitude similarity, mean of three scales"}


def network(id: str) -> Any:
    """A network of the engine as a function of its inputs."""
    from shared import onnx

    def run(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        return onnx.get_model(id).run(feeds)

    return run


def whole() -> dict[str, Any]:
    """Measure a complete `generate` at 512 px, whether equal calls give equal bytes, and changes outside the mask."""
    from shared.onnx.settings import model_settings
    from vto_container.engines.compact import Compact

    engine = Compact()
    engine.load()
    taken: dict[str, list[float]] = {}
    changed, same = 0, True
    for kind, category in KINDS:
        person, garment = drawn(kind)
        results, taken[category] = runs(engine, person, garment, category)
        outside = results[0].mask == 0
        changed += int((results[0].image != person).any(2)[outside].sum())
        same &= bool((results[0].image == results[-1].image).all())
    return {
        "height": HEIGHT,
        "threads": model_settings().model_threads,
        "median_ms": {name: round(statistics.median(values[1:]), 1) for name, values in taken.items()},
        "best_ms": {name: round(min(values), 1) for name, values in taken.items()},
        "changed_outside_mask": changed,
        "same_bytes": same,
    }


def runs(engine: Engine, person: Picture, garment: Picture, category: Category) -> tuple[list[Result], list[float]]:
    """Repeat one call; returns the results and their milliseconds."""
    results: list[Result] = []
    taken = [elapsed_ms(lambda: results.append(engine.generate(person, garment, category, 1, 1))) for _ in range(RUNS)]
    return results, taken


def drawn(kind: str) -> tuple[Picture, Picture]:
    """A drawn mannequin, 512 px high, and a drawn garment of a category."""
    spec = next(one for one in garment_specs(120, 5) if one.category == kind)
    garment = draw_garment(spec, (400, 512)).image.convert("RGB")
    return np.asarray(draw_posed_mannequin(1, (HEIGHT * 3 // 4, HEIGHT))), np.asarray(garment)


def reached(report: Mapping[str, Any]) -> dict[str, bool]:
    """Which of the measured goals are met."""
    whole = report["whole_engine"]
    found = {
        "size": report["bytes"] <= GOALS["bytes"],
        "time": max(whole["best_ms"].values()) <= GOALS["ms"],
        "nothing_changed_outside": whole["changed_outside_mask"] == 0,
        "same_bytes": whole["same_bytes"],
    }
    if "self_reconstruction" in report:
        part = report["self_reconstruction"]
        ours, floors = part["engine"], (part["flat_colour"], part["row_wise"])
        found |= {
            "garment_ssim": all(ours["garment_ssim"] >= f["garment_ssim"] + GOALS["above_floors"] for f in floors),
            "garment_mae": all(ours["garment_mae"] < f["garment_mae"] for f in floors),
            "warped_mask_iou": ours["warped_mask_iou"] >= GOALS["warped_mask_iou"],
            "nothing_changed_outside_in_views": ours["changed_outside"] == 0,
        }
    return found
