"""Turn a worn garment into a product photo: normalise its frame, deform it at random, cut it out.

A deformation maps the product to the photo, so the product is drawn by looking up pixels; its inverse, which the
network has to find, is computed by iteration. Both are exact: the place of every worn pixel on the canvas is known.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from vto_container.engines.compact_product import SIZE, canvas_rectangle

ROTATION, STRETCH, SHEAR, BEND = 12.0, 0.18, 0.12, 0.06
"""At strength 1: degrees and log scale and shear (all uniform, either sign), and the standard deviation of the 4 x 4
control points' shifts in halves of the garment's longer side."""
REACH = 1.7
"""Extent of the product's frame covered by the control points, in the same unit."""
CONTROLS = 4


@dataclass(frozen=True)
class Bend:
    """`u = inverse q + shift(q)`, from the product's frame to the photo's, both centred on the garment."""

    matrix: np.ndarray
    inverse: np.ndarray
    shifts: np.ndarray

    def back(self, q: np.ndarray) -> np.ndarray:
        """Map places (n, 2), n a multiple of 16, from the product's frame to the photo's."""
        return (q @ self.inverse.T + self.shift(q)).astype(np.float32)

    def forth(self, u: np.ndarray) -> np.ndarray:
        """Map places (n, 2), n a multiple of 16, from the photo's frame to the product's."""
        q = u @ self.matrix.T
        for _ in range(8):
            q = (u - self.shift(q)) @ self.matrix.T
        return q.astype(np.float32)

    def shift(self, q: np.ndarray) -> np.ndarray:
        side = self.shifts.shape[0]
        at = ((q + REACH) / (2 * REACH) * (side - 1)).astype(np.float32)
        # OpenCV refuses pictures wider than 32767
        at = at.reshape(-1, 16, 2)
        found = cv2.remap(self.shifts, at[:, :, 0], at[:, :, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return found.reshape(-1, 2)


def bend(rng: np.random.Generator, strength: float) -> Bend:
    """Draw a random deformation."""
    angle = np.deg2rad(rng.uniform(-ROTATION, ROTATION) * strength)
    across, down = np.exp(rng.uniform(-STRETCH, STRETCH, 2) * strength)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1, rng.uniform(-SHEAR, SHEAR) * strength], [0, 1]])
    matrix = turn @ shear @ np.diag([across, down])
    controls = rng.normal(0, BEND * strength, (CONTROLS, CONTROLS, 2)).clip(-0.13, 0.13).astype(np.float32)
    shifts = cv2.resize(controls, (33, 33), interpolation=cv2.INTER_CUBIC)
    return Bend(matrix.astype(np.float32), np.linalg.inv(matrix).astype(np.float32), shifts)


@dataclass(frozen=True)
class Shot:
    """A drawn product: `colours` (*SIZE, 3) uint8, `mask` (*SIZE) float32 in 0..1, and the mapping of places on it."""

    colours: np.ndarray
    mask: np.ndarray
    bend: Bend
    centre: np.ndarray
    half: float
    rectangle: tuple[float, float, float, float]

    def places(self, points: np.ndarray) -> np.ndarray:
        """Map points (n, 2) of the crop, in pixels of the mask, to the canvas, -1..1 over its extent."""
        q = self.bend.forth(((points - self.centre) / self.half).astype(np.float32))
        x, y, width, height = self.rectangle
        return np.stack([(q[:, 0] - x) / width * 2 - 1, (q[:, 1] - y) / height * 2 - 1], 1).astype(np.float32)


def shoot(image: np.ndarray, mask: np.ndarray, bend: Bend) -> Shot:
    """Draw the product.

    Args:
        image: (h, w, 3) uint8; may be larger than the mask.
        mask: (h, w) uint8 0 or 255, not empty.
    """
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    centre = np.array([(xs[0] + xs[-1] + 1) / 2, (ys[0] + ys[-1] + 1) / 2], np.float32)
    half = max(xs[-1] + 1 - xs[0], ys[-1] + 1 - ys[0]) / 2

    def look(q: np.ndarray, source: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        scale = source.shape[0] / mask.shape[0]
        at = ((bend.back(q) * half + centre) * scale - 0.5).astype(np.float32).reshape(*shape, 2)
        return cv2.remap(source, at[:, :, 0], at[:, :, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)

    side = 80
    line = (np.arange(side, dtype=np.float32) + 0.5) / side * 2 * REACH - REACH
    coarse = look(np.stack(np.meshgrid(line, line), 2).reshape(-1, 2), mask, (side, side)) > 127
    if not coarse.any():
        coarse[side // 2, side // 2] = True
    rows, columns = np.flatnonzero(coarse.any(1)), np.flatnonzero(coarse.any(0))
    step = 2 * REACH / side
    edges = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    rectangle = canvas_rectangle(*(edge * step - REACH for edge in edges))
    x, y, width, height = rectangle
    across = (np.arange(SIZE[1], dtype=np.float32) + 0.5) / SIZE[1] * width + x
    down = (np.arange(SIZE[0], dtype=np.float32) + 0.5) / SIZE[0] * height + y
    q = np.stack(np.meshgrid(across, down), 2).reshape(-1, 2)
    share = look(q, mask, SIZE).astype(np.float32) / 255
    return Shot(look(q, image, SIZE), share, bend, centre, half, rectangle)
