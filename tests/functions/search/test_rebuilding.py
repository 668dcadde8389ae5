"""Rebuilds: one at a time, from stored embeddings, with whatever was missed; rollback; what people's acts say."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from market import EVERY, Market, ids
from stores import both_stores

from functions.search import evaluate, indexer, log, rebuild, shops, versions
from functions.search.engine.letters import ANALYSIS, Words, analyse
from functions.search.models import EvalQuery, FeedbackRequest, RollbackRequest
from functions.search.settings import search_settings
from shared import blobs
from shared.accounts.documents import Role
from shared.catalogue.documents import EmbeddingDocument, embeddings, products
from shared.documents import Where, store
from shared.documents.fields import assign
from shared.errors import NotFound
from shared.http.auth import Principal
from shared.jobs import protocol
from shared.jobs.consumer import Pointer, consume
from shared.jobs.models import Job, JobId


def admin(market: Market) -> Principal:
    return market.principal("root", Role.ADMIN)


def run(market: Market, job_id: str) -> Job:
    """Run a rebuild's job to its end, without its queue."""
    job = protocol.load(f"job:{job_id}", shops.partition(market.shop))
    pointer = Pointer(jobId=job.id, userId=job.user_id, generation=job.generation, attempt=job.attempt + 1)
    consume(pointer.model_dump_json(), rebuild.RebuildStep())
    return protocol.load(job.id, job.user_id)


@both_stores
def test_a_rebuild_needs_no_picture_and_finds_what_was_missed(market: Market) -> None:
    kept, lost, stale, gone = (market.product(seed) for seed in range(4))
    embeddings.delete(lost.id, market.vendor)
    market.change(stale, title="Wimple")
    products.delete(gone.id, market.vendor)
    blobs.delete(blobs.IMAGES, kept.image.renditions.original.name)
    asked = rebuild.request_rebuild(admin(market), market.shop, "r")
    job = run(market, asked.job_id)
    assert (job.status, job.result["products"]) == ("completed", 3), job.last_error
    assert job.progress.percent == 100
    assert set(ids(market.text(EVERY))) == {kept.id, lost.id, stale.id}
    assert market.text("wimple").results[0].id == stale.id
    state = versions.list_versions(market.shop)
    assert (state.current, state.products, state.rebuild_due) == (job.result["version"], 3, None)
    assert state.items[0].count == 3
    if search_settings().search_engine == "faiss":
        assert state.items[0].eval["image"] >= 0.999
    assert state.rebuild and state.rebuild.status == "completed"
    assert store().count("audit", Where("action", "=", "INDEX_REBUILD_REQUESTED")) == 1


@both_stores
def test_of_two_concurrent_rebuilds_one_starts_and_both_callers_get_it(market: Market) -> None:
    market.product(0)
    both = threading.Barrier(4)
    requested = []

    def ask() -> None:
        both.wait()
        requested.append(rebuild.request_rebuild(admin(market), market.shop, "r"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.job_id for one in requested}) == 1
    assert [one.started for one in requested].count(True) == 1
    assert run(market, requested[0].job_id).status == "completed"
    assert rebuild.request_rebuild(admin(market), market.shop, "r").started


def test_an_attempt_that_died_is_followed_by_one_that_builds_again(
    market: Market,
) -> None:
    product = market.product(0)
    asked = rebuild.request_rebuild(admin(market), market.shop, "r")
    calls = []

    class Died(BaseException):
        """What no handler catches, as a kill."""

    def die(*_: object) -> None:
        calls.append(1)
        raise Died

    with pytest.MonkeyPatch.context() as patched, pytest.raises(Died):
        patched.setattr("functions.search.engine.local.versions.record", die)
        run(market, asked.job_id)
    assert calls and ids(market.text(EVERY)) == [product.id]
    assert versions.list_versions(market.shop).current is None
    job = protocol.load(f"job:{asked.job_id}", shops.partition(market.shop))
    assert job.status == "processing"
    protocol.jobs.patch(job.id, job.user_id, assign(Job.lease_until, 0.0))
    assert run(market, asked.job_id).status == "completed"
    assert versions.list_versions(market.shop).current is not None


@both_stores
def test_the_timer_begins_what_is_due_and_nothing_else(market: Market) -> None:
    market.product(0)
    assert shops.list_shops() == [market.shop]
    assert rebuild.run_maintenance() == (0, 1)
    assert rebuild.run_maintenance() == (0, 0), "one is under way"
    subject = rebuild.find_latest(market.shop)
    assert subject and subject.reason == "first"
    run(market, JobId(subject.job_id).public)
    assert rebuild.run_maintenance() == (0, 0)


@both_stores
def test_another_model_embeds_again_under_a_new_version(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.search.engine.errors import IndexModelMismatch, VersionNotFound
    from shared.vision import embedding

    product = market.product(0)
    first = run(market, rebuild.request_rebuild(admin(market), market.shop, "r").job_id)
    before = embeddings.find(product.id, market.vendor)
    real = embedding.identity()
    monkeypatch.setattr(embedding, "identity", lambda: replace(real, model_id="fashion@000000000000"))
    with pytest.raises(IndexModelMismatch) as refused:
        market.text(EVERY)
    assert (refused.value.status, refused.value.code, refused.value.retryable) == (503, "index_model_mismatch", True)
    assert rebuild.run_maintenance()[1] == 1
    second = run(market, str(rebuild.find_latest(market.shop).job_id).removeprefix("job:"))  # type: ignore[index]
    assert second.result == {"version": second.result["version"], "products": 1, "embedded": 1}
    assert second.result["version"] != first.result["version"]
    answer = market.text(EVERY)
    assert (ids(answer), answer.model_id) == ([product.id], "fashion@000000000000")
    after = embeddings.find(product.id, market.vendor)
    assert before and after and (before.model_id, after.model_id) == (real.model_id, "fashion@000000000000")
    # Cosmos DB has no versions of the data to go back to.
    refusal = IndexModelMismatch if search_settings().search_engine == "faiss" else VersionNotFound
    with pytest.raises(refusal):
        versions.roll_back(admin(market), market.shop, first.result["version"], RollbackRequest(reason="a test"))


@both_stores
def test_words_that_are_read_otherwise_come_by_the_timer(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_joined_names(text: str) -> Words:
        return replace(analyse(text), extra=())

    users = [f"functions.search.engine.{name}.ANALYSIS" for name in ("build", "local", "cosmos", "cosmos_sql")]
    with monkeypatch.context() as before:
        before.setattr("functions.search.engine.columns.analyse", without_joined_names)
        for user in users:
            before.setattr(user, ANALYSIS - 1)
        product = market.product(0)
        market.change(product, title="H&M Kapoodle")
        run(market, rebuild.request_rebuild(admin(market), market.shop, "r").job_id)
        assert ids(market.text("kapoodle")) == [product.id] and not ids(market.text("hm"))
    assert rebuild.run_maintenance() == (0, 1)
    subject = rebuild.find_latest(market.shop)
    assert subject and subject.reason == "analysis"
    assert run(market, JobId(subject.job_id).public).result["embedded"] == 0
    assert ids(market.text("hm")) == ids(market.text("kapoodle")) == [product.id]
    assert rebuild.run_maintenance() == (0, 0)


def test_rolling_back_answers_from_the_older_version_and_loses_no_write(market: Market) -> None:
    old = market.product(0)
    first = run(market, rebuild.request_rebuild(admin(market), market.shop, "r").job_id).result["version"]
    new = market.product(1)
    second = run(market, rebuild.request_rebuild(admin(market), market.shop, "r").job_id).result["version"]
    assert market.text(EVERY).index_version == second
    done = versions.roll_back(admin(market), market.shop, first, RollbackRequest(reason="looks wrong"))
    assert done.current and done.version == first
    answer = market.text(EVERY)
    assert (answer.index_version, set(ids(answer))) == (first, {old.id, new.id})
    (entry,) = store().query("audit", Where("action", "=", "INDEX_ROLLED_BACK")).items
    assert (entry["userId"], entry["subject"], entry["reason"]) == ("root", first, "looks wrong")
    with pytest.raises(NotFound):
        versions.roll_back(admin(market), market.shop, "none", RollbackRequest(reason="a test"))


def test_quality_is_read_off_what_people_did(market: Market) -> None:
    for seed in range(3):
        market.product(seed)
    merchant = market.principal("m", Role.MERCHANT)
    empty = evaluate.evaluate(merchant, EvalQuery())
    assert empty.by_kind["all"].searches == 0 and empty.by_kind["all"].mrr.value is None
    first, second = market.text(EVERY), market.text(f"{EVERY} something else")
    market.text(EVERY, filters={"category": ["nothing of the kind"]})  # type: ignore[arg-type]
    act = lambda search, at, kind: log.record_feedback(  # noqa: E731
        market.shopper, FeedbackRequest(search_id=search.search_id, product_id=ids(search)[at], kind=kind)
    )
    act(first, 0, "buy")
    act(first, 1, "click")
    found = evaluate.evaluate(merchant, EvalQuery()).by_kind["text"]
    assert (found.searches, found.clicks, found.buys) == (3, 1, 1)
    assert found.mrr.value == found.ndcg10.value == 1.0
    assert found.click_through_rate.value == pytest.approx(1 / 3, abs=1e-3)
    assert found.zero_results.value == pytest.approx(1 / 3, abs=1e-3)
    # The second was asked again immediately, without a click; the first had one, the third has no successor.
    assert found.reformulated.value == pytest.approx(1 / 3, abs=1e-3)
    assert found.click_through_rate.low < 1 / 3 < found.click_through_rate.high  # type: ignore[operator]
    act(second, 2, "click")
    later = evaluate.evaluate(merchant, EvalQuery()).by_kind["all"]
    assert later.mrr.value == pytest.approx((1 + 1 / 3) / 2, abs=1e-3)
    assert later.ndcg10.value == pytest.approx((1 + 0.5) / 2, abs=1e-3)
    assert set(later.latency_ms) == {"p50", "p95", "p99"}
    assert evaluate.evaluate(Market().principal("x", Role.MERCHANT), EvalQuery()).by_kind["all"].searches == 0


def test_products_that_wait_too_long_for_the_index_are_reported(market: Market) -> None:
    from functions.observe import probes

    product = market.product(0)
    assert probes.search_index() == "no version yet"
    run(market, rebuild.request_rebuild(admin(market), market.shop, "r").job_id)
    assert str(probes.search_index()).endswith("s old")
    embeddings.patch(
        product.id, market.vendor, assign(EmbeddingDocument.seq, None), assign(EmbeddingDocument.pending_since, 0.0)
    )
    with pytest.raises(probes.Down):
        probes.search_index()
    indexer.update_index(market.vendor, product.id)
    assert probes.search_index()
