"""Training views: a picture moved, cropped, relit and sometimes placed on another background.

Captions name colours, so light varies only as far as a colour keeps its name.
"""

import cv2
import numpy as np

from training.garment_parser.augment import composite, drawn_background, placement, warp, without_subject

from .data import Item

PLAIN = 236
"""Grey background of cut-outs (`shared/vision/embedding.py` places masked pictures on it)."""


def relit(rng: np.random.Generator, image: np.ndarray, light: float) -> np.ndarray:
    """Vary light, contrast, white balance, saturation and sharpness, with strength `light`."""
    levels = np.linspace(0, 1, 256)
    gains = np.exp(light * rng.normal(0, 0.035, 3)) * np.exp(light * rng.normal(0, 0.12))
    gamma, contrast = np.exp(light * rng.normal(0, 0.12)), np.exp(light * rng.normal(0, 0.12))
    curves = (levels[:, None] ** gamma * gains - 0.5) * contrast + 0.5
    table = np.clip(curves * 255, 0, 255).astype(np.uint8)[:, None, :]
    result = cv2.LUT(image, table.transpose(1, 0, 2))
    if rng.random() < 0.4:
        saturation = float(np.exp(light * rng.normal(0, 0.2)))
        grey = cv2.cvtColor(cv2.cvtColor(result, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        result = cv2.addWeighted(result, saturation, grey, 1 - saturation, 0)
    if rng.random() < 0.15:
        result = cv2.GaussianBlur(result, (0, 0), float(rng.uniform(0.4, 1.1)))
    return result


def erased(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Cover a part with a rectangle of one colour (Z. Zhong et al., "Random Erasing", AAAI 2020)."""
    height, width = image.shape[:2]
    h, w = (int(side * rng.uniform(0.12, 0.4)) for side in (height, width))
    y, x = int(rng.integers(0, height - h)), int(rng.integers(0, width - w))
    image[y : y + h, x : x + w] = rng.integers(0, 256, 3)
    return image


class Backgrounds:
    """Backgrounds for garments: those of other pictures, drawn ones, and plain grey."""

    def __init__(self, items: list[Item]):
        self.items = [item for item in items if item.mask is not None]
        self.emptied: dict[int, np.ndarray] = {}

    def draw(self, rng: np.random.Generator, side: int) -> np.ndarray:
        """Draw a background (side, side, 3) uint8."""
        kind = rng.random()
        if kind < 0.6 and self.items:
            i = int(rng.integers(len(self.items)))
            if i not in self.emptied:
                self.emptied[i] = without_subject(self.items[i].image, self.items[i].mask, (96, 96))
            method = cv2.INTER_AREA if side < 96 else cv2.INTER_LINEAR
            return cv2.resize(self.emptied[i], (side, side), interpolation=method)
        if kind < 0.75:
            return np.full((side, side, 3), PLAIN, np.uint8)
        return drawn_background(rng, (side, side))


def view(
    rng: np.random.Generator, item: Item, backgrounds: Backgrounds, side: int, swap: float, light: float
) -> np.ndarray:
    """One view (side, side, 3) uint8, cropped and rotated.

    Args:
        swap: probability of another background, where the garment's mask is known.
        light: variation of light, 1 for full.
    """
    swapped = item.mask is not None and rng.random() < swap
    zoom = float(np.exp(rng.uniform(-0.25, 0.3) if swapped else rng.uniform(-0.05, 0.42)))
    focus = tuple(rng.uniform(0.38, 0.62, 2))
    degrees = rng.uniform(-180, 180) if rng.random() < 0.06 else rng.normal(0, 9)
    matrix = placement(rng, item.image.shape[:2], (side, side), zoom, focus, degrees)
    mask = item.mask if swapped else np.zeros(item.image.shape[:2], bool)
    image, label = warp(item.image, mask.astype(np.uint8), matrix, (side, side), 0)
    if swapped:
        image = composite(rng, image, label > 0, backgrounds.draw(rng, side))
    image = relit(rng, image, light)
    return erased(rng, image) if rng.random() < 0.25 else image
