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

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from functions.search.engine.items import Item, Removal
from functions.search.engine.manifest import Manifest
from functions.search.engine.query import MAX_K, VectorQuery
from functions.search.engine.results import Page, Stats, Watermark

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Progress = Callable[[str, float], None]
"""Called with a build's step and how much of all is done, 0..1; may raise to stop it."""


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
