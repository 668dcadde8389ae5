"""What an index answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from functions.search.engine.manifest import Manifest


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
        total: products that are results, before folding and the cap.
        facets: exact counts by value, largest first, over what the query lets through; a field's own filter is left
            out of its counts, so that the other choices show.
        next: cursor of the next page; None on the last.
        suggestion: the words of the query with those that no product has replaced by words of the shop; None if there
            is nothing to replace.
    """

    hits: list[Hit]
    index_version: str
    seq: int
    model_id: str
    total: int
    facets: Mapping[str, Mapping[str, int]]
    next: str | None
    suggestion: str | None = None


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
        rebuild_due: why a rebuild is due (`first`, `model`, `unreadable`, `analysis`, `delta`, `hidden`, `age`), or
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
