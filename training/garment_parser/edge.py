"""The last layer: a guided filter that aligns the outline of the subject with the picture's edges.

Within a window the output is a linear function of the picture's colours, fitted to the network's output (K. He, J. Sun,
X. Tang, "Guided Image Filtering", PAMI 2013); as in H. Wu et al., "Fast End-to-End Trainable Guided Filter" (CVPR
2018) it is part of the network, here without learned parameters, and fitted at half the size of the logits.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.backbone import STD

from .data import BACKGROUND, CLASSES

GUIDE = ((0.299, 0.587, 0.114), (1.5, 0.0, -1.5))
"""Weights of red, green and blue in the two guide channels: lightness and warmth."""
SMOOTHNESS = 5e-4
"""Edges with a variance below this (colours in 0..1) are ignored."""
REACH = 1
"""Radius of a window in places of the fit's raster: it is 12 pixels of the input wide."""
SUREST = 0.998
"""Upper limit of the output probability, because a linear fit overshoots."""


class Edge(nn.Module):
    """Picture (n, 3, h, w), normalised, and class logits (n, 9, h/2, w/2) -> logits with a changed background.

    The distribution over the foreground classes stays the same.
    """

    def __init__(self):
        super().__init__()
        self.register_buffer("guide", torch.tensor(GUIDE)[:, :, None, None] * STD[0])
        sides = torch.zeros(2, len(CLASSES), 1, 1)
        sides[0, BACKGROUND], sides[1, BACKGROUND + 1 :] = 1, 1
        self.register_buffer("sides", sides)
        self.register_buffer("floor", torch.tensor([SMOOTHNESS, 0.0]).view(1, 2, 1, 1))

    def forward(self, image: Tensor, logits: Tensor) -> Tensor:
        background, subject = F.conv2d(torch.exp(logits), self.sides).split(1, 1)
        colours = F.conv2d(F.avg_pool2d(image, 2), self.guide)
        slopes = F.interpolate(
            self.fitted(F.avg_pool2d(torch.cat([colours, subject / (background + subject)], 1), 2)),
            scale_factor=2,
            mode="bilinear",
            align_corners=False,
        )
        light, warm = colours.split(1, 1)
        by_light, by_warm, offset = slopes.split(1, 1)
        chance = (by_light * light + by_warm * warm + offset).clamp(1 - SUREST, SUREST)
        return torch.cat([torch.log(subject * (1 - chance) / chance), logits[:, BACKGROUND + 1 :]], 1)

    def fitted(self, fields: Tensor) -> Tensor:
        """(n, 3, h, w): two slopes and an offset of the linear model, from two channels of colour and a probability.

        Few nodes with many channels: at this size the overhead of a node exceeds its arithmetic.
        """
        colours, first, second, target = fields[:, :2], fields[:, :1], fields[:, 1:2], fields[:, 2:]
        means = window(torch.cat([fields, colours * target, colours * first, second * second], 1))
        colour, mean, with_target, with_first, square = means.split([2, 1, 2, 2, 1], 1)
        one, other = colour.split(1, 1)
        towards = with_target - colour * mean
        # entries of the symmetric 2 x 2 covariance matrix
        a, b = (with_first - colour * one + self.floor).split(1, 1)
        c = square - other * other + SMOOTHNESS
        x, y = (towards / (a * c - b * b)).split(1, 1)
        by_first, by_second = c * x - b * y, a * y - b * x
        return window(torch.cat([by_first, by_second, mean - by_first * one - by_second * other], 1))


def window(fields: Tensor) -> Tensor:
    """Means over the windows around each place, smaller at the borders."""
    return F.avg_pool2d(fields, 2 * REACH + 1, 1, REACH, count_include_pad=False)
