"""What every engine promises, held against the definition; products lie in the journal, or in version and journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import index_shelf as shelf
import numpy as np
import pytest
from index_oracle import Oracle

from functions.search.engine.errors import BadCursor
from functions.search.engine.items import Removal
from functions.search.engine.local import LocalIndex
from functions.search.engine.port import VectorIndex
from functions.search.engine.query import Filters, Match, Negative, VectorQuery, Weights
from functions.search.engine.results import Page
from shared.errors import Unprocessable

COUNT = 400
IMAGE, TEXT = shelf.query_vectors()

type Filled = tuple[VectorIndex, str, Oracle]


@cache
def oracle_of(kept: int) -> Oracle:
    """The oracle over products of which a version has the first ones; it remembers what queries ask of it."""
    items = shelf.items(COUNT)
    return Oracle(shelf.MODEL, items, items[:kept])


@pytest.fixture(params=["journal", "both"])
def filled(request: pytest.FixtureRequest, index: LocalIndex, shop: str) -> Filled:
    """An engine with products, and the oracle over the same."""
    items = shelf.items(COUNT)
    kept = {"journal": 0, "both": COUNT * 2 // 3}[request.param]
    if kept:
        build = index.begin(shop)
        build.add(items[:kept])
        index.publish(build)
    for start in range(kept, COUNT, 60):
        index.upsert(shop, items[start : start + 60])
    return index, shop, oracle_of(kept)


def scan(index: VectorIndex, query: VectorQuery) -> list[Page]:
    pages = [index.search(query)]
    while pages[-1].next:
        pages.append(index.search(replace(query, cursor=pages[-1].next)))
    return pages


def check(index: VectorIndex, oracle: Oracle, query: VectorQuery) -> Page:
    """The page is the oracle's, and every hit's parts sum to its score."""
    page, expected = index.search(query), oracle.ranked(query)[: query.k]
    assert [hit.id for hit in page.hits] == [id for id, _ in expected]
    for hit, (_, score) in zip(page.hits, expected, strict=True):
        assert hit.score == pytest.approx(score, abs=1e-6)
        assert hit.parts.image + hit.parts.text + hit.parts.words == pytest.approx(hit.score, abs=1e-6)
        parts = oracle.parts(hit.id, query)
        assert [hit.parts.image, hit.parts.text, hit.parts.words] == pytest.approx(list(parts.values()), abs=1e-6)
    assert page.total == sum(oracle.passes(id, query) for id in oracle.items)
    return page


ASKED: tuple[dict[str, Any], ...] = (
    {"image": IMAGE},
    {"text": TEXT, "weights": Weights(0, 1)},
    {"text": TEXT, "words": "zebrano dress", "weights": Weights.hybrid(0)},
    {"words": "red silk dresses", "weights": Weights(0, 0, 1)},
    {"image": IMAGE, "text": TEXT, "words": "blue", "weights": Weights.hybrid(0.5)},
    {"image": IMAGE, "negatives": (Negative(TEXT), Negative(shelf.items(3)[2].vector, "image", 0.8))},
    {"image": IMAGE, "minus": ("red", "shoes")},
    {"image": IMAGE, "minus": ("blue silk", "shoes-bag")},
    {"image": IMAGE, "phrases": ("silk dresses",)},
    {"text": TEXT, "words": "red dresss", "weights": Weights.hybrid(0), "match": Match()},
    {"text": TEXT, "words": "red silk dress", "weights": Weights.hybrid(0), "match": Match(floor=0.8)},
    {"words": "waterproof dress", "weights": Weights(0, 0, 1), "match": Match(coverage=0.3)},
    {"image": IMAGE, "match": Match(by_words=False, floor=0.5)},
    {"image": IMAGE, "text": TEXT, "words": "zebrano", "weights": Weights.hybrid(0.5), "match": Match(floor=1.0)},
    {"image": IMAGE, "exclude": frozenset({"p00003", "p00399"})},
    {"image": IMAGE, "fold": True},
    {"image": IMAGE, "per_vendor": 3},
    {"image": IMAGE, "text": TEXT, "weights": Weights.hybrid(0.3), "fold": True, "per_vendor": 4},
)


def test_pages_are_those_of_the_definition(filled: Filled) -> None:
    index, shop, oracle = filled
    for asked in ASKED:
        for k in (1, 150):
            check(index, oracle, VectorQuery(shop, k=k, **asked))


def test_words_alone_find_what_has_one_of_them(filled: Filled) -> None:
    index, shop, oracle = filled
    for words in ("silk", "red silk dresses", "zanzibar silk", "zanzibar", "the"):
        query = VectorQuery(shop, words=words, weights=Weights(0, 0, 1), facets=("category",), k=200)
        page = check(index, oracle, query)
        assert all(hit.score > 0 for hit in page.hits)
        assert dict(page.facets["category"]) == oracle.facets(query, "category")
        assert (page.total > 0) is ("silk" in words)


def test_alpha_one_is_the_picture_and_alpha_zero_the_text(filled: Filled) -> None:
    index, shop, _ = filled
    both = {"image": IMAGE, "text": TEXT, "words": "blue shirt"}
    for alpha, pure in (
        (1.0, VectorQuery(shop, image=IMAGE, k=50)),
        (0.0, VectorQuery(shop, text=TEXT, words="blue shirt", weights=Weights.hybrid(0), k=50)),
    ):
        blended = index.search(VectorQuery(shop, **both, weights=Weights.hybrid(alpha), k=50)).hits
        alone = index.search(pure).hits
        assert [hit.id for hit in blended] == [hit.id for hit in alone]
        assert [hit.score for hit in blended] == pytest.approx([hit.score for hit in alone], abs=1e-6)


def test_scores_are_continuous_in_alpha(filled: Filled) -> None:
    index, shop, oracle = filled
    for alpha in np.linspace(0, 1, 6):
        query = VectorQuery(shop, image=IMAGE, text=TEXT, words="wool", weights=Weights.hybrid(float(alpha)), k=5)
        check(index, oracle, query)


MATCHED = (
    {"words": "red silk dress", "weights": Weights(0, 0, 1), "match": Match()},
    {"text": TEXT, "words": "green shoes", "weights": Weights.hybrid(0), "match": Match(floor=0.7)},
)


def test_what_is_no_result_is_neither_shown_nor_counted(filled: Filled) -> None:
    index, shop, oracle = filled
    for asked in MATCHED:
        for filters in (Filters(), Filters(colours=("red",)), Filters(categories=("dress", "bag"), price_min=3000)):
            query = VectorQuery(shop, k=200, filters=filters, facets=("category", "colours"), **asked)
            page = check(index, oracle, query)
            assert 0 < page.total < COUNT / 2 and page.total == len(page.hits)
            for facet in ("category", "colours"):
                assert dict(page.facets[facet]) == oracle.facets_above(query, facet)


def test_an_article_number_comes_first_and_its_parts_sum_to_its_score(index: LocalIndex, shop: str) -> None:
    items = [replace(item, sku=f"TS-{1000 + n}") for n, item in enumerate(shelf.items(60))]
    build = index.begin(shop)
    build.add(items[:40])
    index.publish(build)
    index.upsert(shop, items[40:])
    for written in ("TS-1042", "ts1042", "TS 1042", "ts_1042", "  tS-1042 ", "TS-1042 dress", "TS-1007"):
        for weights in (Weights(0, 0, 1), Weights.hybrid(0), Weights.hybrid(0.5)):
            vectors = {} if weights.words == 1 else {"text": TEXT, "image": IMAGE}
            page = index.search(VectorQuery(shop, words=written, weights=weights, match=Match(), **vectors))
            best = page.hits[0]
            assert best.id == f"p000{written.replace(' dress', '').strip()[-2:]}"
            assert best.parts.image + best.parts.text + best.parts.words == pytest.approx(best.score, abs=1e-6)
            assert page.total < 60


def test_a_scan_of_matches_shows_each_once_while_products_are_written(filled: Filled) -> None:
    index, shop, oracle = filled
    query = VectorQuery(
        shop, words="red silkk dress", weights=Weights.hybrid(0), text=TEXT, k=7, match=Match(floor=0.9)
    )
    expected = [id for id, _ in oracle.ranked(query)]
    page = index.search(query)
    assert page.total == len(expected) > 14
    shown = [hit.id for hit in page.hits]
    index.upsert(shop, [replace(shelf.items(1)[0], id="later", revision=1, words="silkk red dress")])
    while page.next:
        page = index.search(replace(query, cursor=page.next))
        shown += [hit.id for hit in page.hits]
    assert shown == expected


FILTERS = (
    Filters(tags=("rare",)),
    Filters(categories=("dress",), colours=("red",), vendors=("ada",)),
    Filters(price_min=5000, price_max=5400),
    Filters(price_max=9000, currency="EUR"),
    Filters(categories=("dress", "bag")),
    Filters(colours=("red", "blue", "green", "black", "white")),
    Filters(categories=("no such",)),
)


def test_filters_and_facets_are_exact(filled: Filled) -> None:
    index, shop, oracle = filled
    fields = ("category", "colours", "vendor", "tags")
    for filters in FILTERS:
        page = check(index, oracle, VectorQuery(shop, image=IMAGE, filters=filters, facets=fields, k=100))
        expected = {name: oracle.facets(VectorQuery(shop, filters=filters), name) for name in fields}
        assert {name: dict(counts) for name, counts in page.facets.items()} == expected


def test_equal_scores_come_by_id(index: LocalIndex, shop: str) -> None:
    one = shelf.items(1)[0]
    same = [replace(one, id=f"same{n}") for n in (5, 2, 9, 0, 7)]
    build = index.begin(shop)
    build.add(same[:3])
    index.publish(build)
    index.upsert(shop, same[3:])
    pages = scan(index, VectorQuery(shop, image=IMAGE, k=2))
    assert [hit.id for page in pages for hit in page.hits] == ["same0", "same2", "same5", "same7", "same9"]
    assert len({hit.score for page in pages for hit in page.hits}) == 1


def test_a_scan_shows_every_product_once_in_order(filled: Filled) -> None:
    index, shop, oracle = filled
    for more in ({}, {"fold": True, "per_vendor": 40}, {"words": "linen", "weights": Weights(1, 0, 1)}):
        query = VectorQuery(shop, image=IMAGE, k=37, **more)
        shown = [hit.id for page in scan(index, query) for hit in page.hits]
        assert shown == [id for id, _ in oracle.ranked(query)]


def test_a_cursor_belongs_to_its_query_and_can_not_be_made_up(filled: Filled) -> None:
    index, shop, _ = filled
    query = VectorQuery(shop, image=IMAGE, k=5)
    cursor = index.search(query).next
    assert cursor is not None
    assert index.search(replace(query, cursor=cursor, k=9)).hits
    changed = ("A" if cursor[30] != "A" else "B").join((cursor[:30], cursor[31:]))
    for wrong in (
        replace(query, cursor=cursor, image=TEXT),
        replace(query, cursor=changed),
        replace(query, cursor="x"),
    ):
        with pytest.raises(BadCursor):
            index.search(wrong)


def test_a_deleted_product_is_gone_at_once_and_a_later_revision_comes_back(filled: Filled) -> None:
    index, shop, _ = filled
    query = VectorQuery(shop, image=IMAGE, k=3)
    first = index.search(query).hits[0].id
    product = next(item for item in shelf.items(COUNT) if item.id == first)
    mark = index.delete(shop, [Removal(first, 5)])
    assert first not in {hit.id for hit in index.search(replace(query, min_seq=mark.seq)).hits}
    index.upsert(shop, [replace(product, revision=4)])
    mark = index.upsert(shop, [replace(product, revision=5)])
    assert first not in {hit.id for hit in index.search(replace(query, min_seq=mark.seq)).hits}
    mark = index.upsert(shop, [replace(product, revision=6)])
    assert index.search(replace(query, min_seq=mark.seq)).hits[0].id == first
    assert index.search(replace(query, min_seq=mark.seq)).total == COUNT


def test_a_page_is_bound_to_the_state_its_scan_began_in_but_deletions_are_not(filled: Filled) -> None:
    index, shop, oracle = filled
    query = VectorQuery(shop, image=IMAGE, k=40)
    order = [id for id, _ in oracle.ranked(query)]
    first = index.search(query)
    best = replace(shelf.items(1)[0], vector=IMAGE)
    changed = [replace(best, id=order[250], revision=2), replace(best, id="new", revision=1)]
    index.upsert(shop, changed)
    index.delete(shop, [Removal(order[100], 9)])
    shown = [hit.id for hit in first.hits]
    page = first
    while page.next:
        page = index.search(replace(query, cursor=page.next))
        shown += [hit.id for hit in page.hits]
    assert shown == [id for id in order if id != order[100]]
    assert {hit.id for hit in index.search(query).hits[:2]} == {order[250], "new"}


def test_shops_do_not_see_each_other(filled: Filled) -> None:
    index, _, _ = filled
    page = index.search(VectorQuery("another", image=IMAGE))
    assert (page.hits, page.total, page.next) == ([], 0, None)


def test_what_can_not_be_asked_is_refused(filled: Filled) -> None:
    index, shop, _ = filled
    for wrong in (
        VectorQuery(shop),
        VectorQuery(shop, image=IMAGE, k=0),
        VectorQuery(shop, image=IMAGE, k=201),
        VectorQuery(shop, image=IMAGE[:5]),
        VectorQuery("No Shop/../x", image=IMAGE),
    ):
        with pytest.raises(Unprocessable):
            index.search(wrong)
    with pytest.raises(Unprocessable):
        index.upsert(shop, [replace(shelf.items(1)[0], id="../x")])
    with pytest.raises(Unprocessable):
        index.upsert(shop, [replace(shelf.items(1)[0], vector=np.zeros(shelf.DIM, np.float32))])


def test_stored_vectors_are_given_back(filled: Filled) -> None:
    index, shop, _ = filled
    found = index.vectors(shop, ["p00001", "p00399", "none"])
    assert set(found) == {"p00001", "p00399"}
    assert np.allclose(found["p00399"], shelf.items(COUNT)[399].vector, atol=1e-3)


def test_words_score_as_bm25s_does(worker: Callable[..., LocalIndex], shop: str) -> None:
    import bm25s

    from functions.search.engine.letters import tokens
    from functions.search.engine.words import K1, B, terms_of

    items = shelf.items(300)
    index = worker()
    build = index.begin(shop)
    build.add(items)
    index.publish(build)
    library = bm25s.BM25(method="lucene", k1=K1, b=B)
    library.index([tokens(item.words) for item in items], show_progress=False)
    for asked in ("silk", "red zebrano dress", "cotton shirt for every day"):
        hits = index.search(VectorQuery(shop, words=asked, weights=Weights(0, 0, 1), k=200)).hits
        oracle = Oracle(shelf.MODEL, items)
        most = sum(oracle.idf(term) for term in terms_of(asked))
        theirs = library.get_scores(
            [word for word in sorted(set(tokens(asked))) if any(text[word] for text in oracle.texts.values())]
        )
        by_id = {item.id: float(score) for item, score in zip(items, theirs, strict=True)}
        assert [hit.raw["words"] * most for hit in hits] == pytest.approx([by_id[hit.id] for hit in hits], abs=1e-5)
