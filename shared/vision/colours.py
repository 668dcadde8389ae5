"""The dominant colours inside a mask: k-means in CIE Lab, where distances match perception."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_SAMPLES = 6_000
"""Pixels that are clustered."""
CLUSTERS = 6
MERGE_DISTANCE = 14.0
"""Clusters nearer than this (delta E 1976) are one colour in different light."""
MIN_SHARE = 0.06
"""Colours below this share of the mask are left out."""

REFERENCE_COLOURS = {
    "black": (30, 30, 32),
    "charcoal": (66, 68, 72),
    "grey": (150, 152, 155),
    "silver": (200, 201, 203),
    "white": (242, 241, 238),
    "cream": (234, 223, 200),
    "beige": (205, 184, 152),
    "camel": (178, 134, 84),
    "brown": (98, 66, 46),
    "burgundy": (104, 28, 44),
    "red": (188, 38, 44),
    "coral": (236, 126, 108),
    "orange": (222, 118, 52),
    "mustard": (198, 148, 42),
    "yellow": (236, 196, 74),
    "olive": (106, 108, 62),
    "green": (46, 120, 72),
    "forest": (28, 66, 46),
    "mint": (168, 214, 190),
    "teal": (24, 116, 122),
    "sky": (144, 187, 224),
    "blue": (48, 92, 172),
    "navy": (32, 42, 78),
    "lilac": (188, 168, 214),
    "purple": (96, 60, 138),
    "pink": (232, 168, 184),
    "magenta": (184, 48, 112),
}
"""Names with a typical sRGB value each; a colour gets the name of the nearest one in Lab."""


@dataclass(frozen=True)
class Colour:
    """A dominant colour: its name, its sRGB value as `#rrggbb`, its share of the mask in 0..1."""

    name: str
    hex: str
    share: float


def dominant_colours(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], *, seed: int = 0) -> list[Colour]:
    """Up to six colours of an RGB image (h, w, 3) inside a mask (h, w), the largest first; deterministic.

    Args:
        mask: the area to measure, without its edges, which mix with the background.
    """
    import numpy as np

    selected: NDArray[np.uint8] = pixels[mask]
    if not len(selected):
        return []
    rng = np.random.default_rng(seed)
    if len(selected) > MAX_SAMPLES:
        selected = selected[rng.choice(len(selected), MAX_SAMPLES, replace=False)]
    points = to_lab(selected)
    centres, nearest = _kmeans(points, min(CLUSTERS, len(points)), rng)
    sizes = np.bincount(nearest, minlength=len(centres)).astype(np.float64)
    merged = _merge_clusters(centres, sizes)
    total = sum(size for _, size in merged)
    found: dict[str, Colour] = {}
    for centre, size in sorted(merged, key=lambda pair: -pair[1]):
        share = size / total
        if share < MIN_SHARE:
            continue
        # A pixel of the image, not a mean that may occur nowhere in it.
        value = selected[int(((points - centre) ** 2).sum(1).argmin())]
        name = colour_name(centre)
        if name in found:
            share += found[name].share
            found[name] = Colour(name, found[name].hex, round(share, 4))
        else:
            found[name] = Colour(name, "#{:02x}{:02x}{:02x}".format(*value.tolist()), round(share, 4))
    return sorted(found.values(), key=lambda colour: -colour.share)


def colour_name(value: NDArray[Any]) -> str:
    """The name of the reference colour nearest to a Lab value (3,)."""
    import numpy as np

    known = to_lab(np.array(list(REFERENCE_COLOURS.values()), np.uint8))
    return list(REFERENCE_COLOURS)[int(((known - value) ** 2).sum(1).argmin())]


def to_lab(rgb: NDArray[np.uint8]) -> NDArray[Any]:
    """sRGB (n, 3) uint8 as CIE L*a*b* under D65 (IEC 61966-2-1; CIE 15:2004)."""
    import numpy as np

    values = rgb.astype(np.float64) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    matrix = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    xyz = linear @ matrix.T / np.array([0.95047, 1.0, 1.08883])
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = root.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def _kmeans(points: NDArray[Any], count: int, rng: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Lloyd's iterations from k-means++ seeds (D. Arthur, S. Vassilvitskii, SODA 2007)."""
    import numpy as np

    centres = points[[int(rng.integers(len(points)))]]
    for _ in range(count - 1):
        away = _squared_distances(points, centres).min(1)
        if away.sum() <= 1e-9:
            break
        centres = np.concatenate([centres, points[[int(rng.choice(len(points), p=away / away.sum()))]]])
    nearest = np.zeros(len(points), np.int64)
    for _ in range(12):
        nearest = _squared_distances(points, centres).argmin(1)
        moved = np.stack(
            [points[nearest == i].mean(0) if (nearest == i).any() else centres[i] for i in range(len(centres))]
        )
        if np.allclose(moved, centres, atol=0.05):
            break
        centres = moved
    return centres, nearest


def _squared_distances(points: NDArray[Any], centres: NDArray[Any]) -> NDArray[Any]:
    """(n, k) of points (n, 3) and centres (k, 3); channel by channel, since sums over an axis of three are slow."""
    x, y, z = ((points[:, None, channel] - centres[None, :, channel]) ** 2 for channel in range(3))
    return x + y + z


def _merge_clusters(centres: NDArray[Any], sizes: NDArray[Any]) -> list[tuple[Any, float]]:
    """The clusters with near ones merged. Lightness counts half: folds and shadow change it within one fabric."""
    import numpy as np

    weight = np.array([0.5, 1.0, 1.0])
    groups: list[tuple[NDArray[np.float64], float]] = [
        (centre, float(size)) for centre, size in zip(centres, sizes, strict=True) if size
    ]
    while len(groups) > 1:
        pairs = [
            (float(np.linalg.norm((groups[i][0] - groups[j][0]) * weight)), i, j)
            for i in range(len(groups))
            for j in range(i + 1, len(groups))
        ]
        distance, i, j = min(pairs)
        if distance > MERGE_DISTANCE:
            break
        (a, m), (b, n) = groups[i], groups[j]
        joined = ((a * m + b * n) / (m + n), m + n)
        groups = [group for k, group in enumerate(groups) if k not in (i, j)] + [joined]
    return groups
