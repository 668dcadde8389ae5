"""Inner products over a version's vectors, by FAISS, on files that are mapped and shared by all workers.

Adding to a mapped FAISS index aborts the process (an assertion in C++, nothing to catch), so the indexes stay behind
types that can only search. FAISS's own scores only choose candidates: `ranking` computes what is shown.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

VECTORS: Final = "vectors.faiss"
COARSE: Final = "coarse.faiss"
FLAT_MOST: Final = 250_000
"""Products up to which every search is exhaustive."""
PROBES: Final = 128
RESCORED: Final = 20
"""Candidates of 8-bit codes per hit wanted, which the half-precision rows then rank."""
FEW: Final = 60_000
"""Rows left by a filter up to which searching all of them is as fast as probing lists, and exact."""
CHUNK: Final = 8192

type Array = NDArray[Any]


class Kernel(Protocol):
    """Finds the rows with the largest inner products.

    `rows` (n, dim) float16 is what is stored; `exact` says whether no row can be missed.
    """

    rows: Array
    exact: bool

    def top(self, query: Array, k: int, passing: Array | None) -> tuple[Array, Array]:
        """At most k scores (m,) float32, descending, and their rows (m,) int64.

        Args:
            query: (dim,) float32, of any length.
            passing: (n,) bool, which rows may be found; None for all.
        """
        ...


@cache
def library() -> Any:
    """FAISS, on one thread a search: calls beside each other scale, threads within one do not."""
    import faiss

    faiss.omp_set_num_threads(1)
    return faiss


class Flat:
    """Exhaustive search over half-precision rows. Opening reads nothing.

    Args:
        path: as `write` made it.
    """

    exact = True

    def __init__(self, path: Path) -> None:
        import numpy as np

        faiss = library()
        self._index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        count, dim = self._index.ntotal, self._index.d
        if count:
            codes = faiss.rev_swig_ptr(self._index.codes.data(), count * self._index.code_size)
            self.rows = codes.view(np.float16).reshape(count, dim)
        else:
            self.rows = np.empty((0, dim), np.float16)

    def top(self, query: Array, k: int, passing: Array | None) -> tuple[Array, Array]:
        """See `Kernel.top`."""
        k = min(k, len(self.rows))
        if k == 0:
            return _nothing()
        return _found(*_search(self._index, query, k, passing, None))


class Probing:
    """Inverted lists of 8-bit codes choose candidates, the half-precision rows rank them.

    Args:
        flat: the same rows, exhaustively; answers where a filter leaves few.
        path: as `write_coarse` made it.
    """

    exact = False

    def __init__(self, flat: Flat, path: Path) -> None:
        faiss = library()
        self._flat = flat
        self._index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        self.rows = flat.rows

    def top(self, query: Array, k: int, passing: Array | None) -> tuple[Array, Array]:
        """See `Kernel.top`."""
        import numpy as np

        if passing is not None and np.count_nonzero(passing) <= FEW:
            return self._flat.top(query, k, passing)
        faiss = library()
        options = faiss.SearchParametersIVF(nprobe=min(PROBES, self._index.nlist))
        wanted = min(max(4 * k, RESCORED * min(k, 10)), len(self.rows))
        _, rows = _found(*_search(self._index, query, wanted, passing, options))
        # Ascending, so that mapped pages are read in order.
        rows.sort()
        scores = self.rows[rows].astype(np.float32) @ query
        order = np.argsort(-scores, kind="stable")[:k]
        return scores[order], rows[order]


def _search(index: Any, query: Array, k: int, passing: Array | None, options: Any) -> tuple[Array, Array]:
    import numpy as np

    if passing is not None:
        faiss = library()
        bits = np.packbits(passing, bitorder="little")
        options = options or faiss.SearchParameters()
        # FAISS keeps bare pointers: `bits` and `options` must outlive the call, and do.
        options.sel = faiss.IDSelectorBitmap(len(passing), faiss.swig_ptr(bits))
    scores, rows = index.search(query[None], k, params=options)
    return scores[0], rows[0]


def _found(scores: Array, rows: Array) -> tuple[Array, Array]:
    real = rows >= 0
    return scores[real], rows[real]


def _nothing() -> tuple[Array, Array]:
    import numpy as np

    return np.empty(0, np.float32), np.empty(0, np.int64)


def write(path: Path, vectors: Array) -> None:
    """Write rows (n, dim) float16 for `Flat`."""
    import numpy as np

    faiss = library()
    index = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    index.is_trained = True
    index.codes.resize(0)
    for start in range(0, len(vectors), CHUNK):
        index.add(vectors[start : start + CHUNK].astype(np.float32))
    faiss.write_index(index, str(path))


def write_coarse(path: Path, vectors: Array, seed: int = 7) -> None:
    """Write the inverted lists of rows (n, dim) float16 for `Probing`: about 4 sqrt(n) lists, trained on a sample."""
    import numpy as np

    faiss = library()
    lists = 2 ** round(np.log2(4 * np.sqrt(len(vectors))))
    quantizer = faiss.IndexFlatIP(vectors.shape[1])
    index = faiss.IndexIVFScalarQuantizer(
        quantizer, vectors.shape[1], int(lists), faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    index.by_residual = False
    index.cp.niter, index.cp.seed = 8, seed
    index.cp.max_points_per_centroid, index.cp.min_points_per_centroid = 48, 1
    sample = np.random.default_rng(seed).choice(len(vectors), min(len(vectors), int(lists) * 48), replace=False)
    index.train(vectors[np.sort(sample)].astype(np.float32))
    for start in range(0, len(vectors), 16 * CHUNK):
        index.add(vectors[start : start + 16 * CHUNK].astype(np.float32))
    faiss.write_index(index, str(path))


def open_kernel(folder: Path) -> Flat | Probing:
    """The kernel of a version's files."""
    flat = Flat(folder / VECTORS)
    return Probing(flat, folder / COARSE) if (folder / COARSE).exists() else flat


def every(rows: Array, query: Array) -> Array:
    """(n,) float32, the inner products of all rows (n, dim) float16 with a query (dim,) float32."""
    import numpy as np

    scores = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), CHUNK):
        scores[start : start + CHUNK] = rows[start : start + CHUNK].astype(np.float32) @ query
    return scores
