"""Export both towers as ONNX.

Fp32, and the image tower in int8 calibrated on training photos; all are compared with torch.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from tokenizers import Tokenizer

from . import weights
from .evaluate import Embed, Read, prepare, session
from .network import CONTEXT, INPUT_SIZE, ShippedImage, ShippedText, Towers
from .tokens import encode

OPSET = 17
IMAGE_OUTPUTS = ("image_embeds", "image_map")
SMALL = "/tower/body/stages.5/"
"""Part of the network whose weights are stored as int8; the others as fp16. It holds more than half of all weights."""


def torch_image(towers: Towers) -> Embed:
    """The image tower before export."""
    shipped = ShippedImage(towers).eval()

    @torch.inference_mode()
    def run(x: np.ndarray) -> np.ndarray:
        return shipped(torch.from_numpy(x))[0].numpy()

    return run


def torch_text(towers: Towers, tokenizer: Tokenizer) -> Read:
    """The text tower before export."""
    shipped = ShippedText(towers.text).eval()

    @torch.inference_mode()
    def read(texts) -> np.ndarray:
        ids, mask = encode(tokenizer, texts)
        return shipped(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()

    return read


def export_image(towers: Towers, path: Path) -> None:
    """Write the fp32 image tower; only the batch size is free."""
    torch.onnx.export(
        ShippedImage(towers).eval(),
        (torch.zeros(1, 3, *INPUT_SIZE),),
        path.as_posix(),
        dynamo=False,
        opset_version=OPSET,
        input_names=["image"],
        output_names=list(IMAGE_OUTPUTS),
        dynamic_axes={name: {0: "batch"} for name in ("image", *IMAGE_OUTPUTS)},
    )
    onnx.checker.check_model(path.as_posix())


def export_text(towers: Towers, path: Path) -> None:
    """Write the text tower; batch size and number of words are free."""
    ids = torch.zeros(1, CONTEXT, dtype=torch.int64)
    free = {0: "batch", 1: "words"}
    torch.onnx.export(
        ShippedText(towers.text).eval(),
        (ids, ids),
        path.as_posix(),
        dynamo=False,
        opset_version=OPSET,
        input_names=["input_ids", "attention_mask"],
        output_names=["text_embeds"],
        dynamic_axes={"input_ids": free, "attention_mask": free, "text_embeds": {0: "batch"}},
    )
    onnx.checker.check_model(path.as_posix())


def export_int8(source: Path, path: Path) -> None:
    """Write the image tower with int8 and fp16 weights, computed in fp32."""
    weights.write(source, path, lambda name: name.startswith(SMALL))


def parity(towers: Towers, fp32: Path, int8: Path, images: list[np.ndarray]) -> dict[str, float]:
    """Largest difference from torch over the pictures for fp32 (batches of one and of three), smallest and mean cosine
    for int8, and the distance of the map's mean from the vector's joint part."""
    reference = torch_image(towers)
    exact, small = session(fp32), session(int8)
    inputs = np.concatenate([prepare(image) for image in images])
    worst, cosines = 0.0, []
    for part in (*np.split(inputs, len(inputs)), inputs[:3]):
        expected = reference(part)
        worst = max(worst, float(np.abs(expected - exact.run(["image_embeds"], {"image": part})[0]).max()))
    off = 0.0
    for part in np.split(inputs, len(inputs)):
        found, places = small.run(list(IMAGE_OUTPUTS), {"image": part})
        cosines.append(float((found * reference(part)).sum()))
        mean = places.mean((2, 3))
        joint = found[:, : mean.shape[1]]
        off = max(
            off,
            float(
                np.abs(
                    mean / np.linalg.norm(mean, axis=1, keepdims=True)
                    - joint / np.linalg.norm(joint, axis=1, keepdims=True)
                ).max()
            ),
        )
    return {
        "image_fp32_max_difference": worst,
        "image_int8_min_cosine": min(cosines),
        "image_int8_mean_cosine": float(np.mean(cosines)),
        "map_mean_max_difference": off,
    }
