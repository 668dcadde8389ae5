"""More rows than a search looks at one by one: what is skipped must not have mattered."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import index_shelf as shelf
import numpy as np
import pytest
from index_oracle import Oracle

from functions.search.engine import kernel as kernels
from functions.search.engine.columns import Columns
from functions.search.engine.items import Removal
from functions.search.engine.local import LocalIndex
from functions.search.engine.lookup import Lookup
from functions.search.engine.query import Filters, Match, VectorQuery, Weights
from functions.search.engine.ranking import GATHERED
from functions.search.engine.words import Lexicon

COUNT = 3000
IMAGE, TEXT = shelf.query_vectors()
ITEMS = tuple(
    replace(
        item,
        words=f"{item.words} {'common' if n % 3 else 'common common'} {'half' if n % 2 else ''} rare{n % 500}",
        tags=(*item.tags, *(f"one-in-{share}" for share in (2, 5, 50, 750) if n % share == 0)),
    )
    for n, item in enumerate(shelf.items(COUNT))
)


@cache
def oracle_of_all() -> Oracle:
    """Made once: it remembers what queries of several tests ask for."""
    return Oracle(shelf.MODEL, ITEMS)


@pytest.fixture(scope="module")
def saved_columns(tmp_path_factory: pytest.TempPathFactory) -> Columns:
    """All rows, as they are read from a file; nothing changes them."""
    made, folder = Columns.of(ITEMS, shelf.DIM), tmp_path_factory.mktemp("many") / "columns"
    made.save(folder)
    return Columns.load(folder, made.vectors)


@pytest.fixture
def many(index: LocalIndex, shop: str) -> LocalIndex:
    build = index.begin(shop)
    build.add(ITEMS)
    index.publish(build)
    return index


ASKED = ("common", "common half", "common rare7", "half rare3 rare4 rare5 dress", "red blue green black", "nothing")


def test_words_are_ranked_exactly_whichever_are_looked_up(many: LocalIndex, shop: str) -> None:
    oracle = oracle_of_all()
    filtered = VectorQuery(shop, weights=Weights(0, 0, 1), filters=Filters(tags=("one-in-2",)))
    blended = VectorQuery(shop, text=TEXT, weights=Weights.hybrid(0))
    for asked in (
        *(replace(filtered, words=words) for words in ASKED),
        *(replace(blended, words=words) for words in ASKED),
        *(replace(blended, words=words, weights=Weights.hybrid(0, words=0.9)) for words in ASKED),
    ):
        ranked = oracle.ranked(asked)
        page = many.search(asked)
        rest = many.search(replace(asked, cursor=page.next, k=60))
        hits = page.hits + rest.hits
        assert [hit.id for hit in hits] == [id for id, _ in ranked[:80]]
        assert [hit.score for hit in hits] == pytest.approx([score for _, score in ranked[:80]], abs=1e-6)


@pytest.mark.parametrize("alike", [1, 30, 600])
@pytest.mark.parametrize("tags", [(), ("one-in-2",)])
def test_results_are_ranked_exactly_however_many_they_are(
    many: LocalIndex, shop: str, alike: int, tags: tuple[str, ...]
) -> None:
    oracle = oracle_of_all()
    for words in ("", "common half", "common rare7", "red blue green black"):
        weights = Weights.hybrid(0, words=0.3 if words else 0.0)
        asked = VectorQuery(shop, text=TEXT, words=words, weights=weights, filters=Filters(tags=tags), k=40)
        scores = [score for _, score in oracle.ranked(replace(asked, words=""))]
        asked = replace(asked, match=Match(by_words=bool(words), floor=(scores[alike - 1] + scores[alike]) / 2))
        ranked = oracle.ranked(asked)
        pages = [many.search(asked)]
        while pages[-1].next and len(pages) < 3:
            pages.append(many.search(replace(asked, cursor=pages[-1].next)))
        assert pages[0].total == len(ranked)
        hits = [hit for page in pages for hit in page.hits]
        assert [hit.id for hit in hits] == [id for id, _ in ranked[:120]]
        assert [hit.score for hit in hits] == pytest.approx([score for _, score in ranked[:120]], abs=1e-6)


def test_a_scan_by_words_alone_shows_all_that_has_one_of_them(many: LocalIndex, shop: str) -> None:
    asked = VectorQuery(shop, words="rare7 silk unheard-of", weights=Weights(0, 0, 1), k=200)
    many.upsert(shop, [replace(ITEMS[5], id="p00005x", words="silk"), replace(ITEMS[6], id="zz", words="")])
    seq = many.delete(shop, [Removal("p00021", 9)]).seq
    items = [replace(ITEMS[5], id="p00005x", words="silk"), replace(ITEMS[6], id="zz", words=""), *ITEMS]
    oracle = Oracle(shelf.MODEL, [item for item in items if item.id != "p00021"], ITEMS)
    pages = [many.search(replace(asked, min_seq=seq))]
    while pages[-1].next:
        pages.append(many.search(replace(asked, cursor=pages[-1].next)))
    assert [hit.id for page in pages for hit in page.hits] == [id for id, _ in oracle.ranked(asked)]


def test_filters_and_facets_are_exact_at_every_selectivity(many: LocalIndex, shop: str) -> None:
    oracle = oracle_of_all()
    fields = ("category", "colours", "vendor", "tags")
    for filters in (
        *(Filters(tags=(f"one-in-{share}",)) for share in (2, 5, 50, 750)),
        Filters(tags=("one-in-5", "rare"), colours=("red", "blue"), price_min=900, price_max=15_000),
    ):
        asked = VectorQuery(shop, image=IMAGE, filters=filters, facets=fields, k=50)
        ranked, facets = oracle.ranked(asked), {name: oracle.facets(asked, name) for name in fields}
        for _ in range(2):
            page = many.search(asked)
            assert [hit.id for hit in page.hits] == [id for id, _ in ranked[:50]]
            assert page.total == len(ranked)
            assert {name: dict(counts) for name, counts in page.facets.items()} == facets


def test_what_is_remembered_of_a_filter_knows_nothing_of_later_writes(many: LocalIndex, shop: str) -> None:
    asked = VectorQuery(shop, image=IMAGE, filters=Filters(tags=("one-in-750",)), k=10)
    before = many.search(asked)
    assert before.total == 4
    gone = before.hits[0].id
    changed = next(item for item in ITEMS if item.id == before.hits[1].id)
    many.upsert(shop, [replace(changed, revision=2, tags=()), replace(changed, id="new", revision=1)])
    seq = many.delete(shop, [Removal(gone, 5)]).seq
    after = many.search(replace(asked, min_seq=seq))
    assert {hit.id for hit in after.hits} == {"new", *(hit.id for hit in before.hits[2:])}


def test_single_is_exact_for_every_number() -> None:
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)].reshape(-1, 64)
    assert kernels.single(halves).tobytes() == halves.astype(np.float32).tobytes()


def test_a_word_scores_the_same_however_it_is_looked_up() -> None:
    columns = Columns.of(ITEMS, shelf.DIM)
    lookup = Lookup.of("common half rare7 dress", Lexicon(columns), [(columns, None)])
    assert lookup is not None
    rows, shares = lookup.shares(columns)
    assert len(rows) > GATHERED
    some = np.random.default_rng(1).permutation(COUNT)[:500]
    expected = dict(zip(rows.tolist(), shares.tolist(), strict=True))
    assert lookup.score_rows(columns, some).tolist() == [expected.get(row, 0.0) for row in some.tolist()]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.6, 0.9, 1.0])
@pytest.mark.parametrize("asked", [*ASKED, "common half rare7 dress red blue one in many words rare8 rare9"])
def test_the_rows_beyond_a_share_are_all_there_are(asked: str, share: float, saved_columns: Columns) -> None:
    columns = saved_columns
    lookup = Lookup.of(asked, Lexicon(columns), [(columns, None)])
    assert lookup is not None
    rows, shares = lookup.shares(columns)
    found, scores = lookup.rows_above(columns, share)
    assert found.tolist() == rows[shares > share].tolist()
    assert scores.tolist() == shares[shares > share].tolist()
