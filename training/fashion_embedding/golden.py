"""Drawn pictures, texts, and their vectors: detect a wrong file, stretching, channel order or tokenizer.

The pictures are drawn by this module, are in the public domain (CC0 1.0) and show no real person.
"""

import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from .evaluate import Embed, Read, vectors

TEXTS = ("navy striped t-shirt", "red dress", "a pair of brown leather boots")


def canvas(width: int, height: int, top: tuple[int, int, int], bottom: tuple[int, int, int]) -> np.ndarray:
    """A background that darkens downwards, (height, width, 3) uint8 RGB."""
    rows = np.linspace(0, 1, height)[:, None, None]
    return np.ascontiguousarray(
        np.broadcast_to(np.array(top) * (1 - rows) + np.array(bottom) * rows, (height, width, 3)).astype(np.uint8)
    )


def shape(picture: np.ndarray, colour: tuple[int, int, int], *points: tuple[int, int]) -> None:
    """Draw a filled polygon."""
    cv2.fillPoly(picture, [np.array(points, np.int32)], colour)


def draw() -> list[np.ndarray]:
    """Draw a striped shirt, a red dress and a pair of boots in flat colours, in pictures that are not square."""
    shirt = canvas(200, 240, (226, 224, 220), (206, 204, 200))
    outline = ((60, 40), (90, 30), (110, 30), (140, 40), (180, 90), (156, 108), (140, 88), (140, 205), (60, 205))
    shape(shirt, (38, 54, 92), *outline, (60, 88), (44, 108), (20, 90))
    for y in range(60, 205, 18):
        cv2.rectangle(shirt, (61, y), (139, y + 6), (236, 234, 228), -1)
    dress = canvas(180, 260, (188, 180, 168), (160, 150, 140))
    shape(dress, (186, 38, 44), (64, 24), (116, 24), (110, 110), (150, 236), (30, 236), (70, 110))
    shape(dress, (150, 26, 34), (70, 108), (110, 108), (111, 118), (69, 118))
    boots = canvas(260, 190, (120, 92, 70), (100, 76, 56))
    for x in (30, 140):
        shape(boots, (70, 44, 28), (x, 20), (x + 44, 20), (x + 46, 110), (x + 90, 130), (x + 92, 160), (x, 160))
        shape(boots, (24, 20, 18), (x - 2, 160), (x + 94, 160), (x + 94, 170), (x - 2, 170))
    return [shirt, dress, boots]


def write_image(folder: Path, embed: Embed) -> dict:
    """Write the pictures and the fp32 torch vectors; returns the manifest's field."""
    pictures = draw()
    names = []
    for i, picture in enumerate(pictures):
        names.append(f"fashion_image.golden.{i}.png")
        Image.fromarray(picture).save(folder / names[-1], optimize=True)
    found = vectors(embed, pictures)
    file = folder / "fashion_image.golden.json"
    file.write_text(json.dumps({"pictures": names, "vectors": np.round(found.astype(float), 5).tolist()}) + "\n")
    return {"picture": names[0], "file": file.name}


def write_text(folder: Path, read: Read) -> dict:
    """Write the texts and their vectors; returns the manifest's field."""
    file = folder / "fashion_text.golden.json"
    found = read(TEXTS)
    file.write_text(json.dumps({"texts": TEXTS, "vectors": np.round(found.astype(float), 5).tolist()}) + "\n")
    return {"file": file.name}


def cosines(found: np.ndarray, expected: np.ndarray) -> float:
    """The smallest cosine of two lists of vectors (n, D)."""
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    return float(((found * expected).sum(1) / np.maximum(lengths, 1e-12)).min())
