"""The network: EfficientNet-Lite without its last stage, and a slim decoder for the class of every pixel, with a
classifier for worn or flat garments.

Encoder-decoder with skips after O. Ronneberger et al., "U-Net" (2015). The encoder starts from ImageNet's weights: a
few thousand photos suffice to fine-tune class names, but not to learn them. Classes depend on the whole picture (is
this a coat or a dress?), so a pooled vector predicts which classes are present and shifts every pixel's logits by it (a
context vector after H. Zhang et al., "Context Encoding for Semantic Segmentation", CVPR 2018).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.backbone import DEFAULT, Backbone
from training.layers import conv

from .data import CLASSES
from .edge import Edge

INPUT_SIZE = (224, 160)
"""Height and width of the input in pixels; pictures are stretched to it."""
STRIDE = 2
"""Input pixels per logit pixel."""
TAKEN, DEPTH = (1, 2, 4, 5), 2
"""Stages of the encoder, at 1/4, 1/8, 1/16 and 1/32 of the input size, and blocks of the last one."""
WIDTHS = (36, 64, 96)
"""Channels of the decoder at 1/4, 1/8 and 1/16."""


class Outputs(NamedTuple):
    """`class_logits` (n, 9, h/2, w/2), `worn` (n, 1) logit, `present` (n, 9) logits, `tags` (n, t) logits."""

    class_logits: Tensor
    worn: Tensor
    present: Tensor
    tags: Tensor


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

    def __init__(self, tag_count: int, encoder: str = DEFAULT):
        super().__init__()
        self.encoder = Backbone(TAKEN, DEPTH, encoder)
        e4, e8, e16, e32 = self.encoder.widths
        w4, w8, w16 = WIDTHS
        self.up16 = Up(e32, e16, w16)
        self.up8 = Up(w16, e8, w8)
        self.up4 = Up(w8, e4, w4)
        # layers at half size would take most of the time, so the output is shuffled from sub-pixels
        # (W. Shi et al., "Real-Time Single Image and Video Super-Resolution", CVPR 2016)
        self.head = nn.Sequential(nn.Conv2d(w4, 4 * len(CLASSES), 1), nn.PixelShuffle(2))
        self.summary = nn.Sequential(nn.Linear(e16 + e32, 128), nn.ReLU())
        self.worn = nn.Linear(128, 1)
        self.present = nn.Linear(128, len(CLASSES))
        self.tags = nn.Linear(128, tag_count)

    def decoded(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Input of the head (n, WIDTHS[0], h/4, w/4), and the pooled vector (n, 128)."""
        quarter, eighth, sixteenth, bottom = self.encoder(image)
        summary = self.summary(torch.cat([sixteenth.mean((2, 3)), bottom.mean((2, 3))], 1))
        return self.up4(self.up8(self.up16(bottom, sixteenth), eighth), quarter), summary

    def forward(self, image: Tensor) -> Outputs:
        x, summary = self.decoded(image)
        present = self.present(summary)
        return Outputs(self.head(x) - absent(present), self.worn(summary), present, self.tags(summary))


def absent(present: Tensor) -> Tensor:
    """Penalty of each class over the whole picture (n, 9, 1, 1): minus the logarithm of its presence probability.

    Written in the form whose ONNX export neither rounds coarsely nor overflows.
    """
    return F.softplus(-present)[:, :, None, None]


class Shipped(nn.Module):
    """The network as exported: class logits with their last layer and two probabilities, without the auxiliary tags.

    The head's convolution and its shuffle are merged into one transposed convolution: the same result in half the time.
    """

    def __init__(self, network: GarmentParser):
        super().__init__()
        self.network = network
        self.edge = Edge()
        flat = network.head[0]
        count, side = len(CLASSES), 2
        self.spread = nn.ConvTranspose2d(flat.in_channels, count, side, side, bias=False)
        self.spread.weight.data = flat.weight.data.view(count, side, side, -1).permute(3, 0, 1, 2).contiguous()
        places = (INPUT_SIZE[0] // STRIDE // side, INPUT_SIZE[1] // STRIDE // side)
        self.register_buffer("bias", flat.bias.data.view(1, count, side, side).repeat(1, 1, *places))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, summary = self.network.decoded(image)
        present = self.network.present(summary)
        logits = self.spread(x) + (self.bias - absent(present))
        return self.edge(image, logits), torch.sigmoid(self.network.worn(summary))[:, 0], torch.sigmoid(present)
