"""The two towers as modules with one normalised output, and their ONNX files."""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from .refusal import Refused

OPSET = 17
ONE_FILE = 2_000_000_000
"""Bytes; the limit of a protocol buffer is 2 GiB."""
PIXELS, IDS, MASK = "pixel_values", "input_ids", "attention_mask"
IMAGE, TEXT = "image_embeds", "text_embeds"
PARITY = 1e-5


class ImageTower(nn.Module):
    """Preprocessed pixels (n, 3, h, w) -> vectors (n, d) of unit length."""

    def __init__(self, model: nn.Module, dim: int | None):
        super().__init__()
        self.model, self.dim = model, dim

    def forward(self, pixel_values: Tensor) -> Tensor:
        return _unit(self.model.get_image_features(pixel_values=pixel_values), self.dim)


class TextTower(nn.Module):
    """Ids and mask (n, length) -> vectors (n, d) of unit length.

    A model trained on texts padded to one length (SigLIP) is padded to it inside, whatever the caller's padding.
    """

    def __init__(self, model: nn.Module, dim: int | None, padded_to: int | None, pad_id: int):
        super().__init__()
        self.model, self.dim, self.padded_to, self.pad_id = model, dim, padded_to, pad_id

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        if self.padded_to is None:
            found = self.model.get_text_features(input_ids=input_ids, attention_mask=attention_mask)
        else:
            ids = torch.where(attention_mask > 0, input_ids, self.pad_id)
            filling = torch.full_like(ids[:, :1], self.pad_id).expand(-1, self.padded_to)
            found = self.model.get_text_features(input_ids=torch.cat([ids, filling], 1)[:, : self.padded_to])
        return _unit(found, self.dim)


def _unit(features, dim: int | None) -> Tensor:
    vectors = features if isinstance(features, Tensor) else features.pooler_output
    return nn.functional.normalize(vectors[:, :dim], dim=-1)


def export(tower: nn.Module, inputs: dict[str, Tensor], output: str, path: Path) -> None:
    """Write one fp32 file with free batch size and text length, and open it.

    Raises:
        Refused: the model cannot be traced, is too large for one file, or ONNX Runtime cannot open the result.
    """
    axes = {PIXELS: {0: "batch"}, IDS: {0: "batch", 1: "length"}, MASK: {0: "batch", 1: "length"}}
    size = sum(parameter.numel() * parameter.element_size() for parameter in used(tower))
    if size > ONE_FILE:
        raise Refused(f"its {output.partition('_')[0]} tower has {size / 1e9:.1f} GB of weights: 2 GB fit one file")
    # the tracer warns of every branch; its output is compared with torch below
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                tower,
                tuple(inputs.values()),
                path.as_posix(),
                dynamo=False,
                external_data=False,
                opset_version=OPSET,
                input_names=list(inputs),
                output_names=[output],
                dynamic_axes={**{name: axes[name] for name in inputs}, output: {0: "batch"}},
            )
        except (RuntimeError, ValueError, TypeError) as error:
            raise Refused(
                f"its {output.partition('_')[0]} tower can't be traced: {str(error).splitlines()[0]}"
            ) from error
    opened(path)


def used(tower: nn.Module) -> Sequence[nn.Parameter]:
    """The parameters that the tower uses."""
    other = "vision" if isinstance(tower, TextTower) else "text"
    return [value for name, value in tower.named_parameters() if not name.startswith(f"model.{other}_")]


def opened(path: Path) -> onnxruntime.InferenceSession:
    """Open a session with one thread, as in the product.

    Raises:
        Refused: ONNX Runtime cannot open the file.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        onnx.checker.check_model(path.as_posix())
        return onnxruntime.InferenceSession(path.as_posix(), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise Refused(f"{path.name} was written, but does not open: {str(error).splitlines()[0]}") from error


def difference(tower: nn.Module, path: Path, batches: Sequence[dict[str, Tensor]]) -> float:
    """The largest difference between the tower and its file over batches."""
    session, largest = opened(path), 0.0
    for batch in batches:
        with torch.inference_mode():
            expected = tower(**batch).numpy()
        (found,) = session.run(None, {name: value.numpy() for name, value in batch.items()})
        largest = max(largest, float(np.abs(expected - found).max()))
    return largest


def quantise(path: Path, to: Path, *, only_mlp: bool = False) -> None:
    """Write the int8 file with dynamic activations and 7-bit weights.

    `reduce_range`: on x86 without VNNI the products of full 8-bit operands saturate.

    Args:
        only_mlp: keep attention, embeddings and projections in fp32.
    """
    kept: list[str] = []
    if only_mlp:
        nodes = onnx.load(path.as_posix(), load_external_data=False).graph.node
        kept = [node.name for node in nodes if "/mlp/" not in node.name]
    # dynamic quantisation needs no preparation of the file, but warns about its absence
    logging.getLogger().setLevel(logging.ERROR)
    quantize_dynamic(
        path.as_posix(),
        to.as_posix(),
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        nodes_to_exclude=kept,
    )
    opened(to)
