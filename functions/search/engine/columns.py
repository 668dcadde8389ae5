"""Products by column: what a version keeps on disk, mapped, and what the journal brought, in memory, are one type."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine.items import Item
from functions.search.engine.letters import analyse, sku_key
from functions.search.engine.postings import MENTION, UNIT, Postings
from functions.search.engine.vocabulary import Vocabulary, place_of
from functions.search.engine.words import saturation

if TYPE_CHECKING:
    from numpy.typing import NDArray

SINGLE: Final = ("category", "vendor", "currency", "sku")
MULTIPLE: Final = ("colours", "tags")
NO_PRICE: Final = -1
FILE: Final = "columns.bin"
ALIGNED: Final = 64
WORDS: Final = 96
"""Words whose postings are remembered: at most a fifth of a byte a row each."""
BREAK: Final = -1
"""Between two fields in the words of a product: no phrase reaches across it."""

type Array = NDArray[Any]


@dataclass(frozen=True)
class Columns:
    """`count` products by row; nothing in it is changed once it is made.

    Args:
        vectors: (count, dim) float16.
        data: `ids` (count,) bytes, ascending in a version's main part; `revisions` int64; `price` int64, -1 for none;
            `phash` uint64, 0 for none; `lengths` uint16, words of each text; for each field of `SINGLE` its `.values`
            (bytes, ascending) and `.codes` (count,) int32, -1 for none; for each of `MULTIPLE` its `.values`, and by
            value `.from` (len(values) + 1,) int64 into `.rows` int32, ascending; postings: `words` (bytes, ascending),
            `words.from` and `words.rows` likewise, `words.times` uint8, and in a version's main part `words.peaks`
            float32, the most that `words.saturation` is in any product.
    """

    vectors: Array
    data: Mapping[str, Array]

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.data["ids"])

    @property
    def lengths(self) -> Array:
        """(count,) uint16, words of each text."""
        return self.data["lengths"]

    @cached_property
    def mean_length(self) -> float:
        """Mean number of words of a text; 0 without any."""
        return float(self.data["lengths"].mean()) if self.count else 0.0

    def id(self, row: int) -> str:
        """Of the product in a row."""
        return self.data["ids"][row].decode()

    def row(self, id: str) -> int | None:
        """The row of a product, where ids ascend."""
        return place_of(self.data["ids"], id)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of all products."""
        return Vocabulary.of(self.data)

    @cached_property
    def postings(self) -> Callable[[str], Postings]:
        """The rows that have a word; the latest words are remembered."""
        # Of the data, not of this object, which would then keep itself.
        return lru_cache(WORDS)(partial(_postings, self.data))

    def peak(self, word: str) -> float:
        """A bound of what `words.saturation` of a word is in any product."""
        at, peaks = place_of(self.data["words"], word), self.data.get("words.peaks")
        return 0.0 if at is None else 1.0 if peaks is None else float(peaks[at])

    def text(self, row: int) -> Array:
        """Numbers of the words of a product, in order."""
        start = self.data["text.from"]
        return self.data["text.words"][int(start[row]) : int(start[row + 1])]

    def rows_of_sku(self, key: str) -> Array:
        """Rows, ascending, with an article number, as `letters.sku_key` gives it."""
        import numpy as np

        code = self.code("sku", key)
        return np.empty(0, np.int64) if code is None else np.flatnonzero(self.data["sku.codes"] == code)

    def rows_with(self, field: str, value: str) -> Array:
        """Rows, ascending, that have a value of a field of `MULTIPLE`."""
        at = self.code(field, value)
        if at is None:
            return self.data[f"{field}.rows"][:0]
        start = self.data[f"{field}.from"]
        return self.data[f"{field}.rows"][int(start[at]) : int(start[at + 1])]

    def code(self, field: str, value: str) -> int | None:
        """The code of a field's value, None where no product has it."""
        return place_of(self.data[f"{field}.values"], value)

    def values(self, field: str) -> list[str]:
        """A field's values by code."""
        return [value.decode() for value in self.data[f"{field}.values"]]

    def take(self, keep: Array) -> Columns:
        """The rows of a mask or, in this order, of an array of row numbers without repeats."""
        import numpy as np

        rows = np.flatnonzero(keep) if keep.dtype == bool else keep
        place = np.full(self.count, -1, np.int64)
        place[rows] = np.arange(len(rows))
        data: dict[str, Array] = {}
        for name in ("ids", "revisions", "price", "phash", "lengths", *(f"{field}.codes" for field in SINGLE)):
            data[name] = np.asarray(self.data[name])[rows]
        for field in (*SINGLE, *MULTIPLE):
            data[f"{field}.values"] = np.asarray(self.data[f"{field}.values"])
        for field in MULTIPLE:
            moved = place[self.data[f"{field}.rows"]]
            data |= _grouped(field, len(data[f"{field}.values"]), self._codes(field)[moved >= 0], moved[moved >= 0])
        moved = place[self.data["words.rows"]]
        stays = moved >= 0
        data["words"] = np.asarray(self.data["words"])
        times = self.data["words.times"][stays]
        data |= _grouped("words", len(data["words"]), self._codes("words")[stays], moved[stays], times)
        start = np.asarray(self.data["text.from"])
        lengths = np.diff(start)[rows]
        data["text.from"] = np.append(0, np.cumsum(lengths)).astype(np.int64)
        at = np.repeat(start[rows] - data["text.from"][:-1], lengths) + np.arange(int(lengths.sum()))
        data["text.words"] = np.asarray(self.data["text.words"])[at]
        return Columns(self.vectors[rows], data)

    def _codes(self, name: str) -> Array:
        """For each of `.rows` which value or word it is of."""
        import numpy as np

        start = self.data[f"{name}.from"]
        return np.repeat(np.arange(len(start) - 1), np.diff(start))

    @staticmethod
    def of(items: Sequence[Item], dim: int) -> Columns:
        """Products in this order."""
        import numpy as np

        vectors = np.zeros((len(items), dim), np.float16)
        for row, item in enumerate(items):
            vectors[row] = item.vector
        data: dict[str, Array] = {
            "ids": _bytes([item.id for item in items]),
            "revisions": np.array([item.revision for item in items], np.int64),
            "price": np.array([NO_PRICE if item.price is None else item.price for item in items], np.int64),
            "phash": np.array([item.phash or 0 for item in items], np.uint64),
        }
        for field in SINGLE:
            values: list[str | None] = [getattr(item, field) for item in items]
            if field == "sku":
                values = [sku_key(value) or None if value else None for value in values]
            data[f"{field}.values"], data[f"{field}.codes"] = _coded([value or "" for value in values])
            if len(values):
                none = np.array([value is None for value in values])
                data[f"{field}.codes"][none] = -1
        for field in MULTIPLE:
            pairs = [(row, value) for row, item in enumerate(items) for value in dict.fromkeys(getattr(item, field))]
            data[f"{field}.values"], codes = _coded([value for _, value in pairs])
            rows = np.array([row for row, _ in pairs], np.int64)
            data |= _grouped(field, len(data[f"{field}.values"]), codes, rows)
        read = [_read(item) for item in items]
        data["lengths"] = np.array([min(65_535, length) for _, _, length in read], np.uint16)
        flat = [(word, row, times) for row, (found, _, _) in enumerate(read) for word, times in found.items()]
        data["words"], codes = _coded([word for word, _, _ in flat])
        rows = np.array([row for _, row, _ in flat], np.int64)
        times = np.array([times for _, _, times in flat], np.uint8)
        data |= _grouped("words", len(data["words"]), codes, rows, times)
        number = {word.decode(): code for code, word in enumerate(data["words"].tolist())}
        data |= _sequences(
            [np.array([BREAK if word is None else number[word] for word in text], np.int32) for _, text, _ in read]
        )
        return Columns(vectors, data)

    @staticmethod
    def joined(parts: Sequence[Columns]) -> Columns:
        """The rows of all parts, one after the other."""
        import numpy as np

        starts = np.cumsum([0, *(part.count for part in parts)])
        data: dict[str, Array] = {
            name: np.concatenate([part.data[name] for part in parts])
            for name in ("ids", "revisions", "price", "phash", "lengths")
        }
        for field in SINGLE:
            data[f"{field}.values"], maps = _united([part.data[f"{field}.values"] for part in parts])
            data[f"{field}.codes"] = np.concatenate(
                [mapped[part.data[f"{field}.codes"]] for part, mapped in zip(parts, maps, strict=True)]
            ).astype(np.int32)
        for name, known in (*((field, f"{field}.values") for field in MULTIPLE), ("words", "words")):
            data[known], maps = _united([part.data[known] for part in parts])
            codes = [mapped[part._codes(name)] for part, mapped in zip(parts, maps, strict=True)]
            rows = [part.data[f"{name}.rows"] + start for part, start in zip(parts, starts, strict=False)]
            times = np.concatenate([part.data["words.times"] for part in parts]) if name == "words" else None
            data |= _grouped(name, len(data[known]), np.concatenate(codes), np.concatenate(rows), times)
            if name == "words":
                texts = [mapped[part.data["text.words"]] for part, mapped in zip(parts, maps, strict=True)]
                lengths = np.concatenate([np.diff(part.data["text.from"]) for part in parts])
                data["text.words"] = np.concatenate(texts).astype(np.int32)
                data["text.from"] = np.append(0, np.cumsum(lengths)).astype(np.int64)
        return Columns(np.concatenate([part.vectors for part in parts]), data)

    def save(self, path: Path) -> None:
        """Write all but the vectors into one file: arrays at multiples of 64 bytes, a table of them, its length."""
        import numpy as np

        table: dict[str, tuple[str, int, int]] = {}
        with path.open("wb") as file:
            for name, array in {**self.data, "words.peaks": self._peaks(), **self.vocabulary.arrays}.items():
                file.write(b"\0" * (-file.tell() % ALIGNED))
                table[name] = (array.dtype.str, len(array), file.tell())
                file.write(np.ascontiguousarray(array).tobytes())
            footer = json.dumps(table).encode()
            file.write(footer + len(footer).to_bytes(8, "little"))

    def _peaks(self) -> Array:
        import numpy as np

        if not len(self.data["words"]):
            return np.empty(0, np.float32)
        lengths = self.lengths[self.data["words.rows"]]
        reached = saturation(self.data["words.times"], lengths, self.mean_length)
        # Every word is in a product, so no group is empty; rounded up, since it must stay a bound.
        return (np.maximum.reduceat(reached, self.data["words.from"][:-1]) * (1 + 1e-6)).astype(np.float32)

    @staticmethod
    def load(path: Path, vectors: Array) -> Columns:
        """Map what `save` wrote, beside the vectors of the same rows. Raises ValueError, KeyError for another file."""
        import numpy as np

        whole = np.memmap(path, np.uint8, "r").view(np.ndarray)
        length = int.from_bytes(whole[-8:].tobytes(), "little")
        table = json.loads(whole[-8 - length : -8].tobytes())
        data: dict[str, Array] = {}
        for name, (kind, count, start) in table.items():
            data[name] = whole[start : start + count * np.dtype(kind).itemsize].view(kind)
        return Columns(vectors, data)


def fields_of(item: Item) -> tuple[Counter[str], tuple[str, ...], list[tuple[str, ...]]]:
    """A product's words with how often they stand in its title, tags and the like, those of its description and its
    article number, and the first in order, field by field."""
    often: Counter[str] = Counter()
    fields: list[tuple[str, ...]] = []
    for line in item.words.split("\n"):
        words = analyse(line)
        often.update(words.sequence)
        often.update(words.extra)
        fields.append(words.sequence)
    mentioned = analyse(f"{item.description} {item.sku or ''}")
    return often, (*mentioned.sequence, *mentioned.extra), fields


def _read(item: Item) -> tuple[dict[str, int], list[str | None], int]:
    """A product's words with how often they stand there in units of 1 / `UNIT`, the words of its fields in order with
    None between two fields, and how many they are."""
    often, mentioned, fields = fields_of(item)
    text: list[str | None] = []
    for field in fields:
        text += [*([None] if text else []), *field]
    times = {word: min(255 - UNIT, count * UNIT) for word, count in often.items()}
    for word in set(mentioned):
        times[word] = times.get(word, 0) + MENTION
    return times, text, sum(map(len, fields))


def _sequences(texts: Sequence[Array]) -> dict[str, Array]:
    import numpy as np

    words = np.concatenate([np.empty(0, np.int32), *texts]).astype(np.int32)
    return {"text.words": words, "text.from": np.append(0, np.cumsum([len(text) for text in texts])).astype(np.int64)}


def _bytes(values: Sequence[str]) -> Array:
    import numpy as np

    return np.array([value.encode() for value in values], dtype=np.bytes_ if values else "S1")


def _coded(values: Sequence[str]) -> tuple[Array, Array]:
    import numpy as np

    if not values:
        return np.empty(0, "S1"), np.empty(0, np.int32)
    known, codes = np.unique(_bytes(values), return_inverse=True)
    return known, codes.astype(np.int32)


def _united(values: Sequence[Array]) -> tuple[Array, list[Array]]:
    """All values, ascending, and for each part the new code of an old one; -1 stays -1."""
    import numpy as np

    every = np.unique(np.concatenate(values))
    return every, [np.append(np.searchsorted(every, part), -1).astype(np.int64) for part in values]


def _grouped(name: str, many: int, codes: Array, rows: Array, times: Array | None = None) -> dict[str, Array]:
    import numpy as np

    order = np.lexsort((rows, codes))
    start = np.zeros(many + 1, np.int64)
    np.cumsum(np.bincount(codes, minlength=many), out=start[1:])
    grouped = {f"{name}.from": start, f"{name}.rows": rows[order].astype(np.int32)}
    return grouped if times is None else {**grouped, f"{name}.times": times[order]}


def _postings(data: Mapping[str, Array], word: str) -> Postings:
    at, count = place_of(data["words"], word), len(data["ids"])
    start, end = (0, 0) if at is None else data["words.from"][at : at + 2].tolist()
    return Postings(data["words.rows"][start:end], data["words.times"][start:end], count)
