"""Segmentation: quality on validation photos, latency and size, against GrabCut and the architecture of U2-NETP.

Variants alternate within one run, so that load on the machine affects all of them: compare the ratios.
"""

from __future__ import annotations

import csv
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench._common import elapsed_ms
from emulators.functions_host.settings import local_values
from emulators.stack import ROOT
from wardrobe import draw_garment, draw_mannequin, garment_specs

DATA = ROOT.parent / "shared" / "data"
TRAINING = ROOT / "training" / ".venv" / "bin" / "python"
FLATS, PEOPLE, DRAWN, RUNS = 80, 100, 60, 20
U2NETP_SIDE = 320
TORSO = ("upper", "outerwear", "full_body")

type Pixels = NDArray[Any]
type Case = tuple[Pixels, Pixels]
"""A photo (h, w, 3) uint8 and its true mask (h, w) bool."""


def main() -> dict[str, Any]:
    """Measure quality, latency (milliseconds, one thread) and size."""
    local_values(ROOT)
    cv2.setNumThreads(1)
    from shared.vision import parser

    model = parser.loaded()
    report: dict[str, Any] = {
        "ok": True,
        "model": {"version": model.version, "bytes": model.manifest.bytes, "precision": model.manifest.precision},
        "quality": {"drawn_wardrobe": compare(wardrobe(DRAWN))},
    }
    if DATA.is_dir():
        flats, refused = garments(FLATS)
        report["quality"]["garment_photos"] = compare(flats) | {
            "reference": f"two GrabCut runs that agree (IoU >= .95); {refused} photos without agreement omitted",
            "grabcut_note": "circular: the references were made by GrabCut",
        }
        report["quality"]["street_photos"] = street(PEOPLE)
    else:
        report["quality"]["note"] = "../shared/data is missing: drawn garments only"
    report["latency_ms"] = latency()
    return report


def wardrobe(count: int) -> list[Case]:
    """Drawn garments with exact masks."""
    drawn = [draw_garment(spec, (384, 480)) for spec in garment_specs(count, 101)]
    return [(np.asarray(one.image.convert("RGB")), np.asarray(one.mask) > 127) for one in drawn]


def garments(count: int) -> tuple[list[Case], int]:
    """Validation photos of garments with a mask on which two GrabCut runs agree, and how many have none."""
    with (DATA / "garments" / "labels.csv").open() as file:
        names = [row["file"] for row in csv.DictReader(file) if row["split"] == "validation"]
    found: list[Case] = []
    refused = 0
    for name in names[:: max(1, len(names) // count)]:
        picture = read(DATA / "garments" / name)
        first, second = grabcut(picture, 0.02), grabcut(picture, 0.08)
        if iou(first, second) >= 0.95 and 0.08 <= first.mean() <= 0.8:
            found.append((picture, first))
        else:
            refused += 1
    return found, refused


def compare(cases: Sequence[Case]) -> dict[str, Any]:
    """Score the product's mask, the map of several views, the model's map alone, and GrabCut from a rectangle."""
    return {
        "photos": len(cases),
        "ours": score([(refined(picture), mask) for picture, mask in cases]),
        "map_of_several_views": score([(enlarged(picture, several=True), mask) for picture, mask in cases]),
        "map_alone": score([(enlarged(picture), mask) for picture, mask in cases]),
        "grabcut": score([(grabcut(picture, 0.05), mask) for picture, mask in cases]),
    }


def score(pairs: Sequence[Case]) -> dict[str, float]:
    """Mean IoU, share of photos below .90, and F-score of the outlines within one pixel."""
    values = [iou(a, b) for a, b in pairs]
    return {
        "iou": round(statistics.mean(values), 4),
        "below_90": round(statistics.mean(value < 0.9 for value in values), 3),
        "boundary_f_1px": round(statistics.mean(boundary(a, b) for a, b in pairs), 4),
    }


def street(count: int) -> dict[str, Any]:
    """Street photos with masks of nine classes, by one pass of the model and by several views: IoU of the person, of
    the torso's classes merged, and of each class, pooled over all photos; and mean IoU of the person by photo."""
    from shared.vision import careful, parser

    with (DATA / "ccp" / "labelled.csv").open() as file:
        ids = [row["id"] for row in csv.DictReader(file) if row["split"] == "val"][:count]
    labels = parser.loaded().manifest.labels
    ways = ("one_pass", "several_views")
    confusions = {way: np.zeros((len(labels), len(labels)), np.int64) for way in ways}
    masks: dict[str, list[Case]] = {way: [] for way in (*ways, "ours")}
    worn = 0
    for id in ids:
        picture = picture_of(id)
        with Image.open(DATA / "ccp" / "labels" / f"{id}.png") as image:
            truth = np.asarray(image)
        first = parser.parse(picture)
        worn += first.is_worn
        for way, parsed in zip(ways, (first, careful.improve(picture, first)), strict=True):
            planes = [np.asarray(resized(plane, picture)) for plane in parsed.probabilities]
            strongest = 1 + np.stack(planes[1:]).argmax(0)
            found = np.where(planes[0] >= 0.5, 0, strongest)
            pairs = (truth * len(labels) + found).ravel()
            confusions[way] += np.bincount(pairs, minlength=len(labels) ** 2).reshape(len(labels), -1)
            masks[way].append((found > 0, truth > 0))
        masks["ours"].append((refined(picture), truth > 0))
    return {
        "photos": len(ids),
        "called_worn": worn / len(ids),
        **{way: classes(confusions[way], labels) for way in ways},
        "person_ours": score(masks["ours"]),
        "person_of_several_views": score(masks["several_views"]),
        "person_map_alone": score(masks["one_pass"]),
        "person_grabcut": score(
            [(grabcut(picture_of(id), 0.05), truth) for id, (_, truth) in zip(ids, masks["ours"], strict=True)]
        ),
    }


def classes(confusion: NDArray[np.int64], labels: Sequence[str]) -> dict[str, Any]:
    """Figures from pixel counts (true class, found class); background is the first class."""
    hits = confusion.diagonal()
    per_class = hits / (confusion.sum(0) + confusion.sum(1) - hits).clip(1)
    torso = np.isin(np.array(labels), TORSO)
    either = confusion[torso].sum() + confusion[:, torso].sum() - confusion[np.ix_(torso, torso)].sum()
    return {
        "miou9": round(float(per_class.mean()), 4),
        "person_iou": round(float(confusion[1:, 1:].sum() / max(1, confusion.sum() - confusion[0, 0])), 4),
        "torso_iou": round(float(confusion[np.ix_(torso, torso)].sum() / max(1, either)), 4),
        "class_iou": {name: round(float(value), 3) for name, value in zip(labels, per_class, strict=True)},
    }


def picture_of(id: str) -> Pixels:
    return read(DATA / "ccp" / "photos" / f"{id}.jpg")


def latency() -> dict[str, Any]:
    """Measure the model alone, a pass with its preparation, several views of a garment and of a person, the complete
    mask, GrabCut, and the architecture of U2-NETP, alternating."""
    from shared import onnx
    from shared.vision import careful, parser, segments

    model = parser.loaded()
    wanted = model.manifest.image_input
    photos = {side: wardrobe_photo(side) for side in (400, 1600)}
    person = np.asarray(draw_mannequin(4, (300, 400)).image.convert("RGB"))
    feed = {wanted.name: onnx.image_tensor(photos[400], wanted)}
    work: dict[str, Callable[[], Any]] = {
        "model_alone": lambda: model.run(feed),
        "one_pass_400px": lambda: parser.parse(photos[400]),
        "several_views_garment_400px": lambda: careful.improve(photos[400], parser.parse(photos[400])),
        "several_views_person_400px": lambda: careful.improve(person, parser.parse(person)),
        "mask_400px": lambda: segments.segment(photos[400]),
        "mask_1600px": lambda: segments.segment(photos[1600]),
        "grabcut_400px": lambda: grabcut(photos[400], 0.05),
    }
    notes: dict[str, Any] = {"threads": 1, "runs": RUNS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "u2netp.onnx"
        why = export_u2netp(path)
        if why is None:
            work["u2netp_320px_random_weights"] = u2netp(path)
            notes["u2netp_bytes"] = path.stat().st_size
        else:
            notes["u2netp"] = why
        taken: dict[str, list[float]] = {name: [] for name in work}
        for turn in range(RUNS + 2):
            for name, run in work.items():
                if name in ("mask_1600px", "grabcut_400px") and turn % 4:
                    continue
                spent = elapsed_ms(run)
                if turn >= 2:
                    taken[name].append(spent)
    medians = {name: round(statistics.median(values), 2) for name, values in taken.items()}
    best = {name: round(min(values), 2) for name, values in taken.items()}
    ratios = {name: round(best[name] / best["model_alone"], 1) for name in best if name != "model_alone"}
    return {"median": medians, "best": best, "times_the_model": ratios, **notes}


def export_u2netp(path: Path) -> str | None:
    """Export U2-NETP with random weights; returns None, or why it is omitted."""
    if not TRAINING.is_file():
        return "omitted: training/.venv with torch is missing"
    done = subprocess.run(
        [TRAINING, ROOT / "training" / "u2netp.py", path], capture_output=True, text=True, check=False
    )
    return None if done.returncode == 0 else f"omitted: {done.stderr.strip().splitlines()[-1][:200]}"


def u2netp(path: Path) -> Callable[[], Any]:
    """A function that runs the exported model on one thread."""
    import onnxruntime

    runtime: Any = onnxruntime
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {"image": np.zeros((1, 3, U2NETP_SIDE, U2NETP_SIDE), np.float32)}
    return lambda: session.run(None, feed)


def wardrobe_photo(side: int) -> Pixels:
    drawn = draw_garment(garment_specs(1, 5)[0], (400, 500)).image.convert("RGB")
    return np.asarray(drawn.resize((side * 4 // 5, side)))


def read(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def refined(picture: Pixels) -> Pixels:
    """The foreground mask that the product computes."""
    from shared.vision import careful, matte, parser

    return matte.alpha(careful.improve(picture, parser.parse(picture)).foreground, picture) > 127


def enlarged(picture: Pixels, *, several: bool = False) -> Pixels:
    """The map of one pass, or of several views, enlarged to the picture's size, without refinement."""
    from shared.vision import careful, parser

    parsed = parser.parse(picture)
    return np.asarray(resized((careful.improve(picture, parsed) if several else parsed).foreground, picture)) > 0.5


def resized(plane: Pixels, picture: Pixels) -> Image.Image:
    size = (picture.shape[1], picture.shape[0])
    return Image.fromarray(np.ascontiguousarray(plane, np.float32)).resize(size, Image.Resampling.BILINEAR)


def grabcut(picture: Pixels, frame: float) -> Pixels:
    """GrabCut that starts from a centred rectangle, with everything outside it as background."""
    height, width = picture.shape[:2]
    inset = max(1, round(frame * min(height, width)))
    labels = np.zeros((height, width), np.uint8)
    cv2.setRNGSeed(1)
    rectangle = (inset, inset, width - 2 * inset, height - 2 * inset)
    bgr = np.ascontiguousarray(picture[:, :, ::-1])
    try:
        cv2.grabCut(bgr, labels, rectangle, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_RECT)
    except cv2.error:
        return np.zeros((height, width), bool)
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)


def iou(a: Pixels, b: Pixels) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


def boundary(a: Pixels, b: Pixels, tolerance: int = 1) -> float:
    """F-score of two outlines matched within `tolerance` pixels (D. Martin et al., PAMI 2004)."""
    cross = np.ones((3, 3), np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * tolerance + 1, 2 * tolerance + 1))
    lines = [mask & ~cv2.erode(mask.astype(np.uint8), cross, borderValue=1).astype(bool) for mask in (a, b)]
    wide = [cv2.dilate(line.astype(np.uint8), disc).astype(bool) for line in lines]
    hits = [np.count_nonzero(lines[i] & wide[1 - i]) / max(1, np.count_nonzero(lines[i])) for i in (0, 1)]
    return 2 * hits[0] * hits[1] / max(1e-9, hits[0] + hits[1])
