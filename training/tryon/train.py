"""One training run of either network: AdamW, warm-up and cosine schedule, weight averaging, checkpoints.

A run resumed from a checkpoint gives the same result as an uninterrupted one; the same seed, thread count and library
versions give the same weights.
"""

import sys
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.ahead import drawn_ahead
from training.loop import Checkpoint, advance, smooth

from .batches import Batch, Batches
from .data import Pair
from .losses import COMPOSE_WEIGHTS, WARP_WEIGHTS, compose_losses, warp_losses
from .network import Compose, Warp, grown, look
from .views import Library, Views


@dataclass(frozen=True)
class Schedule:
    """Hyperparameters of a run."""

    steps: int
    batch: int
    rate: float
    decay: float = 0.01
    warmup: float = 0.04
    cosine: float = 1.0
    """End of the cosine schedule of the learning rate, as a share of the steps."""
    cooldown: float = 1.0
    """Share of the steps after which the rate falls linearly to zero."""
    average: float = 0.995
    """Decay of the weight average per step."""
    threads: int = 1
    seed: int = 1
    checkpoint_every: int = 50


WARP = Schedule(steps=3600, batch=32, rate=2.5e-3, warmup=0.015, cosine=1.3, cooldown=0.6)
COMPOSE = Schedule(steps=800, batch=8, rate=3e-3, warmup=0.03, cosine=1.27, cooldown=0.67)
WARP_ON = Schedule(steps=2400, batch=32, rate=1.4e-3, warmup=0.015, cosine=1.3, cooldown=0.3, average=0.998)
COMPOSE_ON = Schedule(steps=1000, batch=8, rate=1.6e-3, warmup=0.03, cosine=1.3, cooldown=0.3, average=0.998)
"""Second runs, starting from the averaged weights of the first, with other views."""

StepOf = Callable[[nn.Module, object], dict[str, Tensor]]


def rate_at(schedule: Schedule, step: int) -> float:
    """Learning rate of a step: linear warm-up, cosine, and a linear fall to zero from `cooldown` on."""
    warm = max(1, round(schedule.warmup * schedule.steps))
    if step < warm:
        return schedule.rate * (step + 1) / warm
    share = (step - warm) / max(1, round(schedule.cosine * schedule.steps) - warm)
    cosine = 0.5 * (1 + np.cos(np.pi * min(1.0, share))) * 0.98 + 0.02
    start = schedule.cooldown * schedule.steps
    line = 1.0 if step < start else (schedule.steps - step) / max(1.0, schedule.steps - start)
    return schedule.rate * cosine * line


def train_warp(
    pairs: list[Pair], schedule: Schedule, checkpoint: Path, resume: bool, start_from: nn.Module | None = None
) -> tuple[Warp, dict]:
    """Train the warp network, from the weights of `start_from` if given; returns the average and the last losses."""
    library = Library(pairs, schedule.seed)

    def step(network: nn.Module, views: Views) -> dict[str, Tensor]:
        parts = warp_losses(network(views.person, views.share), views)
        return {name: WARP_WEIGHTS[name] * value for name, value in parts.items()}

    def ahead(start: int, stop: int) -> Iterator[Views]:
        for number in range(start, stop):
            with torch.no_grad():
                views = library.draw(schedule.seed, number, schedule.batch)
            yield views

    return _train(Warp, step, ahead, schedule, checkpoint, resume, start_from)


def train_compose(
    pairs: list[Pair], schedule: Schedule, checkpoint: Path, resume: bool, start_from: nn.Module | None = None
) -> tuple[Compose, dict]:
    """Train the second network on true places with errors of known size; returns the average and the last losses.

    It learns how much texture to keep at which uncertainty, independently of the first network."""

    def step(network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        picture, cloth, maps, colours = second_inputs(batch)
        parts = compose_losses(network(picture, cloth, maps), colours, batch)
        return {name: COMPOSE_WEIGHTS[name] * value for name, value in parts.items()}

    batches = Batches(pairs, schedule.batch, schedule.seed + 1000)
    ahead = lambda start, stop: drawn_ahead(batches.draw, start, stop)  # noqa: E731
    return _train(Compose, step, ahead, schedule, checkpoint, resume, start_from)


@torch.no_grad()
def second_inputs(batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Inputs of the second network, and the displaced colours in 0..1."""
    error = F.interpolate(batch.error, size=(64, 48), mode="bicubic", align_corners=True)
    full = grown(batch.flow + error, 4)
    colours = F.grid_sample(
        batch.colours, full.permute(0, 2, 3, 1), mode="bilinear", padding_mode="border", align_corners=False
    )
    warped = look(batch.share, full)
    picture = (batch.target - 0.5) / 0.25 * batch.shown_large
    cloth = torch.cat([(colours - 0.5) / 0.25, warped], 1)
    maps = batch.maps.clone()
    maps[:, -2:-1] = F.avg_pool2d(F.avg_pool2d(warped, 2), 5, 1, 2, count_include_pad=False)
    # the sum of the mean absolute errors of both coordinates, as the first network outputs it
    maps[:, -1:] = (torch.log(1.6 * batch.size) / 4 + 1)[:, None, None, None]
    return picture, cloth, maps, colours


def _train(
    make: type,
    step_of: StepOf,
    ahead: Callable,
    schedule: Schedule,
    checkpoint: Path,
    resume: bool,
    start_from: nn.Module | None,
) -> tuple:
    torch.set_num_threads(schedule.threads)
    torch.manual_seed(schedule.seed)
    network = make().to(memory_format=torch.channels_last)
    if start_from is not None:
        network.load_state_dict(start_from.state_dict())
    average = deepcopy(network).eval()
    matrices = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": schedule.decay}, {"params": others, "weight_decay": 0.0}], fused=True
    )
    saved = Checkpoint(checkpoint, schedule, network=network, average=average, optimiser=optimiser)
    state = saved.load() if resume else {}
    start, running = state.get("step", 0), state.get("losses", {})
    network.train()
    began = time.monotonic()
    for step, batch in enumerate(ahead(start, schedule.steps), start):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(schedule, step)
        parts = step_of(network, batch)
        loss = sum(parts.values())
        advance(network, average, optimiser, loss, step=step, decay=schedule.average)
        smooth(running, parts, keep=0.97)
        if (step + 1) % schedule.checkpoint_every == 0 or step + 1 == schedule.steps:
            saved.save(step + 1, losses=running)
            shown = "  ".join(f"{name} {value:.4f}" for name, value in running.items())
            print(
                f"{step + 1}/{schedule.steps}  {time.monotonic() - began:.0f} s  {shown}", file=sys.stderr, flush=True
            )
    return average.eval(), {name: round(value, 4) for name, value in running.items()}
