"""The head: from a picture's embedding and the optional fields to the expected sales and an interval around them.

Three linear heads share their inputs: the middle, and how far below and above it the interval reaches before it is
calibrated. There are four sets of weights, for every choice of given fields (price, category), so a missing field is
never guessed. Everything is in log(1 + units); the ONNX file does the arithmetic for every model: a merchant's own
weights are fed in place of the shipped ones.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shared import onnx

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODEL: Final = "sales_quantiles"
NAMES: Final = ("centre", "image", "price_weight", "price_usual", "price_sd", "category_weight", "base", "margin")
PARTS: Final = ("base", "image", "price", "category")
ALL_FIELDS: Final = 3
"""The set of weights for rows with both fields; 1 has the price alone, 2 the category alone, 0 none."""
CHUNK: Final = 4096


@dataclass(frozen=True)
class Weights:
    """A fitted head, float32; J is the embedding's joint part, K the categories and, last, "not given".

    Args:
        centre: (J,) the mean embedding of the rows it was fitted on.
        image: (4, 3, J) by given fields, then middle, lower gap, upper gap.
        price_weight: (4, 3) for each deviation of log(price), `price_sd` (1,), from what is usual, `price_usual`
            (4, K): in the category where one is given, else over all.
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
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def packed(self) -> bytes:
        """As an `.npz` file."""
        import numpy as np

        out = io.BytesIO()
        np.savez(out, allow_pickle=False, **self.feeds())
        return out.getvalue()

    @classmethod
    def unpacked(cls, data: bytes) -> Weights:
        """Back from `packed`."""
        import numpy as np

        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return cls(**{name: stored[name] for name in NAMES})


@dataclass(frozen=True)
class Found:
    """What the head says of n rows, all in log(1 + units).

    Args:
        mid, lo, hi: (n,) the middle and the interval's ends.
        contributions: (n, 4) how `mid` comes about: base, image, price, category; they sum to it.
        heat: (n, P) what each place of the picture does to `mid`; its mean is the picture's contribution.
        gaps: (n, 2) the interval's reach below and above before calibration.
    """

    mid: NDArray[Any]
    lo: NDArray[Any]
    hi: NDArray[Any]
    contributions: NDArray[Any]
    heat: NDArray[Any]
    gaps: NDArray[Any]


def run(weights: Weights | None, places: NDArray[Any], price: NDArray[Any], category: NDArray[Any]) -> Found:
    """Ask the head for n rows.

    Args:
        weights: of a merchant's own model; None for the shipped one.
        places: (n, P, J) float32; the mean over the P places is the unit joint embedding. P is 1 without a map.
        price: (n,) NaN where it is not given.
        category: (n,) number of the category, K - 1 where it is not given.

    Raises:
        ConfigurationError: the shipped file is missing or refused.
    """
    import numpy as np

    model = loaded()
    own = weights.feeds() if weights is not None else {}
    parts: list[Mapping[str, Any]] = []
    for start in range(0, max(1, len(places)), CHUNK):
        some = slice(start, start + CHUNK)
        feeds = {
            "places": np.ascontiguousarray(places[some], np.float32),
            "price": np.asarray(price[some], np.float32),
            "category": np.asarray(category[some], np.int64),
        }
        parts.append(model.run({**feeds, **own}, [one.name for one in fields(Found)]))
    return Found(**{one.name: np.concatenate([part[one.name] for part in parts]) for one in fields(Found)})


def loaded() -> onnx.Model:
    """The shipped model, checked against its golden answers when it is loaded."""
    return onnx.model(MODEL, _golden)


def _golden(candidate: onnx.Model, where: Path) -> str | None:
    import numpy as np

    golden = candidate.entry.golden
    if golden is None:
        return "the manifest names no golden answers"
    told = json.loads((where / golden.file).read_text())
    feeds = {
        "places": np.asarray(told["places"], np.float32),
        "price": np.asarray([np.nan if one is None else one for one in told["price"]], np.float32),
        "category": np.asarray(told["category"], np.int64),
    }
    found = candidate.run(feeds, ["mid", "lo", "hi"])
    allowed = float(golden.tolerance.get("absolute", 1e-4))
    for name, values in found.items():
        off = float(np.abs(values - np.asarray(told[name])).max())
        if not off <= allowed:
            return f"golden {name} is off by {off:.2g}, expected at most {allowed:g}"
    return None


def given(price: float | None, category: int | None) -> int:
    """Which of the four sets of weights answers."""
    return (price is not None) + 2 * (category is not None)
