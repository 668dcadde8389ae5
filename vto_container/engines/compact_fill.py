"""Fill what an old garment leaves open with what is around it: ground with ground, trousers with trousers.

Each part of a hole is copied from the place whose surroundings match its own best, shifted as a whole so that texture
stays texture (K. He, J. Sun, "Statistics of Patch Offsets for Image Completion", ECCV 2012), and then the difference
at its border is spread smoothly over it, so that no seam is left (P. Pérez et al., "Poisson Image Editing", SIGGRAPH
2003).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared.vision.matte import box, pieces
from vto_container.engines.compact_warp import extend

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEARCH_SIDE: Final = 128
"""Longest side of the reduced view on which shifts are compared."""
TILE: Final = 22
"""Side of the parts into which a hole is cut, in places of the reduced view."""
RING: Final = 3
STRIDE: Final = 4
REACH: Final = 64
MIN_KNOWN: Final = 0.97
"""Share of a part that must be known at the place it is copied from."""
POOR: Final = (35.0, 90.0)
"""Cost of a match up to which the copy is used, and from which smooth colours are."""
FAR: Final = 0.12
"""Cost of a shift, per place: of two equal matches the nearer one is taken."""


def fill(image: NDArray[Any], hole: NDArray[Any], known: NDArray[Any]) -> NDArray[Any]:
    """The image (h, w, 3) float32 with the hole filled from known places.

    Args:
        hole, known: (h, w) bool; places that are neither are not touched and not used.
    """
    import numpy as np
    from PIL import Image

    if not hole.any():
        return image
    known = known & ~hole
    if known.sum() < 64:
        return extend(image, (~hole).astype(np.float32)) if (~hole).any() else image
    smooth = extend(image, known.astype(np.float32))
    height, width = hole.shape
    scale = min(1.0, SEARCH_SIDE / max(height, width))
    size = (max(8, round(height * scale)), max(8, round(width * scale)))

    def small(field: NDArray[Any]) -> NDArray[Any]:
        planes = Image.fromarray(field.astype(np.float32)).resize((size[1], size[0]), Image.Resampling.BOX)
        return np.asarray(planes)

    colours = np.stack([small(np.where(known, image[:, :, n], smooth[:, :, n])) for n in range(3)], 2)
    open_small, known_small = small(hole) > 0.02, small(known) > 0.98
    out = np.where(hole[:, :, None], smooth, image)
    filled, done = colours.copy(), known_small.copy()
    for rows, columns, part in _tiles(open_small):
        found = _best(filled, colours, part, (rows, columns), known_small, done)
        if found is not None:
            shift, share = found
            lift = _lift(filled, colours, (rows, columns), (known_small, done), shift)
            y, x = np.nonzero(part)
            y, x = y + rows.start, x + columns.start
            there = (y + shift[0]).clip(0, size[0] - 1), (x + shift[1]).clip(0, size[1] - 1)
            use = share * known_small[there][:, None]
            filled[y, x] += use * (colours[there] + lift[y - rows.start, x - columns.start] - filled[y, x])
            _copy(out, image, hole, known, (rows, columns), (size[0] / height, size[1] / width), shift, lift, share)
        done[rows, columns] |= part
    return np.where(hole[:, :, None], out, image).clip(0, 255).astype(np.float32)


def _lift(
    filled: NDArray[Any],
    colours: NDArray[Any],
    window: tuple[slice, slice],
    known_and_done: tuple[NDArray[Any], NDArray[Any]],
    shift: tuple[int, int],
) -> NDArray[Any]:
    """What has to be added to a copied part so that it meets its surroundings: their difference, spread smoothly."""
    import numpy as np

    known, done = known_and_done
    height, width = done.shape
    rows = slice(max(0, window[0].start - RING), min(height, window[0].stop + RING))
    columns = slice(max(0, window[1].start - RING), min(width, window[1].stop + RING))
    y, x = np.mgrid[rows, columns]
    there = (y + shift[0]).clip(0, height - 1), (x + shift[1]).clip(0, width - 1)
    border = (done[rows, columns] & known[there]).astype(np.float32)
    difference = (filled[rows, columns] - colours[there]) * border[:, :, None]
    spread = extend(difference, border) if border.any() else np.zeros_like(difference)
    top, left = window[0].start - rows.start, window[1].start - columns.start
    return spread[top : top + window[0].stop - window[0].start, left : left + window[1].stop - window[1].start]


def _tiles(hole: NDArray[Any]) -> list[tuple[slice, slice, NDArray[Any]]]:
    """Parts of a hole of at most `TILE` places each way, those at the edge of the picture last."""
    import numpy as np

    numbers = pieces(hole)
    found: list[tuple[slice, slice, NDArray[Any]]] = []
    for number in range(1, int(numbers.max()) + 1):
        piece = numbers == number
        rows, columns = np.flatnonzero(piece.any(1)), np.flatnonzero(piece.any(0))
        for top in range(rows[0], rows[-1] + 1, TILE):
            for left in range(columns[0], columns[-1] + 1, TILE):
                window = (slice(top, min(top + TILE, rows[-1] + 1)), slice(left, min(left + TILE, columns[-1] + 1)))
                part = piece[window]
                if part.any():
                    found.append((*window, part))
    return found


def _best(
    filled: NDArray[Any],
    colours: NDArray[Any],
    part: NDArray[Any],
    window: tuple[slice, slice],
    known: NDArray[Any],
    done: NDArray[Any],
) -> tuple[tuple[int, int], float] | None:
    """The shift, in places of the reduced view, at which the surroundings of a part match best, and how much of the
    copy is used: less where even the best match is poor. None if no place fits."""
    import numpy as np

    height, width = known.shape
    rows, columns = np.nonzero(part)
    rows, columns = rows + window[0].start, columns + window[1].start
    whole = np.zeros_like(known)
    whole[window] = part
    ring = np.argwhere(grown(whole, RING) & ~whole & done)
    if not len(ring):
        return None
    dy, dx = np.mgrid[-REACH : REACH + 1 : STRIDE, -REACH : REACH + 1 : STRIDE]
    shifts = np.stack([dy.ravel(), dx.ravel()], 1)
    shifts = shifts[(np.abs(shifts) > 1).any(1)]
    picked = np.linspace(0, len(rows) - 1, min(60, len(rows))).astype(int)
    y, x = rows[picked][None] + shifts[:, :1], columns[picked][None] + shifts[:, 1:]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    valid = known[y.clip(0, height - 1), x.clip(0, width - 1)] & inside
    shifts = shifts[valid.mean(1) >= MIN_KNOWN]
    if not len(shifts):
        return None
    ring = ring[np.linspace(0, len(ring) - 1, min(80, len(ring))).astype(int)]
    y, x = ring[:, 0][None] + shifts[:, :1], ring[:, 1][None] + shifts[:, 1:]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    y, x = y.clip(0, height - 1), x.clip(0, width - 1)
    there = inside & known[y, x]
    away = colours[y, x] - filled[ring[:, 0], ring[:, 1]][None]
    # A difference that is the same everywhere is taken off afterwards.
    level = (away * there[:, :, None]).sum(1) / np.maximum(there.sum(1), 1)[:, None]
    away = np.abs(away - 0.7 * level[:, None]).sum(2)
    cost = (away * there).sum(1) / np.maximum(there.sum(1), 1) + 60.0 * (1 - there.mean(1))
    cost = cost + FAR * np.abs(shifts).sum(1)
    at = int(cost.argmin())
    share = float(np.clip((POOR[1] - cost[at]) / (POOR[1] - POOR[0]), 0, 1))
    return (int(shifts[at][0]), int(shifts[at][1])), share


def _copy(
    out: NDArray[Any],
    image: NDArray[Any],
    hole: NDArray[Any],
    known: NDArray[Any],
    window: tuple[slice, slice],
    scale: tuple[float, float],
    shift: tuple[int, int],
    lift: NDArray[Any],
    share: float,
) -> None:
    import numpy as np

    height, width = hole.shape
    edges = [
        (int(np.floor(part.start / factor)), min(side, int(np.ceil(part.stop / factor))))
        for part, factor, side in zip(window, scale, (height, width), strict=True)
    ]
    rows, columns = np.nonzero(hole[edges[0][0] : edges[0][1], edges[1][0] : edges[1][1]])
    cells = (
        (rows * scale[0]).astype(int).clip(0, lift.shape[0] - 1),
        (columns * scale[1]).astype(int).clip(0, lift.shape[1] - 1),
    )
    rows, columns = rows + edges[0][0], columns + edges[1][0]
    y = rows + round(shift[0] / scale[0])
    x = columns + round(shift[1] / scale[1])
    fits = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    fits[fits] = known[y[fits], x[fits]]
    at = rows[fits], columns[fits]
    out[at] += share * (image[y[fits], x[fits]] + lift[cells[0][fits], cells[1][fits]] - out[at])


def grown(mask: NDArray[Any], radius: int) -> NDArray[Any]:
    """bool: a mask and all within `radius` pixels of it along the axes."""
    import numpy as np

    return box(mask.astype(np.float32), radius) > 1e-4
