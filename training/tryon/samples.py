"""Inputs and targets of the networks for a pair: one random or fixed view, hole and product."""

from dataclasses import dataclass

import cv2
import numpy as np

from vto_container.engines import compact_body
from vto_container.engines import compact_inputs as inputs
from vto_container.engines.compact_product import SIZE

from .data import LABELLED, Pair
from .deform import Shot, bend, shoot

FLOW = (64, 48)
"""Rows and columns of the flow that the warp network outputs."""
GRID = compact_body.GRID


@dataclass(frozen=True)
class Sample:
    """One view.

    Args:
        person, product: inputs of the warp network.
        target: (*SIZE, 3) uint8, the photographed view.
        mask: (*SIZE) float32, where the garment is.
        flow: (2, *FLOW) float32, the place on the canvas for each cell, and `known` (*FLOW) where it is defined.
        colours: (*SIZE, 3) uint8 canvas; `share` (*SIZE) its mask.
        seen, hidden, frame: inputs of `compact_inputs.person`.
    """

    category: str
    person: np.ndarray
    product: np.ndarray
    target: np.ndarray
    mask: np.ndarray
    flow: np.ndarray
    known: np.ndarray
    colours: np.ndarray
    share: np.ndarray
    seen: np.ndarray
    hidden: np.ndarray
    frame: np.ndarray


def hole_of(pair: Pair, reach: int = compact_body.DILATION, wide: bool = False) -> np.ndarray:
    """The hole of a pair: the true garment and, except for a lower one, the arms, widened.

    Args:
        wide: hide as for another garment: everything the category replaces, and legs for lower garments and dresses.
    """
    body = pair.photo.body
    if wide:
        return compact_body.hole(body, pair.category, pair.near | compact_body.old_garment(body, pair.category), reach)
    there = pair.near if pair.category == "lower" else pair.near | (body.arms & ~body.hands)
    return compact_body.dilate(there, reach) & ~compact_body.protected(body, pair.category)


def lent(hole: np.ndarray, lender: compact_body.Body, body: compact_body.Body) -> np.ndarray:
    """Another person's hole on this body, aligned at the head and scaled to the body's height."""
    scale = body.height / max(lender.height, 1.0)
    matrix = np.array(
        [[scale, 0, body.middle - scale * lender.middle], [0, scale, body.chin - scale * lender.chin]], np.float32
    )
    moved = cv2.warpAffine(hole.astype(np.uint8), matrix, GRID[::-1], flags=cv2.INTER_NEAREST)
    return moved > 0


def random_hole(rng: np.random.Generator, pair: Pair, others: list[Pair]) -> np.ndarray:
    """A hole that reveals little of the garment's outline: widened at random, sometimes by another person's hole."""
    reach = compact_body.DILATION if rng.random() < 0.45 else int(rng.integers(2, 8))
    hole = hole_of(pair, reach, wide=rng.random() < 0.55)
    if rng.random() < 0.3:
        other = others[rng.integers(len(others))]
        hole |= lent(hole_of(other, wide=True), other.photo.body, pair.photo.body)
        hole &= ~compact_body.protected(pair.photo.body, pair.category)
    return hole


def cut_off(rng: np.random.Generator, pair: Pair, hole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hole and frame of a photo that ends within the garment, as in portraits."""
    rows = np.flatnonzero(pair.near.any(1))
    cut = round(rows[0] + rng.uniform(0.35, 0.95) * (rows[-1] + 1 - rows[0])) if rows.size else GRID[0]
    frame = pair.photo.frame.copy()
    if rows.size and cut - rows[0] >= 8 and hole[:cut].any():
        frame[cut:] = 0
        hole = hole & (frame > 0)
    return hole, frame


def recoloured(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Rotate, stretch and shift all colours of a picture (h, w, 3) uint8 in the same way."""
    order = rng.permutation(3)
    mixed = image[:, :, order].astype(np.float32)
    if rng.random() < 0.25:
        mixed = 255 - mixed
    gain, shift = rng.uniform(0.6, 1.3, 3), rng.uniform(-50, 50, 3)
    return ((mixed - 128) * gain + 128 + shift).clip(0, 255).astype(np.uint8)


def draw(rng: np.random.Generator, pair: Pair, others: list[Pair]) -> Sample:
    """Draw a random training view."""
    hole, frame = random_hole(rng, pair, others), pair.photo.frame
    if rng.random() < 0.25:
        hole, frame = cut_off(rng, pair, hole)
    x, y, width, height = compact_body.view_box(hole)
    zoom = rng.uniform(0.86, 1.16)
    x += width * (1 - zoom) / 2 + width * rng.uniform(-0.06, 0.06)
    y += height * (1 - zoom) / 2 + height * rng.uniform(-0.06, 0.06)
    box = (x, y, width * zoom, height * zoom)
    image, mask = pair.photo.image, pair.mask
    shift = recoloured(rng, image) if rng.random() < 0.6 else None
    return sample(pair, hole, frame, box, bend(rng, float(rng.uniform(0.3, 1.6))), image, mask, shift,
                  mirror=rng.random() < 0.5)  # fmt: skip


def sample(
    pair: Pair,
    hole: np.ndarray,
    frame: np.ndarray,
    box: tuple[float, float, float, float],
    bent,
    image: np.ndarray,
    mask: np.ndarray,
    recolour: np.ndarray | None = None,
    mirror: bool = False,
) -> Sample:
    """The view of a rectangle (in grid places) with a hole, and a product with a given deformation.

    Args:
        recolour: the picture in other colours; the garment's colours in product and target are taken from it.
    """
    source = image
    if recolour is not None:
        worn = cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)[:, :, None] / 255.0
        source = (image * (1 - worn) + recolour * worn).astype(np.uint8)
    shot = shoot(source, mask, bent)
    target = viewed(source, box, SIZE)
    there = viewed(mask, box, SIZE).astype(np.float32) / 255
    seen = viewed(pair.photo.parse.transpose(1, 2, 0), box, GRID).transpose(2, 0, 1).astype(np.float32) / 255
    inside = viewed(frame, box, GRID).astype(np.float32) / 255
    hidden = viewed(hole.astype(np.uint8) * 255, box, GRID).astype(np.float32) / 255
    there *= (inside.repeat(2, 0).repeat(2, 1) > 0.5) * (hidden.repeat(2, 0).repeat(2, 1) > 0.25)
    flow, known = flow_of(shot, box, there)
    colours, share = shot.colours, shot.mask
    if mirror:
        target, there, seen, inside, hidden = (np.flip(a, -1 if a.ndim != 3 or a.shape[0] == 9 else 1)
                                               for a in (target, there, seen, inside, hidden))  # fmt: skip
        flow, known, colours, share = flow[:, :, ::-1].copy(), known[:, ::-1], colours[:, ::-1], share[:, ::-1]
        flow[0] *= -1
    merged = inputs.parts(seen)
    return Sample(
        pair.category,
        inputs.person(target.astype(np.float32), merged, hidden, inside, pair.category),
        inputs.product(colours.astype(np.float32), share),
        np.ascontiguousarray(target),
        np.ascontiguousarray(there),
        flow,
        np.ascontiguousarray(known),
        np.ascontiguousarray(colours),
        np.ascontiguousarray(share),
        merged,
        np.ascontiguousarray(hidden),
        np.ascontiguousarray(inside),
    )


def viewed(field: np.ndarray, box: tuple[float, float, float, float], size: tuple[int, int]) -> np.ndarray:
    """The part of a field over the whole crop inside a rectangle (in grid places), at a size; zero outside."""
    scale = field.shape[0] / GRID[0]
    x, y, width, height = (v * scale for v in box)
    sx, sy = width / size[1], height / size[0]
    matrix = np.array([[sx, 0, x + sx / 2 - 0.5], [0, sy, y + sy / 2 - 0.5]], np.float32)
    return cv2.warpAffine(field, matrix, size[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def flow_of(shot: Shot, box: tuple[float, float, float, float], mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places on the canvas (2, *FLOW) and the share of garment in each cell (*FLOW)."""
    x, y, width, height = (v * LABELLED[0] / GRID[0] for v in box)
    across = (np.arange(FLOW[1], dtype=np.float32) + 0.5) / FLOW[1] * width + x
    down = (np.arange(FLOW[0], dtype=np.float32) + 0.5) / FLOW[0] * height + y
    places = shot.places(np.stack(np.meshgrid(across, down), 2).reshape(-1, 2))
    known = mask.reshape(FLOW[0], SIZE[0] // FLOW[0], FLOW[1], SIZE[1] // FLOW[1]).mean((1, 3))
    return places.reshape(*FLOW, 2).transpose(2, 0, 1).copy(), known.astype(np.float32)


def fixed(pair: Pair, seed: int, wide: bool = False) -> Sample:
    """The view of the measuring protocol: plain hole, no jitter, own colours, strength 1."""
    hole = hole_of(pair, wide=wide)
    rng = np.random.default_rng((seed, int(pair.photo.id), inputs.CATEGORIES.index(pair.category)))
    return sample(
        pair, hole, pair.photo.frame, compact_body.view_box(hole), bend(rng, 1.0), pair.photo.image, pair.mask
    )
