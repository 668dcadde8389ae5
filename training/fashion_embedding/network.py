"""Both towers. Image: EfficientNet-Lite0 without its last stage; text: a weighted bag of words of a closed vocabulary.

The image tower starts from ImageNet's weights: a few thousand photos do not suffice to train it from random weights.
The picture's vector has three parts: the joint part is comparable with texts; the shape part distinguishes garments of
one kind by the positions of edges and folds; the kind part keeps the neighbours of a picture in its category. The joint
part is linear after pooling, so the mean of the map over all places equals it.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.backbone import Backbone
from training.layers import conv

INPUT_SIZE = (144, 144)
"""Height and width of the input in pixels; pictures are stretched to it. A garment fills less of a picture than of a
training view, which is cropped, so the input is larger than the views (H. Touvron et al., "FixRes", NeurIPS 2019)."""
TAKEN, DEPTH = (2, 4, 5), 3
"""Stages of the backbone, at 1/8, 1/16 and 1/32 of the input size, and blocks of the last one."""
PAINTS = 32
"""Number of learned soft colour bins, counted at each place."""
JOINT, SHAPE, KIND, FILL = 192, 64, 10, 6
"""Dimensions of the three parts of a picture's vector, and padding to a multiple of sixteen."""
DIM = JOINT + SHAPE + KIND + FILL
SHAPE_LENGTH, KIND_LENGTH = 0.8, 1.0
"""Lengths of these parts relative to the joint part, before the whole vector is normalised."""
SHARPNESS, KIND_SHARPNESS = 16.0, 24.0
"""Temperature of the categories' softmax, in training and in the kind part."""
CONTEXT = 16
"""Maximum number of words of a text."""
PAD, UNK = 0, 1


class ImageTower(nn.Module):
    """RGB (n, 3, h, w), normalised -> the joint part's map (n, J, h/16, w/16) and the shape part (n, S), both
    without normalisation."""

    def __init__(self):
        super().__init__()
        self.body = Backbone(TAKEN, DEPTH)
        w8, w16, w32 = self.body.widths
        # colours are binned per pixel, before neighbours are mixed
        self.paint = nn.Sequential(conv(3, PAINTS, 1), conv(PAINTS, PAINTS, 1))
        self.subject = nn.Conv2d(w16, 1, 1)
        self.joint = nn.Conv2d(w16 + w32 + PAINTS, JOINT, 1)
        self.layout = conv(w8, 20, 1)
        self.shape = nn.Linear(20 * 16 + w16 + w32, SHAPE)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        eighth, sixteenth, deepest = self.body(image)
        height, width = sixteenth.shape[-2:]
        deep = F.interpolate(deepest, scale_factor=2, mode="nearest")[..., :height, :width]
        paint = F.avg_pool2d(self.paint(F.avg_pool2d(image, 2)), 8) * torch.sigmoid(self.subject(sixteenth))
        layout = self.layout(eighth)
        step = layout.shape[-1] // 4
        # windows overlap where the side is no multiple of four
        where = F.avg_pool2d(layout, layout.shape[-1] - 3 * step, step).flatten(1)
        seen = torch.cat([where, sixteenth.mean((2, 3)), deepest.mean((2, 3))], 1)
        return self.joint(torch.cat([sixteenth, deep, paint], 1)), self.shape(seen)


class TextTower(nn.Module):
    """Word ids and mask, both (n, words) -> (n, J), unit length; zeros if no word is known."""

    def __init__(self, words: int, width: int = 128):
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.weight = nn.Embedding(words, 1)
        nn.init.normal_(self.words.weight, std=0.3)
        nn.init.zeros_(self.weight.weight)
        self.direct = nn.Linear(width, JOINT, bias=False)
        self.bent = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, JOINT, bias=False))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        known = (mask * (ids > UNK)).to(self.words.weight.dtype)
        weight = torch.exp(self.weight(ids)[:, :, 0].clamp(-6, 6)) * known
        bag = (self.words(ids) * weight[:, :, None]).sum(1) / (weight.sum(1, keepdim=True) + 1e-6)
        found = unit(self.direct(bag) + self.bent(bag))
        return found * (known.sum(1, keepdim=True) > 0)


def unit(x: Tensor) -> Tensor:
    """Rows of unit length."""
    return x / (x.square().sum(-1, keepdim=True) + 1e-12).sqrt()


class Towers(nn.Module):
    """Both towers, and the category prototypes and temperatures used in training."""

    def __init__(self, words: int, categories: int):
        super().__init__()
        self.image = ImageTower()
        self.text = TextTower(words)
        self.prototypes = nn.Parameter(torch.randn(categories, JOINT) * 0.05)
        self.sharpness = nn.Parameter(torch.tensor(float(np.log(12.0))))


class ShippedImage(nn.Module):
    """The exported image tower: picture -> vector (n, D) of unit length, and the map.

    The joint part is followed by the shape part and the kind part, scaled relative to it. The kind part holds the
    square roots of the ten categories' probabilities, whose inner product measures the agreement of two predictions (A.
    Bhattacharyya, 1943). Zeros pad the vector.
    """

    def __init__(self, towers: Towers):
        super().__init__()
        self.tower = towers.image
        self.register_buffer("prototypes", KIND_SHARPNESS * unit(towers.prototypes.detach()).T)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        places, shape = self.tower(image)
        joint = unit(places.mean((2, 3)))
        kind = torch.softmax(joint @ self.prototypes, 1).sqrt()
        parts = [joint, SHAPE_LENGTH * unit(shape), KIND_LENGTH * kind]
        return F.pad(torch.cat(parts, 1), (0, FILL)) / (1 + SHAPE_LENGTH**2 + KIND_LENGTH**2) ** 0.5, places


class ShippedText(nn.Module):
    """The exported text tower: word ids and mask -> vector (n, D), with zeros outside the joint part."""

    def __init__(self, tower: TextTower):
        super().__init__()
        self.tower = tower

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return F.pad(self.tower(input_ids, attention_mask), (0, DIM - JOINT))
