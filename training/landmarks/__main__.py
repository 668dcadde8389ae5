"""`python -m training.landmarks`: train the network, export it, measure it next to the rule, write card and manifest.

--quick runs the same steps on a few photos in about a minute and writes to a separate folder; its figures are
meaningless.
"""

import argparse
import dataclasses
import json
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from training.garment_parser.data import manifest_sha256
from training.options import parser as torch_parser
from training.runtime import session

from . import card, data, evaluate, export
from .train import AGAIN, FIRST, train

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / "training" / ".cache" / "landmarks"
DRAWN, DRAWN_SEED = 1500, 7


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = torch_parser("python -m training.landmarks", __doc__, seed=FIRST.seed, threads=FIRST.threads)
    parser.add_argument("--parser", type=Path, default=REPOSITORY / "models_onnx" / "garment_parser.onnx")
    parser.add_argument("--steps", type=int, default=FIRST.steps)
    parser.add_argument("--again", type=int, default=AGAIN.steps, help="steps of the second run (%(default)s)")
    parser.add_argument("--drawn", type=int, default=DRAWN, help="drawn garments (%(default)s)")
    parser.add_argument("--product-python", type=Path, default=REPOSITORY / ".venv" / "bin" / "python")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run all steps; returns the exit status: 1 if the file differs from torch."""
    options = arguments(argv)
    cv2.setNumThreads(1)
    cache = CACHE / "quick" if options.quick else CACHE
    out = options.out or (cache if options.quick else REPOSITORY / "models_onnx")
    first = dataclasses.replace(FIRST, steps=options.steps, seed=options.seed, threads=options.threads)
    again = dataclasses.replace(AGAIN, steps=options.again, seed=options.seed + 1, threads=options.threads)
    if options.quick:
        first, again = (dataclasses.replace(one, steps=4, batch=4) for one in (first, again))
    photos = data.load(options.data, options.parser, cache, 40 if options.quick else None)
    count = 15 if options.quick else options.drawn
    drawings = data.drawn(options.product_python, REPOSITORY, cache, count, DRAWN_SEED)
    samples = [one for one in photos if one.split == "train"] + drawings
    sources = Counter(one.source for one in samples)
    print(f"training samples: {dict(sources)}", file=sys.stderr, flush=True)
    network, _ = train(samples, first, cache / "first.ckpt", options.resume)
    network, losses = train(samples, again, cache / "again.ckpt", options.resume, network)

    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{export.ID}.onnx"
    parity = export.export(network, path)
    checked = export.golden(path, drawings[0], out)
    figures = {
        "steps": [first.steps, again.steps], "batch": first.batch, "seed": options.seed, "threads": options.threads,
        "samples": dict(sources), "losses": losses, "parity_max_difference": round(parity, 6),
        **measured(path, photos),
    }  # fmt: skip
    digest = manifest_sha256(options.data)
    entry = export.manifest(path, checked, digest, figures)
    (out / f"{export.ID}.manifest.json").write_text(json.dumps(entry, indent=1) + "\n")
    if not options.quick:
        (out / f"{export.ID}.md").write_text(card.text(entry))
    print(json.dumps(figures) if options.json else card.table(figures))
    if parity > export.PARITY:
        print(f"CHECK FAILED: the file differs from torch by {parity}", file=sys.stderr)
    return 1 if parity > export.PARITY else 0


def measured(path: Path, photos: list[data.Sample]) -> dict:
    """The figures on the validation photos: on points placed by hand, on those of the rule, and the kinds."""
    opened = session(path)

    def model(view: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        maps, present, kind, several = opened.run(list(export.OUTPUTS), {"image": export.prepare(view)})
        return maps[0], present[0], kind[0], several[0]

    judged = [one for one in photos if one.split == "validation"]
    return {
        "placed": evaluate.measure(model, [one for one in judged if one.source == "placed"]),
        "by_rule": evaluate.measure(model, [one for one in judged if one.source == "rule"]),
        "kinds": evaluate.kinds(model, judged),
    }


if __name__ == "__main__":
    sys.exit(main())
