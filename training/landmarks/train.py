"""The training run: AdamW, warm-up and cosine, weight averaging, checkpoints."""

import sys
import time
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from training.backbone import groups, normalise
from training.loop import Checkpoint, advance, smooth

from .data import Sample
from .names import NAMES
from .network import INPUT_SIZE, STRIDE, LandmarkNetwork, Outputs
from .views import Views

SPREAD = 1.2
"""Standard deviation of a landmark's target, in cells of the map."""


@dataclass(frozen=True)
class Schedule:
    """Hyperparameters of a run."""

    steps: int = 1400
    batch: int = 12
    rate: float = 2.2e-3
    backbone: float = 0.4
    """Learning rate of the pretrained encoder, as a share."""
    decay: float = 0.02
    warmup: float = 0.04
    average: float = 0.995
    threads: int = 1
    seed: int = 1
    checkpoint_every: int = 200


FIRST = Schedule()
AGAIN = Schedule(steps=900, rate=1.4e-3, warmup=0.06)
"""The second run starts from the averaged weights of the first and sees other views."""


def rate_at(schedule: Schedule, step: int) -> float:
    """Learning rate of a step."""
    warm = max(1, round(schedule.warmup * schedule.steps))
    if step < warm:
        return schedule.rate * (step + 1) / warm
    share = (step - warm) / max(1, schedule.steps - warm)
    return schedule.rate * (0.5 * (1 + np.cos(np.pi * share)) * 0.995 + 0.005)


def losses(out: Outputs, points: Tensor, there: Tensor, kind: Tensor, several: Tensor) -> dict[str, Tensor]:
    """The parts of the loss; unknown targets are NaN, or -1 for the kind."""
    known = torch.isfinite(points).all(2) & (there == 1)
    flat = F.log_softmax(out.maps.flatten(2), 2)
    wanted = _targets(torch.nan_to_num(points))
    place = -(wanted * flat).sum(2)[known].mean() if known.any() else flat.sum() * 0
    decided = torch.isfinite(there)
    present = F.binary_cross_entropy_with_logits(out.present[decided], there[decided])
    named = kind >= 0
    kinds = F.cross_entropy(out.kind[named], kind[named], label_smoothing=0.03)
    sure = torch.isfinite(several)
    pair = F.binary_cross_entropy_with_logits(out.several[:, 0][sure], several[sure])
    return {"place": place, "present": present, "kind": kinds, "several": pair}


WEIGHTS = {"place": 1.0, "present": 0.5, "kind": 0.3, "several": 0.3}


def _targets(points: Tensor) -> Tensor:
    """(n, landmarks, cells): a normalised Gaussian around every point."""
    rows, columns = INPUT_SIZE[0] // STRIDE, INPUT_SIZE[1] // STRIDE
    x = (points[..., 0] + 0.5) / STRIDE - 0.5
    y = (points[..., 1] + 0.5) / STRIDE - 0.5
    across = torch.exp(-((torch.arange(columns)[None, None] - x[..., None]) ** 2) / (2 * SPREAD**2))
    down = torch.exp(-((torch.arange(rows)[None, None] - y[..., None]) ** 2) / (2 * SPREAD**2))
    found = (down[..., :, None] * across[..., None, :]).flatten(2)
    return found / found.sum(2, keepdim=True).clamp_min(1e-6)


def train(
    samples: list[Sample], schedule: Schedule, checkpoint: Path, resume: bool, start: LandmarkNetwork | None = None
) -> tuple[LandmarkNetwork, dict[str, float]]:
    """Train from ImageNet's weights, or from those of `start`; returns the averaged network and the last losses."""
    torch.manual_seed(schedule.seed)
    torch.set_num_threads(schedule.threads)
    network = LandmarkNetwork().to(memory_format=torch.channels_last)
    if start is not None:
        network.load_state_dict(start.state_dict())
    average = deepcopy(network).requires_grad_(False)
    optimiser = torch.optim.AdamW(groups(network, network.encoder, schedule.backbone, schedule.decay))
    kept = Checkpoint(checkpoint, schedule, network=network, average=average, optimiser=optimiser)
    saved = kept.load() if resume else {}
    first, means = saved.get("step", 0), saved.get("losses", {})
    began = time.time()
    for step in range(first, schedule.steps):
        if step == first or step % schedule.checkpoint_every == 0:
            # Views follow from the step, so that a resumed run sees those of an uninterrupted one.
            views = Views(samples, schedule.seed * 100_003 + step // schedule.checkpoint_every)
        for group in optimiser.param_groups:
            group["lr"] = rate_at(schedule, step) * group["share"]
        parts = losses(network(normalise(torch.from_numpy(_stack(batch := draw(views, schedule.batch))))), *rest(batch))
        total = sum(WEIGHTS[name] * part for name, part in parts.items())
        advance(network, average, optimiser, total, step=step, decay=schedule.average)
        smooth(means, parts)
        if (step + 1) % 50 == 0:
            each = (time.time() - began) / (step + 1 - first)
            line = " ".join(f"{name} {value:.3f}" for name, value in means.items())
            print(f"{step + 1}/{schedule.steps} {line} {each:.2f} s", file=sys.stderr, flush=True)
        if (step + 1) % schedule.checkpoint_every == 0:
            kept.save(step + 1, losses=means)
    return average.eval(), {name: round(value, 4) for name, value in means.items()}


def draw(views: Views, count: int) -> list[tuple]:
    """A batch of views."""
    return [views.draw() for _ in range(count)]


def _stack(batch: list[tuple]) -> np.ndarray:
    return np.stack([np.ascontiguousarray(view[0]) for view in batch])


def rest(batch: list[tuple]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Points, there, kind and several of a batch."""
    return (
        torch.from_numpy(np.stack([view[1] for view in batch]).astype(np.float32).reshape(-1, len(NAMES), 2)),
        torch.from_numpy(np.stack([view[2] for view in batch]).astype(np.float32)),
        torch.tensor([view[3] for view in batch]),
        torch.tensor([view[4] for view in batch], dtype=torch.float32),
    )
