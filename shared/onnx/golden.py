"""Checks of models that map an image to a grid of values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.onnx.preprocessing import image_tensor
from shared.onnx.sessions import GoldenCheck, Model

if TYPE_CHECKING:
    from numpy.typing import NDArray


def golden_map_check(output: str) -> GoldenCheck:
    """The check of a model whose output is a map: its values on a grid of places are compared by cosine.

    Scalar outputs are compared where the manifest has a `<name>_tolerance`.
    """

    def check(candidate: Model, folder: Path) -> str | None:
        import numpy as np
        from PIL import Image

        golden = candidate.manifest.golden
        if golden is None or golden.picture is None:
            return "the manifest names no golden picture"
        expected = json.loads((folder / golden.file).read_text())
        with Image.open(folder / golden.picture) as image:
            pixels = np.asarray(image.convert("RGB"))
        wanted = candidate.manifest.image_input
        found = candidate.run({wanted.name: image_tensor(pixels, wanted)})
        reference = np.asarray(expected[f"{output}_grid"], np.float64)
        height, width = found[output].shape[2:]
        rows, columns = (_places(n, side) for n, side in zip(reference.shape, (height, width), strict=False))
        values = found[output][0][:, rows][:, :, columns].transpose(1, 2, 0)
        a, b = values.ravel().astype(np.float64), reference.ravel()
        cosine = float(a @ b / max(float(np.sqrt((a @ a) * (b @ b))), 1e-12))
        floor = candidate.manifest.golden_cosine
        if cosine < floor:
            return f"the cosine with the golden output is {cosine:.5f}, expected at least {floor}"
        for name, scalar in found.items():
            allowed = golden.tolerance.get(f"{name}_tolerance")
            value = float(scalar.ravel()[0])
            if allowed is not None and abs(value - float(expected[name])) > allowed:
                return f"golden {name} is {value:.4f}, expected {expected[name]} +- {allowed}"
        return None

    return check


def _places(count: int, side: int) -> NDArray[Any]:
    """The middles of `count` equal parts of a side."""
    import numpy as np

    return (np.arange(count) * 2 + 1) * side // (2 * count)
