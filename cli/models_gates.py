"""What an exported pair has to prove: the product's own code, with these files, answers as torch does."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

type Recipes = tuple[str, str]
"""How the image and the text tower are written: `fp32`, `int8`, or `int8-mlp`, the MLP blocks alone in int8."""
RECIPES: dict[str, tuple[Recipes, ...]] = {
    "fp32": (("fp32", "fp32"),),
    "int8": (("int8", "int8"), ("int8", "int8-mlp"), ("int8-mlp", "int8-mlp")),
}
"""In order of preference."""
DIFFERENCE, COSINE, OVERLAP = 1e-5, 0.999, 0.95
NEAREST = 10


def measure(candidate: Path, work: Path, recipes: Recipes) -> dict[str, Any]:
    """Embed the gallery with the files in `candidate` as the product does, beside torch's vectors of it in `work`.

    Returns the recipes, the largest difference of a component, the lowest and mean cosine for pictures and texts, which
    share of the ten nearest pictures stays (for picture and text queries), and milliseconds an embedding on one
    thread; `refused` where the product refuses the files.
    """
    from shared.errors import ConfigurationError
    from shared.vision import embedding

    reference = np.load(work / "reference.npz")
    paths = sorted((work / "gallery").glob("*.png"))
    texts = _texts(work)
    report: dict[str, Any] = {"recipes": list(recipes), "gallery": len(paths), "texts": len(texts)}
    with _models(candidate):
        try:
            # the first of each loads the model and checks its golden answers
            embedding.embed_image(_pixels(paths[0]))
            embedding.embed_text(texts[0])
        except ConfigurationError as error:
            return report | {"refused": error.message}
        started = time.perf_counter()
        images = np.stack([embedding.embed_image(_pixels(path)).vector for path in paths])
        between = time.perf_counter()
        read = np.stack([embedding.embed_text(text).vector for text in texts])
        ended = time.perf_counter()
    exact, wanted = reference["gallery_images"], reference["gallery_texts"]
    for name, found, expected in (("image", images, exact), ("text", read, wanted)):
        cosines = (found * expected).sum(1)
        report[f"{name}_difference"] = float(np.abs(found - expected).max())
        report[f"{name}_cosine_lowest"] = float(cosines.min())
        report[f"{name}_cosine_mean"] = float(cosines.mean())
    report["image_nearest_kept"] = overlap(images, images, exact, exact, itself=False)
    report["text_nearest_kept"] = overlap(read, images, wanted, exact)
    report["image_ms"] = (between - started) / len(paths) * 1000
    report["text_ms"] = (ended - between) / len(texts) * 1000
    return report


def refusal(report: dict[str, Any]) -> str:
    """Why these files are not handed out; empty when they may be."""
    if "refused" in report:
        return report["refused"]
    failed: list[str] = []
    for name in ("image", "text"):
        difference, cosine, kept = (
            report[f"{name}_{what}"] for what in ("difference", "cosine_lowest", "nearest_kept")
        )
        if "fp32" in report["recipes"]:
            if not difference <= DIFFERENCE:
                failed.append(f"{name}s differ from torch by {difference:.1e}, at most {DIFFERENCE:.0e} is allowed")
            continue
        if not cosine >= COSINE:
            failed.append(f"the lowest cosine of {name}s is {cosine:.5f}, {COSINE} is needed")
        if not kept >= OVERLAP:
            failed.append(f"{kept:.3f} of the {NEAREST} nearest stay for {name} queries, {OVERLAP} must")
    return "; ".join(failed)


def overlap(
    queries: NDArray[Any], items: NDArray[Any], exact_queries: NDArray[Any], exact_items: NDArray[Any],
    *, itself: bool = True,
) -> float:  # fmt: skip
    """The mean share of the ten nearest items that stay the same when vectors are replaced by exact ones, 0..1.

    Args:
        itself: whether a query may find the item with its own index.
    """
    found, expected = queries @ items.T, exact_queries @ exact_items.T
    if not itself:
        np.fill_diagonal(found, -np.inf)
        np.fill_diagonal(expected, -np.inf)
    pairs = zip(np.argsort(-found)[:, :NEAREST], np.argsort(-expected)[:, :NEAREST], strict=True)
    return float(np.mean([len(set(a) & set(b)) / NEAREST for a, b in pairs]))


def _texts(work: Path) -> list[str]:
    return json.loads((work / "texts.json").read_text())["gallery"]


def _pixels(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


@contextmanager
def _models(folder: Path) -> Generator[None]:
    """The product in this process, with the models of a folder."""
    from shared import onnx
    from shared.settings import forget

    before = os.environ.get("MODELS_DIR")
    os.environ["MODELS_DIR"] = str(folder)
    forget()
    onnx.forget()
    try:
        yield
    finally:
        if before is None:
            del os.environ["MODELS_DIR"]
        else:
            os.environ["MODELS_DIR"] = before
        forget()
        onnx.forget()
