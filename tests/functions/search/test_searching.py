"""Searching a shop: what is found, what never appears, pages, filters, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from market import EVERY, Market, ids
from stores import both_stores

from functions.search import engine, indexer, log, service
from functions.search.engine.errors import BadCursor, CursorExpired
from functions.search.models import FeedbackRequest, SearchAnswer, SearchFilters, SimilarQuery
from shared import blobs, clock
from shared.catalogue.documents import ProductDocument
from shared.documents import store
from shared.errors import NotFound, Unprocessable
from shared.images.access import get_image

COUNT = 8


@pytest.fixture
def full(market: Market) -> Market:
    """The market with products on its shelf."""
    for seed in range(COUNT):
        market.product(seed)
    return market


def products(market: Market) -> list[ProductDocument]:
    """Those that came onto the shelf first."""
    return market.made[:COUNT]


def test_a_picture_finds_its_own_product_first_and_words_find_titles(full: Market) -> None:
    for product in products(full)[:3]:
        answer = full.image(product)
        best = answer.results[0]
        assert best.id == product.id
        assert (best.title, best.vendor, best.vendor_name) == (product.title, full.vendor, "Nordwind")
        assert best.price and best.price.amount == product.price.amount
        assert "sig=" in best.image
    wanted = full.change(products(full)[2], title="Quibbleton parka")

    indexer.update_index(full.vendor, wanted.id)
    answer = full.text("quibbleton")
    assert ids(answer) == [wanted.id]
    assert (answer.total, answer.unknown_terms) == (1, ["quibbleton"])
    nothing = full.text("zanzibar")
    assert (ids(nothing), nothing.total, nothing.unknown_terms) == ([], 0, ["zanzibar"])
    assert (answer.quality, answer.vocabulary) == ("demo", "closed")


@both_stores
def test_parts_sum_to_the_score_and_the_ends_of_alpha_are_the_pure_searches(full: Market) -> None:
    product = products(full)[0]
    said = "blue shirt"
    picture, words = full.image(product), full.text(said)
    for blended, pure in ((full.hybrid(product, said, 1.0), picture), (full.hybrid(product, said, 0.0), words)):
        assert ids(blended) == ids(pure)
        for one, other in zip(blended.results, pure.results, strict=True):
            assert one.score == pytest.approx(other.score, abs=1e-6)
    for answer in (picture, words, full.hybrid(product, said, 0.4)):
        for result in answer.results:
            assert result.why.image + result.why.text + result.why.words == pytest.approx(result.score, abs=1e-6)


@both_stores
def test_filters_facets_and_minus_words_are_exact(full: Market) -> None:
    everything = products(full)
    colour = everything[0].colour
    answer = full.text(EVERY, filters=SearchFilters(colour=[colour]), facets=["colour", "category"])
    assert set(ids(answer)) == {one.id for one in everything if one.colour == colour}
    assert answer.total == len(answer.results)
    assert answer.facets is not None
    counted = {one.value: one.count for one in answer.facets["colour"]}
    assert counted == {c: sum(p.colour == c for p in everything) for c in {p.colour for p in everything}}
    assert sum(one.count for one in answer.facets["category"]) == answer.total
    without = full.text(f"{EVERY} -{colour}")
    assert set(ids(without)) == {one.id for one in everything if colour not in f"{one.colour} {one.title}"}
    cheap = full.text(EVERY, filters=SearchFilters.model_validate({"price": {"max": 12.0}}))
    assert set(ids(cheap)) == {one.id for one in everything if float(one.price.amount) <= 12}
    with pytest.raises(Unprocessable) as refused:
        full.text("-red")
    assert refused.value.code == "empty_query"


def scan(market: Market, size: int) -> list[SearchAnswer]:
    answers = [market.text(EVERY, top_k=size)]
    while answers[-1].next:
        answers.append(market.text(EVERY, top_k=size, cursor=answers[-1].next))
    return answers


@both_stores
def test_pages_show_everything_once_and_belong_to_their_query(full: Market) -> None:
    answers = scan(full, 3)
    seen = [id for answer in answers for id in ids(answer)]
    assert len(seen) == len(set(seen)) == COUNT
    assert seen == ids(full.text(EVERY, top_k=50))
    token = answers[0].next
    for wrong in (f"{token}x", "AAAA"):
        with pytest.raises(BadCursor):
            full.text(EVERY, cursor=wrong)
    with pytest.raises(BadCursor):
        full.text("trousers", cursor=token)
    continued = [entry.continued for entry in full.logged()]
    assert continued.count(True) == len(answers) - 1


def test_a_cursor_of_a_version_that_is_not_kept_is_refused(full: Market, change: Callable[..., None]) -> None:
    from functions.search.engine import index

    change(INDEX_KEEP_S="0", INDEX_POLL_S="0")
    index().merge(full.shop)
    token = full.text(EVERY, top_k=2).next
    for _ in range(3):
        index().merge(full.shop)
    with pytest.raises(CursorExpired) as gone:
        full.text(EVERY, top_k=2, cursor=token)
    assert (gone.value.code, gone.value.status) == ("cursor_expired", 410)


@both_stores
def test_what_is_retired_or_of_another_shop_never_appears_whatever_the_index_says(full: Market) -> None:
    gone, moved = products(full)[0], full.account("vendor")
    elsewhere = full.product(1, vendor=moved)
    full.retire(gone, index=False)
    full.move(moved, "somewhere-else")
    answer = full.text(EVERY, top_k=5)
    assert len(answer.results) == 5, "a page is filled up after what was dropped"
    seen = [id for page in scan(full, 3) for id in ids(page)]
    assert set(seen) == {one.id for one in products(full)[1:]}
    stranger = Market()
    assert ids(stranger.text(EVERY)) == []
    for id in (gone.id, elsewhere.id, "no-such-product"):
        with pytest.raises(NotFound):
            service.search_similar(full.shopper, clock.new_id(), id, SimilarQuery())
    with pytest.raises(NotFound):
        service.search_similar(stranger.shopper, clock.new_id(), products(full)[1].id, SimilarQuery())


def test_similar_products_leave_the_product_itself_out(full: Market) -> None:
    product = products(full)[3]
    twin = full.product(3)
    answer = service.search_similar(full.shopper, clock.new_id(), product.id, SimilarQuery(top_k=4))
    assert ids(answer)[0] == twin.id
    assert product.id not in ids(answer)
    folded = full.text(EVERY, fold=True, top_k=50)
    assert len({product.id, twin.id} & set(ids(folded))) == 1


def test_one_vendor_can_be_kept_from_filling_the_page(full: Market) -> None:
    other = full.account("vendor")
    full.product(0, vendor=other)
    answer = full.text(EVERY, per_vendor=2)
    assert sorted(result.vendor for result in answer.results) == sorted([full.vendor, full.vendor, other])
    assert {r.vendor for r in full.text(EVERY, filters=SearchFilters(vendor=[other])).results} == {other}


def test_searches_are_logged_without_pictures_and_feedback_belongs_to_their_author(full: Market) -> None:
    answer = full.hybrid(products(full)[0], f"{EVERY} mail me@example.com", 0.3)
    (entry,) = full.logged()
    assert (entry.id, entry.kind, entry.results) == (answer.search_id, "hybrid", tuple(ids(answer)))
    logged = str(entry.to_item())
    assert products(full)[0].id not in str(entry.params) and "me@example.com" not in logged
    assert entry.params["alpha"] == 0.3
    click = FeedbackRequest(search_id=answer.search_id, product_id=ids(answer)[1])
    for _ in range(2):
        log.record_feedback(full.shopper, click)
    stored = [
        one for one in store().query("search_log", partition=full.shopper.user_id).items if one["type"] != "search_log"
    ]
    assert [(one["rank"], one["kind"]) for one in stored] == [(2, "click")]
    with pytest.raises(NotFound):
        log.record_feedback(full.principal(full.account("shopper")), click)
    with pytest.raises(Unprocessable):
        log.record_feedback(full.shopper, FeedbackRequest(search_id=answer.search_id, product_id="nothing"))


def test_a_foreign_private_picture_is_no_query(full: Market) -> None:
    from functions.search.models import ImageSearch

    stranger = full.account("shopper")
    store().create(
        "studio",
        {"id": "file:secret", "userId": stranger, "type": "file", "imageId": "secret", "kind": "person",
         "visibility": "private", "status": "ready", "blobs": {}, "createdAt": clock.iso(), "updatedAt": clock.iso()},
    )  # fmt: skip
    with pytest.raises(NotFound):
        service.search_by_image(full.shopper, clock.new_id(), ImageSearch(image_id="secret"))


def test_a_picture_asked_for_again_is_remembered_and_no_longer_than_its_record(full: Market) -> None:
    product = products(full)[0]
    record = get_image(product.id, full.vendor)
    store().patch("studio", record.id, full.vendor, set={"sha256": "0" * 64})
    first = full.image(product)
    original = record.renditions["original"]
    blobs.delete(original.container, original.name)
    again = full.image(product)
    assert [(one.id, one.score) for one in again.results] == [(one.id, one.score) for one in first.results]
    for changed in ({"sha256": "1" * 64}, {"sha256": None}):
        store().patch("studio", record.id, full.vendor, set=changed)
        with pytest.raises(NotFound):
            full.image(product)
    store().patch("studio", record.id, full.vendor, set={"sha256": "0" * 64})
    assert ids(full.image(product)) == ids(first)
    with pytest.raises(NotFound):
        full.image(product, crop="auto")
    store().delete("studio", record.id, full.vendor)
    with pytest.raises(NotFound):
        full.image(product)


@both_stores
def test_what_does_not_match_is_no_result(full: Market) -> None:
    dress = next(one for one in products(full) if one.category == "dress")
    others = [one for one in products(full) if one is not dress]
    red = full.change(dress, title="Red dress", colour="red", sku="TS-1001")
    shoes = full.change(others[0], title="Trainers", category="shoes", description="Waterproof", sku="TS-1002")
    skirt = full.change(others[1], title="Long skirt green", category="skirt")
    sleeves = full.change(others[2], title="Skirt with long sleeve top", category="skirt")
    jacket = full.change(others[3], title="Übergangsjacke Crème", category="jacket")
    for product in (red, shoes, skirt, sleeves, jacket):
        indexer.update_index(full.vendor, product.id)
    # Cosmos DB knows the words of a shop as they were at its last version.
    engine.index().merge(full.shop)
    assert ids(full.text("TS-1002"))[0] == shoes.id
    assert ids(full.text("waterproof")) == [shoes.id]
    found = ids(full.text("skirt -long-sleeve"))
    assert skirt.id in found and sleeves.id not in found
    for written in ("ubergangsjacke", "uebergangsjacke", "U\u0308bergangsjacken", "creme", "cre\u0300me"):
        assert ids(full.text(written))[0] == jacket.id
    answer = full.text("red dress")
    assert ids(answer)[0] == red.id and answer.total < COUNT / 2 and answer.total == len(answer.results)
    misspelt = full.text("ubergangsjakce")
    assert (ids(misspelt)[0], misspelt.did_you_mean) == (jacket.id, "Übergangsjacke")
    assert full.text("red dress").did_you_mean is None
    assert full.text('"green long skirt"').total == 0 and ids(full.text('"long skirt"')) == [skirt.id]
    photo = full.image(red)
    assert ids(photo)[0] == red.id and photo.total < COUNT
    for answer in (misspelt, photo, full.text("TS-1002"), full.hybrid(red, "ts1001", 0.5)):
        for result in answer.results:
            assert result.why.image + result.why.text + result.why.words == pytest.approx(result.score, abs=1e-6)
