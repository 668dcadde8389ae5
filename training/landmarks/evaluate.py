"""Errors of landmarks on photos, of the network and of the rule, and of the network's kinds."""

from collections.abc import Callable, Sequence

import numpy as np

from . import rule
from .data import Sample, box_of
from .names import KINDS, NAMES
from .views import plain

Model = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]
"""A view (h, w, 3) uint8 -> maps (landmarks, rows, columns), present, kind, several."""
WINDOW = 2
CLOSE = 0.05
"""Error, as a share of the longer side of the garment, up to which a landmark counts as found."""
UPPER, LOWER = ("t-shirt", "longsleeve", "shirt", "outwear"), ("pants", "shorts", "skirt")
GROUPS = {"neck": (0, 3), "shoulders": (3, 5), "armpits": (5, 7), "cuffs": (7, 11), "hem": (11, 13),
          "waist": (13, 15), "crotch": (15, 16), "legs": (16, 20)}  # fmt: skip


def found(model: Model, sample: Sample) -> np.ndarray:
    """(landmarks, 2) x and y in pixels of the photo."""
    view, matrix = plain(sample)
    maps = model(view)[0]
    stride = view.shape[0] / maps.shape[1]
    places = np.array([peak(field) for field in maps])
    return ((places + 0.5) * stride - matrix[:, 2]) / matrix[0, 0]


def peak(field: np.ndarray) -> tuple[float, float]:
    """Column and row of the highest peak: the mean of a window around its maximum, as `shared.vision.landmarks`."""
    row, column = np.unravel_index(int(field.argmax()), field.shape)
    top, left = max(0, row - WINDOW), max(0, column - WINDOW)
    window = field[top : row + WINDOW + 1, left : column + WINDOW + 1]
    down, across = np.mgrid[top : top + window.shape[0], left : left + window.shape[1]]
    return float((window * across).sum() / window.sum()), float((window * down).sum() / window.sum())


def measure(model: Model, samples: Sequence[Sample]) -> dict:
    """Mean error as a share of the garment's longer side, and share of landmarks found, by group and of all."""
    errors: dict[str, dict[str, list[float]]] = {"network": {}, "rule": {}}
    missing = 0
    for sample in samples:
        left, top, right, low = box_of(sample.mask)
        size = max(right - left, low - top)
        ruled = rule.landmarks(sample.mask, KINDS[sample.kind]) or {}
        places = found(model, sample)
        for group, (first, last) in GROUPS.items():
            for number in range(first, last):
                if sample.there[number] != 1 or not np.isfinite(sample.points[number]).all():
                    continue
                wanted = sample.points[number]
                errors["network"].setdefault(group, []).append(float(np.hypot(*(places[number] - wanted))) / size)
                if NAMES[number] in ruled:
                    error = float(np.hypot(*(ruled[NAMES[number]] - wanted))) / size
                    errors["rule"].setdefault(group, []).append(error)
                else:
                    missing += 1
    whole = sum(len(values) for values in errors["network"].values())
    answer: dict = {"photos": len(samples), "landmarks": whole, "rule_finds_nothing": round(missing / max(1, whole), 4)}
    for name, groups in errors.items():
        every = [value for values in groups.values() for value in values]
        answer[name] = {
            "mean_error": round(float(np.mean(every)), 4) if every else None,
            "found": round(sum(value <= CLOSE for value in every) / max(1, whole), 4),
            "by_group": {group: round(float(np.mean(values)), 4) for group, values in groups.items()},
        }
    return answer


def kinds(model: Model, samples: Sequence[Sample]) -> dict:
    """Accuracy of kinds, and how many tops are taken for something for the legs or for no garment at all."""
    right = tops = wrong = single = several = 0
    for sample in samples:
        view, _ = plain(sample)
        _, _, chances, pair = model(view)
        right += int(chances.argmax()) == sample.kind
        single += 1
        several += float(np.ravel(pair)[0]) >= 0.6
        if KINDS[sample.kind] in UPPER:
            tops += 1
            away = sum(float(chances[KINDS.index(name)]) for name in (*LOWER, "other"))
            wrong += away >= 0.9
    return {
        "photos": single,
        "accuracy": round(right / max(1, single), 4),
        "tops_refused": round(wrong / max(1, tops), 4),
        "tops": tops,
        "single_taken_for_several": round(several / max(1, single), 4),
    }
