"""A fixed input for each network, and its answer at export: catches a wrong file, or a runtime that differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

PLACES = 8
"""Rows and columns of an answer that are kept."""


def feeds(shapes: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Waves, another in every plane, for inputs of the shapes given (the batch is one)."""
    import numpy as np

    found: dict[str, NDArray[Any]] = {}
    for number, (name, shape) in enumerate(sorted(shapes.items())):
        planes, rows, columns = (int(side) for side in shape[1:])
        plane = np.arange(planes)[:, None, None] + 1 + number
        y, x = np.arange(rows)[None, :, None] / rows, np.arange(columns)[None, None, :] / columns
        found[name] = (0.5 + 0.5 * np.sin(6.3 * (plane * 0.37 + y * (1 + plane % 3) + x * (1 + plane % 4))))[
            None
        ].astype(np.float32)
    return found


def answer(outputs: Mapping[str, NDArray[Any]]) -> dict[str, list[float]]:
    """An answer at a few places of each output."""
    import numpy as np

    found: dict[str, list[float]] = {}
    for name, values in outputs.items():
        rows, columns = ((np.arange(PLACES) * 2 + 1) * side // (2 * PLACES) for side in values.shape[2:])
        found[name] = [round(float(v), 5) for v in values[0][:, rows][:, :, columns].ravel()]
    return found


def differing(found: Mapping[str, list[float]], expected: Mapping[str, list[float]], allowed: float) -> str | None:
    """Which output is further from what is expected than a share of its range, None when none is."""
    import numpy as np

    for name, values in expected.items():
        a, b = np.asarray(found.get(name, [])), np.asarray(values)
        if a.shape != b.shape:
            return f"output `{name}` has another shape than at export"
        off = float(np.abs(a - b).max()) / max(float(np.ptp(b)), 1e-3)
        if not off <= allowed:
            return f"golden `{name}` is off by {off:.4f} of its range, allowed is {allowed}"
    return None
