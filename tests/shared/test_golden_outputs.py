"""Golden outputs of models that are compared on a generated input."""

from __future__ import annotations

import numpy as np

from shared.onnx.golden_outputs import VALUES, find_difference, make_inputs, sample_outputs


def test_differing_outputs_are_detected() -> None:
    feeds = make_inputs({"a": [1, 2, 16, 12]})
    expected = sample_outputs({"out": feeds["a"]})
    assert find_difference(expected, expected, 0.01) is None
    off = {"out": [value + 0.1 for value in expected["out"]]}
    assert "out" in (find_difference(off, expected, 0.01) or "")
    assert find_difference({}, expected, 0.01) is not None
    assert find_difference({"out": [float("nan")] * len(expected["out"])}, expected, 0.01) is not None


def test_inputs_are_the_same_each_time_and_different_in_every_plane() -> None:
    one, other = (
        make_inputs({"a": [1, 3, 8, 8], "b": [1, 3, 8, 8]}),
        make_inputs({"b": [1, 3, 8, 8], "a": [1, 3, 8, 8]}),
    )
    assert all((one[name] == other[name]).all() for name in one)
    assert one["a"].dtype == np.float32 and one["a"].min() >= 0 and one["a"].max() <= 1
    assert (one["a"][0, 0] != one["a"][0, 1]).any() and (one["a"] != one["b"]).any()


def test_outputs_of_any_shape_are_sampled() -> None:
    found = sample_outputs({"scalar": np.array([[2.5]]), "large": np.arange(1000.0).reshape(1, 10, 100)})
    assert found["scalar"] == [2.5]
    assert len(found["large"]) == VALUES and found["large"] == sorted(found["large"])
