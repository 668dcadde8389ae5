"""Of ranked rows those that are shown: not a second time what looks the same, and not too many of one vendor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from functions.search.engine.items import NEAR_BITS, NEAR_COSINE
from functions.search.engine.ranking import Ranked

if TYPE_CHECKING:
    from numpy.typing import NDArray


def shown(ranked: Sequence[Ranked], *, fold: bool, per_vendor: int | None) -> list[Ranked]:
    """The rows shown, of all ranked from the first on: each is compared with those shown before it."""
    kept: list[Ranked] = []
    vendors: Counter[str] = Counter()
    looks = _Looks(ranked) if fold else None
    for at, one in enumerate(ranked):
        vendor = _vendor(one) if per_vendor is not None else None
        if vendor is not None and per_vendor is not None and vendors[vendor] >= per_vendor:
            continue
        if looks is not None and not looks.new(at):
            continue
        if vendor is not None:
            vendors[vendor] += 1
        kept.append(one)
    return kept


def _vendor(one: Ranked) -> str | None:
    columns = one.block.columns
    code = int(columns.data["vendor.codes"][one.row])
    return None if code < 0 else columns.data["vendor.values"][code].decode()


class _Looks:
    """Vectors and perceptual hashes of ranked rows, and which of them are shown."""

    def __init__(self, ranked: Sequence[Ranked]) -> None:
        import numpy as np

        self._vectors: NDArray[Any] = np.array(
            [one.block.columns.vectors[one.row] for one in ranked], np.float32
        ).reshape(len(ranked), -1)
        self._hashes = np.array([one.block.columns.data["phash"][one.row] for one in ranked], np.uint64)
        self._shown = np.zeros(len(ranked), np.int64)
        self._count = 0

    def new(self, at: int) -> bool:
        """Whether a row looks like none shown; it is then taken as shown."""
        import numpy as np

        before = self._shown[: self._count]
        if (self._vectors[before] @ self._vectors[at] >= NEAR_COSINE).any():
            return False
        mine = self._hashes[at]
        others = self._hashes[before]
        if mine and ((np.bitwise_count(others ^ mine) <= NEAR_BITS) & (others != 0)).any():
            return False
        self._shown[self._count] = at
        self._count += 1
        return True
