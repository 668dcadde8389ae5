"""What an index holds: products with their vectors, and the encoder that made these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Modality = Literal["image", "text"]
NEAR_COSINE: Final = 0.97
NEAR_BITS: Final = 6
"""Two products look the same if their vectors have this cosine or a higher one, or if at most this many bits of their
pHashes differ."""


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
        words: what words find: title, tags, category, colours, vendor's name, one a line.
        description: what words find weakly.
        sku: article number, found when it is searched for as a whole.
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
    description: str = ""
    sku: str | None = None
    phash: int | None = None


@dataclass(frozen=True)
class Removal:
    """A product that is not to be found any more, from this revision on."""

    id: str
    revision: int
