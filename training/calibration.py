"""Static quantisation and its calibration data."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class Photos(CalibrationDataReader):
    """Feeds pictures, prepared by `prepare`, one by one to the input `image`."""

    def __init__(self, images: list[np.ndarray], prepare: Callable[[np.ndarray], np.ndarray]):
        self.feed: Iterator[np.ndarray] = iter(images)
        self.prepare = prepare

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self.feed, None)
        return None if image is None else {"image": self.prepare(image)}


def write_int8(
    source: Path,
    path: Path,
    photos: Photos,
    exact: Callable[[str], bool],
    op_types: list[str] | None = None,
) -> None:
    """Quantise an fp32 file to int8: static QDQ, weights per channel.

    Weights use 7 bits (`reduce_range`): on x86 without VNNI the products of full 8-bit operands saturate.

    Args:
        exact: whether the node with a given name stays in float.
        op_types: node types computed in int8; None for all supported ones.
    """
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        # its symbolic shape inference fails on the free batch dimension and is not needed
        quant_pre_process(source.as_posix(), prepared.as_posix(), skip_symbolic_shape=True)
        nodes = [node.name for node in onnx.load(prepared.as_posix()).graph.node]
        quantize_static(
            prepared.as_posix(),
            path.as_posix(),
            photos,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=op_types,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[name for name in nodes if exact(name)],
        )
    onnx.checker.check_model(path.as_posix())
