"""Training views: a photo and its mask, moved, cropped, recoloured and placed on other backgrounds.

All pictures are RGB uint8 (h, w, 3), all labels uint8 (h, w) class indices with `IGNORE` for unknown pixels.
"""

import cv2
import numpy as np

from .data import ACCESSORY, BACKGROUND, IGNORE, UPPER, FlatPhoto, WornPhoto

Size = tuple[int, int]
"""Height, width."""


def placement(
    rng: np.random.Generator,
    source: Size,
    target: Size,
    zoom: float,
    focus: tuple[float, float],
    degrees: float,
) -> np.ndarray:
    """Affine matrix (2, 3) that stretches `source` over `target`.

    Magnified by `zoom` about `focus` (x, y in 0..1), proportions varied by up to an eighth, rotated by `degrees`,
    mirrored in half of the cases."""
    height, width = target
    stretch = np.exp(rng.uniform(-0.12, 0.12))
    scale_x, scale_y = width / source[1] * zoom * stretch, height / source[0] * zoom / stretch
    if rng.random() < 0.5:
        scale_x = -scale_x
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([scale_x, scale_y])
    centre = np.array([focus[0] * source[1], focus[1] * source[0]])
    jitter = rng.uniform(-0.06, 0.06, 2) * (width, height)
    offset = np.array([width / 2, height / 2]) + jitter - linear @ centre
    return np.column_stack([linear, offset])


def warp(
    image: np.ndarray, label: np.ndarray, matrix: np.ndarray, target: Size, outside: int = IGNORE
) -> tuple[np.ndarray, np.ndarray]:
    """Transform picture and label; outside the photo the label is `outside`."""
    size = (target[1], target[0])
    moved = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    named = cv2.warpAffine(
        label, matrix, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=outside
    )
    return moved, named


def without_subject(image: np.ndarray, subject: np.ndarray, target: Size) -> np.ndarray:
    """The photo's background at `target` size, with the subject (h, w bool) filled roughly from its surroundings."""
    small = cv2.resize(image, (48, 72), interpolation=cv2.INTER_AREA)
    hole = cv2.resize(subject.astype(np.uint8), (48, 72), interpolation=cv2.INTER_AREA)
    hole = cv2.dilate(hole, np.ones((5, 5), np.uint8))
    filled = cv2.inpaint(small, hole, 3, cv2.INPAINT_TELEA)
    size = (target[1], target[0])
    filled = cv2.resize(filled, size, interpolation=cv2.INTER_CUBIC)
    sharp = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    cover = cv2.GaussianBlur(cv2.resize(hole.astype(np.float32), size), (0, 0), 2)[:, :, None]
    return (sharp + (filled.astype(np.float32) - sharp) * np.clip(cover * 1.5, 0, 1)).astype(np.uint8)


def drawn_background(rng: np.random.Generator, target: Size) -> np.ndarray:
    """Draw a plain, gradient or blotchy background, which no photo of the data set has."""
    cells = int(rng.choice([1, 2, 4, 12, 40]))
    base = rng.uniform(20, 250, 3)
    spread = rng.uniform(0, 60) if cells > 1 else 0
    patch = np.clip(base + rng.normal(0, spread, (cells, cells, 3)), 0, 255).astype(np.uint8)
    picture = cv2.resize(patch, (target[1], target[0]), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    picture += rng.normal(0, rng.uniform(0, 8), picture.shape[:2])[:, :, None]
    return np.clip(picture, 0, 255).astype(np.uint8)


def composite(rng: np.random.Generator, image: np.ndarray, subject: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """Place the subject (h, w bool) of `image` on `behind` with a soft edge, sometimes with a shadow."""
    # shrink slightly: the outermost pixels still have the old background's colour
    inner = cv2.erode(subject.astype(np.float32), np.ones((3, 3), np.uint8), borderValue=1)
    alpha = cv2.GaussianBlur(inner * 0.5 + subject * 0.5, (0, 0), float(rng.uniform(0.4, 1.2)))[:, :, None]
    behind = behind.astype(np.float32)
    if rng.random() < 0.4:
        shift = np.float32([[1, 0, rng.uniform(-6, 6)], [0, 1, rng.uniform(-2, 8)]])
        height, width = subject.shape
        shadow = cv2.warpAffine(subject.astype(np.float32), shift, (width, height))
        shadow = cv2.GaussianBlur(shadow, (0, 0), float(rng.uniform(1.5, 6)))
        behind = behind * (1 - rng.uniform(0.1, 0.5) * shadow[:, :, None])
    return np.clip(behind + (image - behind) * alpha, 0, 255).astype(np.uint8)


def recolour(rng: np.random.Generator, image: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Recolour one or two garments by a random mixing of the channels and a gain; folds are kept."""
    counts = np.bincount(label.ravel(), minlength=ACCESSORY + 1)
    present = [c for c in range(UPPER, ACCESSORY + 1) if counts[c]]
    if not present:
        return image
    result = image.copy()
    for chosen in rng.choice(present, min(len(present), int(rng.integers(1, 3))), replace=False):
        region = label == chosen
        mix = rng.dirichlet((0.6, 0.6, 0.6), 3)
        pixels = result[region].astype(np.float32)
        shift = rng.uniform(-40, 40, 3)
        result[region] = np.clip(pixels @ mix.T * rng.uniform(0.45, 1.6) + shift, 0, 255).astype(np.uint8)
    return result


def photometric(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Vary light, contrast, white balance, saturation, sharpness and noise."""
    levels = np.linspace(0, 1, 256)
    gains = np.exp(rng.normal(0, 0.08, 3)) * np.exp(rng.normal(0, 0.15))
    gamma, contrast, lift = np.exp(rng.normal(0, 0.22)), np.exp(rng.normal(0, 0.18)), rng.normal(0, 0.05)
    curves = (levels[:, None] ** gamma * gains - 0.5) * contrast + 0.5 + lift
    table = np.clip(curves * 255, 0, 255).astype(np.uint8)[:, None, :]
    result = cv2.LUT(image, table.transpose(1, 0, 2))
    saturation = 0.0 if rng.random() < 0.04 else np.exp(rng.normal(0, 0.3))
    grey = cv2.cvtColor(cv2.cvtColor(result, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    result = cv2.addWeighted(result, saturation, grey, 1 - saturation, 0)
    if rng.random() < 0.15:
        result = cv2.GaussianBlur(result, (0, 0), float(rng.uniform(0.4, 1.3)))
    if rng.random() < 0.15:
        noise = rng.normal(0, rng.uniform(2, 9), result.shape[:2])[:, :, None]
        result = np.clip(result + noise, 0, 255).astype(np.uint8)
    return result


def worn_view(
    rng: np.random.Generator, photo: WornPhoto, label: np.ndarray, behind: np.ndarray | None, target: Size
) -> tuple[np.ndarray, np.ndarray]:
    """A view of a street photo: mostly the whole person, sometimes the upper or lower half."""
    if rng.random() < 0.3:
        zoom, focus = rng.uniform(1.25, 2.1), (0.5 + rng.normal(0, 0.08), rng.uniform(0.2, 0.8))
    else:
        zoom, focus = np.exp(rng.normal(0.04, 0.1)), (0.5, 0.5)
    matrix = placement(rng, label.shape, target, zoom, focus, rng.normal(0, 4))
    image, label = warp(photo.image, label, matrix, target)
    if rng.random() < 0.35:
        image = recolour(rng, image, label)
    if behind is not None:
        subject = (label != BACKGROUND) & (label != IGNORE)
        keep = label == IGNORE
        swapped = composite(rng, image, subject, behind)
        image = np.where(keep[:, :, None], image, swapped)
    return photometric(rng, image), label


def flat_view(
    rng: np.random.Generator, photo: FlatPhoto, mask: np.ndarray, behind: np.ndarray | None, target: Size
) -> tuple[np.ndarray, np.ndarray]:
    """A view of a garment photo, sometimes at any rotation."""
    label = mask.astype(np.uint8) * np.uint8(photo.garment_class)
    degrees = rng.uniform(-180, 180) if rng.random() < 0.2 else rng.normal(0, 8)
    zoom = np.exp(rng.uniform(-0.35, 0.25)) if behind is not None else np.exp(rng.uniform(-0.08, 0.25))
    matrix = placement(rng, label.shape, target, zoom, (0.5, 0.5), degrees)
    image, label = warp(photo.image, label, matrix, target, BACKGROUND if behind is not None else IGNORE)
    if rng.random() < 0.3:
        image = recolour(rng, image, label)
    if behind is not None:
        image = composite(rng, image, label != BACKGROUND, behind)
    return photometric(rng, image), label
