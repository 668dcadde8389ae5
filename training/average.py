"""Weights averaged over a run; they are shipped instead of the last step's."""

import torch
from torch import nn


@torch.no_grad()
def average_into(average: nn.Module, network: nn.Module, keep: float) -> None:
    """Update the exponential moving average of all weights and batch-norm statistics; counters are copied."""
    pairs = list(zip(average.state_dict().values(), network.state_dict().values(), strict=True))
    floats = [(a, b) for a, b in pairs if a.dtype.is_floating_point]
    torch._foreach_lerp_([a for a, _ in floats], [b for _, b in floats], 1 - keep)
    for a, b in pairs:
        if not a.dtype.is_floating_point:
            a.copy_(b)
