"""The head: from an image's embedding and the optional fields to the expected sales and an interval around them.

Three linear heads share their inputs: the middle, and how far below and above it the interval reaches before it is
calibrated. There are four sets of weights, one for each combination of given fields, so a missing field is never
guessed. Everything is in log(1 + units). The ONNX file does the arithmetic for every model: a merchant's own weights
are inputs that replace the shipped ones.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntFlag
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shared import onnx

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODEL: Final = "sales_quantiles"
WEIGHTS: Final = ("centre", "image", "price_weight", "price_usual", "price_sd", "category_weight", "base", "margin")
"""Weights by the names of the graph's inputs, in its order."""
CHUNK: Final = 4096
"""Rows of one inference."""


class GivenFields(IntFlag):
    """Which optional fields a row has; each combination has its own weights."""

    NONE = 0
    PRICE = 1
    CATEGORY = 2
    ALL = 3

    @classmethod
    def of(cls, price: float | None, category: int | None) -> GivenFields:
        """The combination of a row."""
        return (cls.NONE if price is None else cls.PRICE) | (cls.NONE if category is None else cls.CATEGORY)


COMBINATIONS: Final = (GivenFields.NONE, GivenFields.PRICE, GivenFields.CATEGORY, GivenFields.ALL)
"""In the order of the weights."""


@dataclass(frozen=True)
class HeadWeights:
    """A fitted head, float32; J is the embedding's joint part, K the categories and, last, "not given".

    Args:
        centre: (J,) the mean embedding of the rows it was fitted on.
        image: (4, 3, J) by given fields, then middle, lower gap, upper gap.
        price_weight: (4, 3) per deviation (`price_sd`, (1,)) of log(price) from the usual one: `price_usual` (4, K),
            that of the category where one is given, else of all rows.
        category_weight: (4, K, 3), zeros in the last place.
        base: (4, 3).
        margin: (4, K) what calibration adds to both gaps.
    """

    centre: NDArray[Any]
    image: NDArray[Any]
    price_weight: NDArray[Any]
    price_usual: NDArray[Any]
    price_sd: NDArray[Any]
    category_weight: NDArray[Any]
    base: NDArray[Any]
    margin: NDArray[Any]

    def feeds(self) -> dict[str, NDArray[Any]]:
        """The weights by the names of the graph's inputs."""
        return {name: getattr(self, name) for name in WEIGHTS}

    def to_npz(self) -> bytes:
        """The weights as an `.npz` file."""
        import numpy as np

        out = io.BytesIO()
        arrays: dict[str, Any] = dict(self.feeds())
        np.savez(out, allow_pickle=False, **arrays)
        return out.getvalue()

    @classmethod
    def from_npz(cls, data: bytes) -> HeadWeights:
        """The weights that `to_npz` wrote."""
        import numpy as np

        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return cls(**{name: stored[name] for name in WEIGHTS})


@dataclass(frozen=True)
class HeadOutput:
    """Predictions for n rows, all in log(1 + units); the fields are named as the graph's outputs.

    Args:
        mid, lo, hi: (n,) the middle and the interval's ends.
        contributions: (n, 4) parts of `mid`: base, image, price, category; they sum to it.
        heat: (n, P) contribution of each place of the image to `mid`; its mean is the image's contribution.
        gaps: (n, 2) reach of the interval below and above the middle before calibration.
    """

    mid: NDArray[Any]
    lo: NDArray[Any]
    hi: NDArray[Any]
    contributions: NDArray[Any]
    heat: NDArray[Any]
    gaps: NDArray[Any]


def run(weights: HeadWeights | None, places: NDArray[Any], price: NDArray[Any], category: NDArray[Any]) -> HeadOutput:
    """Run the head for n rows.

    Args:
        weights: of a merchant's own model; None for the shipped one.
        places: (n, P, J) float32; the mean over the P places is the unit joint embedding. P is 1 without a map.
        price: (n,) NaN where it is not given.
        category: (n,) number of the category, K - 1 where it is not given.

    Raises:
        ConfigurationError: the shipped file is missing or refused.
    """
    import numpy as np

    model = get_model()
    own = weights.feeds() if weights is not None else {}
    outputs = [field.name for field in fields(HeadOutput)]
    chunks: list[Mapping[str, Any]] = []
    for start in range(0, max(1, len(places)), CHUNK):
        rows = slice(start, start + CHUNK)
        feeds = {
            "places": np.ascontiguousarray(places[rows], np.float32),
            "price": np.asarray(price[rows], np.float32),
            "category": np.asarray(category[rows], np.int64),
        }
        chunks.append(model.run({**feeds, **own}, outputs))
    return HeadOutput(**{name: np.concatenate([chunk[name] for chunk in chunks]) for name in outputs})


def get_model() -> onnx.Model:
    """The shipped model, compared with its golden outputs when it is loaded."""
    return onnx.get_model(MODEL, _golden)


def _golden(candidate: onnx.Model, folder: Path) -> str | None:
    import numpy as np

    golden = candidate.manifest.golden
    if golden is None:
        return "the manifest names no golden outputs"
    expected = json.loads((folder / golden.file).read_text())
    feeds = {
        "places": np.asarray(expected["places"], np.float32),
        "price": np.asarray([np.nan if price is None else price for price in expected["price"]], np.float32),
        "category": np.asarray(expected["category"], np.int64),
    }
    tolerance = float(golden.tolerance.get("absolute", 1e-4))
    for name, values in candidate.run(feeds, ["mid", "lo", "hi"]).items():
        error = float(np.abs(values - np.asarray(expected[name])).max())
        if not error <= tolerance:
            return f"golden {name} is off by {error:.2g}, expected at most {tolerance:g}"
    return None
