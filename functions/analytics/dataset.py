"""Sales as arrays: what was sold, at which price, in which category, when, and what the product looked like."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Fold = Literal["train", "choose", "calibrate", "report"]

FOLDS: Final[tuple[Fold, ...]] = ("train", "choose", "calibrate", "report")
"""Rows to fit on, to choose the interval method on, to calibrate on, and to measure on."""
_COLUMNS: Final[Mapping[str, str]] = {
    "image_index": "which", "price": "price", "category": "category", "units": "units", "day": "day", "fold": "fold",
}  # fmt: skip
"""Arrays with a value for each row, and their names in stored files."""


@dataclass(frozen=True)
class SalesDataset:
    """n rows of sales over m images.

    Args:
        image_names: (m,) an image id, or a garment of the generated table.
        vectors: (m, J) unit joint embeddings, float32 rounded to float16.
        colours: (m, 9) float32, see `image_features.colour_features`.
        categories: names of the K - 1 known categories.
        image_index: (n,) number of the row's image.
        price, units: (n,) float32.
        category: (n,) number in `categories`.
        day: (n,) proleptic ordinal of the date.
        fold: (n,) number in `FOLDS`.
    """

    image_names: tuple[str, ...]
    vectors: NDArray[Any]
    colours: NDArray[Any]
    categories: tuple[str, ...]
    image_index: NDArray[Any]
    price: NDArray[Any]
    category: NDArray[Any]
    units: NDArray[Any]
    day: NDArray[Any]
    fold: NDArray[Any]

    def __len__(self) -> int:
        return len(self.image_index)

    @property
    def places(self) -> NDArray[Any]:
        """(n, 1, J) the embeddings as input of the head: images with one place each."""
        return self.vectors[self.image_index][:, None]

    @property
    def target(self) -> NDArray[Any]:
        """(n,) log(1 + units), which the head predicts."""
        import numpy as np

        return np.log1p(self.units.astype(np.float64))

    def subset(self, *folds: Fold) -> SalesDataset:
        """The rows of these folds, and only the images that they show."""
        import numpy as np

        kept = np.isin(self.fold, [FOLDS.index(name) for name in folds])
        used, image_index = np.unique(self.image_index[kept], return_inverse=True)
        numbers: list[int] = used.tolist()
        columns = {name: getattr(self, name)[kept] for name in _COLUMNS}
        return replace(
            self,
            image_names=tuple(self.image_names[number] for number in numbers),
            vectors=self.vectors[used],
            colours=self.colours[used],
            **{**columns, "image_index": image_index.astype(np.int32)},
        )

    def to_npz(self, extra: Mapping[str, NDArray[Any]]) -> bytes:
        """The dataset as an `.npz` file, with extra arrays."""
        import numpy as np

        out = io.BytesIO()
        arrays: dict[str, Any] = {
            "names": np.array(self.image_names, np.str_),
            "categories": np.array(self.categories, np.str_),
            "vectors": self.vectors.astype(np.float16),
            "colours": self.colours.astype(np.float16),
            **{stored: getattr(self, name) for name, stored in _COLUMNS.items()},
            **extra,
        }
        np.savez_compressed(out, allow_pickle=False, **arrays)
        return out.getvalue()

    @classmethod
    def from_npz(cls, data: bytes) -> tuple[SalesDataset, Mapping[str, NDArray[Any]]]:
        """The dataset that `to_npz` wrote, and the extra arrays."""
        import numpy as np

        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays: dict[str, NDArray[Any]] = {name: stored[name] for name in stored.files}
        dataset = cls(
            image_names=tuple(arrays.pop("names").tolist()),
            categories=tuple(arrays.pop("categories").tolist()),
            vectors=arrays.pop("vectors").astype(np.float32),
            colours=arrays.pop("colours").astype(np.float32),
            **{name: arrays.pop(stored) for name, stored in _COLUMNS.items()},
        )
        return dataset, arrays


def split_by_date(day: NDArray[Any], shares: tuple[float, float, float]) -> NDArray[Any]:
    """(n,) folds by time: the oldest rows train, the newest measure.

    Args:
        shares: of the folds `train`, `choose` and `calibrate`; `report` gets the rest.
    """
    import numpy as np

    order = np.argsort(day, kind="stable")
    fold = np.empty(len(day), np.int8)
    ends = [int(len(day) * sum(shares[: number + 1]) + 1e-9) for number in range(3)]
    for number, part in enumerate(np.split(order, ends)):
        fold[part] = number
    return fold
