"""Store a network's weights as float16: half the file, the same graph.

Only storage changes: a `Cast` restores float32 when the file is opened (ONNX Runtime folds it), so that the
computation, and any processor, stays the same. Outputs get readable names; those that are not read are cut off
together with the layers that only they need.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, utils

LEAST = 64
"""Values from which a tensor is stored as float16: small ones are shapes and constants of formulas."""


def compress(source: Path, target: Path, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> None:
    """Write a copy of an ONNX file with float16 weights.

    Args:
        inputs, outputs: new names by the old ones; outputs that are not listed are removed.
    """
    partial = target.with_suffix(".partial.onnx")
    utils.extract_model(source.as_posix(), partial.as_posix(), list(inputs), list(outputs))
    model = onnx.load(partial.as_posix())
    partial.unlink()
    _rename(model.graph, {**inputs, **outputs})
    _halve(model.graph)
    for field in (model.graph.value_info,):
        del field[:]
    model.producer_name, model.doc_string = "training.pose", ""
    onnx.checker.check_model(model)
    onnx.save(model, target.as_posix())


def _rename(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    for node in graph.node:
        for field in (node.input, node.output):
            for place, name in enumerate(field):
                field[place] = names.get(name, name)
    for value in (*graph.input, *graph.output):
        value.name = names.get(value.name, value.name)


def _halve(graph: onnx.GraphProto) -> None:
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < LEAST:
            continue
        values = numpy_helper.to_array(tensor)
        if np.abs(values).max(initial=0) > np.finfo(np.float16).max:
            continue
        name = tensor.name
        stored = numpy_helper.from_array(values.astype(np.float16), f"{name}.fp16")
        tensor.CopyFrom(stored)
        casts.append(helper.make_node("Cast", [stored.name], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        graph.node.insert(0, node)
