"""Export the averaged network as ONNX: fp32, and int8 calibrated on training photos; both are compared with torch."""

from pathlib import Path

import numpy as np
import onnx
import torch

from training.calibration import Photos, write_int8

from .data import Dataset, spread
from .evaluate import Model, onnx_model, prepare
from .network import INPUT_SIZE, GarmentParser, Shipped

OPSET = 17
OUTPUTS = ("class_logits", "worn", "present")
ROUNDED = ("/encoder/", "/up16/", "/up8/", "/up4/", "/summary/")
EXACT = ("/encoder/stem/", "/encoder/stages.0/")
"""Parts of the network computed in int8. The first layers are excluded: the ranges of their few channels differ so much
that rounding them costs more than all other layers, and they are not faster in int8."""


def torch_model(network: GarmentParser) -> Model:
    """The network before export as a `Model`."""
    shipped = Shipped(network).eval()

    @torch.inference_mode()
    def run(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        logits, worn, present = shipped(torch.from_numpy(x))
        return logits.numpy(), worn.numpy(), present.numpy()

    return run


def export_fp32(network: GarmentParser, path: Path) -> None:
    """Write the fp32 file; only the batch size is free."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        Shipped(network).eval(),
        (torch.zeros(1, 3, *INPUT_SIZE),),
        path.as_posix(),
        dynamo=False,
        opset_version=OPSET,
        input_names=["image"],
        output_names=list(OUTPUTS),
        dynamic_axes={name: {0: "batch"} for name in ("image", *OUTPUTS)},
    )
    onnx.checker.check_model(path.as_posix())


def calibration_photos(data: Dataset, count: int = 200) -> list[np.ndarray]:
    """Evenly spaced training photos, two thirds of them street photos."""
    street = count * 2 // 3
    chosen = [*spread(data.train, street), *spread(data.flat_train, count - street)]
    return [photo.image for photo in chosen]


def export_int8(source: Path, path: Path, images: list[np.ndarray]) -> None:
    """Write the int8 file with the first and last layers in float."""

    def exact(name: str) -> bool:
        return not name.startswith(ROUNDED) or name.startswith(EXACT)

    write_int8(source, path, Photos(images, prepare), exact)


def parity(network: GarmentParser, fp32: Path, int8: Path, images: list[np.ndarray]) -> dict:
    """Largest differences from torch over the pictures: logits and probabilities for fp32 (batches of one and three),
    and for int8 the share of logit pixels whose strongest class changed."""
    reference, exported, small = torch_model(network), onnx_model(fp32), onnx_model(int8)
    inputs = np.concatenate([prepare(image) for image in images])
    logits = chances = 0.0
    for part in (*np.split(inputs, len(inputs)), inputs[:3]):
        expected, found = reference(part), exported(part)
        logits = max(logits, float(np.abs(expected[0] - found[0]).max()))
        chances = max(chances, *(float(np.abs(a - b).max()) for a, b in zip(expected[1:], found[1:], strict=True)))
    changed = [
        float((reference(part)[0].argmax(1) != small(part)[0].argmax(1)).mean())
        for part in np.split(inputs, len(inputs))
    ]
    return {
        "fp32_logits_max_difference": logits,
        "fp32_probability_max_difference": chances,
        "int8_pixels_changed": float(np.mean(changed)),
    }
