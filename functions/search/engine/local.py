"""The index in this process: FAISS on mapped files, the journal in the document store, versions in Blob Storage."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine import build as builds
from functions.search.engine import filters as passing
from functions.search.engine import journal, versions
from functions.search.engine.build import LocalBuild
from functions.search.engine.cursor import Cursor, fingerprint, opened
from functions.search.engine.errors import IndexBehind, IndexModelMismatch, PublishConflict, VersionNotFound
from functions.search.engine.folding import shown
from functions.search.engine.items import Item, Model, Removal
from functions.search.engine.kernel import MAX_FLAT_ROWS, RowFilter
from functions.search.engine.letters import ANALYSIS
from functions.search.engine.lookup import Lookup
from functions.search.engine.manifest import Manifest
from functions.search.engine.matching import Matched, enough, matching
from functions.search.engine.phrases import phrases_of
from functions.search.engine.port import Build, Caps, Progress
from functions.search.engine.query import VectorQuery
from functions.search.engine.ranking import Linear, Ranked, Ranking
from functions.search.engine.results import Page, Stats, Watermark
from functions.search.engine.shop import Shop
from functions.search.engine.state import Block, State
from functions.search.engine.suggest import suggestion
from functions.search.engine.versions import Kept, Pointer
from shared import clock
from shared.accounts.shops import is_shop_name
from shared.errors import Unprocessable

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_DELTA: Final = 5000
DELTA_SHARE, MIN_DELTA = 0.05, 200
HIDDEN_SHARE: Final = 0.10
MAX_AGE_S: Final = 3600
"""When a rebuild is due: the journal's rows in number or as a share of the version's (small ones left alone), rows
that are over, or an hour since the last with anything new."""


class LocalIndex:
    """`VectorIndex` by FAISS.

    Args:
        model: tells of the encoder that runs here.
        max_flat_rows: products up to which every search is exhaustive.
    """

    def __init__(self, model: Callable[[], Model], max_flat_rows: int = MAX_FLAT_ROWS) -> None:
        self._model = model
        self._flat_most = max_flat_rows
        self._shops: dict[str, Shop] = {}
        self._lock = threading.Lock()
        self.caps = Caps(exact=True, words=True, pinned=True, read_your_writes=True, max_dim=4096)

    def _shop(self, name: str) -> Shop:
        model = self._model()
        with self._lock:
            found = self._shops.get(name)
            if found is None or found.model.id != model.id:
                if not is_shop_name(name):
                    raise Unprocessable("the name of a shop is up to 40 of a-z, 0-9 and `-`", field="shop")
                found = self._shops[name] = Shop(name, model)
        return found

    def search(self, query: VectorQuery) -> Page:
        """See `VectorIndex.search`."""
        place = self._shop(query.shop)
        validate(query, place.model, self.caps)
        asked = fingerprint(query, place.model.id)
        cursor = opened(query.cursor, asked) if query.cursor else None
        if cursor:
            state, seq = place.pinned(cursor.version), cursor.seq
        else:
            state = place.state(query.min_seq)
            seq = state.seq
            if seq < query.min_seq:
                raise IndexBehind(f"the index knows of writes up to {seq}", retry_after=1)
        blocks = state.blocks
        excluded = _excluded_rows(blocks, query)
        linear = Linear.of(query, place.model, state, seq)
        results = Results(blocks, excluded, query, seq, linear)
        ranking = Ranking(linear, list(zip(blocks, results.matched, strict=True)))
        found, more = _page(ranking, query, cursor)
        last = found[-1] if found else None
        following = None
        if more and last is not None:
            before = (cursor.ranked if cursor else 0) + len(found)
            following = Cursor(state.version, seq, asked, last.hit.score, last.hit.id, before).seal()
        return Page(
            hits=[one.hit for one in found],
            index_version=state.version,
            seq=seq,
            model_id=place.model.id,
            total=sum(
                block.columns.count if one.rows is None else one.rows.count
                for block, one in zip(blocks, results.matched, strict=True)
            ),
            facets=results.facets(),
            next=following,
            suggestion=None if cursor else suggestion(query.words, [block.columns for block in blocks]),
        )

    def vectors(self, shop: str, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
        """See `VectorIndex.vectors`."""
        import numpy as np

        state = self._shop(shop).state()
        found: dict[str, NDArray[Any]] = {}
        for id in ids:
            known = state.known(id)
            if known.block is not None and not known.deleted:
                found[id] = known.block.columns.vectors[known.row].astype(np.float32)
        return found

    def upsert(self, shop: str, items: Sequence[Item]) -> Watermark:
        """See `VectorIndex.upsert`."""
        model = self._shop(shop).model
        return Watermark(journal.append(shop, model.id, builds.writes(items, model.dim)))

    def delete(self, shop: str, removals: Sequence[Removal]) -> Watermark:
        """See `VectorIndex.delete`."""
        return Watermark(journal.append(shop, self._shop(shop).model.id, removals))

    def begin(self, shop: str) -> LocalBuild:
        """See `VectorIndex.begin`."""
        place = self._shop(shop)
        found = versions.read_pointer(shop)
        tombstones = {} if place.model.id != _model_of(found) else _tombstones(place)
        return LocalBuild(
            shop=shop,
            version=clock.new_id(),
            model=place.model,
            parent=found[0].current.version if found else None,
            parent_etag=found[1] if found else None,
            seq=journal.last(shop),
            tombstones=tombstones,
            folder=versions.scratch(shop).path,
            max_flat_rows=self._flat_most,
        )

    def publish(self, build: Build, progress: Progress | None = None) -> Manifest:
        """See `VectorIndex.publish`."""
        assert isinstance(build, LocalBuild)
        try:
            if build.model.id != self._model().id:
                raise IndexModelMismatch(f"the version is of {build.model.id}, here runs {self._model().id}")
            with versions.Upload(build.shop, build.version, build.folder) as upload:
                manifest = upload.finish(build.finish(progress, upload.add), progress)
            versions.record(build.shop, manifest)
            now = Kept(version=manifest.version, model_id=manifest.model_id, seq=manifest.seq)
            pointer = self._switch(build.shop, now, build.parent_etag)
            versions.move_into_place(build.folder, versions.home(build.shop) / manifest.version)
        finally:
            build.abandon()
        if progress:
            progress("tidying", 0.9)
        versions.tidy_storage(build.shop, pointer)
        self._shop(build.shop).refresh()
        return manifest

    def _switch(self, shop: str, to: Kept, etag: str | None) -> Pointer:
        found = versions.read_pointer(shop)
        if (found[1] if found else None) != etag:
            raise PublishConflict("another version was published meanwhile")
        pointer = found[0].switched(to, clock.now()) if found else Pointer(kept=(to,))
        versions.write_pointer(shop, pointer, etag)
        return pointer

    def merge(self, shop: str, progress: Progress | None = None) -> Manifest:
        """See `VectorIndex.merge`."""
        import numpy as np

        build = self.begin(shop)
        state = self._shop(shop).refresh()
        if state is None or (build.parent or "") != state.version:
            build.abandon()
            raise IndexModelMismatch("the current version can't be read here: products must be given")
        if state.manifest is not None and state.manifest.analysis < ANALYSIS:
            build.abandon()
            raise IndexModelMismatch("the words of the current version were read otherwise: products must be given")
        seq = build.seq = state.seq
        for block in state.blocks:
            live = block.live(seq)
            build.take(block.columns.take(live if live is not None else np.arange(block.columns.count)))
        return self.publish(build, progress)

    def rollback(self, shop: str, version: str) -> Manifest:
        """See `VectorIndex.rollback`."""
        place = self._shop(shop)
        found = versions.read_pointer(shop)
        kept = [one for one in found[0].kept if one.version == version] if found else []
        if found is None or not kept:
            raise VersionNotFound("this version is not kept")
        if kept[0].model_id != place.model.id:
            raise IndexModelMismatch(f"the version is of {kept[0].model_id}, here runs {place.model.id}")
        _, manifest = versions.fetch(shop, version)
        if found[0].current.version != version:
            self._switch(shop, kept[0], found[1])
            place.refresh()
        return manifest

    def versions(self, shop: str) -> list[Manifest]:
        """See `VectorIndex.versions`."""
        self._shop(shop)
        found = versions.read_pointer(shop)
        kept = found[0].kept if found else ()
        return [manifest for one in kept if (manifest := versions.recorded(shop, one.version)) is not None]

    def stats(self, shop: str) -> Stats:
        """See `VectorIndex.stats`."""
        place = self._shop(shop)
        state = place.refresh()
        pointer = place.pointer
        return Stats(
            shop=shop,
            engine="faiss",
            current=versions.recorded(shop, pointer.current.version) if pointer else None,
            kept=tuple(one.version for one in pointer.kept) if pointer else (),
            seq=journal.last(shop),
            main=state.main.columns.count if state else 0,
            delta=state.delta if state else 0,
            hidden=state.hidden if state else 0,
            rebuild_due=_due(place, state),
        )


def _due(place: Shop, state: State | None) -> str | None:
    if place.pointer is not None and place.pointer.current.model_id != place.model.id:
        return "model"
    if state is None:
        return "unreadable"
    if not state.version:
        return "first" if state.seq else None
    manifest = state.manifest
    if manifest is not None and manifest.analysis < ANALYSIS:
        return "analysis"
    main = state.main.columns.count
    if state.delta > min(MAX_DELTA, max(MIN_DELTA, DELTA_SHARE * main)):
        return "delta"
    if state.hidden > max(MIN_DELTA, HIDDEN_SHARE * main):
        return "hidden"
    stale = manifest is not None and manifest.built_at < clock.iso(clock.now() - MAX_AGE_S)
    return "age" if stale and (state.delta or state.hidden) else None


def _model_of(found: tuple[Pointer, str] | None) -> str | None:
    return found[0].current.model_id if found else None


def _tombstones(place: Shop) -> dict[str, tuple[int, float]]:
    state = place.refresh()
    return dict(state.tombstones) if state else {}


def validate(query: VectorQuery, model: Model, caps: Caps) -> None:
    """Raises Unprocessable for what no engine can answer."""
    if not 1 <= query.k <= caps.max_k:
        raise Unprocessable(f"at most {caps.max_k} hits a page", field="topK")
    if query.image is None and query.text is None and not (query.words and query.weights.words):
        raise Unprocessable("a picture or words are needed")
    given = [query.image, query.text, *(negative.vector for negative in query.negatives)]
    if any(vector is not None and vector.shape != (model.dim,) for vector in given):
        raise Unprocessable(f"vectors of {model.id} have {model.dim} numbers")


def _excluded_rows(blocks: Sequence[Block], query: VectorQuery) -> list[list[int]]:
    """Rows of the excluded products, by block."""
    if not query.exclude:
        return [[] for _ in blocks]
    rows = [[row for id in query.exclude if (row := blocks[0].columns.row(id)) is not None]]
    for block in blocks[1:]:
        rows.append([row for row in range(block.columns.count) if block.columns.id(row) in query.exclude])
    return rows


class Results:
    """Which rows of a state are results of a query.

    Args:
        excluded: rows by block that are none.
        seq: the state's number in the journal.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        excluded: Sequence[Sequence[int]],
        query: VectorQuery,
        seq: int,
        linear: Linear,
    ) -> None:
        self._blocks = blocks
        self._excluded = excluded
        self._query = query
        self._seq = seq
        self._linear = linear
        offered = self._offered(query)
        match = query.match
        self._least = None if match is None else enough(match, linear.lookup, list(zip(blocks, offered, strict=True)))
        self.matched = self._matching(offered)

    def _offered(self, query: VectorQuery) -> list[RowFilter | None]:
        """By block, the rows that filters let through; None for all."""
        worded = self._linear.lookup if query.words_alone and query.match is None else None
        return [
            _passing(block, query, self._seq, ban, worded)
            for block, ban in zip(self._blocks, self._excluded, strict=True)
        ]

    def _matching(self, offered: Sequence[RowFilter | None]) -> list[Matched]:
        match = self._query.match
        if match is None:
            return [Matched(rows) for rows in offered]
        return [
            matching(match, self._linear, block, rows, self._least)
            for block, rows in zip(self._blocks, offered, strict=True)
        ]

    def facets(self) -> dict[str, dict[str, int]]:
        """Counts by value of each facet that is asked for, over the results but for the field's own filter."""
        counted: dict[str, dict[str, int]] = {}
        for facet in self._query.facets:
            relaxed = replace(self._query, filters=passing.without(self._query.filters, facet))
            same = relaxed.filters == self._query.filters
            matched = self.matched if same else self._matching(self._offered(relaxed))
            total: Counter[str] = Counter()
            for block, one in zip(self._blocks, matched, strict=True):
                total += passing.counts(block.columns, facet, one.rows)
            counted[facet] = dict(sorted(total.items(), key=lambda one: (-one[1], one[0])))
        return counted


def _passing(block: Block, query: VectorQuery, seq: int, ban: Sequence[int], worded: Lookup | None) -> RowFilter | None:
    """The rows that are live, not excluded, through the filters, and have a word of `worded`; None for all."""
    import numpy as np

    live = block.live(seq)
    phrases, minus = phrases_of(query.phrases), phrases_of(query.minus)
    # Asking for nothing would take the place of a filter that is remembered.
    asked = phrases or minus or passing.asked(query.filters)
    found = block.passing(query.filters, phrases, minus) if asked else None
    if query.words_alone and query.match is None:
        having = np.zeros(block.columns.count, bool) if worded is None else worded.any_of(block.columns)
        live = having if live is None else live & having
    if ban:
        live = np.ones(block.columns.count, bool) if live is None else live
        live[list(ban)] = False
    if live is not None:
        found = RowFilter(live) if found is None else RowFilter(live & found.mask, within=found)
    # A filter that lets everything through should not cost a test of every row.
    return None if found is None or found.count == block.columns.count else found


def _page(ranking: Ranking, query: VectorQuery, cursor: Cursor | None) -> tuple[list[Ranked], bool]:
    """The page's rows, and whether there are more."""
    after = (-cursor.score, cursor.id) if cursor else None
    before = cursor.ranked if cursor else 0
    if not query.fold and query.per_vendor is None:
        found = ranking.first(query.k + 1, after, before)
        return found[: query.k], len(found) > query.k
    wanted = before + 2 * query.k + 1
    while True:
        # What was shown before decides what is folded now, so the walk begins at the top.
        ranked = ranking.first(wanted)
        page = [
            one for one in shown(ranked, fold=query.fold, per_vendor=query.per_vendor) if not after or one.key > after
        ]
        if len(page) > query.k or len(ranked) < wanted:
            return page[: query.k], len(page) > query.k
        wanted *= 2
