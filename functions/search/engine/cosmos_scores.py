"""Scores of the Cosmos DB engine, computed here from stored vectors and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from functions.search.engine import words
from functions.search.engine.columns import Columns
from functions.search.engine.items import NEAR_BITS, NEAR_COSINE, Item, Model
from functions.search.engine.lookup import Lookup
from functions.search.engine.query import VectorQuery
from functions.search.engine.results import Hit, Parts

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Folded:
    """A query as one direction, and its scores of stored products."""

    query: VectorQuery
    model: Model
    direction: NDArray[Any]

    @staticmethod
    def of(query: VectorQuery, model: Model) -> Folded:
        """Fold the channels of a query."""
        import numpy as np

        direction = np.zeros(model.dim)
        for modality, vector, weight in _channels(query):
            direction += np.asarray(vector, np.float64) * (weight / model.standardise[modality][1])
        return Folded(query, model, direction)

    def near(self) -> tuple[Sequence[float], float] | None:
        """The direction, and the least cosine with it that the floor of the query asks for; None without one."""
        import numpy as np

        floor = None if self.query.match is None else self.query.match.floor
        length = float(np.linalg.norm(self.direction))
        if floor is None or not length:
            return None
        zero = sum(
            weight * self.model.standardise[modality][0] / self.model.standardise[modality][1]
            for modality, _, weight in _channels(self.query)
        )
        return self.direction.tolist(), (floor + zero) / length

    def hits(self, rows: Sequence[Mapping[str, Any]], lookup: Lookup | None) -> list[tuple[Hit, Mapping[str, Any]]]:
        """Stored products with their scores."""
        import numpy as np

        shares = np.zeros(len(rows))
        if lookup is not None and rows:
            stored = Columns.of([_item(row) for row in rows], 0)
            shares = lookup.score_rows(stored, np.arange(len(rows)))
        return [
            (self._hit(row, share if lookup else None), row) for row, share in zip(rows, shares.tolist(), strict=True)
        ]

    def _hit(self, row: Mapping[str, Any], share: float | None) -> Hit:
        import numpy as np

        stored = np.asarray(row["vector"], np.float64)
        parts = {"image": 0.0, "text": 0.0}
        for modality, vector, weight in _channels(self.query):
            mean, deviation = self.model.standardise[modality]
            parts[modality] += weight * (float((stored * np.asarray(vector, np.float64)).sum()) - mean) / deviation
        raw = {
            name: float((stored * np.asarray(vector, np.float64)).sum())
            for name, vector in (("image", self.query.image), ("text", self.query.text))
            if vector is not None
        }
        lexical = 0.0
        if share is not None:
            raw["words"] = share
            lexical = self.query.weights.words * (share - words.MEAN) / words.DEVIATION
        score = round(parts["image"] + parts["text"] + lexical, 9) + 0.0
        return Hit(row["id"], score, Parts(parts["image"], parts["text"], lexical), raw)


def _item(row: Mapping[str, Any]) -> Item:
    """The words of a stored product."""
    import numpy as np

    return Item(
        id=row["id"],
        revision=0,
        vector=np.empty(0, np.float32),
        words=row.get("text") or "",
        description=row.get("description") or "",
        sku=row.get("sku"),
    )


def _channels(query: VectorQuery) -> list[tuple[Any, NDArray[Any], float]]:
    parts: list[tuple[Any, NDArray[Any], float]] = []
    if query.image is not None:
        parts.append(("image", query.image, query.weights.image))
    if query.text is not None:
        parts.append(("text", query.text, query.weights.text))
    return parts + [(negative.modality, negative.vector, -negative.weight) for negative in query.negatives]


def shown(found: Sequence[tuple[Hit, Mapping[str, Any]]], query: VectorQuery) -> list[Hit]:
    """Of ranked products those that are shown, as `folding.shown`."""
    import numpy as np

    kept: list[tuple[Hit, Mapping[str, Any]]] = []
    vendors: Counter[str] = Counter()
    for hit, row in found:
        vendor: str | None = row["vendor"]
        if query.per_vendor is not None and vendor is not None and vendors[vendor] >= query.per_vendor:
            continue
        if query.fold and any(_alike(np.asarray(row["vector"]), row, other) for _, other in kept):
            continue
        if vendor is not None:
            vendors[vendor] += 1
        kept.append((hit, row))
    return [hit for hit, _ in kept]


def _alike(vector: NDArray[Any], row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    import numpy as np

    if float(vector @ np.asarray(other["vector"])) >= NEAR_COSINE:
        return True
    a, b = int(row["phash"] or "0", 16), int(other["phash"] or "0", 16)
    return bool(a and b) and (a ^ b).bit_count() <= NEAR_BITS
