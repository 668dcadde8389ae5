"""The vector port: what search asks of an index, whichever engine keeps it.

An index belongs to a shop. Its state is an immutable *version* (what the last rebuild published) plus a *journal* of
upserts and deletes with gap-free numbers (`seq`); every worker replays the journal, so a write is seen by all of them
within a second, and at once by who hands its `seq` back (`VectorQuery.min_seq`). Among writes of one item the highest
`revision` wins, in whatever order and however often they arrive.

Scores are standardised: with the encoder's mean m and deviation s of raw cosines in each modality,
`score(x) = w_image (x.q_image - m_i)/s_i + w_text (x.q_text - m_t)/s_t + w_words (bm25(x) - m_w)/s_w`,
minus the same of the negatives. Hits come by (-score, id); score and parts are computed in float64 from the stored
half-precision rows, and rounded to nine decimals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

from functions.search.engine.errors import (
    BadCursor as BadCursor,
)
from functions.search.engine.errors import (
    CursorExpired as CursorExpired,
)
from functions.search.engine.errors import (
    IndexBehind as IndexBehind,
)
from functions.search.engine.errors import (
    IndexModelMismatch as IndexModelMismatch,
)
from functions.search.engine.errors import (
    IndexRefused as IndexRefused,
)
from functions.search.engine.errors import (
    PublishConflict as PublishConflict,
)
from functions.search.engine.errors import (
    VersionNotFound as VersionNotFound,
)
from functions.search.engine.manifest import Manifest as Manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Facet = Literal["category", "colours", "vendor", "tags"]
type Modality = Literal["image", "text"]
type Progress = Callable[[str, float], None]
"""Told of a build's step and how much of all is done, 0..1; may raise to stop it."""

MAX_K: Final = 200
NEAR_COSINE: Final = 0.97
NEAR_BITS: Final = 6
"""Two products look the same at a cosine of their vectors of at least, or at most so many differing bits of pHash."""


@dataclass(frozen=True)
class Caps:
    """What an engine promises; the contract tests relax what it does not.

    Args:
        exact: recall is 1; otherwise at least .95.
        words: has the lexical channel; without it `words` is left out of the score and its weight means nothing.
        pinned: a cursor sees one state of the index; otherwise only order and no repeats are kept.
        read_your_writes: `min_seq` is honoured.
        max_dim, max_k: largest vector and page.
    """

    exact: bool
    words: bool
    pinned: bool
    read_your_writes: bool
    max_dim: int
    max_k: int = MAX_K


@dataclass(frozen=True)
class Model:
    """The encoder that made the vectors.

    Args:
        id: names exactly its weights (`fashion@<12 hex>`); vectors of different ids are never compared.
        sha256: of its files.
        dim: length of its vectors.
        standardise: mean and deviation of raw cosines, by modality.
    """

    id: str
    sha256: str
    dim: int
    standardise: Mapping[Modality, tuple[float, float]]


@dataclass(frozen=True)
class Item:
    """One product.

    Args:
        id: 1-64 of ASCII letters, digits, `_` and `-`.
        revision: grows with every change of the product.
        vector: (dim,) float32, unit length; kept in half precision.
        price: minor units of `currency`.
        words: all that words may find: title, tags, category, colours, vendor's name.
        phash: 64-bit perceptual hash of its picture.
    """

    id: str
    revision: int
    vector: NDArray[Any]
    category: str | None = None
    colours: tuple[str, ...] = ()
    price: int | None = None
    currency: str | None = None
    vendor: str | None = None
    tags: tuple[str, ...] = ()
    words: str = ""
    phash: int | None = None


@dataclass(frozen=True)
class Removal:
    """A product that is not to be found any more, from this revision on."""

    id: str
    revision: int


@dataclass(frozen=True)
class Filters:
    """What must hold for a hit: one value of each list that is not empty, and the price (inclusive, minor units).

    A price bound lets through only items of `currency` (of any, without one) that have a price.
    """

    categories: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    price_min: int | None = None
    price_max: int | None = None
    currency: str | None = None


@dataclass(frozen=True)
class Weights:
    """How much each channel counts in the score."""

    image: float = 1.0
    text: float = 0.0
    words: float = 0.0

    @staticmethod
    def hybrid(alpha: float, words: float = 0.3) -> Weights:
        """Picture and text blended: `alpha` 1 is the picture alone, 0 is `Weights.hybrid(0)`, the text alone, in which
        `words` is the share of the lexical channel (0..1)."""
        return Weights(image=alpha, text=(1 - alpha) * (1 - words), words=(1 - alpha) * words)


@dataclass(frozen=True)
class Negative:
    """What hits should not resemble: a vector (dim,) of one of the encoders, and how much that counts."""

    vector: NDArray[Any]
    modality: Modality = "text"
    weight: float = 0.5


@dataclass(frozen=True)
class VectorQuery:
    """One page of a search.

    Args:
        image: (dim,) float32, unit length; of several pictures their weighted mean.
        text: (dim,) float32, the text encoder's.
        words: what BM25 looks for, and without picture and text what a hit must have one of; `minus` are words that no
            hit may have.
        exclude: ids never shown (the product that similar ones are wanted for).
        k: hits on the page, 1..`Caps.max_k`.
        cursor: `Page.next` of the page before, with the same query; k, facets and min_seq may differ.
        fold: of products that look the same show the best alone.
        per_vendor: at most so many hits of one vendor in the whole result.
        facets: fields to count.
        min_seq: the caller's last write, to be seen.
    """

    shop: str
    image: NDArray[Any] | None = None
    text: NDArray[Any] | None = None
    words: str = ""
    minus: tuple[str, ...] = ()
    weights: Weights = field(default_factory=Weights)
    negatives: tuple[Negative, ...] = ()
    filters: Filters = field(default_factory=Filters)
    exclude: frozenset[str] = frozenset()
    k: int = 20
    cursor: str | None = None
    fold: bool = False
    per_vendor: int | None = None
    facets: tuple[Facet, ...] = ()
    min_seq: int = 0

    @property
    def words_alone(self) -> bool:
        """Whether words are asked for, and neither a picture nor a text."""
        return bool(self.words) and self.image is None and self.text is None


class Parts(NamedTuple):
    """What each channel gave to the score; they sum to it. A channel that was not asked is 0."""

    image: float
    text: float
    words: float


class Hit(NamedTuple):
    """One product found.

    Args:
        parts: of the score, standardised and weighted.
        raw: cosine with the picture and with the text, BM25 as a share of the most the words could give; of the
            channels that were asked.
    """

    id: str
    score: float
    parts: Parts
    raw: Mapping[str, float]


@dataclass(frozen=True)
class Page:
    """One page of hits.

    Args:
        index_version: of the version that answered; empty before the first one.
        seq: of the last write that the answer knows of.
        total: products that filters and minus-words let through, before folding and the cap.
        facets: exact counts by value, largest first, over what the query lets through; a field's own filter is left
            out of its counts, so that the other choices show.
        next: cursor of the next page; None on the last.
    """

    hits: list[Hit]
    index_version: str
    seq: int
    model_id: str
    total: int
    facets: Mapping[str, Mapping[str, int]]
    next: str | None


@dataclass(frozen=True)
class Watermark:
    """The journal's number of a write: hand it back as `VectorQuery.min_seq` to see the write."""

    seq: int


@dataclass(frozen=True)
class Stats:
    """State of a shop's index as this worker sees it.

    Args:
        current: what answers searches; None before the first version.
        kept: versions that can be rolled back to, newest first, the current one among them.
        main, delta: products of the version, and those written since; hidden: rows that later writes replaced or
            deleted.
        rebuild_due: why a rebuild is due (`first`, `model`, `unreadable`, `delta`, `hidden`, `age`), or
            None.
    """

    shop: str
    engine: str
    current: Manifest | None
    kept: tuple[str, ...]
    seq: int
    main: int
    delta: int
    hidden: int
    rebuild_due: str | None


class Build(Protocol):
    """A version being made. Nothing of it counts, or is seen, before `VectorIndex.publish`."""

    shop: str
    version: str

    def add(self, items: Iterable[Item]) -> None:
        """More products of the version. Of one id the highest revision counts."""
        ...

    def abandon(self) -> None:
        """Throw away what was made; also after `publish`, where it does nothing."""
        ...


class VectorIndex(Protocol):
    """An engine. All methods may be called from any thread, and raise `Unavailable` when storage is down."""

    caps: Caps

    def search(self, query: VectorQuery) -> Page:
        """One page of hits. A shop without products answers an empty page.

        Raises:
            IndexModelMismatch, IndexBehind: retryable; never wrong results.
            CursorExpired, BadCursor.
            Unprocessable: no channel was asked, k or a vector is out of range.
        """
        ...

    def vectors(self, shop: str, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Stored vectors (dim,) float32 of those products that are in the index."""
        ...

    def upsert(self, shop: str, items: Sequence[Item]) -> Watermark:
        """Products as they are now. Kept for ever when this returns; repeating it does no harm."""
        ...

    def delete(self, shop: str, removals: Sequence[Removal]) -> Watermark:
        """Products that are gone. As `upsert`; wins over an upsert of the same revision."""
        ...

    def begin(self, shop: str) -> Build:
        """Start a version from given products, by the running encoder. What is written to the journal from now on is
        replayed over it, so read the products after this call."""
        ...

    def publish(self, build: Build, progress: Progress | None = None) -> Manifest:
        """Upload, read back, test, switch.

        Raises:
            PublishConflict: another version was published since `begin`.
            IndexRefused: the files read back differ, or the self-test failed.
        """
        ...

    def merge(self, shop: str, progress: Progress | None = None) -> Manifest:
        """A new version out of the current one and the journal, without reading products: begin, add, publish.

        Raises:
            IndexModelMismatch: the current version is of another model: products must be given.
            PublishConflict, IndexRefused: as `publish`.
        """
        ...

    def rollback(self, shop: str, version: str) -> Manifest:
        """Answer from an older version that is still kept. Writes since then are replayed over it: none is lost.

        Raises:
            VersionNotFound, PublishConflict, IndexModelMismatch.
        """
        ...

    def versions(self, shop: str) -> list[Manifest]:
        """The versions that are kept, newest first."""
        ...

    def stats(self, shop: str) -> Stats:
        """State of the index, after catching up with the journal."""
        ...
