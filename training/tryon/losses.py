"""Losses of the two networks."""

import torch
from torch import Tensor
from torch.nn import functional as F

from .batches import Batch
from .network import grown, look
from .views import Views

WARP_WEIGHTS = {"flow": 8.0, "mask": 3.0, "outline": 1.0, "dice": 1.0, "smooth": 1.0, "spread": 0.05}
COMPOSE_WEIGHTS = {
    "cloth": 3.0,
    "structure": 1.0,
    "paint": 1.5,
    "outline": 1.0,
    "dice": 1.0,
    "edges": 1.0,
    "gain": 0.05,
}
STAGES = (0.25, 0.35, 0.5, 1.0)
"""Weights of the loss of places after each stage."""


def warp_losses(out: tuple[Tensor, ...], views: Views) -> dict[str, Tensor]:
    """`flow`: distance from the true places where the garment is; `mask`: the warped product's outline; `outline` and
    `dice`: the silhouette; `smooth`: second differences of the flow everywhere; `spread`: a Laplace likelihood."""
    silhouette, spread, *stages = out
    places = stages[-1]
    known, there = views.known, views.mask
    total = known.sum().clamp(min=1)
    flow = sum(
        weight * ((stage - views.flow).abs().sum(1, keepdim=True) * known).sum() / total
        for weight, stage in zip(STAGES, stages, strict=True)
    )
    error = (places - views.flow).abs().sum(1, keepdim=True).detach()
    return {
        "flow": flow,
        "mask": (
            (look(views.share, places) - there).abs().mean() + 0.5 * (look(views.share, stages[1]) - there).abs().mean()
        )
        * 4,
        "outline": F.binary_cross_entropy_with_logits(silhouette, there) * 4,
        "dice": dice(torch.sigmoid(silhouette), there),
        "smooth": bending(places),
        "spread": ((error * torch.exp(-spread) + spread) * known).sum() / total,
    }


def dice(chance: Tensor, there: Tensor) -> Tensor:
    """1 - soft Dice, the mean over the batch."""
    both = (chance * there).sum((1, 2, 3))
    return 1 - ((2 * both + 1) / (chance.sum((1, 2, 3)) + there.sum((1, 2, 3)) + 1)).mean()


def bending(places: Tensor) -> Tensor:
    """Mean absolute second difference, times the raster's side."""
    across = places[:, :, :, 2:] - 2 * places[:, :, :, 1:-1] + places[:, :, :, :-2]
    down = places[:, :, 2:] - 2 * places[:, :, 1:-1] + places[:, :, :-2]
    return (across.abs().mean() + down.abs().mean()) * 48


_TAPS = torch.exp(-0.5 * (torch.arange(-5, 6) / 1.5) ** 2)
_KERNEL = (_TAPS / _TAPS.sum()).view(1, 1, -1)


def blurred(x: Tensor) -> Tensor:
    """Gaussian, sigma 1.5, of (n, c, h, w); borders shrink the window."""
    n, c, h, w = x.shape
    flat = F.pad(x.reshape(n * c, 1, h, w), (5, 5, 5, 5), mode="replicate")
    kernel = _KERNEL.to(x)
    flat = F.conv2d(F.conv2d(flat, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))
    return flat.view(n, c, h, w)


def structure(a: Tensor, b: Tensor) -> Tensor:
    """SSIM map (Z. Wang et al., 2004) of two pictures in 0..1."""
    mean_a, mean_b = blurred(a), blurred(b)
    var_a, var_b = blurred(a * a) - mean_a**2, blurred(b * b) - mean_b**2
    both = blurred(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    return (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))


def dressed(cloth: Tensor, gain: Tensor, detail: Tensor) -> Tensor:
    """The garment's colours in 0..1: its smooth part and the trusted share of its detail, times the gain.

    Args:
        cloth: (n, 3, 256, 192) warped colours in 0..1.
        gain: (n, 1, 64, 48) logarithm; detail: (n, 1, 64, 48) logit.
    """
    smooth = grown(F.avg_pool2d(cloth, 8, 8), 8)
    keep = grown(torch.sigmoid(detail), 4)
    return (smooth + keep * (cloth - smooth)) * grown(torch.exp(gain), 4)


def compose_losses(out: tuple[Tensor, ...], cloth: Tensor, batch: Batch) -> dict[str, Tensor]:
    """`cloth` and `structure`: L1 and SSIM of the dressed garment within its true mask; `paint`: L1 of the rest of the
    hole; `edges`: L1 of differences between neighbours in the whole hole; `outline`, `dice`: alpha."""
    paint, alpha, gain, detail = out
    target, there, hidden = batch.target, batch.mask, batch.hidden_large
    garment = dressed(cloth, gain, detail)
    opacity = torch.sigmoid(alpha)
    painted = paint * 0.25 + 0.5
    rest = hidden * (1 - there)
    picture = torch.where(hidden > 0.5, garment * opacity + painted * (1 - opacity), target)
    count = there.sum().clamp(min=1) * 3
    similar = structure(garment * there + target * (1 - there), target)
    return {
        "cloth": ((garment - target).abs() * there).sum() / count,
        "structure": ((1 - similar) * there).sum() / count,
        "paint": ((painted - target).abs() * rest).sum() / rest.sum().clamp(min=1) / 3,
        "outline": (F.binary_cross_entropy_with_logits(alpha, there, reduction="none") * hidden).sum()
        / hidden.sum().clamp(min=1),
        "dice": dice(opacity * hidden, there),
        "edges": differences(picture, target),
        "gain": gain.square().mean(),
    }


def differences(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference of first differences."""
    d = a - b
    return (d[:, :, 1:] - d[:, :, :-1]).abs().mean() + (d[:, :, :, 1:] - d[:, :, :, :-1]).abs().mean()
