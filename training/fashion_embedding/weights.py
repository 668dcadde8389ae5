"""Smaller weights in a file whose computation stays in fp32.

Weights become int8 with a scale per output channel, or fp16; the graph turns them into fp32 by `Cast` and `Mul`.
ONNX Runtime evaluates both when it loads the file, so a run costs what it costs in fp32. `DequantizeLinear` would be
the standard node, but ONNX Runtime keeps it for its int8 kernels and evaluates it in every run.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WEIGHTED = ("Conv", "Gemm", "MatMul")
LEAST = 256
"""Weights of fewer values stay in fp32."""
LARGEST = 127
SHARES = np.linspace(0.8, 1.0, 11)
"""Shares of a channel's largest value that are tried as its limit in int8."""


def rounded(weights: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights as int8 and their scales per position of `axis`, those with the least squared error."""
    others = tuple(i for i in range(weights.ndim) if i != axis)
    limit = np.maximum(np.abs(weights).max(others, keepdims=True), 1e-12)
    scales, errors = limit / LARGEST, np.full(limit.shape, np.inf)
    for share in SHARES:
        tried = limit * share / LARGEST
        error = ((_int8(weights, tried) * tried - weights) ** 2).sum(others, keepdims=True)
        scales, errors = np.where(error < errors, tried, scales), np.minimum(error, errors)
    return _int8(weights, scales).astype(np.int8), scales.astype(np.float32)


def _int8(weights: np.ndarray, scales: np.ndarray) -> np.ndarray:
    return np.clip(np.round(weights / scales), -LARGEST, LARGEST)


def write(source: Path, path: Path, small: Callable[[str], bool]) -> None:
    """Write an fp32 file with smaller weights.

    Args:
        small: whether the weights of the node with a given name become int8; all others become fp16.
    """
    model = onnx.load(source)
    graph = model.graph
    held = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    stored, nodes, replaced = [], [], set()
    for node in graph.node:
        name = node.input[1] if node.op_type in WEIGHTED else ""
        if name not in held or name in replaced or held[name].size < LEAST:
            continue
        replaced.add(name)
        if not small(node.name):
            stored.append(numpy_helper.from_array(held[name].astype(np.float16), f"{name}.stored"))
            nodes.append(helper.make_node("Cast", [f"{name}.stored"], [name], to=TensorProto.FLOAT))
            continue
        values, scales = rounded(held[name], 1 if node.op_type == "MatMul" else 0)
        stored.append(numpy_helper.from_array(values, f"{name}.stored"))
        stored.append(numpy_helper.from_array(scales, f"{name}.scale"))
        nodes.append(helper.make_node("Cast", [f"{name}.stored"], [f"{name}.cast"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [f"{name}.cast", f"{name}.scale"], [name]))
    stored += [one for one in graph.initializer if one.name not in replaced]
    nodes += list(graph.node)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(stored)
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, path.as_posix())
