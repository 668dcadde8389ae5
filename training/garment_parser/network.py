"""The network: a small residual U-Net that names every pixel, and says whether the garment is worn.

Encoder-decoder with skips after O. Ronneberger et al., "U-Net" (2015), residual blocks after K. He et al. (2015).
Dense 3x3 convolutions throughout: on CPUs without int8 dot products they are faster per multiply-add than
depthwise ones, both in training and in int8. The naming of garments (is this a coat or a dress?) needs the whole
picture, so a pooled vector predicts which classes are present and shifts every pixel's logits by it (a context
vector after H. Zhang et al., "Context Encoding for Semantic Segmentation", CVPR 2018).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .data import CLASSES

INPUT_SIZE = (256, 192)
"""Height and width of the input in pixels; pictures are stretched to it."""
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
"""Normalisation of RGB in 0..1."""
STRIDE = 2
"""Input pixels per logit pixel."""
WIDTHS = (32, 64, 128, 208)
"""Channels at 1/4, 1/8, 1/16 and 1/32 of the input size."""


class Outputs(NamedTuple):
    """`class_logits` (n, 9, h/2, w/2), `worn` (n, 1) logit, `present` (n, 9) logits, `tags` (n, t) logits."""

    class_logits: Tensor
    worn: Tensor
    present: Tensor
    tags: Tensor


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, activate: bool = True) -> nn.Sequential:
    """Convolution, batch norm and (unless told) ReLU."""
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if activate else []))


class Residual(nn.Module):
    """Two 3x3 convolutions added to their input."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = conv(channels, channels)
        self.second = conv(channels, channels, activate=False)
        # starts as the identity, which lets the short schedule begin with a high learning rate
        nn.init.constant_(self.second[1].weight, 0.2)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


class Wide(nn.Module):
    """A look around at little cost: 1x1 to twice the channels, 5x5 per channel, 1x1 back, added to the input
    (inverted residual of M. Sandler et al., "MobileNetV2", CVPR 2018)."""

    def __init__(self, channels: int):
        super().__init__()
        inner = 2 * channels
        around = nn.Conv2d(inner, inner, 5, 1, 2, groups=inner, bias=False)
        self.body = nn.Sequential(
            conv(channels, inner, 1),
            nn.Sequential(around, nn.BatchNorm2d(inner), nn.ReLU(inplace=True)),
            conv(inner, channels, 1, activate=False),
        )
        nn.init.constant_(self.body[2][1].weight, 0.2)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


class Up(nn.Module):
    """Doubles the size of `deep`, adds the projected `skip`, refines."""

    def __init__(self, deep: int, skip: int, outputs: int):
        super().__init__()
        self.deep = conv(deep, outputs, 1, activate=False)
        self.skip = conv(skip, outputs, 1, activate=False)
        self.refine = conv(outputs, outputs)

    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        grown = F.interpolate(self.deep(deep), scale_factor=2, mode="nearest")
        return self.refine(F.relu(grown + self.skip(skip)))


class GarmentParser(nn.Module):
    """RGB (n, 3, h, w), normalised, h and w multiples of 32 -> `Outputs`."""

    def __init__(self, tag_count: int, widths: tuple[int, ...] = WIDTHS):
        super().__init__()
        w4, w8, w16, w32 = widths
        # most of the time would go into layers at half size: enter at a quarter, leave by sub-pixel shuffling
        # (W. Shi et al., "Real-Time Single Image and Video Super-Resolution", CVPR 2016)
        self.quarter = nn.Sequential(nn.Conv2d(3, w4, 6, 4, 1, bias=False), *conv(w4, w4)[1:], conv(w4, w4))
        self.eighth = nn.Sequential(conv(w4, w8, stride=2), Residual(w8))
        self.sixteenth = nn.Sequential(conv(w8, w16, stride=2), Residual(w16), Wide(w16))
        self.bottom = nn.Sequential(conv(w16, w32, stride=2), Residual(w32))
        self.up16 = Up(w32, w16, 96)
        self.up8 = Up(96, w8, 64)
        self.up4 = Up(64, w4, w4)
        self.head = nn.Sequential(nn.Conv2d(w4, 4 * len(CLASSES), 1), nn.PixelShuffle(2))
        self.summary = nn.Sequential(nn.Linear(w16 + w32, 128), nn.ReLU())
        self.worn = nn.Linear(128, 1)
        self.present = nn.Linear(128, len(CLASSES))
        self.tags = nn.Linear(128, tag_count)

    def forward(self, image: Tensor) -> Outputs:
        quarter = self.quarter(image)
        eighth = self.eighth(quarter)
        sixteenth = self.sixteenth(eighth)
        bottom = self.bottom(sixteenth)
        summary = self.summary(torch.cat([sixteenth.mean((2, 3)), bottom.mean((2, 3))], 1))
        present = self.present(summary)
        x = self.up4(self.up8(self.up16(bottom, sixteenth), eighth), quarter)
        # an absent class is pushed down everywhere; a present one is left to the pixels
        # (log sigmoid, in the form whose ONNX export neither rounds coarsely nor overflows)
        logits = self.head(x) - F.softplus(-present)[:, :, None, None]
        return Outputs(logits, self.worn(summary), present, self.tags(summary))


class Shipped(nn.Module):
    """The network as exported: class logits and two probabilities, the auxiliary tags left out."""

    def __init__(self, network: GarmentParser):
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        out = self.network(image)
        return out.class_logits, torch.sigmoid(out.worn)[:, 0], torch.sigmoid(out.present)


def normalise(batch: Tensor) -> Tensor:
    """RGB (n, h, w, 3) uint8 -> the network's input (n, 3, h, w) float32, channels last in memory."""
    x = batch.permute(0, 3, 1, 2).to(torch.float32).div_(255.0)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
    return x.sub_(mean).div_(std).contiguous(memory_format=torch.channels_last)
