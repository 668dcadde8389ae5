"""Views for the warp network, computed in batches on coarse masks, because it learns from outlines only.

The same deformations and holes as in `deform` and `samples`, as tensors. The views of step `i` depend only on (seed,
i).
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vto_container.engines import compact_body
from vto_container.engines import compact_inputs as inputs
from vto_container.engines.compact_product import FILL, SIZE

from . import deform, samples
from .data import LABELLED, Pair

SHARES = {"upper": 0.4, "lower": 0.35, "dress": 0.25}
"""Probability of each category."""
VARIANTS = 10
"""Number of holes prepared for every pair."""
SMALL = (64, 48)
GRID = compact_body.GRID
MASKED = len(inputs.PARTS) + 2 + len(inputs.CATEGORIES)
"""Channels of a person without colours."""


@dataclass(frozen=True)
class Views:
    """`person` (n, MASKED, 64, 48): hidden, frame, classes, category; `share`, `mask` (n, 1, 64, 48) of the product
    and the view; `flow` (n, 2, 64, 48) true places on the canvas, `known` (n, 1, 64, 48) where they are defined."""

    person: Tensor
    share: Tensor
    mask: Tensor
    flow: Tensor
    known: Tensor


def raster(rows: int, columns: int, reach: float = 1.0) -> Tensor:
    """Places of cell centres (rows, columns, 2), x before y, in -reach..reach."""
    y = ((torch.arange(rows) * 2 + 1) / rows - 1) * reach
    x = ((torch.arange(columns) * 2 + 1) / columns - 1) * reach
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), 2)


class Library:
    """All pairs as tensors, and the views of a step."""

    def __init__(self, pairs: list[Pair], seed: int):
        rng = np.random.default_rng((seed, 99))
        self.category = np.array([inputs.CATEGORIES.index(p.category) for p in pairs])
        self.mask = torch.from_numpy(
            np.stack([p.mask.reshape(GRID[0], 2, GRID[1], 2).mean((1, 3)) for p in pairs]).astype(np.float32) / 255
        )
        self.parse = torch.from_numpy(np.stack([inputs.parts(p.photo.parse.astype(np.float32) / 255) for p in pairs]))
        holes, frames, boxes = [], [], []
        for pair in pairs:
            for _ in range(VARIANTS):
                hole, frame = samples.random_hole(rng, pair, pairs), pair.photo.frame
                if rng.random() < 0.25:
                    hole, frame = samples.cut_off(rng, pair, hole)
                holes.append(hole)
                frames.append(frame > 0)
                boxes.append(compact_body.view_box(hole))
        self.hole, self.frame = (torch.from_numpy(np.stack(part)) for part in (holes, frames))
        self.box = torch.tensor(boxes, dtype=torch.float32)
        edges = []
        for pair in pairs:
            ys, xs = np.flatnonzero(pair.mask.any(1)), np.flatnonzero(pair.mask.any(0))
            edges.append((xs[0], ys[0], xs[-1] + 1, ys[-1] + 1))
        self.edges = torch.tensor(np.array(edges), dtype=torch.float32)

    def draw(self, seed: int, step: int, count: int) -> Views:
        """Draw the views of a step."""
        rng = np.random.default_rng((seed, step))
        wanted = rng.choice(3, count, p=[SHARES[name] for name in inputs.CATEGORIES])
        present = [np.flatnonzero(self.category == c) for c in range(3)]
        index = np.array([rng.choice(present[c] if len(present[c]) else np.arange(len(self.category))) for c in wanted])
        which = torch.from_numpy(index * VARIANTS + rng.integers(0, VARIANTS, count))
        pick = torch.from_numpy(index)
        zoom = torch.from_numpy(rng.uniform(0.86, 1.16, (count, 1)).astype(np.float32))
        shift = torch.from_numpy(rng.uniform(-0.06, 0.06, (count, 2)).astype(np.float32))
        x, y, width, height = self.box[which].unbind(1)
        centre = torch.stack([x + width / 2, y + height / 2], 1) + shift * torch.stack([width, height], 1)
        half = torch.stack([width, height], 1) * zoom / 2
        grid = raster(*SMALL)[None] * half[:, None, None] + centre[:, None, None]
        scale = torch.tensor([GRID[1], GRID[0]], dtype=torch.float32)
        looked = grid / scale * 2 - 1
        fields = torch.cat(
            [self.mask[pick][:, None], self.hole[which][:, None].float(), self.frame[which][:, None].float(),
             self.parse[pick]], 1,
        )  # fmt: skip
        seen = F.grid_sample(fields, looked, align_corners=False)
        hidden, frame = seen[:, 1:2], seen[:, 2:3]
        mask = seen[:, :1] * (frame > 0.5) * (hidden > 0.25)
        one_hot = torch.zeros(count, 3, *SMALL)
        one_hot[torch.arange(count), torch.from_numpy(self.category[index])] = 1
        person = torch.cat([hidden, frame, seen[:, 3:] * (1 - hidden) * frame, one_hot], 1)
        share, flow = self._product(rng, pick, grid)
        flip = torch.from_numpy(rng.random(count) < 0.5)[:, None, None, None]
        person, share, mask = (torch.where(flip, part.flip(3), part) for part in (person, share, mask))
        flow = torch.where(flip, flow.flip(3) * torch.tensor([-1.0, 1.0]).view(1, 2, 1, 1), flow)
        return Views(person, share, mask, flow, mask)

    def _product(self, rng: np.random.Generator, pick: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
        """Canvases (n, 1, 64, 48) and the places (n, 2, 64, 48) of the views' cells on them."""
        count = len(pick)
        bends = [deform.bend(rng, float(rng.uniform(0.3, 1.6))) for _ in range(count)]
        matrix = torch.from_numpy(np.stack([b.matrix for b in bends]))
        inverse = torch.from_numpy(np.stack([b.inverse for b in bends]))
        shifts = torch.from_numpy(np.stack([b.shifts for b in bends])).permute(0, 3, 1, 2)
        edges = self.edges[pick]
        middle, half = (edges[:, :2] + edges[:, 2:]) / 2, (edges[:, 2:] - edges[:, :2]).amax(1) / 2
        mask = self.mask[pick][:, None]
        scale = torch.tensor([LABELLED[1], LABELLED[0]], dtype=torch.float32)

        def shift(q: Tensor) -> Tensor:
            # the corner control points are on the edge of their range
            found = F.grid_sample(shifts, q / deform.REACH, align_corners=True, padding_mode="border")
            return found.permute(0, 2, 3, 1)

        def times(points: Tensor, by: Tensor) -> Tensor:
            return torch.einsum("nhwc,ndc->nhwd", points, by)

        def look(q: Tensor) -> Tensor:
            u = times(q, inverse) + shift(q)
            at = (u * half[:, None, None, None] + middle[:, None, None]) / scale * 2 - 1
            return F.grid_sample(mask, at, align_corners=False)[:, 0]

        side = 48
        coarse = look(raster(side, side, deform.REACH)[None].expand(count, -1, -1, -1)) > 0.5
        coarse[:, side // 2, side // 2] |= ~coarse.flatten(1).any(1)
        low, high = [], []
        for axis in (1, 2):
            there = coarse.any(axis).float()
            low.append(there.argmax(1))
            high.append(side - there.flip(1).argmax(1))
        step = 2 * deform.REACH / side
        first = torch.stack(low, 1) * step - deform.REACH
        last = torch.stack(high, 1) * step - deform.REACH
        size = torch.tensor([SIZE[1], SIZE[0]], dtype=torch.float32)
        unit = ((last - first) / size).amax(1, keepdim=True).clamp(min=1e-6) / FILL
        extent, centre = unit * size, (first + last) / 2
        canvas = raster(*SMALL)[None] * (extent / 2)[:, None, None] + centre[:, None, None]
        share = look(canvas)[:, None]
        u = (grid * (LABELLED[0] / GRID[0]) - middle[:, None, None]) / half[:, None, None, None]
        q = times(u, matrix)
        for _ in range(6):
            q = times(u - shift(q), matrix)
        places = (q - centre[:, None, None]) / (extent / 2)[:, None, None]
        return share, places.permute(0, 3, 1, 2).contiguous()
