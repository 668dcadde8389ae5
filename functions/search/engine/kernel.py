"""Inner products over a version's vectors, by FAISS, on files that are mapped and shared by all workers.

Adding to a mapped FAISS index aborts the process (an assertion in C++, nothing to catch), so the indexes stay behind
types that can only search. FAISS's own scores only choose candidates: `ranking` computes what is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

VECTORS: Final = "vectors.faiss"
COARSE: Final = "coarse.faiss"
MAX_FLAT_ROWS: Final = 250_000
"""Products up to which every search is exhaustive."""
PROBES: Final = 80
"""Lists that are looked at."""
SPREAD, SPREAD_OFTEN = 0.15, 0.05
MANY: Final = 0.08
"""Power of the share that a filter lets through by which more lists are: the best of fewer rows lie farther apart. The
second is for shares from `MANY` on."""
OFTEN, MORE = 0.2, 1.25
"""Share of all rows from which on as many candidates are taken as hold enough of those let through, and how many times
what they hold by chance: asking of each row whether it may be found takes longer."""
SPARE: Final = 64
"""Candidates of bytes beyond those wanted, since the half-precision rows rank them a little otherwise."""
MAX_EXACT_ROWS: Final = 25_000
"""Rows left by a filter up to which all of them are searched, which is exact."""
COPIES: Final = 4
"""Filters whose few rows stand together in memory, 13 MB at most each with 256 dimensions: a third of the time."""
WITHIN: Final = 0.9999
"""Share of the rows' numbers that the bytes' range holds."""
GATHERED, COPIED = 1 / 4, 1024
"""Share of all rows up to which those let through are copied together and scored alone, and how many at a time."""
ROUNDS, SAMPLED = 3, 24
"""Rounds of k-means, and rows a list it looks at: more cost minutes at a million rows and find no more."""
CHUNK: Final = 8192

type Array = NDArray[Any]


@dataclass(eq=False)
class RowFilter:
    """Which rows of a block may be found: `mask` (n,) bool, not to be written to.

    Args:
        within: what a filter lets through, where these are some of that and it is remembered.
        searched: how often all of its rows were; what is asked for again is worth a copy.
    """

    mask: Array
    within: RowFilter | None = None
    searched: int = 0

    @staticmethod
    def of(rows: Array, among: int) -> RowFilter:
        """Rows (m,) int64, ascending, of so many."""
        import numpy as np

        made = RowFilter(np.zeros(among, bool))
        made.mask[rows] = True
        made.rows, made.count = rows, len(rows)
        return made

    @cached_property
    def count(self) -> int:
        """How many they are."""
        import numpy as np

        return int(np.count_nonzero(self.mask))

    @cached_property
    def rows(self) -> Array:
        """(count,) int64, ascending."""
        import numpy as np

        return np.flatnonzero(self.mask)

    @cached_property
    def bits(self) -> Array:
        """(ceil(n / 64),) uint64, the mask as `postings.Postings.bits`; as bytes it is what FAISS takes."""
        import numpy as np

        packed = np.packbits(self.mask, bitorder="little")
        bits = np.zeros(-(-len(self.mask) // 64), "<u8")
        bits.view(np.uint8)[: len(packed)] = packed
        return bits


class Kernel(Protocol):
    """Finds the rows with the largest inner products.

    `rows` (n, dim) float16 is what is stored; `exact` says whether no row can be missed.
    """

    rows: Array
    exact: bool

    def top(self, query: Array, k: int, passing: RowFilter | None) -> tuple[Array, Array]:
        """At most k scores (m,) float32, descending, and their rows (m,) int64.

        Args:
            query: (dim,) float32, of any length.
            passing: which rows may be found; None for all.
        """
        ...


@cache
def library() -> Any:
    """FAISS, on one thread a search: calls beside each other scale, threads within one do not."""
    import faiss

    faiss.omp_set_num_threads(1)
    return faiss


class FlatIndex:
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

    def top(self, query: Array, k: int, passing: RowFilter | None) -> tuple[Array, Array]:
        """See `Kernel.top`."""
        import numpy as np

        k = min(k, len(self.rows) if passing is None else passing.count)
        if k == 0:
            return np.empty(0, np.float32), np.empty(0, np.int64)
        if passing is None or passing.count > GATHERED * len(self.rows):
            return _found(*_search(self._index, query, k, passing, None))
        return _among(self.rows, passing.rows, query, k)


class IvfIndex:
    """Inverted lists of bytes choose candidates, the half-precision rows rank them.

    Args:
        flat: the same rows, exhaustively; answers where a filter leaves few.
        path: as `write_coarse` made it.
    """

    exact = False

    def __init__(self, flat: FlatIndex, path: Path) -> None:
        faiss = library()
        self._flat = flat
        self._index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        self.rows = flat.rows
        self._copied = lru_cache(COPIES)(partial(_copied, flat.rows))

    def top(self, query: Array, k: int, passing: RowFilter | None) -> tuple[Array, Array]:
        """See `Kernel.top`."""
        import numpy as np

        if passing is not None and passing.count <= MAX_EXACT_ROWS:
            return self._few(query, k, passing)
        rows = self._candidates(query, min(k + SPARE, len(self.rows)), passing)
        # Ascending, so that mapped pages are read in order.
        rows.sort()
        scores = single(self.rows[rows]) @ query
        order = np.argsort(-scores, kind="stable")[:k]
        return scores[order], rows[order]

    def _candidates(self, query: Array, wanted: int, passing: RowFilter | None) -> Array:
        """Rows of the looked-at lists, about the best that may be found."""
        import numpy as np

        faiss = library()
        options = faiss.SearchParametersIVF(nprobe=min(_probes(passing, len(self.rows)), self._index.nlist))
        turned = query @ basis(len(query))
        turned = _bytes(turned, float(np.abs(turned).max()))
        if passing is not None and passing.count >= OFTEN * len(self.rows):
            many = min(len(self.rows), round(MORE * wanted * len(self.rows) / passing.count))
            _, rows = _found(*_search(self._index, turned, many, None, options))
            rows = rows[passing.mask[rows]][:wanted]
            if len(rows) == wanted:
                return rows
            # The filter and the query disagree: red products for a blue one.
        return _found(*_search(self._index, turned, wanted, passing, options))[1]

    def _few(self, query: Array, k: int, passing: RowFilter) -> tuple[Array, Array]:
        whole = passing if passing.within is None else passing.within
        whole.searched += 1
        if whole.searched == 1 or whole.count > MAX_EXACT_ROWS or not passing.count:
            return self._flat.top(query, k, passing)
        some = None if passing is whole else RowFilter(passing.mask[whole.rows])
        scores, at = _found(*_search(self._copied(whole), query, min(k, passing.count), some, None))
        return scores, whole.rows[at]


def _probes(passing: RowFilter | None, count: int) -> int:
    if passing is None:
        return PROBES
    power = SPREAD if passing.count < MANY * count else SPREAD_OFTEN
    return round(PROBES * (count / passing.count) ** power)


@cache
def basis(dim: int) -> Array:
    """(dim, wide) float32, orthonormal rows without their mean, `wide` a multiple of 16: the cosines of a DCT, and 0.

    FAISS multiplies bytes as integers several times as fast as it does decoded ones, but without a sign. Numbers around
    0 become bytes around 128, and an inner product of such is the one wanted but for 128 times the sums of both. With
    this turn they are 0, and the last number of a row takes what rounding left of its.
    """
    import numpy as np

    wide = -(-(dim + 2) // 16) * 16
    waves = np.outer(np.arange(1, dim + 1), np.arange(wide - 1) + 0.5)
    turned = np.cos(np.pi / (wide - 1) * waves) * np.sqrt(2 / (wide - 1))
    return np.pad(turned, ((0, 0), (0, 1))).astype(np.float32)


def _bytes(turned: Array, most: float) -> Array:
    """Turned vectors as FAISS takes bytes: whole numbers 0..255 in float32; `most` becomes 127 from the middle."""
    import numpy as np

    scaled = turned * np.float32(127 / max(most, 1e-12))
    np.rint(scaled, out=scaled)
    return np.clip(scaled + 128, 0, 255)


def _balanced(codes: Array) -> Array:
    """Rows of `_bytes`, their last number such that their mean is 128."""
    import numpy as np

    codes[:, -1] = np.clip(128 - (codes[:, :-1] - 128).sum(1), 0, 255)
    return codes


def _search(index: Any, query: Array, k: int, passing: RowFilter | None, options: Any) -> tuple[Array, Array]:
    if passing is not None:
        import numpy as np

        faiss = library()
        options = options or faiss.SearchParameters()
        # FAISS keeps bare pointers: `passing` and `options` must outlive the call, and do.
        options.sel = faiss.IDSelectorBitmap(len(passing.mask), faiss.swig_ptr(passing.bits.view(np.uint8)))
    scores, rows = index.search(query[None], k, params=options)
    return scores[0], rows[0]


def _among(rows: Array, chosen: Array, query: Array, k: int) -> tuple[Array, Array]:
    """As `Kernel.top` over chosen rows alone: asking of every row whether it may be found would take longer. They are
    copied into one small index again and again, since fresh memory would cost more than the scores."""
    import numpy as np

    few, place = _room(rows.shape[1], min(COPIED, len(chosen)))
    scores, found = np.empty(0, np.float32), np.empty(0, np.int64)
    for start in range(0, len(chosen), len(place)):
        part = chosen[start : start + len(place)]
        _copy(rows, part, place[: len(part)])
        few.ntotal = len(part)
        best, at = few.search(query[None], min(k, len(part)))
        scores, found = np.append(scores, best[0]), np.append(found, part[at[0]])
        order = np.argsort(-scores, kind="stable")[:k]
        scores, found = scores[order], found[order]
    return scores, found


def _copied(rows: Array, passing: RowFilter) -> Any:
    """The rows let through in an index of their own."""
    few, place = _room(rows.shape[1], passing.count)
    _copy(rows, passing.rows, place)
    return few


def _room(dim: int, many: int) -> tuple[Any, Array]:
    """An index of so many rows yet to be written, and where: (many, bytes of a row) uint8."""
    few = _half(dim)
    few.codes.resize(many * few.code_size)
    few.ntotal = many
    return few, library().rev_swig_ptr(few.codes.data(), many * few.code_size).reshape(many, few.code_size)


def _copy(rows: Array, chosen: Array, to: Array) -> None:
    import numpy as np

    # `clip`, since numpy would check into a copy of its own.
    np.take(rows.view(np.uint8), chosen, axis=0, out=to, mode="clip")


def _found(scores: Array, rows: Array) -> tuple[Array, Array]:
    real = rows >= 0
    return scores[real], rows[real]


def _half(dim: int) -> Any:
    faiss = library()
    index = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    index.is_trained = True
    return index


def write(path: Path, vectors: Array) -> None:
    """Write rows (n, dim) float16 for `FlatIndex`."""
    import numpy as np

    index = _half(vectors.shape[1])
    for start in range(0, len(vectors), CHUNK):
        index.add_sa_codes(np.ascontiguousarray(vectors[start : start + CHUNK]).view(np.uint8))
    library().write_index(index, str(path))


def write_coarse(path: Path, vectors: Array, seed: int = 7) -> None:
    """Write the inverted lists of rows (n, dim) float16 for `IvfIndex`: about 4 sqrt(n) lists, trained on a sample."""
    import numpy as np

    faiss = library()
    dim, lists = vectors.shape[1], int(2 ** round(np.log2(4 * np.sqrt(len(vectors)))))
    sample = np.random.default_rng(seed).choice(len(vectors), min(len(vectors), lists * SAMPLED), replace=False)
    known = single(vectors[np.sort(sample)])
    plan = faiss.ClusteringParameters()
    plan.spherical, plan.niter, plan.seed = True, ROUNDS, seed
    plan.min_points_per_centroid, plan.max_points_per_centroid = 1, SAMPLED
    nearest = faiss.IndexFlatIP(dim)
    faiss.Clustering(dim, lists, plan).train(known, nearest)
    turn = basis(dim)
    centres = nearest.reconstruct_n(0, lists) @ turn
    kind, metric = faiss.ScalarQuantizer.QT_8bit_direct, faiss.METRIC_INNER_PRODUCT
    quantizer = faiss.IndexScalarQuantizer(turn.shape[1], kind, metric)
    quantizer.add(_balanced(_bytes(centres, float(np.abs(centres).max()))))
    index = faiss.IndexIVFScalarQuantizer(quantizer, turn.shape[1], lists, kind, metric)
    index.by_residual, index.is_trained = False, True
    # One scale for all rows, or their products would not compare; the few beyond it are cut off.
    most = float(np.quantile(np.abs(known[:CHUNK] @ turn), WITHIN))
    for start in range(0, len(vectors), 2 * CHUNK):
        rows = single(vectors[start : start + 2 * CHUNK])
        # The lists are given: the quantizer's bytes are for queries, products of floats by BLAS are faster for many.
        place = np.ascontiguousarray(nearest.search(rows, 1)[1][:, 0])
        codes = _balanced(_bytes(rows @ turn, most))
        index.add_core(len(rows), faiss.swig_ptr(codes), None, faiss.swig_ptr(place))
    faiss.write_index(index, str(path))


def open_kernel(folder: Path) -> FlatIndex | IvfIndex:
    """The kernel of a version's files."""
    flat = FlatIndex(folder / VECTORS)
    return IvfIndex(flat, folder / COARSE) if (folder / COARSE).exists() else flat


def every(rows: Array, query: Array) -> Array:
    """(n,) float32, the inner products of all rows (n, dim) float16 with a query (dim,) float32."""
    import numpy as np

    scores = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), CHUNK):
        scores[start : start + CHUNK] = single(rows[start : start + CHUNK]) @ query
    return scores


def single(rows: Array) -> Array:
    """(n, dim) float32 of finite half-precision rows, exactly, in a sixth of the time that numpy's `astype` takes.

    The bits of a half moved to where a single has them are the number but for 112 in its exponent.
    """
    import numpy as np

    wide = np.ascontiguousarray(rows).view(np.int16).astype(np.int32)
    wide <<= 13
    # What the sign left behind as it was extended.
    wide &= np.int32(-0x70000001)
    found = wide.view(np.float32)
    found *= np.float32(2.0**112)
    return found
