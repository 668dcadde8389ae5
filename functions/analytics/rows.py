"""Rows of a sales table as arrays: what was sold, at which price, in which category, when, and what it looked like."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDS: Final = ("train", "choose", "calibrate", "report")
_ROWS: Final = ("which", "price", "category", "units", "day", "fold")


@dataclass(frozen=True)
class Rows:
    """A table; n rows over m pictures.

    Args:
        names: (m,) what a picture is called: an image id, or a garment of the generated table.
        vectors: (m, J) unit joint embeddings, float32 rounded to float16.
        colours: (m, 9) float32, see `pictures.colours`.
        categories: names of the K - 1 known categories.
        which: (n,) the row's picture.
        price, units: (n,) float32.
        category: (n,) number in `categories`.
        day: (n,) proleptic ordinal of its date.
        fold: (n,) place in `FOLDS`.
    """

    names: tuple[str, ...]
    vectors: NDArray[Any]
    colours: NDArray[Any]
    categories: tuple[str, ...]
    which: NDArray[Any]
    price: NDArray[Any]
    category: NDArray[Any]
    units: NDArray[Any]
    day: NDArray[Any]
    fold: NDArray[Any]

    def __len__(self) -> int:
        return len(self.which)

    @property
    def places(self) -> NDArray[Any]:
        """(n, 1, J) the embeddings as the head takes them."""
        return self.vectors[self.which][:, None]

    @property
    def truth(self) -> NDArray[Any]:
        """(n,) log(1 + units), what the head answers with."""
        import numpy as np

        return np.log1p(self.units.astype(np.float64))

    def of(self, *folds: str) -> Rows:
        """The rows of some folds, and no other pictures than theirs."""
        import numpy as np

        kept = np.isin(self.fold, [FOLDS.index(name) for name in folds])
        used, which = np.unique(self.which[kept], return_inverse=True)
        columns = {name: getattr(self, name)[kept] for name in _ROWS}
        names = tuple(self.names[number] for number in used.tolist())
        return replace(
            self,
            names=names,
            vectors=self.vectors[used],
            colours=self.colours[used],
            **{**columns, "which": which.astype(np.int32)},
        )

    def packed(self, **more: NDArray[Any]) -> bytes:
        """As an `.npz` file with further arrays beside the rows."""
        import numpy as np

        out = io.BytesIO()
        np.savez_compressed(
            out,
            allow_pickle=False,
            names=np.array(self.names, np.str_),
            categories=np.array(self.categories, np.str_),
            vectors=self.vectors.astype(np.float16),
            colours=self.colours.astype(np.float16),
            **{name: getattr(self, name) for name in _ROWS},
            **more,
        )
        return out.getvalue()

    @classmethod
    def unpacked(cls, data: bytes) -> tuple[Rows, Mapping[str, NDArray[Any]]]:
        """Back from `packed`: the rows, and the further arrays."""
        import numpy as np

        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
        rows = cls(
            names=tuple(found.pop("names").tolist()),
            categories=tuple(found.pop("categories").tolist()),
            vectors=found.pop("vectors").astype(np.float32),
            colours=found.pop("colours").astype(np.float32),
            **{name: found.pop(name) for name in _ROWS},
        )
        return rows, found


def split(day: NDArray[Any], shares: tuple[float, float, float]) -> NDArray[Any]:
    """(n,) folds by time: the oldest rows train, the newest are reported on.

    Args:
        shares: of training, choosing and calibrating; the rest is reported on.
    """
    import numpy as np

    order = np.argsort(day, kind="stable")
    fold = np.empty(len(day), np.int8)
    ends = [int(len(day) * sum(shares[: number + 1]) + 1e-9) for number in range(3)]
    for number, part in enumerate(np.split(order, ends)):
        fold[part] = number
    return fold
