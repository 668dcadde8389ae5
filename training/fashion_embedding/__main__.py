"""`python -m training.fashion_embedding`: train both towers, export, measure, check, write card and manifests.

--restore measures and exports the fp32 weights in `models_onnx` again instead of training.

--quick runs the same steps on a few photos in about a minute and writes to a separate folder; its figures are
meaningless.
"""

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

import numpy as np

from training.garment_parser.data import manifest_sha256
from training.options import parser as torch_parser
from training.records import rounded

from . import baselines, card, data, evaluate, export, golden, report, restore, sheet, story, tokens
from .train import Schedule, finish, train

HERE = Path(__file__).resolve()
REPOSITORY = HERE.parents[2]
CACHE, MODELS = REPOSITORY / "training" / ".cache", REPOSITORY / "models_onnx"
DRAWN_TRAIN, DRAWN_TEST = (4200, 31), (6000, 47)
"""Number and seed of the drawn garments, for training and for the figures."""


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = torch_parser("python -m training.fashion_embedding", __doc__, seed=Schedule.seed, threads=Schedule.threads)
    parser.add_argument("--steps", type=int, default=Schedule.steps, help="length of the schedule (%(default)s)")
    parser.add_argument("--finish", type=int, default=1000, help="length of the second run at full size (%(default)s)")
    parser.add_argument("--restore", action="store_true", help="export the fp32 weights in models_onnx again")
    parser.add_argument(
        "--product-python",
        type=Path,
        default=REPOSITORY / ".venv" / "bin" / "python",
        help="the product's Python, which draws the garments (%(default)s)",
    )
    return parser.parse_args(argv)


def read(options: argparse.Namespace, cache: Path) -> data.Dataset:
    """Load the data for training and measuring."""
    limit = 12 if options.quick else None
    found = data.Dataset()
    real, found.val = data.garments(options.data, cache, limit)
    found.real, found.dev = data.split_dev(real, 3 if options.quick else data.DEV_EVERY)
    found.street = data.street(options.data, limit)
    parts = ((60, 31), (75, 47)) if options.quick else (DRAWN_TRAIN, DRAWN_TEST)
    found.drawn, found.drawn_test = (
        data.drawn(options.product_python, REPOSITORY, cache, count, seed) for count, seed in parts
    )
    return found


def main(argv: list[str] | None = None) -> int:
    """Run all steps; returns the exit status: 1 if a parity or golden check failed."""
    options = arguments(argv)
    began = time.monotonic()
    cache = CACHE / "quick" if options.quick else CACHE
    out = options.out or (cache if options.quick else MODELS)
    out.mkdir(parents=True, exist_ok=True)

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:7.0f} s  {text}", file=sys.stderr, flush=True)

    schedule = Schedule(steps=options.steps, seed=options.seed, threads=options.threads)
    if options.quick:
        schedule = dataclasses.replace(
            schedule, steps=min(options.steps, 12), real=8, street=2, drawn=4, checkpoint_every=6
        )
        options.finish = min(options.finish, 4)
    say(f"reading {options.data}; harvested masks and drawings are kept in {cache}")
    photos = read(options, cache)
    tokenizer = tokens.make()

    def watch(towers) -> str:
        return report.brief(export.torch_image(towers), export.torch_text(towers, tokenizer), photos)

    if options.restore:
        before = json.loads((MODELS / "fashion_image.manifest.json").read_text())["figures"]
        facts = {name: before[name] for name in ("seed", "threads", "steps", "losses")}
        towers = restore.towers(MODELS)
    else:
        counts = " + ".join(str(len(items)) for items in (photos.real, photos.street, photos.drawn))
        say(f"training {schedule.steps} steps on {counts} pictures")
        towers, facts = train(photos, schedule, cache / "fashion_embedding.ckpt", options.resume, watch)
        say(f"finishing in {options.finish} steps")
        last = finish(schedule, options.finish)
        towers, facts = train(photos, last, cache / "fashion_embedding.finish.ckpt", options.resume, watch, towers)
        facts |= {"seed": schedule.seed, "threads": schedule.threads, "steps": [schedule.steps, last.steps]}

    say("exporting")
    files = {
        "fp32": out / "fashion_image.fp32.onnx",
        "int8": out / "fashion_image.onnx",
        "text": out / "fashion_text.onnx",
        "tokenizer": out / "fashion_text.tokenizer.json",
    }
    export.export_image(towers, files["fp32"])
    export.export_int8(files["fp32"], files["int8"])
    export.export_text(towers, files["text"])
    tokens.write(files["tokenizer"])
    samples = [item.image for item in (*photos.real[:: max(1, len(photos.real) // 9)], *photos.drawn[:3])]
    checks = export.parity(towers, files["fp32"], files["int8"], samples)

    reader = evaluate.text_model(files["text"], tokenizer)
    embeds = {name: evaluate.image_model(files[name]) for name in ("fp32", "int8")}
    figures: dict = dict(facts)
    for precision, embed in embeds.items():
        say(f"measuring {precision}")
        figures[precision] = report.full(embed, reader, photos, files[precision])
    figures["text"] = report.text_costs(reader, files["text"])
    say("measuring the baselines")
    figures["floors"] = baselines.all(photos)

    reference, read_torch = export.torch_image(towers), export.torch_text(towers, tokenizer)
    gold = {"image": golden.write_image(out, reference), "text": golden.write_text(out, read_torch)}
    expected = evaluate.vectors(reference, golden.draw())
    for name, embed in embeds.items():
        checks[f"golden_{name}_cosine"] = golden.cosines(evaluate.vectors(embed, golden.draw()), expected)
    checks["text_max_difference"] = float(np.abs(reader(golden.TEXTS) - read_torch(golden.TEXTS)).max())
    failed = [
        name
        for name, wrong in {
            "image fp32 differs from torch": checks["image_fp32_max_difference"] > card.FP32_TOLERANCE,
            "text differs from torch": checks["text_max_difference"] > card.FP32_TOLERANCE,
            "golden fp32": checks["golden_fp32_cosine"] < card.GOLDEN_COSINE["fp32"],
            "golden int8": checks["golden_int8_cosine"] < card.GOLDEN_COSINE["int8"],
        }.items()
        if wrong
    ]
    run = card.Run(
        figures=figures,
        checks=checks,
        counts={name: len(getattr(photos, name)) for name in ("real", "dev", "val", "street", "drawn", "drawn_test")}
        | {"masks": sum(item.mask is not None for item in photos.real)},
        standardise=report.standardise(embeds["int8"], reader, photos, schedule.seed),
        data_manifest_sha256=manifest_sha256(options.data),
    )
    sheet.write(out / "fashion_embedding.sheet.jpg", embeds["int8"], reader, photos.drawn_test)
    image = card.image_entry(run, files["int8"], files["fp32"], gold["image"])
    text = card.text_entry(run, files["text"], files["tokenizer"], gold["text"])
    for entry in (image, text):
        (out / f"{entry['id']}.manifest.json").write_text(json.dumps(entry, indent=1) + "\n")
    (out / "fashion_embedding.md").write_text(story.text(run, image, text))
    print(json.dumps(rounded(figures)) if options.json else report.summary(run))
    say(f"written to {out}")
    for name in failed:
        print(f"CHECK FAILED: {name}: {checks}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
