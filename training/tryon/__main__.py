"""`python -m training.tryon`: train both networks, export, check, measure, write the card and manifest entries.

--quick runs the same steps on a few photos in about a minute and writes to a separate folder; its figures are
meaningless.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from training.garment_parser.data import manifest_sha256
from training.garment_parser.evaluate import onnx_model, prepare, session
from training.options import parser as torch_parser
from vto_container.engines.compact_body import GRID

from . import card, data, export, protocol
from .train import COMPOSE, COMPOSE_ON, WARP, WARP_ON, train_compose, train_warp

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / "training" / ".cache" / "tryon"


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = torch_parser("python -m training.tryon", __doc__, seed=WARP.seed, threads=WARP.threads)
    parser.add_argument("--parser", type=Path, default=REPOSITORY / "models_onnx" / "garment_parser.onnx")
    parser.add_argument("--warp-steps", type=int, default=WARP.steps)
    parser.add_argument("--compose-steps", type=int, default=COMPOSE.steps)
    parser.add_argument("--warp-on", type=int, default=WARP_ON.steps, help="steps of the second run (%(default)s)")
    parser.add_argument(
        "--compose-on", type=int, default=COMPOSE_ON.steps, help="steps of the second run (%(default)s)"
    )
    parser.add_argument("--only", choices=("warp", "compose"), help="train only one of them, and write no files")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run all steps; returns the exit status: 1 if a file differs from torch."""
    options = arguments(argv)
    cv2.setNumThreads(1)
    cache = CACHE / "quick" if options.quick else CACHE
    out = options.out or (cache if options.quick else REPOSITORY / "models_onnx")
    chosen = {"seed": options.seed, "threads": options.threads}
    warp = dataclasses.replace(WARP, steps=options.warp_steps, **chosen)
    compose = dataclasses.replace(COMPOSE, steps=options.compose_steps, **chosen)
    again = chosen | {"seed": options.seed + 1}
    warp_on = dataclasses.replace(WARP_ON, steps=options.warp_on, **again)
    compose_on = dataclasses.replace(COMPOSE_ON, steps=options.compose_on, **again)
    if options.quick:
        warp, warp_on = (dataclasses.replace(one, steps=min(8, one.steps), batch=8) for one in (warp, warp_on))
        compose, compose_on = (
            dataclasses.replace(one, steps=min(4, one.steps), batch=2) for one in (compose, compose_on)
        )
    limit = 12 if options.quick else None
    pairs = data.load(options.data, parse_with(options.parser), "train", limit)
    print(f"{len(pairs)} training pairs", file=sys.stderr, flush=True)
    if options.only != "compose":
        placing, _ = train_warp(pairs, warp, cache / "warp.ckpt", options.resume)
        placing, warp_losses = train_warp(pairs, warp_on, cache / "warp.on.ckpt", options.resume, placing)
    if options.only != "warp":
        painting, _ = train_compose(pairs, compose, cache / "compose.ckpt", options.resume)
        painting, compose_losses = train_compose(pairs, compose_on, cache / "compose.on.ckpt", options.resume, painting)
    if options.only:
        return 0

    facts = {
        "training_pairs": {name: sum(p.category == name for p in pairs) for name in data.CATEGORIES},
        "warp": {"steps": [warp.steps, warp_on.steps], "batch": warp.batch, "losses": warp_losses},
        "compose": {"steps": [compose.steps, compose_on.steps], "batch": compose.batch, "losses": compose_losses},
        **chosen,
    }
    out.mkdir(parents=True, exist_ok=True)
    digest = manifest_sha256(options.data)
    parity = export.write((placing, painting), out, digest, facts)
    print(f"parity {parity}; measuring", file=sys.stderr, flush=True)
    measured = measure(options.data, options.parser, out, limit)
    facts["self_reconstruction"] = measured
    export.write((placing, painting), out, digest, facts)
    if not options.quick:
        (out / "tryon.md").write_text(card.text(facts, out))
    print(json.dumps(measured) if options.json else card.table(measured))
    failed = [name for name, value in parity.items() if value > export.PARITY]
    for name in failed:
        print(f"CHECK FAILED: {name} differs from torch by {parity[name]}", file=sys.stderr)
    return 1 if failed else 0


def parse_with(path: Path) -> data.Parse:
    """Load the parser's file as a function."""
    model = onnx_model(path)

    def parse(picture: np.ndarray) -> np.ndarray:
        logits = np.stack([cv2.resize(one, GRID[::-1]) for one in model(prepare(picture))[0][0]])
        powers = np.exp(logits - logits.max(0, keepdims=True))
        return powers / powers.sum(0, keepdims=True)

    return parse


def measure(root: Path, parser: Path, folder: Path, limit: int | None) -> dict:
    """Run the protocol on the validation photos."""

    def network(name: str):
        opened = session(folder / f"{name}.onnx")
        names = [output.name for output in opened.get_outputs()]

        def run(feeds: Mapping) -> Mapping:
            return dict(zip(names, opened.run(names, dict(feeds)), strict=True))

        return run

    pairs = data.load(root, parse_with(parser), "val", limit)
    return protocol.measured(pairs, network("tryon_warp"), network("tryon_compose"))


if __name__ == "__main__":
    sys.exit(main())
