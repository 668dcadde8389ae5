"""A fixed input for each network and its outputs at export: detects a wrong file or a differing runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID_POINTS = 8
"""Rows and columns of an output that are compared."""


def make_inputs(shapes: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Inputs of the given shapes (with a batch of one): waves, different in every plane."""
    import numpy as np

    inputs: dict[str, NDArray[Any]] = {}
    for number, (name, shape) in enumerate(sorted(shapes.items())):
        planes, rows, columns = (int(side) for side in shape[1:])
        plane = np.arange(planes)[:, None, None] + 1 + number
        y, x = np.arange(rows)[None, :, None] / rows, np.arange(columns)[None, None, :] / columns
        inputs[name] = (0.5 + 0.5 * np.sin(6.3 * (plane * 0.37 + y * (1 + plane % 3) + x * (1 + plane % 4))))[
            None
        ].astype(np.float32)
    return inputs


def sample_outputs(outputs: Mapping[str, NDArray[Any]]) -> dict[str, list[float]]:
    """The values at a few positions of each output."""
    import numpy as np

    found: dict[str, list[float]] = {}
    for name, values in outputs.items():
        rows, columns = ((np.arange(GRID_POINTS) * 2 + 1) * side // (2 * GRID_POINTS) for side in values.shape[2:])
        found[name] = [round(float(v), 5) for v in values[0][:, rows][:, :, columns].ravel()]
    return found


def find_difference(
    found: Mapping[str, list[float]], expected: Mapping[str, list[float]], allowed: float
) -> str | None:
    """The output that differs from the expected one by more than a share of its range; None if none does."""
    import numpy as np

    for name, values in expected.items():
        a, b = np.asarray(found.get(name, [])), np.asarray(values)
        if a.shape != b.shape:
            return f"output `{name}` has another shape than at export"
        off = float(np.abs(a - b).max()) / max(float(np.ptp(b)), 1e-3)
        if not off <= allowed:
            return f"golden `{name}` is off by {off:.4f} of its range, allowed is {allowed}"
    return None
