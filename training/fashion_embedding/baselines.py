"""Baselines without learning: chance, the most frequent category, edges (HOG), colours (histogram)."""

import zlib
from collections.abc import Sequence

import cv2
import numpy as np

from shared.vision.colours import REFERENCE_COLOURS, to_lab

from . import evaluate
from .data import CATEGORIES, Dataset, Item


def hog(images: Sequence[np.ndarray]) -> np.ndarray:
    """Histograms of oriented gradients (N. Dalal, B. Triggs, CVPR 2005) of the stretched pictures, unit length: nine
    directions in cells of 16 pixels of 128, blocks of 2 x 2 cells."""
    return unit(np.stack([_hog(image) for image in images]))


def _hog(image: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(cv2.resize(image, (128, 128), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    across, down = (cv2.Sobel(grey, cv2.CV_32F, *order, ksize=1) for order in ((1, 0), (0, 1)))
    strength, bearing = np.hypot(across, down), (np.arctan2(down, across) % np.pi) / np.pi * 9
    low = np.floor(bearing).astype(int)
    layers = np.zeros((128, 128, 9), np.float32)
    for bins, share in ((low % 9, 1 - (bearing - low)), ((low + 1) % 9, bearing - low)):
        np.put_along_axis(layers, bins[:, :, None], (strength * share)[:, :, None], 2)
    cells = layers.reshape(8, 16, 8, 16, 9).sum((1, 3))
    blocks = np.concatenate([cells[y : y + 7, x : x + 7] for y in (0, 1) for x in (0, 1)], 2)
    return np.minimum(unit(blocks.reshape(49, -1)), 0.2).ravel()


def histogram(images: Sequence[np.ndarray]) -> np.ndarray:
    """Colour histograms, 6 x 6 x 6 in Lab over the whole picture, square-rooted (Hellinger), unit length."""
    rows = []
    for image in images:
        pixels = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2LAB)
        rows.append(cv2.calcHist([pixels], [0, 1, 2], None, [6, 6, 6], [0, 256, 60, 200, 60, 200]).ravel())
    return unit(np.sqrt(np.stack(rows)))


def both(images: Sequence[np.ndarray]) -> np.ndarray:
    """Edges and colours concatenated."""
    return np.concatenate([hog(images), histogram(images)], 1) / np.sqrt(2)


def unit(x: np.ndarray) -> np.ndarray:
    """Rows of unit length."""
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)


def chance(images: Sequence[np.ndarray]) -> np.ndarray:
    """Random vectors, seeded by the pictures."""
    return unit(np.random.default_rng(zlib.crc32(images[0].tobytes())).normal(size=(len(images), 64)))


def colour_alone(items: list[Item]) -> dict:
    """`evaluate.catalogue` for a method that knows each drawing's exact mask and colour names, but no categories."""
    middle = np.stack([np.median(item.image[item.mask], 0) for item in items]).astype(np.uint8)
    references = to_lab(np.array(list(REFERENCE_COLOURS.values()), np.uint8))
    measured, named = to_lab(middle), dict(zip(REFERENCE_COLOURS, references, strict=True))
    queries = evaluate.colour_queries(items)
    scores = np.stack([-np.linalg.norm(measured - named[colour], axis=1) for colour, _ in queries], 1)
    return evaluate.ranked(scores, queries)


def all(data: Dataset) -> dict:
    """All baselines, in the format of the figures."""
    labels = np.array([item.category for item in data.val])
    trained = np.bincount([item.category for item in data.real], minlength=len(CATEGORIES))
    shares = np.bincount(labels, minlength=len(CATEGORIES)) / len(labels)
    queries = evaluate.colour_queries(data.drawn_test)
    copies = evaluate.altered(data.val)
    noise = np.random.default_rng(4).normal(size=(len(data.drawn_test), len(queries)))
    return {
        "most_frequent": float((labels == trained.argmax()).mean()),
        "pictures": {
            name: evaluate.pictures(embed, data.val, data.real, copies)
            for name, embed in (("chance", chance), ("histogram", histogram), ("hog", hog), ("hog+histogram", both))
        },
        "words_chance": float(shares[shares > 0].mean()),
        "catalogue": {
            "chance": evaluate.ranked(noise, queries)["p10"],
            "colour_alone": colour_alone(data.drawn_test)["p10"],
        },
    }
