"""The network: EfficientNet-Lite0 without its last stage, a slim decoder with one map of places for each landmark, and
a pooled vector for which landmarks there are, the kind of garment, and whether there are several.

A landmark's place is the mean of its map's probabilities around their maximum (soft argmax; X. Sun et al., "Integral
Human Pose Regression", ECCV 2018): finer than the map's cells.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.backbone import Backbone
from training.garment_parser.network import Up
from training.layers import conv

from .names import KINDS, NAMES

INPUT_SIZE = (192, 160)
"""Height and width of the input in pixels; the photo is fitted into it."""
STRIDE = 4
TAKEN, DEPTH = (1, 2, 4, 5), 2
WIDTHS = (40, 64, 96)


class Outputs(NamedTuple):
    """`maps` (n, landmarks, h/4, w/4) logits, `present` (n, landmarks) logits, `kind` (n, kinds) logits, `several`
    (n, 1) logit."""

    maps: Tensor
    present: Tensor
    kind: Tensor
    several: Tensor


class LandmarkNetwork(nn.Module):
    """RGB (n, 3, *INPUT_SIZE), normalised -> `Outputs`."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Backbone(TAKEN, DEPTH)
        e4, e8, e16, e32 = self.encoder.widths
        w4, w8, w16 = WIDTHS
        self.up16 = Up(e32, e16, w16)
        self.up8 = Up(w16, e8, w8)
        self.up4 = Up(w8, e4, w4)
        self.head = nn.Sequential(conv(w4, w4), nn.Conv2d(w4, len(NAMES), 1))
        self.summary = nn.Sequential(nn.Linear(e16 + e32, 128), nn.ReLU())
        self.present = nn.Linear(128, len(NAMES))
        self.kind = nn.Linear(128, len(KINDS))
        self.several = nn.Linear(128, 1)

    def forward(self, image: Tensor) -> Outputs:
        quarter, eighth, sixteenth, bottom = self.encoder(image)
        summary = self.summary(torch.cat([sixteenth.mean((2, 3)), bottom.mean((2, 3))], 1))
        x = self.up4(self.up8(self.up16(bottom, sixteenth), eighth), quarter)
        return Outputs(self.head(x), self.present(summary), self.kind(summary), self.several(summary))


class Shipped(nn.Module):
    """The network as exported: maps of probabilities (each sums to 1), and probabilities of the rest."""

    def __init__(self, network: LandmarkNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        out = self.network(image)
        flat = torch.softmax(out.maps.flatten(2), 2)
        maps = flat.view(-1, len(NAMES), INPUT_SIZE[0] // STRIDE, INPUT_SIZE[1] // STRIDE)
        return maps, torch.sigmoid(out.present), torch.softmax(out.kind, 1), torch.sigmoid(out.several)
