"""Try-on with the engine `compact`: quality on pairs next to two floors, refusals, confidence, time and size.

Without the photos in `../shared/data` (or `--data`) only time, size and "nothing changes outside the mask" are
measured, on drawings. `--exchanges N` writes sheets of N results with other people's garments into `--out`, to be
looked at; they show photographed people and must not be published.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench._common import elapsed_ms
from emulators.functions_host.settings import local_values
from emulators.stack import ROOT
from shared.engines.base import Category, Engine, Result
from shared.errors import StudioError
from vto_container.engines.compact import MODELS, Compact
from wardrobe import draw_garment, draw_posed_mannequin, garment_specs

DATA = ROOT.parent / "shared" / "data"
RUNS = 6
SIZE = (576, 768)
"""Width and height of the person's image for the time."""
KINDS: tuple[tuple[str, Category], ...] = (("t-shirt", "upper"), ("trousers", "lower"), ("dress", "dress"))
type Picture = NDArray[Any]
"""RGB (h, w, 3) uint8."""
GOALS = {"bytes": 40_000_000, "ms": 1000, "trousers_changed": 0.10}


def main(
    quick: bool = False,
    data: Path = DATA,
    exchanges: int = 0,
    out: Path | None = None,
    seed: int = 1,
    split: str = "val",
) -> dict[str, Any]:
    """Measure quality, time (milliseconds, 576 x 768) and size.

    Args:
        quick: every tenth pair only.
        data: folder with `ccp/` and `garments/`.
        exchanges: number of exchanges to write as sheets into `out` instead of measuring.
        seed, split: of the exchanges; `val` or `train`.
    """
    local_values(ROOT)
    cv2.setNumThreads(1)
    from shared import onnx

    entries = onnx.manifests()
    report: dict[str, Any] = {
        "ok": True,
        "models": {id: entries[id].version for id in MODELS},
        "bytes": sum(entries[id].bytes for id in MODELS),
    }
    engine = Compact()
    engine.load()
    if exchanges:
        from bench import _tryon_exchanges

        return report | {"exchanges": _tryon_exchanges.write(engine, data, exchanges, out, seed, split)}
    report["whole_engine"] = whole(engine)
    if (data / "ccp").is_dir():
        report["pairs"] = quality(engine, data, 10 if quick else 1)
    else:
        report["note"] = "../shared/data is missing: only time and size on drawn mannequins"
    report["reached"] = reached(report)
    return report


def quality(engine: Engine, data: Path, every: int) -> dict[str, Any]:
    """Run the protocol of `_tryon_paired` on the validation photos of CCP."""
    from bench import _tryon_paired

    found: dict[str, list[Any]] = {}
    refused: Counter[str] = Counter()
    for pair in list(_tryon_paired.pairs(data, "val"))[::every]:
        made = _tryon_paired.measure(engine, pair)
        if isinstance(made, StudioError):
            refused[f"{pair.category} {made.code}"] += 1
        else:
            found.setdefault(pair.category, []).append(made)
    everything = [one for values in found.values() for one in values]
    return {
        "all": figures(everything),
        **{category: figures(values) for category, values in found.items()},
        "refused": dict(refused),
        "confidence_and_error": correlation(
            [one.confidence for one in everything], [one.garment_mae["engine"] for one in everything]
        ),
        "low_quality": sum(one.quality == "low" for one in everything),
    }


def figures(cases: Sequence[Any]) -> dict[str, Any]:
    """Means over pairs, by method."""
    if not cases:
        return {"pairs": 0}
    trousers = [one.trousers_changed for one in cases if one.trousers_changed is not None]
    return {
        "pairs": len(cases),
        **{
            name: {key: round(statistics.mean(getattr(one, name)[key] for one in cases), 4) for key in cases[0].ssim}
            for name in ("garment_ssim", "garment_mae", "ssim")
        },
        "trousers_changed": round(statistics.mean(trousers), 4) if trousers else None,
        "face_changed": sum(one.face_changed for one in cases),
        "changed_outside_mask": sum(one.outside_changed for one in cases),
    }


def correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Spearman's rank correlation."""
    if len(one) < 3:
        return None
    ranks = [np.argsort(np.argsort(values)) for values in (one, other)]
    return round(float(np.corrcoef(ranks[0], ranks[1])[0, 1]), 3)


def whole(engine: Engine) -> dict[str, Any]:
    """Measure a complete `generate`, whether equal calls give equal bytes, and changes outside the mask."""
    from shared.onnx.settings import model_settings

    taken: dict[str, list[float]] = {}
    changed, same = 0, True
    for kind, category in KINDS:
        person, garment = drawn(kind)
        results, taken[category] = runs(engine, person, garment, category)
        outside = results[0].mask == 0
        changed += int((results[0].image != person).any(2)[outside].sum())
        same &= bool((results[0].image == results[-1].image).all())
    return {
        "size": SIZE,
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
    """A drawn mannequin and a drawn garment of a category."""
    spec = next(one for one in garment_specs(120, 5) if one.category == kind)
    garment = draw_garment(spec, (400, 512)).image.convert("RGB")
    return np.asarray(draw_posed_mannequin(1, SIZE)), np.asarray(garment)


def reached(report: Mapping[str, Any]) -> dict[str, bool]:
    """Which of the measured goals are met."""
    whole = report["whole_engine"]
    found = {
        "size": report["bytes"] <= GOALS["bytes"],
        "time": max(whole["best_ms"].values()) <= GOALS["ms"],
        "nothing_changed_outside": whole["changed_outside_mask"] == 0,
        "same_bytes": whole["same_bytes"],
    }
    if "pairs" in report:
        ours = report["pairs"]["all"]
        found |= {
            "garment_ssim": ours["garment_ssim"]["engine"] > ours["garment_ssim"]["flat_colour"],
            "garment_mae": ours["garment_mae"]["engine"] < ours["garment_mae"]["flat_colour"],
            "trousers": report["pairs"]["upper"].get("trousers_changed", 1.0) <= GOALS["trousers_changed"],
            "face": ours["face_changed"] == 0,
        }
    return found
