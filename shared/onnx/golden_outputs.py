"""Checks of models by a generated input: detects a wrong file or a runtime that computes something else.

Used where a model has several inputs or outputs that are no map, so that a stored picture would not do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shared.onnx.sessions import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

VALUES: Final = 160
"""Values of an output that are compared, spread evenly over it."""


def make_inputs(shapes: Mapping[str, Sequence[int]]) -> dict[str, NDArray[Any]]:
    """Inputs of the given shapes (a batch of one, then three dimensions) in 0..1: waves, different in every plane."""
    import numpy as np

    inputs: dict[str, NDArray[Any]] = {}
    for number, (name, shape) in enumerate(sorted(shapes.items())):
        first, second, third = (int(side) for side in shape[1:])
        plane = np.arange(first)[:, None, None] + 1 + number
        y, x = np.arange(second)[None, :, None] / second, np.arange(third)[None, None, :] / third
        wave = np.sin(6.3 * (plane * 0.37 + y * (1 + plane % 3) + x * (1 + plane % 4)))
        inputs[name] = (0.5 + 0.5 * wave)[None].astype(np.float32)
    return inputs


def sample_outputs(outputs: Mapping[str, NDArray[Any]]) -> dict[str, list[float]]:
    """The values at a few positions of each output."""
    import numpy as np

    found: dict[str, list[float]] = {}
    for name, values in outputs.items():
        flat = np.asarray(values, np.float64).ravel()
        count = min(VALUES, flat.size)
        places = (np.arange(count) * 2 + 1) * flat.size // (2 * count)
        found[name] = [round(float(value), 5) for value in flat[places]]
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


def golden_output_check(model: Model, folder: Path) -> str | None:
    """How a model's outputs for its generated input differ from those at export; None if they do not.

    The manifest describes `input` as shapes by name, and `golden.tolerance.relative` as a share of the range.
    """
    golden = model.manifest.golden
    if golden is None:
        return "the manifest names no golden outputs"
    expected = json.loads((folder / golden.file).read_text())
    feeds = make_inputs({name: part["shape"] for name, part in model.manifest.input.items()})
    found = sample_outputs(model.run(feeds))
    return find_difference(found, expected["outputs"], float(golden.tolerance["relative"]))
