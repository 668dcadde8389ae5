"""`python -m training.outline`: make examples, train the network, export it, measure it, write card and manifest.

--quick runs the same steps on a few photos in about a minute and writes to a separate folder; its figures are
meaningless.
"""

import argparse
import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import numpy as np

from training.garment_parser.data import manifest_sha256
from training.options import parser as torch_parser
from training.runtime import session

from . import card, export
from .network import PLACED
from .train import Example, Schedule, load, overlap, train

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / "training" / ".cache" / "outline"
PHOTOS, KEPT = 300, 40
"""Photos of which examples are made, and how many of them are kept for measuring."""
BLIND, OLD = 0, 2


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = torch_parser("python -m training.outline", __doc__, seed=Schedule.seed, threads=Schedule.threads)
    parser.add_argument("--steps", type=int, default=Schedule.steps)
    parser.add_argument("--photos", type=int, default=PHOTOS)
    parser.add_argument("--product-python", type=Path, default=REPOSITORY / ".venv" / "bin" / "python")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run all steps; returns the exit status: 1 if the file differs from torch."""
    options = arguments(argv)
    cache = CACHE / "quick" if options.quick else CACHE
    out = options.out or (cache if options.quick else REPOSITORY / "models_onnx")
    schedule = Schedule(options.steps, seed=options.seed, threads=options.threads)
    photos, kept = options.photos, KEPT
    if options.quick:
        schedule, photos, kept = dataclasses.replace(schedule, steps=4, batch=4), 8, 2
    folder = cache / "examples"
    prepare = ["-m", "training.outline.prepare", options.data.resolve().as_posix(), folder.as_posix()]
    subprocess.run([options.product_python.as_posix(), *prepare, "--limit", str(photos)], check=True, cwd=REPOSITORY)
    found = load(folder)
    judged, examples = ([one for photo in part for one in photo] for part in (found[:kept], found[kept:]))
    network = train(examples, schedule, cache / "network.ckpt", options.resume)

    path = out / f"{export.ID}.onnx"
    parity = export.export(network, path, np.stack([one.features for one in judged[:8]]))
    checked = export.golden(path, options.product_python, REPOSITORY)
    figures = {
        "photos": {"training": len(found) - kept, "measured": kept}, "steps": schedule.steps, "batch": schedule.batch,
        "seed": schedule.seed, "threads": schedule.threads, "parity_max_difference": round(parity, 5),
        "overlap": measured(path, judged),
    }  # fmt: skip
    entry = export.manifest(path, checked, manifest_sha256(options.data), figures)
    (out / f"{export.ID}.manifest.json").write_text(json.dumps(entry, indent=1) + "\n")
    if not options.quick:
        (out / f"{export.ID}.md").write_text(card.text(entry))
    print(json.dumps(figures) if options.json else card.table(figures))
    if parity > export.PARITY:
        print(f"CHECK FAILED: the file differs from torch by {parity}", file=sys.stderr)
    return 1 if parity > export.PARITY else 0


def measured(path: Path, examples: Sequence[Example]) -> dict:
    """Mean intersections over union with the true outline: of the network, and of its inputs."""
    opened = session(path)
    figures: dict = {}
    for name, other in (("own", False), ("other", True)):
        part = [one for one in examples if one.other == other]
        odds = [opened.run([export.OUTLINE], {export.FEATURES: one.features[None].astype(np.float32)})[0][0, 0]
                for one in part]  # fmt: skip
        figures[name] = {
            "examples": len(part),
            "network": _mean([overlap(1 / (1 + np.exp(-values)), one) for values, one in zip(odds, part, strict=True)]),
            "fitted": _mean([overlap(one.features[PLACED], one) for one in part]),
            "landmarks": _mean([overlap(one.features[BLIND], one) for one in part]),
            "old": _mean([overlap(one.features[OLD], one) for one in part]),
        }
    return figures


def _mean(values: list[float]) -> float | None:
    return round(mean(values), 4) if values else None


if __name__ == "__main__":
    sys.exit(main())
