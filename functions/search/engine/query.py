"""What an index is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from functions.search.engine.items import Modality

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Facet = Literal["category", "colours", "vendor", "tags"]
MAX_K: Final = 200


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
    def hybrid(alpha: float, words: float = 0.6) -> Weights:
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
class Match:
    """What makes a product a result; without, every product that filters let through is one.

    A product is a result if it has enough of the words, or if it resembles the picture and the text enough.

    Args:
        coverage: share, of what the product with most of the words has, that is enough.
        by_words: whether words alone can make a result.
        floor: score of the other channels that is enough; None: resemblance alone is not.
    """

    coverage: float = 0.7
    by_words: bool = True
    floor: float | None = None


@dataclass(frozen=True)
class VectorQuery:
    """One page of a search.

    Args:
        image: (dim,) float32, unit length; of several pictures their weighted mean.
        text: (dim,) float32, the text encoder's.
        words: what BM25 looks for, and without picture and text what a hit must have one of; `minus` are words that no
            hit may have, each text as a phrase; `phrases` are texts whose words every hit must have as they stand.
        match: which products are results; None for all.
        exclude: ids never shown (the product that similar ones are wanted for).
        k: hits on the page, 1..`Caps.max_k`.
        cursor: `Page.next` of the page before, with the same query; k, facets and min_seq may differ.
        fold: of products that look the same show the best alone.
        per_vendor: the most hits of one vendor in the whole result.
        facets: fields to count.
        min_seq: the caller's last write, to be seen.
    """

    shop: str
    image: NDArray[Any] | None = None
    text: NDArray[Any] | None = None
    words: str = ""
    minus: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    match: Match | None = None
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
