"""Training views: a random crop, turn, stretch and light of a picture; drawings on photographs' ground and fabric."""

import cv2
import numpy as np

from .data import Sample, box_of
from .names import KINDS, NAMES, mirrored
from .network import INPUT_SIZE

OTHER = KINDS.index("other")
MIRROR = [NAMES.index(mirrored(name)) for name in NAMES]
GREY = (128, 128, 128)
MARGIN = 0.1
"""Margin around a garment's mask in the view, as a share of the mask's longer side; the product uses the same."""
SEVERAL = 0.06
"""Share of views that show two garments side by side."""


def fitted(box: tuple[float, float, float, float], margin: float = MARGIN) -> np.ndarray:
    """The affine map (2, 3) from picture to view that fits a box with a margin into the view."""
    left, top, right, low = box
    extra = margin * max(right - left, low - top)
    height, width = INPUT_SIZE
    scale = min(width / (right - left + 2 * extra), height / (low - top + 2 * extra))
    return np.array([[scale, 0, width / 2 - scale * (left + right) / 2],
                     [0, scale, height / 2 - scale * (top + low) / 2]], np.float64)  # fmt: skip


def plain(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """The view of the product: (h, w, 3) uint8, and its affine map."""
    matrix = fitted(box_of(sample.mask))
    return warped(sample.image, matrix), matrix


def warped(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A picture in the view."""
    size = (INPUT_SIZE[1], INPUT_SIZE[0])
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.8:
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / scale)
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=GREY)


class Views:
    """Draws views from samples; the same seed gives the same views."""

    def __init__(self, samples: list[Sample], seed: int) -> None:
        self.rng = np.random.default_rng([seed, 0x1A4D])
        self.samples = samples
        self.grounds = [s for s in samples if s.source != "drawn"]
        weights = [_weight(sample) for sample in samples]
        self.chances = np.array(weights) / np.sum(weights)

    def draw(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, float]:
        """Image (h, w, 3) uint8, points (landmarks, 2) in the view, there (landmarks,), kind, several."""
        sample = self.samples[int(self.rng.choice(len(self.samples), p=self.chances))]
        if self.rng.random() < SEVERAL and sample.kind != OTHER:
            return self._several(sample)
        image, points, there = self._view(sample)
        return image, points, there, sample.kind, 0.0

    def _view(self, sample: Sample) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = self.rng
        image = self._on_photo(sample) if sample.source == "drawn" and rng.random() < 0.8 else sample.image
        whole = (0.0, 0.0, float(image.shape[1]), float(image.shape[0]))
        box = box_of(sample.mask)
        if rng.random() < 0.25:
            share = rng.uniform(0, 1)
            box = tuple(a + share * (b - a) for a, b in zip(box, whole, strict=True))
        matrix = np.vstack([fitted(box, float(rng.uniform(0.02, 0.2))), (0, 0, 1)])
        matrix = self._jitter() @ matrix
        view = warped(image, matrix[:2])
        points = sample.points @ matrix[:2, :2].T.astype(np.float32) + matrix[:2, 2].astype(np.float32)
        there = sample.there.copy()
        if rng.random() < 0.5:
            view = view[:, ::-1]
            points = points[MIRROR]
            points[:, 0] = INPUT_SIZE[1] - 1 - points[:, 0]
            there = there[MIRROR]
        outside = (points < 0).any(1) | (points[:, 0] > INPUT_SIZE[1] - 1) | (points[:, 1] > INPUT_SIZE[0] - 1)
        points[outside] = np.nan
        return self._lit(view), points, there

    def _jitter(self) -> np.ndarray:
        rng = self.rng
        height, width = INPUT_SIZE
        turn = float(rng.normal(0, 0.12)) if rng.random() < 0.9 else float(rng.uniform(-0.6, 0.6))
        grow = float(np.exp(rng.normal(0, 0.08)))
        stretch = float(np.exp(rng.normal(0, 0.08)))
        cos, sin = np.cos(turn), np.sin(turn)
        linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([grow * stretch, grow / stretch])
        linear = linear @ np.array([[1, float(rng.normal(0, 0.05))], [0, 1]])
        middle = np.array([width / 2, height / 2])
        shift = middle - linear @ middle + rng.normal(0, 0.03, 2) * INPUT_SIZE
        return np.vstack([np.column_stack([linear, shift]), (0, 0, 1)])

    def _on_photo(self, sample: Sample) -> np.ndarray:
        """A drawing on a photo's ground, often with a photo's fabric."""
        rng = self.rng
        height, width = sample.mask.shape
        ground = self._piece(height, width, inside=False)
        image = sample.image.astype(np.float32)
        if rng.random() < 0.6:
            fabric = self._piece(height, width, inside=True).astype(np.float32)
            light = image.mean(2, keepdims=True)
            light = light / max(1.0, float(light[sample.mask].mean()))
            image = (fabric * light).clip(0, 255)
        alpha = cv2.GaussianBlur(sample.mask.astype(np.float32), (0, 0), 0.7)[:, :, None]
        shadow = cv2.GaussianBlur(sample.mask.astype(np.float32), (0, 0), float(rng.uniform(2, 6)))[:, :, None]
        shaded = ground * (1 - float(rng.uniform(0, 0.5)) * shadow)
        return (shaded + (image - shaded) * alpha).astype(np.uint8)

    def _piece(self, height: int, width: int, inside: bool) -> np.ndarray:
        """Ground or fabric of a photo, (height, width, 3); mirrored at its edges where it is too small."""
        rng = self.rng
        photo = self.grounds[int(rng.integers(len(self.grounds)))]
        left, top, right, low = (int(v) for v in box_of(photo.mask))
        if inside:
            dx, dy = (right - left) // 3, (low - top) // 3
            cut = photo.image[top + dy : max(top + dy + 8, low - dy), left + dx : max(left + dx + 8, right - dx)]
        else:
            strips = [photo.image[:top], photo.image[low:], photo.image[:, :left], photo.image[:, right:]]
            cut = max(strips, key=lambda strip: strip.size)
        if min(cut.shape[:2]) < 6:
            return np.full((height, width, 3), rng.integers(30, 230, 3), np.uint8)
        rows, columns = (np.abs(np.arange(n) % (2 * m) - (m - 0.5)).astype(int).clip(0, m - 1)
                         for n, m in ((height, cut.shape[0]), (width, cut.shape[1])))  # fmt: skip
        return cut[rows][:, columns]

    def _several(self, sample: Sample) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, float]:
        other = self.samples[int(self.rng.choice(len(self.samples), p=self.chances))]
        height, width = INPUT_SIZE
        views = [self._view(one)[0] for one in (sample, other)]
        if self.rng.random() < 0.7:
            halves = [cv2.resize(view, (width // 2, height), interpolation=cv2.INTER_AREA) for view in views]
            squeezed = np.hstack(halves)
        else:
            squeezed = np.vstack([cv2.resize(view, (width, height // 2)) for view in views])
        unknown = np.full(len(NAMES), np.nan, np.float32)
        several = np.nan if other.kind == OTHER else 1.0
        return squeezed, np.full((len(NAMES), 2), np.nan, np.float32), unknown, -1, several

    def _lit(self, image: np.ndarray) -> np.ndarray:
        rng = self.rng
        values = image.astype(np.float32)
        values = (values - 128) * float(np.exp(rng.normal(0, 0.15))) + 128 + float(rng.normal(0, 14))
        values = values * np.exp(rng.normal(0, 0.06, 3)).astype(np.float32)
        if rng.random() < 0.1:
            values = np.repeat(values.mean(2, keepdims=True), 3, 2)
        if rng.random() < 0.3:
            values += rng.normal(0, rng.uniform(1, 8), values.shape)
        if rng.random() < 0.2:
            values = cv2.GaussianBlur(values, (0, 0), float(rng.uniform(0.5, 1.3)))
        return values.clip(0, 255).astype(np.uint8)


def _weight(sample: Sample) -> float:
    """How often a sample is drawn: placed points are few and the most valuable."""
    base = {"placed": 6.0, "rule": 1.0, "drawn": 0.9, "none": 0.35}[sample.source]
    return base * (0.5 if sample.kind == OTHER else 1.0)
