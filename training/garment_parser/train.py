"""One training run: one schedule, weight averaging, two rounds of self-training.

Every batch mixes street photos with masks, street photos with tags only and garment photos. Every random choice
of step `i` comes from the generator seeded by (seed, i): a run resumed from a checkpoint gives the same result
as an uninterrupted one, and the same seed, thread count and library versions give the same weights.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from training.ahead import drawn_ahead
from training.backbone import DEFAULT, groups, normalise
from training.loop import Checkpoint, advance, smooth

from . import augment
from .data import BACKGROUND, CLASSES, IGNORE, Dataset, FlatPhoto, WornPhoto
from .harvest import Harvest, iou
from .network import INPUT_SIZE, GarmentParser, Outputs


@dataclass(frozen=True)
class Schedule:
    """Hyperparameters of a run. Shares are relative to `steps`."""

    steps: int = 3000
    batch: int = 16
    flat: int = 5
    """Garment photos per batch; the others are street photos."""
    tagged: int = 4
    """Tag-only street photos per batch once they have pseudo-labels."""
    rounds: tuple[float, ...] = (0.35, 0.65)
    """Steps (as shares) at which the averaged network relabels the tag-only photos."""
    grow: float = 0.7
    """Before this share, views are smaller than the input and the rate follows a cosine; after it they have the size of
    the input and the rate cools down."""
    cosine: float = 1.3
    """End of that cosine."""
    cooldown: tuple[tuple[float, float], ...] = ((0.7, 1.0), (1.0, 0.0))
    """Points (share of the steps, factor) between which the rate falls linearly."""
    warmup: float = 0.03
    rate: float = 1.5e-3
    encoder_rate: float = 0.35
    """Learning rate of the pretrained encoder, as a share of the rate."""
    decay: float = 0.02
    average: float = 0.998
    """Decay of the weight average per step."""
    confident: float = 0.55
    """Pseudo-labels below this probability are ignored."""
    swap: float = 0.2
    """Share of street photos placed on another background."""
    swap_flat: float = 0.45
    threads: int = 1
    seed: int = 1
    checkpoint_every: int = 250
    encoder: str = DEFAULT
    """One of `training.backbone.ENCODERS`."""


def finish(first: Schedule, steps: int) -> Schedule:
    """A short second run at the input size from the averaged weights, with new pseudo-labels and a falling rate."""
    cooldown = ((0.0, 1.0), (1.0, 0.0))
    return replace(first, steps=steps, rounds=(0.0,), grow=0.0, cosine=1.0, cooldown=cooldown, warmup=0.04, rate=6e-4)


SMALL_SIZE = (192, 128)
"""Height and width of the views of the first part of the schedule."""
NAMING_FLAT, NAMING_PSEUDO = 0.3, 0.7
"""Weights of the naming loss on garment photos (which have only a category) and on pseudo-labels."""
THIRD_VOTE = 0.92
"""IoU of network and GrabCut at which a garment photo rejected by GrabCut alone is accepted."""


@dataclass
class Flats:
    """Garment photos with their training masks (h, w bool)."""

    photos: list[FlatPhoto]
    masks: list[np.ndarray]


@dataclass(frozen=True)
class Batch:
    """`images` (n, h, w, 3) uint8, `labels` (n, h, w) int64, the rest (n, ...) float32."""

    images: Tensor
    labels: Tensor
    naming: Tensor
    worn: Tensor
    present: Tensor
    tags: Tensor


def class_weights(photos: list[WornPhoto]) -> Tensor:
    """Weight of each foreground class in the naming loss, (8,): 1/sqrt(share of pixels), mean 1 over pixels."""
    counts = sum(np.bincount(p.label.ravel(), minlength=len(CLASSES))[: len(CLASSES)] for p in photos)
    share = np.maximum(counts[1:] / counts[1:].sum(), 1e-4)
    weights = share**-0.5
    return torch.tensor(weights / (weights * share).sum(), dtype=torch.float32)


def quarter_of_doubled(logits: Tensor, row: int, column: int) -> Tensor:
    """Every second pixel (from `row`, `column`, each 0 or 1) of the bilinearly doubled logits (n, c, h, w).

    Equal to `F.interpolate(logits, scale_factor=2, mode="bilinear")[:, :, row::2, column::2]` at a quarter of its cost.
    """
    padded = F.pad(logits, (1, 1, 1, 1), mode="replicate")
    rows = 0.75 * padded[:, :, 1:-1] + 0.25 * (padded[:, :, 2:] if row else padded[:, :, :-2])
    return 0.75 * rows[..., 1:-1] + 0.25 * (rows[..., 2:] if column else rows[..., :-2])


def losses(out: Outputs, batch: Batch, weights: Tensor, step: int) -> dict[str, Tensor]:
    """The parts of the loss, on a quarter of the pixels that changes from step to step.

    A softmax factorises: p(class) = p(foreground) p(class | foreground). `outline` is the cross-entropy of the
    first factor, unweighted, so that rare classes do not enlarge the silhouette; `naming` that of the second,
    weighted against class frequency. `dice` is soft Dice over the nine classes of street photos.
    """
    row, column = step // 2 % 2, step % 2
    logits = quarter_of_doubled(out.class_logits, row, column)
    labels = batch.labels[:, row::2, column::2]
    known = labels != IGNORE
    subject = known & (labels != BACKGROUND)
    log_all = torch.logsumexp(logits, 1)
    log_subject = torch.logsumexp(logits[:, 1:], 1)
    chosen = torch.where(subject, log_subject, logits[:, BACKGROUND])
    outline = ((log_all - chosen) * known).sum() / known.sum().clamp(min=1)

    index = torch.where(subject, labels - 1, 0)
    own = logits[:, 1:].gather(1, index[:, None])[:, 0]
    weight = weights[index] * subject * batch.naming[:, None, None]
    naming = ((log_subject - own) * weight).sum() / weight.sum().clamp(min=1)

    street = batch.worn > 0.5
    counted = known & street[:, None, None]
    p = (logits - log_all[:, None]).exp() * counted[:, None]
    truth = labels[counted]
    correct = p.gather(1, torch.where(counted, labels, 0)[:, None])[:, 0][counted]
    overlap = torch.zeros(len(CLASSES)).index_add(0, truth, correct)
    pixels = torch.bincount(truth, minlength=len(CLASSES))
    seen = pixels > 0
    score = 2 * overlap[seen] / (p.sum((0, 2, 3))[seen] + pixels[seen])
    dice = 1 - score.mean() if seen.any() else logits.sum() * 0

    bce = F.binary_cross_entropy_with_logits
    present = bce(out.present, batch.present)
    tags = bce(out.tags[street], batch.tags[street]) if street.any() else logits.sum() * 0
    worn = bce(out.worn[:, 0], batch.worn)
    return {
        "outline": outline,
        "naming": naming,
        "dice": dice,
        "present": present,
        "tags": tags,
        "worn": worn,
    }


LOSS_WEIGHTS = {"outline": 2.0, "naming": 1.0, "dice": 1.0, "present": 0.3, "tags": 0.5, "worn": 0.1}


def shrink(photo: WornPhoto, long_side: int) -> WornPhoto:
    """Shrink a photo and its label to a long side of at most `long_side` pixels."""
    height, width = photo.label.shape
    scale = min(1.0, long_side / max(height, width))
    size = (round(width * scale), round(height * scale))
    image = cv2.resize(photo.image, size, interpolation=cv2.INTER_AREA)
    return replace(photo, image=image, label=cv2.resize(photo.label, size, interpolation=cv2.INTER_NEAREST))


class Batches:
    """Draws the batch of a step. `pseudo` holds a label (h, w uint8) for each tag-only photo once available."""

    def __init__(self, data: Dataset, flats: Flats, schedule: Schedule):
        self.data, self.flats, self.schedule = data, flats, schedule
        self.pseudo: list[np.ndarray] = []
        # affine views do not filter: at the small size they would skip every second pixel of the full photos
        self.shrunk = [shrink(photo, 256) for photo in data.train]

    def background(self, rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
        """Draw a background (*size, 3) uint8."""
        kind = rng.random()
        if kind < 0.45:
            photo = self.shrunk[rng.integers(len(self.shrunk))]
            return augment.without_subject(photo.image, photo.label != BACKGROUND, size)
        if kind < 0.8:
            i = rng.integers(len(self.flats.photos))
            return augment.without_subject(self.flats.photos[i].image, self.flats.masks[i], size)
        return augment.drawn_background(rng, size)

    def draw(self, step: int) -> Batch:
        s = self.schedule
        rng = np.random.default_rng((s.seed, step))
        tagged = s.tagged if self.pseudo else 0
        flat = min(s.flat, len(self.flats.photos))
        size, labelled = (SMALL_SIZE, self.shrunk) if step < round(s.grow * s.steps) else (INPUT_SIZE, self.data.train)
        views, naming, worn, present, tags = [], [], [], [], []

        def pick(count: int, total: int) -> Iterator[int]:
            return iter(rng.choice(total, count, replace=count > total))

        def behind(share: float) -> np.ndarray | None:
            return self.background(rng, size) if rng.random() < share else None

        def street(photo: WornPhoto, label: np.ndarray, weight: float, swap: float) -> None:
            image, label = augment.worn_view(rng, photo, label, behind(swap), size)
            views.append((image, label))
            naming.append(weight)
            worn.append(1.0)
            # a crop may not contain a class that the whole photo shows
            shown = np.zeros(len(CLASSES), bool)
            shown[:] = np.bincount(label.ravel(), minlength=len(CLASSES))[: len(CLASSES)] > 0
            present.append(shown & photo.present)
            tags.append(photo.tags)

        for i in pick(s.batch - flat - tagged, len(labelled)):
            photo = labelled[i]
            street(photo, photo.label, 1.0, s.swap)
        for i in pick(tagged, len(self.data.tagged)):
            street(self.data.tagged[i], self.pseudo[i], NAMING_PSEUDO, 0.0)
        for i in pick(flat, len(self.flats.photos)):
            photo = self.flats.photos[i]
            views.append(augment.flat_view(rng, photo, self.flats.masks[i], behind(s.swap_flat), size))
            naming.append(NAMING_FLAT)
            worn.append(0.0)
            shown = np.zeros(len(CLASSES), bool)
            shown[[BACKGROUND, photo.garment_class]] = True
            present.append(shown)
            tags.append(np.zeros(len(self.data.tag_names), bool))

        return Batch(
            torch.from_numpy(np.stack([a for a, _ in views])),
            torch.from_numpy(np.stack([b for _, b in views]).astype(np.int64)),
            torch.tensor(naming),
            torch.tensor(worn),
            torch.from_numpy(np.stack(present).astype(np.float32)),
            torch.from_numpy(np.stack(tags).astype(np.float32)),
        )


@torch.inference_mode()
def predict(network: GarmentParser, images: list[np.ndarray], size: tuple[int, int], mirror: bool = False) -> Iterator:
    """Logits (9, h/2, w/2) of each picture stretched to `size`, averaged with the mirrored picture's if `mirrored`."""
    network.eval()
    for start in range(0, len(images), 16):
        part = [cv2.resize(i, size[::-1], interpolation=cv2.INTER_AREA) for i in images[start : start + 16]]
        x = normalise(torch.from_numpy(np.stack(part)))
        logits = network(x).class_logits
        if mirror:
            logits = (logits + network(x.flip(3)).class_logits.flip(3)) / 2
        yield from logits


@torch.inference_mode()
def pseudo_labels(
    network: GarmentParser, photos: list[WornPhoto], size: tuple[int, int], confident: float
) -> list[np.ndarray]:
    """A label (h, w) uint8 for each tag-only photo.

    Classes excluded by its tags are forbidden, uncertain pixels are `IGNORE`.
    """
    labels = []
    for photo, logits in zip(photos, predict(network, [p.image for p in photos], size, mirror=True), strict=True):
        logits = logits.masked_fill(~torch.from_numpy(photo.present)[:, None, None], -1e4)
        full = F.interpolate(logits[None], photo.image.shape[:2], mode="bilinear", align_corners=False)[0]
        surest, label = full.softmax(0).max(0)
        labels.append(torch.where(surest >= confident, label, IGNORE).to(torch.uint8).numpy())
    return labels


def third_vote(
    network: GarmentParser, photos: list[FlatPhoto], harvests: list[Harvest], size: tuple[int, int]
) -> Flats:
    """The accepted garment photos, and the rejected ones whose GrabCut mask the network confirms."""
    flats = Flats(
        [p for p, h in zip(photos, harvests, strict=True) if h.accepted],
        [h.mask for h in harvests if h.accepted],
    )
    refused = [i for i, h in enumerate(harvests) if not h.accepted]
    for i, logits in zip(refused, predict(network, [photos[i].image for i in refused], size), strict=True):
        height, width = photos[i].image.shape[:2]
        subject = 1 - logits.softmax(0)[BACKGROUND].numpy()
        if iou(cv2.resize(subject, (width, height)) > 0.5, harvests[i].mask) >= THIRD_VOTE:
            flats.photos.append(photos[i])
            flats.masks.append(harvests[i].mask)
    return flats


def rate_at(schedule: Schedule, step: int) -> float:
    """Learning rate of a step: linear warm-up, part of half a cosine, then the linear cooldown
    (cooldown after A. Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations",
    2024)."""

    def place(share: float) -> int:
        return round(share * schedule.steps)

    warm = max(1, place(schedule.warmup))
    if step < warm:
        return schedule.rate * (step + 1) / warm
    angle = (min(step, place(schedule.grow)) - warm) / max(1, place(schedule.cosine) - warm)
    shares, factors = zip(*schedule.cooldown, strict=True)
    factor = float(np.interp(step, [place(share) for share in shares], factors))
    return schedule.rate * 0.5 * (1 + np.cos(np.pi * angle)) * factor


def train(
    data: Dataset,
    harvests: list[Harvest],
    schedule: Schedule,
    checkpoint: Path,
    resume: bool,
    quiet: bool = False,
    start_from: GarmentParser | None = None,
) -> tuple[GarmentParser, dict]:
    """Train to the end of the schedule; returns the averaged network and facts about the run.

    Starts from the weights of `start_from`, by default from ImageNet's. Writes `checkpoint` every `checkpoint_every`
    steps; with `resume` it continues from an existing one.
    """
    torch.set_num_threads(schedule.threads)
    torch.manual_seed(schedule.seed)
    network = GarmentParser(len(data.tag_names), schedule.encoder).to(memory_format=torch.channels_last)
    if start_from is not None:
        network.load_state_dict(start_from.state_dict())
    average = deepcopy(network)
    optimiser = torch.optim.AdamW(groups(network, network.encoder, schedule.encoder_rate, schedule.decay), fused=True)
    accepted = Flats(
        [p for p, h in zip(data.flat_train, harvests, strict=True) if h.accepted],
        [h.mask for h in harvests if h.accepted],
    )
    batches = Batches(data, accepted, schedule)
    weights = class_weights(data.train)
    round_steps = [round(share * schedule.steps) for share in schedule.rounds]
    start, teacher, taught_at = 0, None, None
    running: dict[str, float] = {}
    saved = Checkpoint(checkpoint, schedule, network=network, average=average, optimiser=optimiser)
    flat_trained_on = len(accepted.photos)

    def size_at(step: int) -> tuple[int, int]:
        return SMALL_SIZE if schedule.grow and step <= round(schedule.grow * schedule.steps) else INPUT_SIZE

    def teach(state: dict, step: int) -> None:
        guide = deepcopy(average)
        guide.load_state_dict(state)
        batches.pseudo = pseudo_labels(guide, data.tagged, size_at(step), schedule.confident)
        batches.flats = third_vote(guide, data.flat_train, harvests, size_at(step))

    if resume and (state := saved.load()):
        start, teacher, taught_at = state["step"], state["teacher"], state["taught_at"]
        running, flat_trained_on = state["losses"], state["flat_trained_on"]
        if teacher is not None and start not in (*round_steps, schedule.steps):
            teach(teacher, taught_at)
            flat_trained_on = len(batches.flats.photos)

    def save(step: int) -> None:
        saved.save(step, teacher=teacher, taught_at=taught_at, losses=running, flat_trained_on=flat_trained_on)

    bar = tqdm(total=schedule.steps, initial=start, unit="step", disable=quiet, mininterval=1.0, dynamic_ncols=True)
    borders = sorted({start, schedule.steps, *(r for r in round_steps if start < r < schedule.steps)})
    for begin, end in pairwise(borders):
        if begin in round_steps and taught_at != begin:
            teacher, taught_at = deepcopy(average.state_dict()), begin
            teach(teacher, begin)
            flat_trained_on = len(batches.flats.photos)
        network.train()
        for step, batch in enumerate(drawn_ahead(batches.draw, begin, end), begin):
            for group in optimiser.param_groups:
                group["lr"] = rate_at(schedule, step) * group["share"]
            parts = losses(network(normalise(batch.images)), batch, weights, step)
            loss = sum(LOSS_WEIGHTS[name] * part for name, part in parts.items())
            advance(network, average, optimiser, loss, step=step, decay=schedule.average)
            smooth(running, parts)
            bar.update()
            if step % 10 == 0:
                bar.set_postfix({name: f"{value:.3f}" for name, value in running.items()}, refresh=False)
            if (step + 1) % schedule.checkpoint_every == 0:
                save(step + 1)
    bar.close()
    if start < schedule.steps:
        save(schedule.steps)
    facts = {
        "steps": schedule.steps,
        "flat_accepted": len(accepted.photos),
        "flat_trained_on": flat_trained_on,
        "losses": {name: round(value, 4) for name, value in running.items()},
    }
    return average.eval(), facts
