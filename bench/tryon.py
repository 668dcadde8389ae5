"""Try-on measured: quality in self-reconstruction beside two floors that are told the outline, time and size.

The protocol is `training/tryon/protocol.py`'s; without the photos of `../shared/data` only time, size and "nothing
changes outside the mask" are measured, on drawn figures and garments.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from emulators.functions_host.settings import local_values
from emulators.stack import ROOT
from vto_container.engines.compact_body import GRID
from wardrobe import draw_garment, draw_posed_mannequin, garment_specs

DATA = ROOT.parent / "shared" / "data"
RUNS = 8
HEIGHT = 512
KINDS = (("t-shirt", "upper"), ("trousers", "lower"), ("dress", "dress"))
GOALS = {"above_floors": 0.05, "warped_mask_iou": 0.85, "bytes": 25_000_000, "ms": 400}


def main() -> dict[str, Any]:
    """Figures of quality, latency (milliseconds, 512 px high) and size."""
    local_values(ROOT)
    cv2.setNumThreads(1)
    from shared import onnx

    entries = onnx.manifest()
    report: dict[str, Any] = {
        "ok": True,
        "models": {id: entries[id].version for id in ("garment_parser", "tryon_warp", "tryon_compose")},
        "bytes": sum(entries[id].bytes for id in ("garment_parser", "tryon_warp", "tryon_compose")),
    }
    if DATA.is_dir():
        report["self_reconstruction"] = quality()
    else:
        report["note"] = "../shared/data is not here: time and size on drawn figures only"
    report["whole_engine"] = whole()
    report["reached"] = reached(report)
    return report


def quality() -> dict[str, Any]:
    """The protocol on the validation photos of CCP."""
    from shared.vision import parser
    from training.tryon import data, protocol

    pairs = data.load(DATA, lambda picture: parser.parse(picture).on(*GRID).probabilities, "val")
    found = protocol.measured(pairs, network("tryon_warp"), network("tryon_compose"))
    return {**found, "perceptual_distance": "1 - gradient magnitude similarity, mean of three scales"}


def network(id: str) -> Any:
    """A network of the engine: feeds -> outputs."""
    from shared import onnx

    def run(feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        return onnx.model(id).run(feeds)

    return run


def whole() -> dict[str, Any]:
    """Time of a whole `generate` at 512 px on two threads, same bytes for a same call, and changes outside the mask."""
    from shared.settings import settings
    from vto_container.engines.compact import Compact

    engine = Compact()
    engine.load()
    taken: dict[str, list[float]] = {}
    changed, same = 0, True
    for kind, category in KINDS:
        person, garment = drawn(kind)
        results = []
        for _ in range(RUNS):
            began = time.perf_counter()
            results.append(engine.generate(person, garment, category, 1, 1))
            taken.setdefault(category, []).append((time.perf_counter() - began) * 1000)
        outside = results[0].mask == 0
        changed += int((results[0].image != person).any(2)[outside].sum())
        same &= bool((results[0].image == results[-1].image).all())
    return {
        "height": HEIGHT,
        "threads": settings().model_threads,
        "median_ms": {name: round(statistics.median(values[1:]), 1) for name, values in taken.items()},
        "best_ms": {name: round(min(values), 1) for name, values in taken.items()},
        "changed_outside_mask": changed,
        "same_bytes": same,
    }


def drawn(kind: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """A drawn figure, 512 px high, and a drawn garment of a kind."""
    spec = next(one for one in garment_specs(120, 5) if one.category == kind)
    garment = draw_garment(spec, (400, 512)).image.convert("RGB")
    return np.asarray(draw_posed_mannequin(1, (HEIGHT * 3 // 4, HEIGHT))), np.asarray(garment)


def reached(report: Mapping[str, Any]) -> dict[str, bool]:
    """Which goals are met, of those that could be measured."""
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
