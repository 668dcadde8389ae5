"""A version being made on this machine's disk, and its self-test."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine import kernel as kernels
from functions.search.engine import words
from functions.search.engine.columns import FILE, Columns
from functions.search.engine.errors import IndexRefused
from functions.search.engine.items import Item, Model
from functions.search.engine.letters import ANALYSIS
from functions.search.engine.manifest import Manifest
from functions.search.engine.port import Progress
from shared import clock
from shared.errors import Unprocessable

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOMBSTONES_FILE: Final = "graves.json"
TOMBSTONE_S: Final = 24 * 3600
"""How long a late write of an older revision may be under way."""
FLOORS: Final[Mapping[bool, float]] = {True: 0.999, False: 0.95}
"""Recall at 10 that a version must show, exhaustive ones and others."""
TESTED: Final = 50
"""Queries of each modality in the self-test."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass
class LocalBuild:
    """See `port.Build`.

    Args:
        parent_etag: of the pointer that was current at the start.
        seq: the journal's number at the start.
        tombstones: see `state.State`.
        max_flat_rows: products up to which every search of the version is exhaustive.
    """

    shop: str
    version: str
    model: Model
    parent: str | None
    parent_etag: str | None
    seq: int
    tombstones: Mapping[str, tuple[int, float]]
    folder: Path
    max_flat_rows: int = kernels.MAX_FLAT_ROWS

    def __post_init__(self) -> None:
        self._parts: list[Columns] = []
        self._waiting: list[Item] = []

    def add(self, items: Iterable[Item]) -> None:
        """See `port.Build.add`."""
        for item in items:
            check(item, self.model.dim)
            self._waiting.append(item)
            if len(self._waiting) >= kernels.CHUNK:
                self._flush()

    def take(self, columns: Columns) -> None:
        """Rows of another version."""
        self._parts.append(columns)

    def _flush(self) -> None:
        if self._waiting:
            self._parts.append(Columns.of(self._waiting, self.model.dim))
            self._waiting = []

    def abandon(self) -> None:
        """See `port.Build.abandon`."""
        self._parts, self._waiting = [], []
        shutil.rmtree(self.folder, ignore_errors=True)

    def finish(self, progress: Progress | None, written: Callable[[str], None]) -> Manifest:
        """Write all files and test them; the manifest names no files yet.

        Args:
            written: is called with the name of each file as soon as it will not change any more.

        Raises:
            IndexRefused: by the test.
        """
        import numpy as np

        if progress:
            progress("building", 0.1)
        self._flush()
        columns = Columns.joined(self._parts) if self._parts else Columns.of([], self.model.dim)
        self._parts = []
        # Newest last among equal ids, and ids ascending: a product is found by bisection, equal scores come by row.
        order = np.lexsort((columns.data["revisions"], columns.data["ids"]))
        ids = columns.data["ids"][order]
        newest = np.append(ids[1:] != ids[:-1], True) if len(ids) else np.zeros(0, bool)
        if len(order) and not (newest.all() and (np.diff(order) == 1).all()):
            columns = columns.take(order[newest])
        columns.save(self.folder / FILE)
        written(FILE)
        kernels.write(self.folder / kernels.VECTORS, columns.vectors)
        written(kernels.VECTORS)
        if columns.count > self.max_flat_rows:
            kernels.write_coarse(self.folder / kernels.COARSE, columns.vectors)
            written(kernels.COARSE)
        fresh = {id: tombstone for id, tombstone in self.tombstones.items() if tombstone[1] > clock.now() - TOMBSTONE_S}
        (self.folder / TOMBSTONES_FILE).write_text(json.dumps(fresh))
        written(TOMBSTONES_FILE)
        if progress:
            progress("testing", 0.4)
        recall = self_test(kernels.open_kernel(self.folder), columns)
        return Manifest(
            version=self.version,
            parent=self.parent,
            shop=self.shop,
            engine="faiss",
            model_id=self.model.id,
            model_sha256=self.model.sha256,
            dim=self.model.dim,
            standardise={**self.model.standardise, "words": (words.MEAN, words.DEVIATION)},
            count=columns.count,
            seq=self.seq,
            analysis=ANALYSIS,
            built_at=clock.iso(),
            recall10=recall,
        )


def check(item: Item, dim: int) -> None:
    """Raises Unprocessable for what can't be kept."""
    import numpy as np

    if not _ID.fullmatch(item.id):
        raise Unprocessable(f"{item.id[:70]!r} can't be an id", field="id")
    vector = np.asarray(item.vector)
    if vector.shape != (dim,) or not np.isfinite(vector).all() or abs(float(np.linalg.norm(vector)) - 1) > 0.01:
        raise Unprocessable(f"the vector of {item.id} is not one of {dim} numbers and unit length", field="vector")


def self_test(kernel: kernels.Kernel, columns: Columns, seed: int = 11) -> dict[str, float]:
    """Recall at 10 of the files as written against all inner products of the rows, for queries like pictures (a row
    disturbed) and like texts (far from all rows, a little nearer to some).

    Raises:
        IndexRefused: below the floor, or the rows are not those that were to be written.
    """
    import numpy as np

    if kernel.rows.shape != columns.vectors.shape or not np.array_equal(kernel.rows[:100], columns.vectors[:100]):
        raise IndexRefused("the vectors were not written as they are")
    if columns.count == 0:
        return {}
    random = np.random.default_rng(seed)
    dim = columns.vectors.shape[1]
    picked = np.sort(random.choice(columns.count, min(TESTED, columns.count), replace=False))
    rows = columns.vectors[picked].astype(np.float32)
    noise = random.standard_normal(rows.shape).astype(np.float32) / np.sqrt(dim)
    gap = random.standard_normal(dim).astype(np.float32) / np.sqrt(dim)
    queries = {"image": rows + 0.5 * noise, "text": 0.35 * rows + 0.6 * gap + 0.7 * noise}
    found = {name: recall10(kernel, columns.vectors, asked) for name, asked in queries.items()}
    floor = FLOORS[kernel.exact]
    if min(found.values()) < floor:
        raise IndexRefused(f"recall at 10 is {min(found.values()):.3f}, below {floor}")
    return found


def recall10(kernel: kernels.Kernel, rows: NDArray[Any], queries: NDArray[Any]) -> float:
    """Share of the ten best rows (n, dim) that a kernel finds, over queries (m, dim) float32; ties count as found."""
    import numpy as np

    k = min(10, len(rows))
    best = np.full((len(queries), k), -np.inf, np.float32)
    for start in range(0, len(rows), kernels.CHUNK):
        scores = queries @ kernels.single(rows[start : start + kernels.CHUNK]).T
        both = np.concatenate([best, scores], 1)
        best = -np.partition(-both, k - 1, axis=1)[:, :k]
    hits = 0
    for query, floor in zip(queries, best.min(1), strict=True):
        _, found = kernel.top(query, k, None)
        hits += int((rows[found].astype(np.float32) @ query >= floor - 1e-5 * np.linalg.norm(query)).sum())
    return hits / (len(queries) * k)


def load_tombstones(folder: Path) -> dict[str, tuple[int, float]]:
    """What `LocalBuild.finish` kept of deleted products."""
    return {
        id: (tombstone[0], tombstone[1]) for id, tombstone in json.loads((folder / TOMBSTONES_FILE).read_text()).items()
    }


def writes(items: Sequence[Item], dim: int) -> Sequence[Item]:
    """The items, all checked."""
    for item in items:
        check(item, dim)
    return items
