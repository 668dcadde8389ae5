"""One training run: one schedule, three losses, weight averaging.

Every batch holds two views of each of its photos. The joint part learns the category (cosine classifier) and to match
captions; the shape part learns to find the other view of the same photo among all. Every random choice of step `i`
comes from the generator seeded by (seed, i): a run resumed from a checkpoint gives the same result as an uninterrupted
one.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from training.ahead import drawn_ahead
from training.backbone import groups, normalise
from training.loop import Checkpoint, advance, smooth

from . import tokens, views
from .data import CATEGORIES, Dataset, Item
from .network import SHARPNESS, Towers, unit
from .vocabulary import CONCEPTS, OF_AXIS, TRUE, UNKNOWN, Caption, caption, caption_truth, vocabulary


@dataclass(frozen=True)
class Schedule:
    """Hyperparameters of a run. Shares are relative to `steps`."""

    steps: int = 1700
    real: int = 20
    street: int = 3
    drawn: int = 13
    """Photos of each source per batch; each gives two views."""
    calm: float = 0.4
    """From this share of the steps on, the variation of light is halved."""
    drawn_light: float = 1.0
    """Variation of light on drawings relative to photos."""
    queries: int = 24
    """Texts about one or two concepts per batch, in addition to one caption per photo."""
    sizes: tuple[tuple[float, int], ...] = ((0.0, 96), (0.8, 128))
    """Share of the steps from which views have a given side in pixels; small ones cost less than half."""
    rate: float = 2e-3
    body_rate: float = 0.3
    """Learning rate of the pretrained backbone, as a share of the rate."""
    warmup: float = 0.04
    decay: float = 0.05
    average: float = 0.997
    """Decay of the weight average per step."""
    swap: float = 0.5
    """Share of views placed on another background, where a mask is known."""
    smoothing: float = 0.08
    threads: int = 1
    seed: int = 1
    checkpoint_every: int = 250


def finish(first: Schedule, steps: int) -> Schedule:
    """A short second run at full size from the averaged weights of the first, with more drawings.

    Their light hardly varies, so that neighbouring colours stay distinguishable."""
    return replace(first, steps=steps, drawn=20, calm=0.0, drawn_light=0.3, sizes=((0.0, 128),), rate=6e-4)


LOSS_WEIGHTS = {"category": 1.0, "caption": 0.8, "same": 0.5, "axes": 1.0}
TEMPERATURE = 0.1
"""Temperature of the loss that finds the other view (T. Chen et al., "SimCLR", ICML 2020)."""


@dataclass(frozen=True)
class Batch:
    """`images` (2p, side, side, 3) uint8: first views of all p photos, then second ones; `category` (2p,) int64, -1
    for none of the ten; `ids` and `mask` (t, words) of the texts; `match` (2p, t) int8 as
    `vocabulary.caption_truth` returns; `truth` (2p, concepts) int8."""

    images: Tensor
    category: Tensor
    ids: Tensor
    mask: Tensor
    match: Tensor
    truth: Tensor


class Batches:
    """Draws the batch of a step."""

    def __init__(self, data: Dataset, schedule: Schedule):
        self.schedule, self.drawn = schedule, data.drawn
        parts = ((data.real, schedule.real), (data.street, schedule.street), (data.drawn, schedule.drawn))
        self.sources: list[tuple[list[Item], int]] = [(items, count) for items, count in parts if items]
        self.backgrounds = views.Backgrounds(data.real)
        self.tokenizer = tokens.make()
        # rare categories are drawn more often than their share, but not uniformly
        self.chances = [self._chances(items) for items, _ in self.sources]

    @staticmethod
    def _chances(items: list[Item]) -> np.ndarray:
        category = np.array([item.category for item in items])
        counts = np.bincount(category + 1, minlength=len(CATEGORIES) + 1)
        weight = counts[category + 1] ** -0.5
        return weight / weight.sum()

    def draw(self, step: int) -> Batch:
        s = self.schedule
        rng = np.random.default_rng((s.seed, step))
        side = max(size for start, size in s.sizes if step >= start * s.steps)
        chosen: list[tuple[Item, float]] = []
        for (items, count), chances in zip(self.sources, self.chances, strict=True):
            picked = rng.choice(len(items), min(count, len(items)), replace=False, p=chances)
            light = (0.5 if step >= s.calm * s.steps else 1.0) * (s.drawn_light if items is self.drawn else 1.0)
            chosen += [(items[i], light) for i in picked]
        images = [
            views.view(rng, item, self.backgrounds, side, s.swap, light) for _ in range(2) for item, light in chosen
        ]
        truth = np.stack([item.truth for item, _ in chosen])
        text_loss = [caption(rng, row, sparse=False) for row in truth]
        text_loss += [caption(rng, truth[rng.integers(len(truth))], sparse=True) for _ in range(s.queries)]
        text_loss += [self._word(rng) for _ in range(s.queries // 3)]
        text_loss = [one for one in text_loss if one.concepts]
        # all concepts come last, each in one phrasing
        every = [str(rng.choice(concept.phrases)) for concept in CONCEPTS]
        ids, mask = tokens.encode(self.tokenizer, [*(one.text for one in text_loss), *every])
        match = np.stack([caption_truth(one.concepts, truth) for one in text_loss], 1)
        return Batch(
            torch.from_numpy(np.stack(images)),
            torch.tensor([item.category for item, _ in chosen] * 2),
            torch.from_numpy(ids),
            torch.from_numpy(mask),
            torch.from_numpy(np.concatenate([match, match])),
            torch.from_numpy(np.concatenate([truth, truth])),
        )

    @staticmethod
    def _word(rng: np.random.Generator) -> Caption:
        i = int(rng.integers(len(CONCEPTS)))
        return Caption(str(rng.choice(CONCEPTS[i].phrases)), (i,))


def toward_positives(scores: Tensor, match: Tensor) -> Tensor:
    """Cross-entropy of each row's softmax with a uniform distribution over its positives.

    Unknown pairs are excluded, as are rows without a positive or a negative (J. Yang et al., "UniCL", CVPR 2022)."""
    positive = match == TRUE
    counted = (positive.any(1) & (match == 0).any(1)).to(scores.dtype)
    logs = F.log_softmax(scores.masked_fill(match == UNKNOWN, -1e4), 1)
    own = (logs * positive).sum(1) / positive.sum(1).clamp(min=1)
    return -(own * counted).sum() / counted.sum().clamp(min=1)


def losses(towers: Towers, batch: Batch, smoothing: float) -> dict[str, Tensor]:
    """The parts of the loss."""
    places, shape = towers.image(normalise(batch.images))
    joint, shape = unit(places.mean((2, 3))), unit(shape)
    category = F.cross_entropy(
        SHARPNESS * joint @ unit(towers.prototypes).T, batch.category, ignore_index=-1, label_smoothing=smoothing
    )
    texts = towers.text(batch.ids, batch.mask)
    scores = towers.sharpness.clamp(max=4.0).exp() * joint @ texts.T
    text_scores = scores[:, : batch.match.shape[1]]
    text_loss = (toward_positives(text_scores.T, batch.match.T) + toward_positives(text_scores, batch.match)) / 2
    similarity = shape @ shape.T / TEMPERATURE
    similarity = similarity - 1e4 * torch.eye(len(similarity))
    half = len(similarity) // 2
    other = torch.arange(len(similarity)).roll(half)
    every = scores[:, batch.match.shape[1] :]
    axes = [toward_positives(every[:, list(of)], batch.truth[:, list(of)]) for of in OF_AXIS.values()]
    return {
        "category": category,
        "caption": text_loss,
        "same": F.cross_entropy(similarity, other),
        "axes": torch.stack(axes).mean(),
    }


def rate(step: int, schedule: Schedule) -> float:
    """Learning rate at a step: linear warm-up, then a linear fall."""
    warm = schedule.warmup * schedule.steps
    return schedule.rate * min((step + 1) / warm, (schedule.steps - step) / (schedule.steps - warm))


def train(
    data: Dataset,
    schedule: Schedule,
    checkpoint: Path,
    resume: bool,
    watch: Callable[[Towers], str] | None = None,
    start_from: Towers | None = None,
) -> tuple[Towers, dict]:
    """Train from ImageNet's backbone, or resume from the checkpoint; returns the averaged towers and facts about the
    run.

    Args:
        start_from: towers whose weights are used at the start instead.
        watch: called with the averaged towers at every fourth checkpoint; returns figures to print.
    """
    torch.set_num_threads(schedule.threads)
    torch.manual_seed(schedule.seed)
    cv2.setNumThreads(1)
    towers = Towers(len(vocabulary()) + 2, len(CATEGORIES)).to(memory_format=torch.channels_last)
    if start_from is not None:
        towers.load_state_dict(start_from.state_dict())
    average = deepcopy(towers)
    shared_out = groups(towers, towers.image.body, schedule.body_rate, schedule.decay)
    optimiser = torch.optim.AdamW(shared_out, lr=schedule.rate, fused=True)
    saved = Checkpoint(checkpoint, schedule, towers=towers, average=average, optimiser=optimiser)
    state = saved.load() if resume else {}
    start, running = state.get("step", 0), state.get("losses", {})

    batches = Batches(data, schedule)
    bar = tqdm(total=schedule.steps, initial=start, unit="step", mininterval=5, dynamic_ncols=True)
    for step, batch in enumerate(drawn_ahead(batches.draw, start, schedule.steps, depth=4), start=start):
        for group in optimiser.param_groups:
            group["lr"] = rate(step, schedule) * group["share"]
        towers.train()
        parts = losses(towers, batch, schedule.smoothing)
        loss = sum(LOSS_WEIGHTS[name] * part for name, part in parts.items())
        advance(towers, average, optimiser, loss, step=step, decay=schedule.average)
        smooth(running, parts)
        bar.update()
        if step % 10 == 0:
            bar.set_postfix({name: f"{value:.3f}" for name, value in running.items()}, refresh=False)
        if (step + 1) % schedule.checkpoint_every == 0 or step + 1 == schedule.steps:
            saved.save(step + 1, losses=running)
            if watch and (step + 1) % (4 * schedule.checkpoint_every) == 0:
                tqdm.write(f"step {step + 1}: {watch(average.eval())}")
    bar.close()
    facts = {"steps": schedule.steps, "losses": {name: round(value, 4) for name, value in running.items()}}
    return average.eval(), facts
