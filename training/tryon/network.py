"""The two networks.

`Warp` maps each place of the view to the garment's canvas, from outlines only: three estimates of an affine map and a
deformation, each by fully connected layers over the whole view (after the spatial transformer of M. Jaderberg et al.,
2015), the later ones with the outline as warped so far; then a local correction. It also outputs the garment's
silhouette and the uncertainty of each place (a Laplace scale, after A. Kendall, Y. Gal, NeurIPS 2017).

`Compose` paints what a hole uncovers and predicts the garment's opacity, how much of its detail is kept, and its
brightness.

Dense 3x3 convolutions at low resolution: they have the lowest cost per multiply-add on a CPU.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.layers import conv
from vto_container.engines.compact_inputs import COMPOSE_CHANNELS, PERSON_CHANNELS

WARP_WIDTHS = (20, 36, 64, 96)
"""Channels at 1/2, 1/4, 1/8, 1/16 of the warp network's 64 x 48 cells."""
CONTROLS = (5, 4)
"""Rows and columns of the control points of an estimate."""
MASKED = PERSON_CHANNELS - 3
"""Channels of a person without colours."""
COMPOSE_WIDTHS = (24, 40, 64, 96)
"""Channels at 1/1, 1/2, 1/4, 1/8 of 128 x 96."""


class Residual(nn.Module):
    """Two 3x3 convolutions added to their input."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = conv(channels, channels)
        self.second = conv(channels, channels, activate=False)
        nn.init.constant_(self.second[1].weight, 0.2)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


def grown(x: Tensor, factor: int = 2, size: tuple[int, int] | None = None) -> Tensor:
    """Enlarge bilinearly by a factor, or to a size."""
    if size is not None:
        return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def look(field: Tensor, places: Tensor) -> Tensor:
    """Sample a field (n, c, h, w) at places (n, 2, h', w') in -1..1; zero outside."""
    return F.grid_sample(field, places.permute(0, 2, 3, 1), mode="bilinear", padding_mode="zeros", align_corners=False)


def raster(height: int, width: int) -> Tensor:
    """Places of pixel centres (1, 2, h, w) in -1..1, x before y."""
    y = (torch.arange(height) * 2 + 1) / height - 1
    x = (torch.arange(width) * 2 + 1) / width - 1
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))[None]


class Guess(nn.Module):
    """A flow (n, 2, 64, 48) from pooled features: an affine map and the shifts of CONTROLS points."""

    def __init__(self, channels: int, scale: float):
        super().__init__()
        w = WARP_WIDTHS
        steps = zip((channels, *w), w, strict=False)
        self.levels = nn.ModuleList(nn.Sequential(conv(a, b, stride=2), Residual(b)) for a, b in steps)
        self.head = nn.Sequential(nn.Linear(w[-1] * 12, 192), nn.ReLU(inplace=True))
        self.answer = nn.Linear(192, 6 + 2 * CONTROLS[0] * CONTROLS[1])
        nn.init.normal_(self.answer.weight, std=1e-3)
        nn.init.zeros_(self.answer.bias)
        self.scale = scale
        self.register_buffer("raster", raster(64, 48))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        levels = []
        for level in self.levels:
            x = level(x)
            levels.append(x)
        a = self.answer(self.head(x.flatten(1))) * self.scale
        affine, shifts = a[:, :6, None, None], a[:, 6:].reshape(-1, 2, *CONTROLS)
        x, y = self.raster[:, :1], self.raster[:, 1:]
        flow = torch.cat(
            [affine[:, 0:1] * x + affine[:, 1:2] * y + affine[:, 2:3],
             affine[:, 3:4] * x + affine[:, 4:5] * y + affine[:, 5:6]], 1,
        )  # fmt: skip
        bent = F.interpolate(shifts, size=(64, 48), mode="bilinear", align_corners=True)
        return flow + 0.5 * bent, levels


class Warp(nn.Module):
    """Person (n, MASKED, 64, 48), product's mask (n, 1, 64, 48) -> silhouette logits and spread (n, 1, 64, 48), and
    the places (n, 2, 64, 48) after each stage; the last ones are the result."""

    def __init__(self):
        super().__init__()
        w2, w4, w8, w16 = WARP_WIDTHS
        self.first = Guess(MASKED + 1, 0.5)
        self.second = Guess(MASKED + 4, 0.3)
        self.third = Guess(MASKED + 4, 0.2)
        self.up8, self.join8 = conv(w16, w8, kernel=1), conv(w8, w8)
        self.up4, self.join4 = conv(w8, w4, kernel=1), conv(w4, w4)
        self.up2, self.join2 = conv(w4, w2, kernel=1), conv(w2 + MASKED + 1, 16)
        self.local = nn.Conv2d(w4, 2, 3, padding=1)
        self.outline = nn.Sequential(conv(16 + 1, 12), nn.Conv2d(12, 2, 3, padding=1))
        nn.init.normal_(self.local.weight, std=1e-3)
        nn.init.zeros_(self.local.bias)
        self.register_buffer("raster", raster(64, 48))

    def forward(self, person: Tensor, share: Tensor) -> tuple[Tensor, ...]:
        start = self.raster.expand(len(person), -1, -1, -1)
        flow, _ = self.first(torch.cat([person, share], 1))
        one = start + flow
        flow, _ = self.second(torch.cat([person, look(share, one), one - start, border(one)], 1))
        two = one + flow
        warped = look(share, two)
        flow, (x2, x4, x8, x16) = self.third(torch.cat([person, warped, two - start, border(two)], 1))
        three = two + flow
        x8 = self.join8(F.relu(x8 + grown(self.up8(x16), size=x8.shape[2:])))
        x4 = self.join4(F.relu(x4 + grown(self.up4(x8), size=x4.shape[2:])))
        four = three + 0.1 * grown(self.local(x4), 4)
        x2 = F.relu(x2 + grown(self.up2(x4)))
        x1 = self.join2(torch.cat([grown(x2), person, warped], 1))
        outlined = self.outline(torch.cat([x1, look(share, four)], 1))
        return outlined[:, :1], outlined[:, 1:] - 3, one, two, three, four


def border(places: Tensor) -> Tensor:
    """1 where places are on the canvas."""
    return (places.abs().amax(1, keepdim=True) <= 1).float()


class ShippedWarp(nn.Module):
    """As exported: person (n, PERSON_CHANNELS, 128, 96), product (n, 4, 128, 96) -> places (n, 2, 64, 48), silhouette
    as probability (n, 1, 128, 96), spread (n, 1, 64, 48). Colours are not used."""

    def __init__(self, network: Warp):
        super().__init__()
        self.network = network

    def forward(self, person: Tensor, product: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        silhouette, spread, _, _, _, places = self.network(
            F.avg_pool2d(person[:, 3:], 2), F.avg_pool2d(product[:, 3:], 2)
        )
        return places, torch.sigmoid(grown(silhouette)), spread


class Compose(nn.Module):
    """Picture (n, 3, 256, 192), cloth (n, 4, 256, 192), maps (n, COMPOSE_CHANNELS, 128, 96) -> paint (n, 3, 256, 192),
    alpha (n, 1, 256, 192), gain and detail (n, 1, 64, 48): logits and logarithms."""

    def __init__(self):
        super().__init__()
        w1, w2, w4, w8 = COMPOSE_WIDTHS
        self.split = nn.PixelUnshuffle(2)
        self.enter = conv(7 * 4 + COMPOSE_CHANNELS, w1)
        self.down2 = nn.Sequential(conv(w1, w2, stride=2), Residual(w2))
        self.down4 = nn.Sequential(conv(w2, w4, stride=2), Residual(w4))
        self.down8 = nn.Sequential(conv(w4, w8, stride=2), Residual(w8))
        self.down16 = nn.Sequential(conv(w8, 128, stride=2), Residual(128))
        self.up8, self.join8 = conv(128, w8, kernel=1), conv(w8, w8)
        self.up4, self.join4 = conv(w8, w4, kernel=1), conv(w4, w4)
        self.up2, self.join2 = conv(w4, w2, kernel=1), conv(w2, w2)
        self.up1, self.join1 = conv(w2, w1, kernel=1), conv(w1, w1)
        self.paint = nn.Sequential(nn.Conv2d(w1, 12, 1), nn.PixelShuffle(2))
        self.alpha = nn.Sequential(nn.Conv2d(w1, 4, 1), nn.PixelShuffle(2))
        self.light = nn.Conv2d(w2, 2, 1)
        nn.init.zeros_(self.light.weight)
        with torch.no_grad():
            self.light.bias.copy_(torch.tensor([0.0, 2.0]))

    def forward(self, picture: Tensor, cloth: Tensor, maps: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x1 = self.enter(torch.cat([self.split(picture), self.split(cloth), maps], 1))
        x2 = self.down2(x1)
        x4 = self.down4(x2)
        x8 = self.down8(x4)
        x16 = self.down16(x8)
        x8 = self.join8(F.relu(x8 + grown(self.up8(x16))))
        x4 = self.join4(F.relu(x4 + grown(self.up4(x8))))
        x2 = self.join2(F.relu(x2 + grown(self.up2(x4))))
        light = self.light(x2)
        x1 = self.join1(F.relu(x1 + grown(self.up1(x2))))
        alpha = self.alpha(x1) + 6 * (cloth[:, 3:] - 0.5)
        return self.paint(x1), alpha, light[:, :1], light[:, 1:]


class ShippedCompose(nn.Module):
    """As exported: paint in 0..1, alpha in 0..1, gain as a factor, detail in 0..1."""

    def __init__(self, network: Compose):
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor, cloth: Tensor, maps: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        paint, alpha, gain, detail = self.network(picture, cloth, maps)
        return paint * 0.25 + 0.5, torch.sigmoid(alpha), torch.exp(gain), torch.sigmoid(detail)
