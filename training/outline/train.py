"""Schedule, views and losses."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from training.loop import Checkpoint

from .network import PLANES, SIZE, OutlineNetwork

MIRRORED = (0, 1, 2, 3, 4, 5, 6, 8, 7, 10, 9, 11, 12)
"""Planes of a mirrored view: arms and legs change sides."""
ACROSS, SEEN = 11, 7
"""The plane of places across the trunk, and the number of planes that are cut by the frame."""
SAVE_EVERY = 100


@dataclass(frozen=True)
class Schedule:
    """What fixes the file, with library versions and the kind of processor."""

    steps: int = 600
    batch: int = 12
    seed: int = 1
    threads: int = 1
    rate: float = 3e-3
    others: float = 0.6
    """Share of examples with another garment as the old one."""


@dataclass(frozen=True)
class Example:
    """One example; arrays over the network's window."""

    other: bool
    features: np.ndarray
    truth: np.ndarray
    weight: np.ndarray


def load(folder: Path, limit: int | None = None) -> list[list[Example]]:
    """The examples of each photo that `prepare` wrote."""
    photos: list[list[Example]] = []
    for path in sorted(folder.glob("*.npz"))[:limit]:
        with np.load(path) as file:
            photos.append(
                [
                    Example(name == "other", *(file[f"{name}_{part}"] for part in ("features", "truth", "weight")))
                    for name in ("own", "other")
                    if f"{name}_truth" in file
                ]
            )
    return photos


def train(examples: Sequence[Example], schedule: Schedule, checkpoint: Path, resume: bool) -> OutlineNetwork:
    """Train a network."""
    torch.set_num_threads(schedule.threads)
    torch.manual_seed(schedule.seed)
    network = OutlineNetwork().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), schedule.rate, weight_decay=0.02)
    saved = Checkpoint(checkpoint, schedule, network=network, optimiser=optimiser)
    first = saved.load().get("step", 0) if resume else 0
    groups = [[one for one in examples if one.other == other] for other in (False, True)]
    for step in range(first, schedule.steps):
        rng = np.random.default_rng([schedule.seed, step])
        torch.manual_seed(int(rng.integers(1 << 31)))
        rate = schedule.rate * min(1, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * step / schedule.steps))
        for group in optimiser.param_groups:
            group["lr"] = rate
        x, truth, weight = views(groups, schedule, rng)
        loss = loss_of(network(x.contiguous(memory_format=torch.channels_last)), truth, weight)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if (step + 1) % SAVE_EVERY == 0:
            saved.save(step + 1)
            print(f"step {step + 1}: loss {loss.item():.4f}", file=sys.stderr, flush=True)
    return network.eval()


def loss_of(found: torch.Tensor, truth: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Cross entropy and half of what is missing to a soft intersection over union of 1."""
    chance = torch.sigmoid(found)
    entropy = F.binary_cross_entropy_with_logits(found, truth, reduction="none")
    both = (chance * truth * weight).sum((1, 2, 3))
    either = ((chance + truth - chance * truth) * weight).sum((1, 2, 3))
    return (entropy * weight).sum() / weight.sum().clamp(min=1) + 0.5 * (1 - both / (either + 1)).mean()


def views(
    groups: Sequence[Sequence[Example]], schedule: Schedule, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A batch: mirrored, cut by a frame, turned and stretched at random; the placed garment also on its own."""
    found: list[torch.Tensor] = []
    frames: list[tuple[float, float]] = []
    for _ in range(schedule.batch):
        group = groups[1 if groups[1] and rng.random() < schedule.others else 0]
        example = group[int(rng.integers(len(group)))]
        planes = np.concatenate([example.features, example.truth[None], example.weight[None]]).astype(np.float32)
        if rng.random() < 0.5:
            planes = np.concatenate([planes[list(MIRRORED)], planes[PLANES:]])[:, :, ::-1].copy()
            planes[ACROSS] *= -1
        frames.append(_cut(planes, rng) if rng.random() < 0.35 else (1.0, 0.0))
        found.append(torch.from_numpy(planes))
    batch = torch.stack(found)
    count = len(batch)
    turn, size = (torch.rand(count) - 0.5) * 0.25, torch.exp((torch.rand(count) - 0.5) * 0.3)
    scale = size * torch.tensor([frame[0] for frame in frames])
    rows = torch.zeros(count, 2, 3)
    rows[:, 0, 0], rows[:, 0, 1] = scale * turn.cos(), -scale * turn.sin()
    rows[:, 1, 0], rows[:, 1, 1] = scale * turn.sin(), scale * turn.cos()
    rows[:, :, 2] = (torch.rand(count, 2) - 0.5) * 0.15
    rows[:, 1, 2] += torch.tensor([frame[1] for frame in frames])
    batch = F.grid_sample(batch, F.affine_grid(rows, [count, 1, *SIZE], align_corners=False), align_corners=False)
    rows = torch.zeros(count, 2, 3)
    stretch = torch.exp((torch.rand(count, 2) - 0.5) * 0.16)
    rows[:, 0, 0], rows[:, 1, 1] = stretch[:, 0], stretch[:, 1]
    rows[:, :, 2] = (torch.rand(count, 2) - 0.5) * 0.06
    grid = F.affine_grid(rows, [count, 1, *SIZE], align_corners=False)
    moved = F.grid_sample(batch[:, :2], grid, align_corners=False)
    use = (torch.rand(count, 1, 1, 1) < 0.5).float()
    placed = batch[:, :2] * (1 - use) + moved * use
    return torch.cat([placed, batch[:, 2:PLANES]], 1), batch[:, PLANES : PLANES + 1], batch[:, PLANES + 1 :]


def _cut(planes: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """Cut a view by a frame, as in portraits; returns by how much to enlarge it, and how far to move it up."""
    low = int(SIZE[0] * rng.uniform(0.45, 0.95))
    planes[:SEEN, low:], planes[-1, low:] = 0, 0
    if rng.random() < 0.4:
        left, right = (int(SIZE[1] * 0.2 * rng.random()) for _ in range(2))
        for part in (slice(0, left), slice(SIZE[1] - right, None)):
            planes[:SEEN, :, part], planes[-1, :, part] = 0, 0
    scale = max(0.55, low / SIZE[0] + 0.05 * rng.random()) if rng.random() < 0.7 else 1.0
    return scale, scale - 1


def overlap(found: np.ndarray, example: Example) -> float:
    """Intersection over union with the true outline where it counts."""
    counts = example.weight > 0.5
    one, other = (found > 0.5) & counts, (example.truth > 0.5) & counts
    return float((one & other).sum() / max(1, (one | other).sum()))
