"""The last layer: the outline of the subject, bent to the picture's edges by a guided filter.

Within a window the answer is a linear function of the picture's colours, fitted to what the network says (K. He, J.
Sun, X. Tang, "Guided Image Filtering", PAMI 2013); as in H. Wu et al., "Fast End-to-End Trainable Guided Filter" (CVPR
2018) it is a part of the network, here without anything learned, and the fit is made at half the logits' size.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.backbone import STD

from .data import BACKGROUND, CLASSES

GUIDE = ((0.299, 0.587, 0.114), (1.5, 0.0, -1.5))
"""Weights of red, green and blue in the two channels that are followed: how light, and how warm."""
SMOOTHNESS = 5e-4
"""Edges of a variance below this (colours in 0..1) are not followed."""
REACH = 1
"""Places of the fit's raster that a window reaches around its middle: it is 12 pixels of the input wide."""
SUREST = 0.998
"""Largest probability that comes out: a linear fit overshoots."""


class Edge(nn.Module):
    """Picture (n, 3, h, w), normalised, and class logits (n, 9, h/2, w/2) -> logits, the background's changed.

    What a place is if it is not background stays as it was.
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

        Few nodes on many channels each: at this size a node costs more than its arithmetic.
        """
        colours, first, second, target = fields[:, :2], fields[:, :1], fields[:, 1:2], fields[:, 2:]
        means = window(torch.cat([fields, colours * target, colours * first, second * second], 1))
        colour, mean, with_target, with_first, square = means.split([2, 1, 2, 2, 1], 1)
        one, other = colour.split(1, 1)
        towards = with_target - colour * mean
        # entries of the symmetric 2 x 2 matrix of variances
        a, b = (with_first - colour * one + self.floor).split(1, 1)
        c = square - other * other + SMOOTHNESS
        x, y = (towards / (a * c - b * b)).split(1, 1)
        by_first, by_second = c * x - b * y, a * y - b * x
        return window(torch.cat([by_first, by_second, mean - by_first * one - by_second * other], 1))


def window(fields: Tensor) -> Tensor:
    """Means over the windows around each place, smaller at the borders."""
    return F.avg_pool2d(fields, 2 * REACH + 1, 1, REACH, count_include_pad=False)
