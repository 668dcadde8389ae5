"""The measuring protocol: a garment is removed from a validation photo and put back.

The view is the 3:4 rectangle around the hole at 192 x 256. The hole is the true garment and, except for a lower one,
the arms, widened by 6 pixels, without head, hands, shoes and carried things. A `wide` hole is the one the engine uses
for another garment: everything that the category replaces and the legs of a lower garment or a dress are hidden as
well, so it reveals less of the outline.
The product is the same garment, cut out by its true mask and bent by `deform.bend` at strength 1 with a fixed seed:
turned by up to 12 degrees, stretched by up to 20 % along each axis, sheared by up to .12, its 4 x 4 control points
moved by 6 % of half its length (standard deviation), then fitted to the canvas by its own mask, which removes
position and size. The inputs of the engine are the view without the hole, the parser's classes outside it, and the
product.

Both baselines know the garment's true outline, the engine does not. `told` is the engine under the same condition: its
last correction uses the true outline instead of its own estimate.
"""

import time
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from vto_container.engines import compact_fit
from vto_container.engines.compact_product import SIZE, Product, extend_colours

from . import samples
from .data import Pair

SEED = 7
GMS = 170.0
"""Constant of the gradient magnitude similarity for pictures in 0..255."""


@dataclass(frozen=True)
class Case:
    """One pair of the protocol, with every method's picture (256, 192, 3) uint8 and masks (256, 192) bool."""

    id: str
    category: str
    target: np.ndarray
    truth: np.ndarray
    hidden: np.ndarray
    product: Product
    pictures: dict[str, np.ndarray]
    warped: np.ndarray
    alpha: np.ndarray
    ms: float


def case(pair: Pair, warp: compact_fit.Network, compose: compact_fit.Network, wide: bool = False) -> Case:
    """Run the engine and the baselines on a pair."""
    view = samples.fixed(pair, SEED, wide)
    truth = view.mask >= 0.5
    hidden = view.hidden.repeat(2, 0).repeat(2, 1)
    colours = view.colours.astype(np.float32)
    product = Product(extend_colours(colours, (view.share > 0.6).astype(np.float32)), view.share)
    target = view.target.astype(np.float32)
    seen = compact_fit.View(target, view.seen, view.hidden, view.frame)
    began = time.perf_counter()
    placed = compact_fit.place(warp, seen, pair.category, product)
    composed = compact_fit.compose(compose, seen, pair.category, placed)
    taken = (time.perf_counter() - began) * 1000
    inside = hidden[:, :, None]
    engine = target + (finished(placed, composed) - target) * inside
    outline = cv2.resize(view.mask, (96, 128), interpolation=cv2.INTER_AREA)
    sure = compact_fit.place(warp, seen, pair.category, product, outline)
    given = finished(sure, compact_fit.compose(compose, seen, pair.category, sure), truth)
    informed = target + (given - target) * inside
    around = extend_colours(target, ((hidden < 0.02) & (view.frame.repeat(2, 0).repeat(2, 1) > 0.5)).astype(np.float32))
    rest = target + (around - target) * inside
    mean = colours[view.share > 0.6].mean(0) if (view.share > 0.6).any() else np.full(3, 128.0)
    flat = np.where(truth[:, :, None], mean, rest)
    rows = np.where(truth[:, :, None], row_wise(product, truth), rest)
    pictures = {
        name: np.asarray(values).round().clip(0, 255).astype(np.uint8)
        for name, values in (("engine", engine), ("flat_colour", flat), ("row_wise", rows), ("told", informed))
    }
    return Case(
        pair.photo.id, pair.category, view.target, truth, hidden > 0, product, pictures, placed.mask >= 0.5,
        (placed.mask * composed.shown >= 0.5) & (hidden > 0), taken,
    )  # fmt: skip


def finished(placed: compact_fit.Placed, composed: compact_fit.Composed, truth: np.ndarray | None = None) -> np.ndarray:
    """The painted view (256, 192, 3), with the composed or a given opacity of the garment."""
    garment = compact_fit.shade(
        placed.colours,
        compact_fit.enlarge(composed.smooth, compact_fit.SMOOTH_PX),
        compact_fit.enlarge(composed.gain, 4),
        compact_fit.enlarge(composed.detail, 4),
    )
    alpha = (placed.mask * composed.shown if truth is None else truth.astype(np.float32))[:, :, None]
    return composed.paint + (garment - composed.paint) * alpha


def row_wise(product: Product, truth: np.ndarray) -> np.ndarray:
    """Stretch the product into an outline row by row: rows in proportion, each from its first to its last pixel."""
    found = np.zeros((*truth.shape, 3), np.float32)
    mask = product.mask > 0.5
    from_rows, to_rows = np.flatnonzero(mask.any(1)), np.flatnonzero(truth.any(1))
    if not from_rows.size or not to_rows.size:
        return found
    for row in to_rows:
        share = (row - to_rows[0]) / max(1, to_rows[-1] - to_rows[0])
        source = from_rows[round(share * (len(from_rows) - 1))]
        there, here = np.flatnonzero(mask[source]), np.flatnonzero(truth[row])
        columns = np.arange(here[0], here[-1] + 1)
        at = np.linspace(there[0], there[-1], len(columns)).round().astype(int)
        found[row, columns] = product.colours[source, at]
    return found


def similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """SSIM map (h, w), mean of the channels: Gaussian, sigma 1.5, data range 255 (Z. Wang et al., 2004)."""

    def blur(x: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(x, (11, 11), 1.5)

    a, b = a.astype(np.float64), b.astype(np.float64)
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b, both = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    found = (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return found.mean(2)


def perceptual(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    """1 - gradient magnitude similarity over an area (W. Xue et al., TIP 2014), mean of three scales; 0 is the same."""
    values = []
    first, second, area = (x.astype(np.float32) for x in (a, b, where))
    for _ in range(3):
        one, other = slopes(first), slopes(second)
        agreement = (2 * one * other + GMS) / (one**2 + other**2 + GMS)
        values.append(1 - float((agreement * area).sum() / max(1e-6, area.sum())))
        size = (first.shape[1] // 2, first.shape[0] // 2)
        first, second, area = (cv2.resize(x, size, interpolation=cv2.INTER_AREA) for x in (first, second, area))
    return float(np.mean(values))


def slopes(picture: np.ndarray) -> np.ndarray:
    """(h, w) lengths of the gradient of a picture (h, w, 3) float32, colours averaged."""
    grey = picture.mean(2)
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(grey, cv2.CV_32F, 0, 1) / 8)


def slope(picture: np.ndarray, where: np.ndarray) -> float:
    """Mean of `slopes` of a picture (h, w, 3) uint8 inside an area, without its outline."""
    inside = cv2.erode(where.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    return float(slopes(picture.astype(np.float32))[inside].mean()) if inside.any() else 0.0


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two bool masks."""
    return float((a & b).sum() / max(1, (a | b).sum()))


def scores(picture: np.ndarray, one: Case) -> dict[str, float]:
    """Scores of one method's picture: `ssim`, `garment_ssim`, `garment_mae` (0..255), `garment_distance`, and
    `garment_detail`: its mean slope in the garment as a share of the photo's (1: equally sharp)."""
    similar = similarity(picture, one.target)
    error = np.abs(picture.astype(np.float32) - one.target).mean(2)
    return {
        "ssim": float(similar.mean()),
        "garment_ssim": float(similar[one.truth].mean()),
        "garment_mae": float(error[one.truth].mean()),
        "garment_distance": perceptual(picture, one.target, one.truth),
        "garment_detail": slope(picture, one.truth) / max(1e-6, slope(one.target, one.truth)),
    }


def figures(cases: list[Case]) -> dict:
    """Means over the cases: scores of every method and of the masks, in total and by category."""

    def of(listed: list[Case]) -> dict:
        found: dict = {"pairs": len(listed)}
        for name in listed[0].pictures:
            each = [scores(one.pictures[name], one) for one in listed]
            found[name] = {key: round(float(np.mean([e[key] for e in each])), 4) for key in each[0]}
        found["engine"]["warped_mask_iou"] = round(float(np.mean([iou(o.warped, o.truth) for o in listed])), 4)
        found["engine"]["alpha_iou"] = round(float(np.mean([iou(o.alpha, o.truth) for o in listed])), 4)
        changed = [int((o.pictures["engine"] != o.target).any(2)[~o.hidden].sum()) for o in listed]
        found["engine"]["changed_outside"] = int(np.sum(changed))
        return found

    return of(cases) | {
        "by_category": {
            name: of([one for one in cases if one.category == name])
            for name in dict.fromkeys(one.category for one in cases)
        }
    }


def run(pairs: list[Pair], warp: compact_fit.Network, compose: compact_fit.Network, wide: bool = False) -> list[Case]:
    """Run all cases of a validation list."""
    least = 0.01 * SIZE[0] * SIZE[1]
    return [case(pair, warp, compose, wide) for pair in pairs if samples.fixed(pair, SEED).mask.sum() >= least]


def measured(pairs: list[Pair], warp: compact_fit.Network, compose: compact_fit.Network) -> dict[str, Any]:
    """Figures of a validation list, those with wide holes under `wide_hole`, and the networks' median time."""
    cases = run(pairs, warp, compose)
    return figures(cases) | {
        "networks_ms": round(float(np.median([one.ms for one in cases])), 1),
        "photos": len({one.id for one in cases}),
        "wide_hole": figures(run(pairs, warp, compose, wide=True)),
    }
