"""`python -m training.sales`: draw, embed, fit, measure, export, check, write the card and the manifest entry.

Runs in the product's own environment (`.venv`), without torch, with the image tower in `models_onnx`; repeat it when
that changes. Drawings and embeddings are cached in `training/.cache/sales`, the latter by the tower's hash. --quick
runs the same steps on a few hundred garments and writes to a separate folder; its figures are meaningless.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from functions.analytics.image_features import MapStatistics

HERE = Path(__file__).resolve()
REPOSITORY = HERE.parents[2]
CACHE = REPOSITORY / "training" / ".cache" / "sales"
COUNT, QUICK = 9000, 750
SHARES = (0.16, 0.08, 0.4)
"""Shares for training, selection and calibration; the rest is for reporting."""
NAME = "sales_quantiles"
GOLDEN_ROWS = 6


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.sales", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="garments of the table (%(default)s)")
    parser.add_argument("--out", type=Path, help="output folder (models_onnx; with --quick training/.cache/quick)")
    parser.add_argument("--quick", action="store_true", help="smoke test on a few hundred garments")
    parser.add_argument("--json", action="store_true", help="print the manifest entry as JSON, progress on stderr")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run all steps; returns the exit status: 1 if a check failed, in which case nothing is written."""
    options = arguments(argv)
    began = time.monotonic()
    out = options.out or (REPOSITORY / "training" / ".cache" / "quick" if options.quick else REPOSITORY / "models_onnx")
    out.mkdir(parents=True, exist_ok=True)

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {text}", file=sys.stderr, flush=True)

    from emulators.functions_host.settings import local_values

    local_values(REPOSITORY)
    with tempfile.TemporaryDirectory(prefix="sales-") as folder:
        stage = Path(folder)
        entry, failed = make(QUICK if options.quick else options.count, stage, say)
        if not failed:
            for path in stage.glob(f"{NAME}.*"):
                shutil.copyfile(path, out / path.name)
            say(f"written to {out}")
    if options.json:
        print(json.dumps(entry))
    for wrong in failed:
        print(f"CHECK FAILED: {wrong}", file=sys.stderr)
    return 1 if failed else 0


def make(count: int, stage: Path, say: Callable[[str], None]) -> tuple[dict[str, Any], list[str]]:
    """Write all files into `stage`; returns the manifest entry and the failed checks."""
    from functions.analytics import calibration_plot, evaluation, fit, image_features, inference, model_registry
    from training.sales import card, export, garments, table

    tower = image_features.image_tower()
    say(f"{count} garments for the image tower {tower[:12]}")
    vectors, colours, maps = embedded(count, tower, say)
    specs = garments.specs(count)
    sales = table.sell(specs)
    rows = export.rows_of(specs, sales, vectors, colours, SHARES)
    export.stage_registry(stage)
    export.write(stage, NAME, export.placeholder(rows), export.Facts(tower=tower))
    say("fitting")
    started = time.process_time()
    fitted = fit.fit(rows, maps.within)
    seconds = time.process_time() - started
    facts = model_registry.facts_of(fitted, tower, rows.vectors.shape[1], table.UNIT)
    profile = inference.mean_heat(fitted.weights, maps.mean)
    kept = model_registry.data_to_npz(rows, fitted.calibration, profile)
    (stage / f"{NAME}.rows.npz").write_bytes(kept)
    written = export.Facts(
        tower=tower, facts=_plain(facts), rows_sha256=hashlib.sha256(kept).hexdigest(), categories=rows.categories
    )
    export.write(stage, NAME, fitted.weights, written, golden=rows.subset("report"), count=GOLDEN_ROWS)
    say("measuring")
    found = model_registry.get_shipped_model()
    measured = evaluation.evaluate(found.weights, found.rows, found.calibration)
    figures = _plain(measured)
    figures |= {"ceiling": card.ceiling(rows, sales), "fitSeconds": round(seconds, 2), "seed": table.SEED}
    figures["redrawn"] = card.redrawn(rows, specs, maps.within)
    figures["heat"] = card.heat_figures(specs, rows, found)
    entry = export.write(
        stage, NAME, fitted.weights, written, golden=rows.subset("report"), count=GOLDEN_ROWS, figures=figures
    )
    svg = calibration_plot.render(
        measured,
        f"{found.version}: the shipped sales model",
        "measured on generated sales: not valid for any real market",
    )
    (stage / f"{NAME}.svg").write_text(svg)
    (stage / f"{NAME}.md").write_text(card.text(entry))
    print(card.summary(entry), file=sys.stderr)
    failed = card.failures(entry)
    used = image_features.image_tower()
    if used != tower:
        failed.append(f"the image tower changed during the run and is now {used[:12]}: run again")
    return entry, failed


def _plain(model: BaseModel) -> dict[str, Any]:
    """As in the manifest."""
    return model.model_dump(mode="json", by_alias=True)


def embedded(count: int, tower: str, say: Callable[[str], None]) -> tuple[np.ndarray, np.ndarray, MapStatistics]:
    """Embeddings (count, J) rounded to float16, colour features (count, 9), and statistics of the maps; cached."""
    from functions.analytics import image_features
    from training.sales import garments

    path = CACHE / f"embedded-{tower[:12]}-{garments.SEED}-{count}.npz"
    if not path.is_file():
        drawn = garments.pictures(count, CACHE, say)
        vectors: list[np.ndarray] = []
        maps = MapStatistics()
        for start in range(0, count, 512):
            seen = image_features.extract(drawn[start : start + 512])
            vectors += [one.vector for one in seen]
            maps.add(seen)
            say(f"embedded {len(vectors)} of {count}")
        colours = np.stack([image_features.colour_features(one) for one in drawn])
        whole = path.with_suffix(".part.npz")
        arrays: dict[str, Any] = {
            **maps.to_arrays(),
            "vectors": np.stack(vectors).astype(np.float16),
            "colours": colours,
        }
        np.savez(whole, **arrays)
        whole.replace(path)
    with np.load(path) as stored:
        kept = {name: stored[name] for name in stored.files}
    return kept["vectors"].astype(np.float32), kept["colours"], MapStatistics(kept)


if __name__ == "__main__":
    os.chdir(REPOSITORY)
    sys.exit(main())
