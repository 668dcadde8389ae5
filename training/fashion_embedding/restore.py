"""The towers from the exported fp32 files, to export them again without training.

The export folds each batch norm into its convolution; here a norm without effect follows the folded weights, so that
the vectors are the same.
"""

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from .data import CATEGORIES
from .network import JOINT, KIND_SHARPNESS, Towers
from .vocabulary import vocabulary

IMAGE, TEXT = "fashion_image.fp32.onnx", "fashion_text.onnx"


def towers(folder: Path) -> Towers:
    """The towers in `folder`.

    Raises:
        ValueError: the files are of another network.
    """
    found = Towers(len(vocabulary()) + 2, len(CATEGORIES)).eval()
    with torch.no_grad():
        _image(found, onnx.load(folder / IMAGE).graph)
        _text(found, onnx.load(folder / TEXT).graph)
    return found


def _constants(graph: onnx.GraphProto) -> dict[str, Tensor]:
    return {one.name: torch.from_numpy(numpy_helper.to_array(one).copy()) for one in graph.initializer}


def _module(node: str) -> str:
    """The module of a node: `/tower/paint/paint.0/paint.0.0/Conv` -> `paint.0.0`."""
    found: list[str] = []
    for part in node.strip("/").split("/")[1:-1]:
        # the path repeats a sequence's name in front of its members
        if found and part.startswith(f"{found[-1]}."):
            found.pop()
        found.append(part)
    return ".".join(found)


def _image(found: Towers, graph: onnx.GraphProto) -> None:
    constants = _constants(graph)
    norms = {
        f"{name}.0": module[1]
        for name, module in found.image.named_modules()
        if isinstance(module, nn.Sequential) and len(module) > 1 and isinstance(module[1], nn.BatchNorm2d)
    }
    for node in graph.node:
        if node.op_type not in ("Conv", "Gemm"):
            continue
        name = _module(node.name)
        module = found.image.get_submodule(name)
        module.weight.copy_(constants[node.input[1]])
        if name in norms:
            norm = norms.pop(name)
            norm.weight.fill_(1.0)
            norm.bias.copy_(constants[node.input[2]])
            norm.running_mean.zero_()
            norm.running_var.fill_(1 - norm.eps)
        else:
            module.bias.copy_(constants[node.input[2]])
    if norms:
        raise ValueError(f"{IMAGE} has no weights of {', '.join(norms)}")
    (prototypes,) = (value for value in constants.values() if value.shape == (JOINT, len(CATEGORIES)))
    found.prototypes.copy_(prototypes.T / KIND_SHARPNESS)


def _text(found: Towers, graph: onnx.GraphProto) -> None:
    constants, state = _constants(graph), found.text.state_dict()
    for name, value in state.items():
        if f"tower.{name}" in constants:
            value.copy_(constants[f"tower.{name}"])
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in constants:
            state[f"{_module(node.name)}.weight"].copy_(constants[node.input[1]].T)
