"""The network: a small U-Net of depthwise convolutions that corrects the log odds of the placed garment."""

import torch
from torch import nn
from torch.nn import functional as F

PLANES = 13
SIZE = (128, 96)
CHANNELS = (24, 48, 80, 112)
PLACED = 1
"""Plane of the garment as placed, which is corrected."""
GAIN = 4.0


class Separable(nn.Module):
    """A depthwise and a pointwise convolution; with equal shapes their input is added."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.depth = nn.Conv2d(inputs, inputs, 5, stride, 2, groups=inputs, bias=False)
        self.first = nn.BatchNorm2d(inputs)
        self.point = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.second = nn.BatchNorm2d(outputs)
        self.adds = inputs == outputs and stride == 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply both convolutions."""
        y = F.relu(self.second(self.point(F.relu(self.first(self.depth(x))))))
        return x + y if self.adds else y


class OutlineNetwork(nn.Module):
    """Log odds (n, 1, rows, columns) of the garment's outline from the engine's features (n, 13, rows, columns)."""

    def __init__(self) -> None:
        super().__init__()
        c = CHANNELS
        stem = (nn.Conv2d(PLANES, c[0], 3, 2, 1, bias=False), nn.BatchNorm2d(c[0]), nn.ReLU())
        self.stem = nn.Sequential(*stem, Separable(c[0], c[0]))
        self.down = nn.ModuleList(
            nn.Sequential(Separable(c[n], c[n + 1], 2), Separable(c[n + 1], c[n + 1])) for n in range(3)
        )
        self.middle = nn.Sequential(Separable(c[3], c[3]), Separable(c[3], c[3]))
        self.narrow = nn.ModuleList(nn.Conv2d(c[n + 1], c[n], 1) for n in (2, 1, 0))
        self.up = nn.ModuleList(Separable(c[n], c[n]) for n in (2, 1, 0))
        self.out = nn.Conv2d(c[0], 4, 3, 1, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The placed garment's log odds, corrected."""
        levels = [self.stem(x)]
        for down in self.down:
            levels.append(down(levels[-1]))
        y = self.middle(levels[-1])
        for narrow, up, skip in zip(self.narrow, self.up, levels[-2::-1], strict=True):
            y = up(F.interpolate(narrow(y), scale_factor=2.0, mode="nearest") + skip)
        placed = x[:, PLACED : PLACED + 1].clamp(0.02, 0.98).logit()
        return placed + GAIN * F.pixel_shuffle(self.out(y), 2)
