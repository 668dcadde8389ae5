"""Batches of random views for the second network.

The views of step `i` depend only on (seed, i).
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vto_container.engines import compact_inputs as inputs
from vto_container.engines.compact_product import extend_colours

from . import samples
from .data import Pair
from .views import SHARES

ERRORS = (0.012, 0.12)
"""Range of the random errors added to places, as shares of half the canvas (log-uniform)."""
KNOTS = (5, 4)
"""Rows and columns of the random shifts that form an error."""


@dataclass(frozen=True)
class Batch:
    """Of n views: `target` (n, 3, 256, 192) in 0..1, `colours` the canvas, extended beyond the garment;
    `mask`, `share`, `hidden_large`, `shown_large` (n, 1, 256, 192); `flow` (n, 2, 64, 48) the true places; `error`
    (n, 2, *KNOTS) their shifts, `size` (n,) the mean length of these; `maps` (n, ., 128, 96) the other inputs of
    the second network, with the last two planes empty."""

    target: Tensor
    colours: Tensor
    mask: Tensor
    share: Tensor
    hidden_large: Tensor
    shown_large: Tensor
    flow: Tensor
    error: Tensor
    size: Tensor
    maps: Tensor


def stack(rng: np.random.Generator, views: list[samples.Sample]) -> Batch:
    """Combine views into a batch, with random errors."""

    def planes(arrays: list[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.stack(arrays)).float()

    def large(field: np.ndarray) -> np.ndarray:
        return field.repeat(2, 0).repeat(2, 1)

    extended = [extend_colours(v.colours.astype(np.float32), (v.share > 0.6).astype(np.float32)) for v in views]
    blank = np.zeros((128, 96), np.float32), np.zeros((64, 48), np.float32)
    maps = [inputs.maps_for_compose(v.seen, v.hidden, v.frame, v.category, *blank) for v in views]
    size = np.exp(rng.uniform(*np.log(ERRORS), len(views))).astype(np.float32)
    error = rng.normal(0, 1, (len(views), 2, *KNOTS)).astype(np.float32) * size[:, None, None, None]
    return Batch(
        planes([v.target for v in views]).permute(0, 3, 1, 2) / 255,
        planes(extended).permute(0, 3, 1, 2) / 255,
        planes([v.mask for v in views])[:, None],
        planes([v.share for v in views])[:, None],
        planes([large(v.hidden) for v in views])[:, None],
        planes([large((1 - v.hidden) * v.frame) for v in views])[:, None],
        planes([v.flow for v in views]),
        torch.from_numpy(error),
        torch.from_numpy(size),
        torch.from_numpy(np.concatenate(maps)),
    )


class Batches:
    """Draws the batch of a step."""

    def __init__(self, pairs: list[Pair], size: int, seed: int):
        self.by_category = {name: [p for p in pairs if p.category == name] for name in SHARES}
        self.size, self.seed = size, seed
        self.everyone = pairs

    def draw(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, step))
        names = [name for name, listed in self.by_category.items() if listed]
        weights = np.array([SHARES[name] for name in names])
        views = []
        for name in rng.choice(names, self.size, p=weights / weights.sum()):
            listed = self.by_category[str(name)]
            views.append(samples.draw(rng, listed[rng.integers(len(listed))], self.everyone))
        return stack(rng, views)
