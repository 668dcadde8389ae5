"""A page of example results: twelve searches on drawn garments, which may be published."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from .data import Item
from .evaluate import Embed, Read, vectors

QUERIES = (
    "red dress",
    "navy striped t-shirt",
    "floral skirt",
    "black leather boots",
    "checked shirt",
    "white sneakers",
)
PICTURES = ("jacket", "dress", "shoes", "bag", "sweater", "trousers")
SHOWN, TILE, LABEL = 8, (84, 104), 14


def tile(image: np.ndarray) -> np.ndarray:
    """A picture at display size."""
    return cv2.resize(image, TILE, interpolation=cv2.INTER_AREA)


def write(path: Path, embed: Embed, read: Read, items: list[Item]) -> None:
    """Draw one search per row: the query at the left, then its best eight results with their scores."""
    gallery = vectors(embed, [item.image for item in items])
    rows: list[tuple[np.ndarray | str, np.ndarray]] = [
        (query, gallery @ vector) for query, vector in zip(QUERIES, read(QUERIES), strict=True)
    ]
    for category in PICTURES:
        chosen = next((i for i, item in enumerate(items) if item.facts["category"] == category and i > 60), None)
        if chosen is not None:
            scores = gallery @ gallery[chosen]
            scores[chosen] = -np.inf
            rows.append((items[chosen].image, scores))
    width, height = (SHOWN + 1) * (TILE[0] + 6) + 12, len(rows) * (TILE[1] + LABEL + 6)
    page = Image.new("RGB", (width, height), (255, 255, 255))
    pen = ImageDraw.Draw(page)
    for y, (query, scores) in zip(range(0, height, TILE[1] + LABEL + 6), rows, strict=False):
        if isinstance(query, str):
            pen.multiline_text((4, y + 30), query.replace(" ", "\n"), fill=(20, 20, 20), spacing=3)
        else:
            page.paste(Image.fromarray(tile(query)), (0, y))
            pen.text((2, y + TILE[1] + 1), "like this", fill=(90, 90, 90))
        for x, i in enumerate(np.argsort(-scores, kind="stable")[:SHOWN], start=1):
            left = x * (TILE[0] + 6) + 12
            page.paste(Image.fromarray(tile(items[i].image)), (left, y))
            pen.text((left, y + TILE[1] + 1), f"{scores[i]:.3f}", fill=(90, 90, 90))
    page.save(path, quality=88, optimize=True)
