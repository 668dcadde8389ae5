"""A drawn picture and the network's output for it: detects a wrong file, wrong stretching or wrong channel order.

The picture is drawn by this module, is in the public domain (CC0 1.0) and shows no real person.
"""

import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from .evaluate import Model, prepare

GRID = (8, 6)
"""Rows and columns of the places at which logits are stored."""


def draw() -> np.ndarray:
    """Draw a person in jacket, shirt and trousers on a street in flat colours, (400, 267, 3) uint8 RGB."""
    height, width = 400, 267
    rows = np.linspace(0, 1, height)[:, None, None]
    picture = np.broadcast_to(
        np.array([168, 182, 196]) * (1 - rows) + np.array([120, 116, 112]) * rows, (height, width, 3)
    ).astype(np.uint8)
    picture = np.ascontiguousarray(picture)

    def shape(colour: tuple[int, int, int], *points: tuple[int, int]) -> None:
        cv2.fillPoly(picture, [np.array(points, np.int32)], colour)

    shape((143, 133, 125), (0, 40), (70, 60), (70, 300), (0, 330))
    shape((90, 104, 118), (14, 100), (48, 108), (48, 190), (14, 190))
    shape((104, 102, 101), (0, 330), (267, 300), (267, 400), (0, 400))
    cv2.ellipse(picture, (133, 62), (24, 30), 0, 0, 360, (74, 48, 32), -1)
    shape((214, 168, 142), (125, 84), (143, 84), (145, 104), (123, 104))
    cv2.ellipse(picture, (133, 66), (17, 23), 0, 0, 360, (222, 178, 152), -1)
    shape((236, 234, 228), (116, 102), (151, 102), (154, 200), (112, 200))
    shape(
        (38, 54, 92),
        (116, 100),
        (96, 110),
        (78, 190),
        (84, 214),
        (98, 204),
        (102, 216),
        (126, 216),
        (124, 140),
    )
    shape(
        (38, 54, 92),
        (151, 100),
        (170, 110),
        (188, 190),
        (182, 214),
        (168, 204),
        (164, 216),
        (140, 216),
        (143, 140),
    )
    shape((58, 62, 70), (104, 200), (162, 200), (164, 352), (142, 352), (134, 236), (126, 352), (104, 352))
    shape((222, 178, 152), (80, 208), (92, 208), (92, 226), (82, 226))
    shape((222, 178, 152), (174, 208), (186, 208), (185, 226), (175, 226))
    shape((92, 52, 30), (102, 350), (127, 350), (127, 364), (96, 364))
    shape((92, 52, 30), (141, 350), (166, 350), (172, 364), (141, 364))
    return picture


def answer(model: Model) -> dict:
    """The model's output for the drawn picture: logits at a grid of places (8, 6, 9), worn, present (9,)."""
    logits, worn, present = model(prepare(draw()))
    height, width = logits.shape[2:]
    rows = (np.arange(GRID[0]) * 2 + 1) * height // (2 * GRID[0])
    columns = (np.arange(GRID[1]) * 2 + 1) * width // (2 * GRID[1])
    grid = logits[0][:, rows][:, :, columns].transpose(1, 2, 0)
    return {
        "class_logits_grid": np.round(grid.astype(float), 4).tolist(),
        "worn": round(float(worn[0]), 5),
        "present": np.round(present[0].astype(float), 5).tolist(),
    }


def cosine(a: dict, b: dict) -> float:
    """Cosine of the logit grids of two outputs."""
    x, y = (np.asarray(v["class_logits_grid"]).ravel() for v in (a, b))
    return float(x @ y / np.sqrt((x @ x) * (y @ y)))


def write(folder: Path, name: str, reference: dict, places: dict) -> tuple[Path, Path]:
    """Write the drawn picture and the fp32 output; returns both paths."""
    picture, expected = folder / f"{name}.golden.png", folder / f"{name}.golden.json"
    Image.fromarray(draw()).save(picture, optimize=True)
    expected.write_text(json.dumps({"picture": picture.name, **places, **reference}) + "\n")
    return picture, expected
