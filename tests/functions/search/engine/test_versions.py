"""Versions: published whole or not at all, switched under searches, kept, refused when broken, rolled back."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import index_shelf as shelf
import pytest

from functions.search.engine import versions
from functions.search.engine.documents import JournalEntryDocument, journal_entries
from functions.search.engine.errors import (
    CursorExpired,
    IndexBehind,
    IndexModelMismatch,
    IndexRefused,
    PublishConflict,
    VersionNotFound,
)
from functions.search.engine.items import Removal
from functions.search.engine.letters import ANALYSIS
from functions.search.engine.local import LocalIndex
from functions.search.engine.manifest import Manifest
from functions.search.engine.query import Filters, VectorQuery
from shared import blobs

IMAGE, TEXT = shelf.query_vectors()
ITEMS = shelf.items(300)

type Workers = Callable[..., LocalIndex]


def fill(index: LocalIndex, shop: str, count: int = 300) -> Manifest:
    build = index.begin(shop)
    build.add(ITEMS[:count])
    return index.publish(build)


def ids(index: LocalIndex, query: VectorQuery) -> list[str]:
    return [hit.id for hit in index.search(query).hits]


def test_a_version_is_found_by_every_worker_and_says_what_it_is(worker: Workers, shop: str) -> None:
    first, second = worker(), worker()
    made = fill(first, shop)
    index_seen = second.search(VectorQuery(shop, image=IMAGE, k=5))
    assert (index_seen.index_version, index_seen.model_id, index_seen.total) == (made.version, shelf.MODEL.id, 300)
    assert made.recall10 == {"image": 1.0, "text": 1.0}
    assert made.count == 300 and made.bytes > 300 * shelf.DIM * 2
    assert [one.version for one in second.versions(shop)] == [made.version]
    assert second.stats(shop).current == made


def test_of_files_that_cannot_all_be_stored_no_manifest_is_written(worker: Workers, shop: str, tmp_path: Path) -> None:
    made = fill(worker(), shop, 100)
    (tmp_path / "one").write_bytes(b"1")
    with versions.Upload(shop, "half", tmp_path) as upload, pytest.raises(FileNotFoundError):
        upload.add("one")
        upload.add("gone")
        upload.finish(made, None)
    assert [blob.name for blob in blobs.listing(blobs.INDEXES, f"{shop}/half/")] == [f"{shop}/half/one"]
    assert not any(thread.name.startswith("index-upload") for thread in threading.enumerate())


def test_a_merge_keeps_what_is_there_and_forgets_what_is_not(worker: Workers, shop: str) -> None:
    index = worker()
    fill(index, shop, 200)
    index.upsert(shop, [*ITEMS[200:], replace(ITEMS[0], revision=2, vector=IMAGE)])
    index.delete(shop, [Removal(ITEMS[7].id, 2)])
    query = VectorQuery(shop, image=IMAGE, k=200, facets=("category", "colours"))
    before = index.search(query)
    made = index.merge(shop)
    after = index.search(query)
    assert after.index_version == made.version != before.index_version
    assert made.parent == before.index_version
    assert [(hit.id, hit.score) for hit in after.hits] == [(hit.id, hit.score) for hit in before.hits]
    assert (after.total, after.facets) == (before.total, before.facets) == (299, before.facets)
    stats = index.stats(shop)
    assert (stats.main, stats.delta, stats.hidden) == (299, 0, 0)
    # A write that was under way when the product was deleted does not bring it back.
    index.upsert(shop, [replace(ITEMS[7], revision=1)])
    assert index.search(query).total == 299


def test_of_two_who_publish_one_wins(worker: Workers, shop: str) -> None:
    first, second = worker(), worker()
    fill(first, shop)
    builds = [one.begin(shop) for one in (first, second)]
    results: list[object] = []

    def publish(index: LocalIndex, n: int) -> None:
        builds[n].add(ITEMS[: 100 + n])
        try:
            results.append(index.publish(builds[n]))
        except PublishConflict as error:
            results.append(error)

    threads = [threading.Thread(target=publish, args=(one, n)) for n, one in enumerate((first, second))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (won,) = [one for one in results if isinstance(one, Manifest)]
    assert len([one for one in results if isinstance(one, PublishConflict)]) == 1
    for one in (first, second):
        assert one.stats(shop).current == won
    assert second.search(VectorQuery(shop, image=IMAGE)).total == won.count


def test_going_back_loses_no_write(worker: Workers, shop: str) -> None:
    index, other = worker(), worker()
    old = fill(index, shop, 200)
    index.upsert(shop, ITEMS[200:])
    index.delete(shop, [Removal(ITEMS[3].id, 2)])
    new = index.merge(shop)
    query = VectorQuery(shop, image=IMAGE, k=200)
    expected = ids(index, query)
    assert index.rollback(shop, old.version).version == old.version
    for one in (index, other):
        one.stats(shop)
        page = one.search(query)
        assert (page.index_version, page.total, [hit.id for hit in page.hits]) == (old.version, 299, expected)
    assert index.rollback(shop, new.version) and index.search(query).index_version == new.version
    with pytest.raises(VersionNotFound):
        index.rollback(shop, "01nothing")


@pytest.mark.parametrize("harm", ["cut", "changed", "missing", "no manifest", "foreign manifest"])
def test_a_broken_version_is_refused_and_the_last_good_one_serves(worker: Workers, shop: str, harm: str) -> None:
    publisher = worker()
    good = fill(publisher, shop, 200)
    running = worker()
    assert running.search(VectorQuery(shop, image=IMAGE)).index_version == good.version
    bad = fill(publisher, shop, 250)
    name = f"{shop}/{bad.version}/vectors.faiss"
    data = blobs.get(blobs.INDEXES, name)
    if harm == "missing":
        blobs.delete(blobs.INDEXES, name)
    elif harm == "no manifest":
        blobs.delete(blobs.INDEXES, f"{shop}/{bad.version}/manifest.json")
    elif harm == "foreign manifest":
        blobs.put(blobs.INDEXES, f"{shop}/{bad.version}/manifest.json", b'{"format": 1}', content_type="a/b")
    else:
        harmed = data[:-100] if harm == "cut" else data[:5000] + b"\xff" + data[5001:]
        blobs.put(blobs.INDEXES, name, harmed, content_type="application/octet-stream")
    # This machine's disk has the good files of the publisher: another machine has not.
    for folder in versions.home(shop).iterdir():
        if folder.name == bad.version:
            folder.rename(folder.with_name(".gone"))
    running._shops[shop].refresh()
    page = running.search(VectorQuery(shop, image=IMAGE))
    assert (page.index_version, page.total) == (good.version, 200)
    started_now = worker().search(VectorQuery(shop, image=IMAGE))
    assert (started_now.index_version, started_now.total) == (good.version, 200)


def test_versions_of_another_format_answer_nothing_until_a_rebuild(worker: Workers, shop: str) -> None:
    old = fill(worker(), shop)
    name = f"{shop}/{old.version}/manifest.json"
    manifest = {**json.loads(blobs.get(blobs.INDEXES, name)), "format": 1}
    blobs.put(blobs.INDEXES, name, json.dumps(manifest).encode(), content_type="application/json")
    shutil.rmtree(versions.home(shop) / old.version)
    index = worker()
    with pytest.raises(IndexRefused) as refused:
        index.search(VectorQuery(shop, image=IMAGE))
    assert (refused.value.status, refused.value.retryable) == (503, True)
    assert index.stats(shop).rebuild_due == "unreadable"
    with pytest.raises(IndexModelMismatch):
        index.merge(shop)
    fresh = fill(index, shop)
    assert index.search(VectorQuery(shop, image=IMAGE)).index_version == fresh.version
    assert index.stats(shop).rebuild_due is None


def test_a_version_of_an_older_analysis_of_words_answers_until_it_is_built_again(
    worker: Workers, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr("functions.search.engine.build.ANALYSIS", ANALYSIS - 1)
        old = fill(worker(), shop)
    index = worker()
    assert index.search(VectorQuery(shop, image=IMAGE)).index_version == old.version
    assert index.stats(shop).rebuild_due == "analysis"
    with pytest.raises(IndexModelMismatch):
        index.merge(shop)
    assert fill(index, shop).analysis == ANALYSIS
    assert index.stats(shop).rebuild_due is None
    with monkeypatch.context() as older_worker:
        older_worker.setattr("functions.search.engine.local.ANALYSIS", ANALYSIS - 1)
        assert index.stats(shop).rebuild_due is None, "a worker of the old code does not build it back"


def test_rows_that_miss_their_neighbours_are_not_published(worker: Workers, shop: str) -> None:
    from functions.search.engine import kernel
    from functions.search.engine.build import self_test
    from functions.search.engine.columns import Columns

    index = worker()
    build = index.begin(shop)
    build.add(ITEMS)
    columns = Columns.of(ITEMS, shelf.DIM)
    wrong = columns.vectors[::-1].copy()
    kernel.write(build.folder / "wrong", wrong)
    with pytest.raises(IndexRefused):
        self_test(kernel.FlatIndex(build.folder / "wrong"), columns)
    build.abandon()
    assert not build.folder.exists()


def test_another_model_answers_nothing_until_a_rebuild(worker: Workers, shop: str) -> None:
    old, new = worker(), worker(shelf.OTHER)
    fill(old, shop)
    with pytest.raises(IndexModelMismatch) as caught:
        new.search(VectorQuery(shop, image=IMAGE))
    assert (caught.value.status, caught.value.retryable) == (503, True)
    with pytest.raises(IndexModelMismatch):
        new.merge(shop)
    assert new.stats(shop).rebuild_due == "model"
    new.upsert(shop, [replace(ITEMS[0], revision=2)])
    assert ITEMS[0].id in ids(old, VectorQuery(shop, image=ITEMS[0].vector)), "vectors of another model are passed over"
    assert fill(new, shop).model_id == shelf.OTHER.id
    assert new.search(VectorQuery(shop, image=IMAGE)).model_id == shelf.OTHER.id
    with pytest.raises(IndexModelMismatch):
        old.search(VectorQuery(shop, image=IMAGE))


def test_a_scan_over_eight_swaps_sees_every_product_once(worker: Workers, shop: str) -> None:
    publisher, searcher = worker(), worker()
    fill(publisher, shop)
    query = VectorQuery(shop, image=IMAGE, k=14)
    page = searcher.search(query)
    shown = [hit.id for hit in page.hits]
    fresh = shelf.items(40, seed=5, prefix="n")
    for swap in range(8):
        publisher.upsert(shop, [replace(fresh[swap], vector=IMAGE), replace(ITEMS[swap * 3], revision=2, vector=TEXT)])
        publisher.merge(shop)
        assert page.next is not None
        page = searcher.search(replace(query, cursor=page.next))
        shown += [hit.id for hit in page.hits]
    while page.next:
        page = searcher.search(replace(query, cursor=page.next))
        shown += [hit.id for hit in page.hits]
    assert len(shown) == len(set(shown)) == 300
    assert set(shown) == {item.id for item in ITEMS}


def test_a_cursor_of_a_version_not_kept_has_expired(
    worker: Workers, shop: str, change: Callable[..., None], tmp_path: object
) -> None:
    change(INDEX_CACHE_DIR=str(tmp_path), INDEX_POLL_S="0", INDEX_KEEP_S="0")
    index = worker()
    fill(index, shop)
    query = VectorQuery(shop, image=IMAGE, k=10)
    cursor = index.search(query).next
    for count in (250, 251):
        fill(index, shop, count)
        assert len(index.search(replace(query, cursor=cursor)).hits) == 10
    fill(index, shop, 252)
    with pytest.raises(CursorExpired) as caught:
        index.search(replace(query, cursor=cursor))
    assert caught.value.status == 410
    assert len(index.versions(shop)) == 3


def test_a_write_is_seen_at_once_by_who_knows_of_it(
    worker: Workers, shop: str, change: Callable[..., None], tmp_path: object
) -> None:
    change(INDEX_CACHE_DIR=str(tmp_path), INDEX_POLL_S="600")
    writer, reader = worker(), worker()
    fill(writer, shop, 200)
    query = VectorQuery(shop, image=IMAGE, k=5)
    assert reader.search(query).total == 200
    mark = writer.upsert(shop, ITEMS[200:210])
    assert reader.search(query).total == 200, "between polls nothing is asked"
    assert reader.search(replace(query, min_seq=mark.seq)).total == 210
    with pytest.raises(IndexBehind):
        reader.search(replace(query, min_seq=mark.seq + 1))


def test_the_journal_forgets_what_all_versions_have_and_goes_on_counting(
    worker: Workers, shop: str, change: Callable[..., None], tmp_path: object
) -> None:
    change(INDEX_CACHE_DIR=str(tmp_path), INDEX_POLL_S="0", INDEX_KEEP_S="0")
    index = worker()
    for n in range(6):
        index.upsert(shop, ITEMS[n * 10 : n * 10 + 10])
        index.merge(shop)
    left = journal_entries.list(partition=shop, order_by=JournalEntryDocument.seq).items
    assert [entry.seq for entry in left] == [5, 6]
    assert index.upsert(shop, ITEMS[60:61]).seq == 7
    assert worker().search(VectorQuery(shop, image=IMAGE)).total == 61


def test_probing_finds_nearly_all_and_never_what_a_filter_forbids(worker: Workers, shop: str) -> None:
    many = shelf.items(4000, seed=2)
    probing, flat = worker(max_flat_rows=1000), worker()
    build = probing.begin(shop)
    build.add(many)
    made = probing.publish(build)
    assert min(made.recall10.values()) >= 0.95
    assert any(file.name == "coarse.faiss" for file in made.files)
    place = flat._shop(f"{shop}-flat")
    twin = flat.begin(place.name)
    twin.add(many)
    flat.publish(twin)
    hits = 0
    for seed in range(30):
        image, _ = shelf.query_vectors(seed)
        query = VectorQuery(shop, image=image, k=10)
        hits += len(set(ids(probing, query)) & set(ids(flat, replace(query, shop=place.name))))
    assert hits >= 0.95 * 300
    narrow = VectorQuery(shop, image=IMAGE, filters=Filters(vendors=("ada",), colours=("red",)), k=100)
    assert ids(probing, narrow) == ids(flat, replace(narrow, shop=place.name))
    for mapped in (probing._shops[shop]._current.main.kernel, place._current.main.kernel):
        assert not hasattr(mapped, "add")


def test_a_switch_whose_answer_was_lost_counts_as_done(shop: str) -> None:
    ours, theirs = (versions.Pointer(kept=(versions.Kept(version=name, model_id="m", seq=1),)) for name in "ab")
    etag = versions.write_pointer(shop, ours, None)
    assert versions.write_pointer(shop, ours, None) == etag
    with pytest.raises(PublishConflict):
        versions.write_pointer(shop, theirs, None)
