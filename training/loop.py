"""What every training run does: checkpoints, optimiser steps, weight averaging, smoothed losses."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

CLIP = 5.0
"""Largest norm of the gradient."""


class Checkpoint:
    """The state of a run in one file.

    Args:
        path: of the file.
        schedule: a dataclass; a run resumes only with an equal one.
        parts: modules and optimisers by name.
    """

    def __init__(self, path: Path, schedule: Any, **parts: Any) -> None:
        self.path, self.schedule, self.parts = path, asdict(schedule), parts

    def save(self, step: int, **facts: Any) -> None:
        """Write the state after `step` steps, with other facts about the run."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        states = {name: part.state_dict() for name, part in self.parts.items()}
        partial = self.path.with_suffix(".partial")
        torch.save({"step": step, "schedule": self.schedule, **facts, **states}, partial)
        partial.replace(self.path)

    def load(self) -> dict[str, Any]:
        """Restore the parts; returns the step and the facts, or an empty dictionary without a file.

        Raises:
            ValueError: the file belongs to another schedule.
        """
        if not self.path.is_file():
            return {}
        saved = torch.load(self.path, weights_only=True)
        if saved["schedule"] != self.schedule:
            raise ValueError(f"{self.path} belongs to another schedule: {saved['schedule']}")
        for name, part in self.parts.items():
            part.load_state_dict(saved[name])
        return saved


def advance(
    network: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer, loss: Any, *, step: int, decay: float
) -> None:
    """One optimiser step and one update of the average.

    Early in the run the average uses a faster decay than `decay`, to forget the initial weights.
    """
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
    optimiser.step()
    average_into(average, network, min(decay, (1 + step) / (10 + step)))


@torch.no_grad()
def average_into(average: nn.Module, network: nn.Module, keep: float) -> None:
    """Update the exponential moving average of all weights and batch-norm statistics; counters are copied."""
    pairs = list(zip(average.state_dict().values(), network.state_dict().values(), strict=True))
    floats = [(a, b) for a, b in pairs if a.dtype.is_floating_point]
    torch._foreach_lerp_([a for a, _ in floats], [b for _, b in floats], 1 - keep)
    for a, b in pairs:
        if not a.dtype.is_floating_point:
            a.copy_(b)


def smooth(losses: dict[str, float], parts: Mapping[str, torch.Tensor], keep: float = 0.98) -> None:
    """Update the moving averages of the losses."""
    for name, part in parts.items():
        losses[name] = keep * losses.get(name, part.item()) + (1 - keep) * part.item()
