"""The head as an ONNX file: three linear heads, selected by the given fields, and the interval around the first.

Every weight is both an initializer and a graph input: the shipped model runs without these inputs, and a merchant's
    model
is the same file with the merchant's arrays as inputs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, checker, helper, numpy_helper

from functions.analytics.head import WEIGHTS, HeadWeights

OPSET = 17
IR = 8
SHAPES: dict[str, list[Any]] = {
    "centre": ["J"],
    "image": [4, 3, "J"],
    "price_weight": [4, 3],
    "price_usual": [4, "K"],
    "price_sd": [1],
    "category_weight": [4, "K", 3],
    "base": [4, 3],
    "margin": [4, "K"],
}
"""`K` counts the categories and, last, "not given"."""


def write(weights: HeadWeights, path: Path) -> None:
    """Write the file including the weights."""
    float_, int_ = TensorProto.FLOAT, TensorProto.INT64
    inputs = [
        helper.make_tensor_value_info("places", float_, ["n", "P", "J"]),
        helper.make_tensor_value_info("price", float_, ["n"]),
        helper.make_tensor_value_info("category", int_, ["n"]),
        *(helper.make_tensor_value_info(name, float_, SHAPES[name]) for name in WEIGHTS),
    ]
    outputs = [
        helper.make_tensor_value_info("mid", float_, ["n"]),
        helper.make_tensor_value_info("lo", float_, ["n"]),
        helper.make_tensor_value_info("hi", float_, ["n"]),
        helper.make_tensor_value_info("contributions", float_, ["n", 4]),
        helper.make_tensor_value_info("heat", float_, ["n", "P"]),
        helper.make_tensor_value_info("gaps", float_, ["n", 2]),
    ]
    constants = {name: getattr(weights, name) for name in WEIGHTS}
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    initializers += [_ints(name, values) for name, values in _CONSTANTS.items()]
    graph = helper.make_graph(_nodes(), "sales_quantiles", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="training.sales")
    model.ir_version = IR
    checker.check_model(model, full_check=True)
    onnx.save(model, path.as_posix())


_CONSTANTS: dict[str, list[int]] = {
    "zero": [0], "one": [1], "two": [2], "three": [3], "flat": [-1], "flat3": [-1, 3], "axis2": [2],
}  # fmt: skip


def _ints(name: str, values: list[int]) -> Any:
    return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)


def _nodes() -> list[Any]:
    made: list[Any] = []

    def op(kind: str, inputs: str, output: str, **attributes: Any) -> None:
        made.append(helper.make_node(kind, inputs.split(), output.split(), **attributes))

    # index of the weights: price given + 2 * category given
    op("IsNaN", "price", "no_price")
    op("Not", "no_price", "has_price")
    op("Shape", "margin", "margin_shape")
    op("Gather", "margin_shape one", "columns")
    op("Sub", "columns one", "unknown")
    op("Less", "category unknown", "has_category")
    op("Cast", "has_price", "p", to=TensorProto.INT64)
    op("Cast", "has_category", "c", to=TensorProto.INT64)
    op("Mul", "c two", "c2")
    op("Add", "p c2", "given")
    op("Mul", "given columns", "row0")
    op("Add", "row0 category", "row")

    # the deviation of the picture from the average one
    op("Sub", "places centre", "shifted")
    op("Gather", "image given", "w", axis=0)  # (n, 3, J)
    op("Transpose", "w", "wt", perm=[0, 2, 1])
    op("MatMul", "shifted wt", "heads")  # (n, P, 3)
    op("ReduceMean", "heads", "of_image", axes=[1], keepdims=0)  # (n, 3)
    op("Slice", "heads zero one axis2", "heat3")
    op("Squeeze", "heat3 axis2", "heat")

    op("Reshape", "price_usual flat", "usual_rows")
    op("Gather", "usual_rows row", "usual", axis=0)
    op("Where", "has_price price price_one", "some_price")
    op("Log", "some_price", "log_price")
    op("Sub", "log_price usual", "price_off")
    op("Div", "price_off price_sd", "price_z")
    op("Where", "has_price price_z price_none", "z")
    op("Unsqueeze", "z one", "z1")
    op("Gather", "price_weight given", "wp", axis=0)
    op("Mul", "wp z1", "of_price")

    op("Reshape", "category_weight flat3", "category_rows")
    op("Gather", "category_rows row", "of_category", axis=0)
    op("Gather", "base given", "of_base", axis=0)
    op("Sum", "of_base of_image of_price of_category", "raw")  # (n, 3)
    op("Slice", "raw zero one one", "mid1")
    op("Squeeze", "mid1 one", "mid")
    op("Slice", "raw one three one", "raw_gaps")
    op("Relu", "raw_gaps", "gaps")
    op("Reshape", "margin flat", "margin_rows")
    op("Gather", "margin_rows row", "m", axis=0)
    op("Unsqueeze", "m one", "m1")
    op("Add", "gaps m1", "wide0")
    op("Relu", "wide0", "wide")
    op("Slice", "wide zero one one", "low1")
    op("Slice", "wide one two one", "high1")
    op("Sub", "mid1 low1", "lo1")
    op("Add", "mid1 high1", "hi1")
    op("Squeeze", "lo1 one", "lo")
    op("Squeeze", "hi1 one", "hi")
    for part in ("base", "image", "price", "category"):
        op("Slice", f"of_{part} zero one one", f"mid_{part}")
    op("Concat", "mid_base mid_image mid_price mid_category", "contributions", axis=1)
    floats = {"price_one": 1.0, "price_none": 0.0}
    scalars = [
        helper.make_node("Constant", [], [name], value=helper.make_tensor(name, TensorProto.FLOAT, [1], [value]))
        for name, value in floats.items()
    ]
    return [*scalars, *made]
