"""`python -m training.outline.prepare`: examples, made by the try-on engine; run by the product's Python.

A garment is cut out of a photo and put back on its wearer, as in `bench/_tryon_paired.py`. Of each photo there are two
examples: in the first, the old garment is the garment itself, as in every pair; in the second, another garment,
placed on the same person, is shown to the network as the old one, so that it learns what an old outline
says about a different garment, and can't just copy it.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench import _tryon_paired
from emulators.functions_host.settings import local_values
from emulators.stack import ROOT
from shared.engines.base import Category
from shared.errors import StudioError
from vto_container.engines import (
    compact,
    compact_fit,
    compact_garment,
    compact_old,
    compact_outline,
    compact_parts,
    compact_view,
)
from vto_container.engines.compact_edges import Edges, read_edges

HEIGHT = 640
OTHERS = 30
"""Garments of which another one is drawn."""
SEED = 3
CATEGORY: Category = "upper"
CLOTHES = ("upper", "outerwear", "lower", "full_body")
STEP = compact_outline.STEP


@dataclass(frozen=True)
class Product:
    """A garment with its parts."""

    garment: compact_garment.Garment
    parts: compact_parts.Parts


def main() -> None:
    """Write the examples that are missing."""
    parser = argparse.ArgumentParser(prog="python -m training.outline.prepare", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    local_values(ROOT)
    options.out.mkdir(parents=True, exist_ok=True)
    pairs = [one for one in _tryon_paired.pairs(options.data, "train") if one.category == CATEGORY]
    random.Random(SEED).shuffle(pairs)
    others: list[Product] = []
    for number, pair in enumerate(pairs[: options.limit]):
        try:
            write(pair, options.out / f"{number:04d}.npz", others, random.Random(number))
        except StudioError as error:
            print(f"{pair.id}: {error.code}", flush=True)


def write(pair: _tryon_paired.Pair, path: Path, others: list[Product], rng: random.Random) -> None:
    """Write the examples of one photo."""
    size = (round(pair.photo.shape[1] * HEIGHT / pair.photo.shape[0]), HEIGHT)
    person = np.asarray(Image.fromarray(pair.photo).resize(size, Image.Resampling.BICUBIC))
    garment = compact_garment.read_garment(pair.product, CATEGORY)
    product = Product(garment, compact_parts.cut(garment))
    worn = list(others)
    others.append(product)
    del others[:-OTHERS]
    if path.exists():
        return
    view = compact_view.read_view(person, CATEGORY)
    left, top, right, low = view.window
    whole = Image.fromarray(pair.mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR)
    truth = np.asarray(whole)[top:low, left:right][::STEP, ::STEP].astype(np.float32) / 255
    blind = compact_fit.opacity(compact.place(garment, view, CATEGORY, Edges()), product.parts, STEP)
    own = compact_old.read_old(view, CATEGORY)
    found = {f"own_{name}": values for name, values in example(view, own, product, blind, truth).items()}
    if worn:
        other = exchanged(view, own, rng.choice(worn))
        found |= {f"other_{name}": values for name, values in example(*other, product, blind, truth).items()}
    np.savez_compressed(path, **found)


def exchanged(
    view: compact_view.View, own: compact_old.Old, other: Product
) -> tuple[compact_view.View, compact_old.Old]:
    """The view as if its person wore another garment."""
    opacity = compact_fit.opacity(compact.place(other.garment, view, CATEGORY, Edges()), other.parts, 1)
    chance = np.where(own.front > 0.5, 0, opacity).astype(np.float32)
    before = own.chance > 0.3
    bare = np.max([view.arm(0), view.arm(1), view.leg(0), view.leg(1)], 0) & (own.chance > 0.5)
    maps = {name: np.where(before, 0, view.maps[name]) if name in CLOTHES else view.maps[name] for name in view.maps}
    maps["upper"] = np.maximum(maps["upper"], chance).astype(np.float32)
    maps["skin"] = np.where(chance > 0.5, 0, np.maximum(view.maps["skin"], bare)).astype(np.float32)
    maps["lower"] = np.where(chance > 0.5, 0, view.maps["lower"]).astype(np.float32)
    seen = replace(view, maps=maps)
    return seen, compact_old.Old(chance, read_edges(seen, chance, CATEGORY), own.front, own.arms, own.neck)


def example(
    view: compact_view.View,
    old: compact_old.Old,
    product: Product,
    blind: NDArray[Any],
    truth: NDArray[Any],
) -> dict[str, NDArray[Any]]:
    """What the network sees, the true outline, and where it counts: in the view and not hidden."""
    placed = compact.place(product.garment, view, CATEGORY, old.edges)
    placed = compact_fit.fit(placed, product.parts, view, old, CATEGORY, product.garment.shape == "legs")
    fitted = compact_fit.opacity(placed, product.parts, STEP)
    window, features = compact_outline.seen(view, old, blind, fitted)
    front = compact_outline.cut(old.front[::STEP, ::STEP], window)
    inside = compact_outline.cut(np.ones_like(truth), window)
    return {
        "features": features.astype(np.float16),
        "truth": compact_outline.cut(truth, window).astype(np.float16),
        "weight": ((1 - front).clip(0, 1) * (inside > 0.5)).astype(np.float16),
    }


if __name__ == "__main__":
    main()
