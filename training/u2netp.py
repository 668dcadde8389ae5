"""Export U2-NETP with random weights as ONNX: `python training/u2netp.py OUT.onnx` (needs torch).

Only the cost of the architecture is measured (`bench/segment.py`): X. Qin et al., "U2-Net: Going Deeper with Nested
U-Structure for Salient Object Detection", Pattern Recognition 2020, the small variant (16 inner, 64 outer channels;
320 x 320 input).
"""

import sys

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 320


class Step(nn.Sequential):
    """3x3 convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, dilation: int = 1):
        convolution = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)
        super().__init__(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def to_size_of(small: Tensor, large: Tensor) -> Tensor:
    return F.interpolate(small, size=large.shape[2:], mode="bilinear", align_corners=False)


class Pooled(nn.Module):
    """A residual U-block of `depth` levels that halves the size at each (RSU-7 to RSU-4)."""

    def __init__(self, depth: int, inputs: int, inner: int, outputs: int):
        super().__init__()
        self.enter = Step(inputs, outputs)
        self.down = nn.ModuleList([Step(outputs if n == 0 else inner, inner) for n in range(depth - 1)])
        self.bottom = Step(inner, inner, 2)
        self.up = nn.ModuleList([Step(2 * inner, outputs if n == 0 else inner) for n in range(depth - 1)])

    def forward(self, x: Tensor) -> Tensor:
        entered = x = self.enter(x)
        kept = []
        for n, step in enumerate(self.down):
            x = step(x if n == 0 else F.max_pool2d(x, 2, 2, ceil_mode=True))
            kept.append(x)
        x = self.bottom(x)
        for n in reversed(range(len(self.up))):
            x = self.up[n](torch.cat([to_size_of(x, kept[n]), kept[n]], 1))
        return x + entered


class Dilated(nn.Module):
    """A residual U-block at one size, by dilation (RSU-4F)."""

    def __init__(self, inputs: int, inner: int, outputs: int):
        super().__init__()
        self.enter = Step(inputs, outputs)
        self.down = nn.ModuleList([Step(outputs, inner), Step(inner, inner, 2), Step(inner, inner, 4)])
        self.bottom = Step(inner, inner, 8)
        self.up = nn.ModuleList([Step(2 * inner, outputs), Step(2 * inner, inner, 2), Step(2 * inner, inner, 4)])

    def forward(self, x: Tensor) -> Tensor:
        entered = x = self.enter(x)
        kept = []
        for step in self.down:
            x = step(x)
            kept.append(x)
        x = self.bottom(x)
        for n in (2, 1, 0):
            x = self.up[n](torch.cat([x, kept[n]], 1))
        return x + entered


class U2NetP(nn.Module):
    """RGB (n, 3, h, w) -> saliency (n, 1, h, w) in 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            [Pooled(7, 3, 16, 64), *[Pooled(7 - n, 64, 16, 64) for n in (1, 2, 3)], Dilated(64, 16, 64)]
        )
        self.bottom = Dilated(64, 16, 64)
        self.up = nn.ModuleList([*[Pooled(7 - n, 128, 16, 64) for n in range(4)], Dilated(128, 16, 64)])
        self.sides = nn.ModuleList([nn.Conv2d(64, 1, 3, padding=1) for _ in range(6)])
        self.fuse = nn.Conv2d(6, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        x, kept = image, []
        for block in self.down:
            x = block(x)
            kept.append(x)
            x = F.max_pool2d(x, 2, 2, ceil_mode=True)
        x = self.bottom(x)
        found = [x]
        for n in reversed(range(5)):
            x = self.up[n](torch.cat([to_size_of(x, kept[n]), kept[n]], 1))
            found.insert(0, x)
        maps = [to_size_of(side(one), image) for side, one in zip(self.sides, found, strict=True)]
        return torch.sigmoid(self.fuse(torch.cat(maps, 1)))


def main(path: str) -> None:
    torch.manual_seed(0)
    network = U2NetP().eval()
    print(sum(p.numel() for p in network.parameters()))
    torch.onnx.export(
        network, (torch.zeros(1, 3, SIDE, SIDE),), path, dynamo=False, opset_version=17,
        input_names=["image"], output_names=["saliency"],
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
