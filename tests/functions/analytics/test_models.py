"""Merchants' own models: trained by a job, isolated, rolled back, refused with another image tower."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from sales_shop import ADA, BOB, csv_upload, draw_image, needs_models, run_job, sales_csv, store_image, store_images

from functions.analytics import batches, evaluation_report, model_registry, predictions, sales_models, trainings
from functions.analytics import documents as stored
from functions.analytics.documents import ActiveModelDocument, ModelFacts, SalesModelDocument, SalesModelId
from functions.analytics.evaluation_schemas import EvalQuery
from functions.analytics.prediction_schemas import BatchQuery, BatchQueued, Prediction, PredictionsQuery, PredictRequest
from functions.analytics.training_schemas import TrainQuery
from functions.analytics.worker import AnalyticsStep
from functions.privacy import personal_data
from shared import blobs, onnx
from shared.documents.fields import assign
from shared.errors import NotFound, StudioError, Unprocessable
from shared.http.auth import Principal
from shared.jobs import protocol
from shared.jobs.models import Job, JobId

pytestmark = [needs_models, pytest.mark.usefixtures("local")]


def predict(user: Principal, image: str, id: str = "p1", **fields: Any) -> Prediction:
    made = predictions.create_prediction(user, id, PredictRequest(image_id=image, **fields), "request-1")
    assert isinstance(made, Prediction)
    return made


def train(user: Principal, id: str, data: bytes, **query: Any) -> Any:
    return trainings.create_training(user, id, csv_upload(data), TrainQuery(**query), "request-1")


def trained(user: Principal, id: str, images: list[str], *, seed: int = 0) -> None:
    train(user, id, sales_csv(images, 12, seed=seed))
    assert run_job(id, user).status == "completed"


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(StudioError) as caught:
        call()
    return caught.value.code


def job_error(id: str, user: Principal) -> str | None:
    error = run_job(id, user).last_error
    return error.code if error else None


def blob_names(container: str, prefix: str) -> list[str]:
    return [blob.name for blob in blobs.listing(container, prefix)]


def test_the_shipped_model_predicts_and_states_what_it_was_fitted_on() -> None:
    image = store_image("ada", "a", draw_image(1))
    found = predict(ADA, image, category="Dress ", price=40.0)
    assert 0 <= found.err_low <= found.score <= found.err_high
    assert (found.data, found.model, found.coverage, found.calibration) == ("synthetic", "default", 0.9, "good")
    assert found.n_calibration >= 1000 and found.coverage_band[0] < 0.9 < found.coverage_band[1]
    assert len(found.comparables) == 5 and all(one.units >= 0 for one in found.comparables)
    assert sum(one.value for one in found.explanation.contributions) == pytest.approx(found.explanation.mid, abs=1e-5)
    assert found.category == "dress"
    document = stored.predictions.get("prediction:p1", "ada")
    assert document.score == found.score
    assert blob_names(blobs.HEATMAPS, "ada/") == [document.heatmap_blob]
    assert found.heatmap and found.heatmap.mean is not None
    of_image = next(one.value for one in found.explanation.contributions if one.name == "image")
    assert found.heatmap.mean == pytest.approx(of_image, abs=1e-5)
    assert predictions.get_prediction(ADA, "p1").score == found.score
    assert [one.id for one in predictions.list_predictions(ADA, PredictionsQuery()).items] == ["p1"]


def test_an_unusual_image_price_or_category_gets_a_warning() -> None:
    rng = np.random.default_rng(0)
    image = store_image("ada", "noise", rng.integers(0, 256, (160, 128, 3)).astype(np.uint8))
    found = predict(ADA, image, category="spaceship", price=9999.0, heatmap=False)
    assert {one.code for one in found.warnings} == {"far_from_training", "unknown_category", "price_out_of_range"}
    assert found.heatmap_url is None


def test_training_makes_a_version_that_predicts_the_table_and_can_be_rolled_back() -> None:
    images = store_images("ada", 10)
    trained(ADA, "t1", images)
    report = trainings.get_training(ADA, "t1")
    assert (report.status, report.rows, report.bad_rows, report.model) == ("completed", 120, 0, "t1")
    assert report.figures and 0.6 < report.figures.coverage <= 1
    found = predict(ADA, images[0], category="hat", price=10.5)
    assert (found.data, found.model, found.model_version) == ("own", "t1", report.model_version)
    assert (found.calibration, found.n_calibration) == ("low", 24)
    assert "few_calibration_rows" in {one.code for one in found.warnings}
    assert found.comparables[0].image_id == images[0] and found.comparables[0].similarity > 0.99

    level = np.random.default_rng(0).uniform(20, 200, 10)
    scores = [predict(ADA, image, f"s{n}", category=("hat", "coat", "dress")[n % 3], price=10.5 + n % 7 * 5,
                      heatmap=False).score for n, image in enumerate(images)]  # fmt: skip
    assert np.corrcoef(scores, level)[0, 1] > 0.8
    evaluation = evaluation_report.get_evaluation(ADA, EvalQuery())
    assert evaluation.data == "own" and evaluation.n == 18 and evaluation.measures.wape < 0.6
    assert "100% of the rows reported on show an image that was trained on" in " ".join(evaluation.notes)
    assert "<svg" in blobs.get(blobs.ANALYTICS, blob_names(blobs.ANALYTICS, "ada/eval-")[0]).decode()

    trained(ADA, "t2", images, seed=9)
    listed = sales_models.list_models(ADA)
    assert [(one.id, one.active, one.usable) for one in listed.items] == [
        ("t2", True, True), ("t1", False, True), ("default", False, True)]  # fmt: skip
    assert listed.previous == "t1"
    again = sales_models.activate_model(ADA, "t1")
    assert (again.active, again.previous) == ("t1", "t2")
    assert predict(ADA, images[0], "p2", category="hat", price=10.5).score == found.score
    assert predict(ADA, images[0], "p3", model="default").data == "synthetic"
    sales_models.activate_model(ADA, "default")
    assert predict(ADA, images[0], "p4").model == "default"
    sales_models.activate_model(ADA, "t1")
    sales_models.delete_model(ADA, "t1")
    assert sales_models.list_models(ADA).active == "default"
    assert blob_names(blobs.MODELS, "ada/t1/") == []
    assert code_of(lambda: sales_models.activate_model(ADA, "t1")) == "model_not_found"
    # A choice that names a deleted version: the shipped model predicts, unless that version is named.
    stored.active_models.upsert(ActiveModelDocument(user_id="ada", active="t1", previous="default"))
    assert predict(ADA, images[0], "p5", heatmap=False).data == "synthetic"
    assert code_of(lambda: predict(ADA, images[0], "p6", model="t1")) == "model_not_found"


FACTS = ModelFacts(
    rows={"train": 1}, images=1, penalties=[1.0], heat_scale=1.0, price_range=(1.0, 2.0), days=(1, 2), tower="0" * 64,
    joint=8, unit="units", method="split-abs", widths={}, level=0.9, n_calibration=9, band=(0.8, 1.0),
)  # fmt: skip


def store_version(user: Principal, id: str) -> SalesModelDocument:
    return stored.sales_models.create(
        SalesModelDocument(
            id=SalesModelId.of(id), user_id=user.user_id, version="sales_own@1", facts=FACTS, categories=["hat"],
            weights_blob=f"{user.user_id}/{id}/w.npz", rows_blob=f"{user.user_id}/{id}/r.npz",
            created_at="2026-01-01T00:00:00.000Z",
        )
    )  # fmt: skip


@pytest.mark.parametrize("change", [sales_models.activate_model, sales_models.delete_model])
def test_a_deleted_version_can_be_neither_activated_nor_deleted(change: Callable[[Principal, str], Any]) -> None:
    store_version(ADA, "t1")
    sales_models.delete_model(ADA, "t1")
    assert code_of(lambda: change(ADA, "t1")) == "model_not_found"
    assert model_registry.get_active_model_id("ada") == "default"


def test_a_version_deleted_while_it_is_activated_is_not_active() -> None:
    """Whichever of the two commits first, the version is gone and the shipped model is active."""
    with ThreadPoolExecutor(2) as pool:
        for number in range(30):
            id, barrier = f"t{number}", Barrier(2)
            store_version(ADA, id)

            def run(change: Callable[[Principal, str], Any], id: str = id, barrier: Barrier = barrier) -> None:
                barrier.wait()
                with suppress(NotFound):
                    change(ADA, id)

            list(pool.map(run, (sales_models.activate_model, sales_models.delete_model)))
            assert stored.sales_models.find(SalesModelId.of(id), "ada") is None
            assert model_registry.get_active_model_id("ada") == "default"


def test_a_column_of_product_names_is_refused_as_categories() -> None:
    rows = [f"a,{n},10,product {n},2025-01-{1 + n % 28:02}" for n in range(201)]
    data = "\n".join(["image,units,price,category,date", *(f"{n}{row}" for n, row in enumerate(rows))]).encode()
    assert code_of(lambda: train(ADA, "t1", data)) == "too_many_categories"


def test_merchants_cannot_access_each_others_tables_models_or_predictions() -> None:
    mine = store_images("ada", 6)
    trained(ADA, "t1", mine)
    predict(ADA, mine[0], "p1")
    batch = predictions.create_prediction(ADA, "b1", PredictRequest(image_ids=mine), "r")
    assert isinstance(batch, BatchQueued) and run_job("b1").status == "completed"
    other = store_image("bob", "bobs", draw_image(50))
    for call in (
        lambda: trainings.get_training(BOB, "t1"),
        lambda: sales_models.activate_model(BOB, "t1"),
        lambda: sales_models.delete_model(BOB, "t1"),
        lambda: evaluation_report.get_evaluation(BOB, EvalQuery(model="t1")),
        lambda: predict(BOB, other, model="t1"),
        lambda: predictions.create_prediction(BOB, "b2", PredictRequest(image_ids=[other], model="t1"), "r"),
        lambda: predictions.get_prediction(BOB, "p1"),
        lambda: batches.get_batch(BOB, "b1"),
        lambda: predict(BOB, mine[0]),
    ):
        assert code_of(call).endswith("_not_found")
    assert [one.id for one in sales_models.list_models(BOB).items] == ["default"]
    assert predict(BOB, other, "p9").model == "default"
    # A table that names another merchant's private image: its rows are bad, and no model is made
    train(BOB, "t9", sales_csv([other, mine[1]], 40))
    assert job_error("t9", BOB) == "bad_rows"
    assert trainings.get_training(BOB, "t9").bad_rows == 40
    assert blob_names(blobs.MODELS, "bob/t9") == []
    # Erasing an account removes everything of it and nothing of other merchants.
    there = personal_data.count_personal_data("ada")
    assert {"prediction", "sales_training", "sales_model", "analytics_active"} <= set(there.documents)
    assert {"heatmaps", "models", "analytics"} <= set(there.blobs)
    personal_data.delete_blobs("ada")
    assert not personal_data.count_personal_data("ada").blobs
    assert personal_data.count_personal_data("bob").blobs


def test_bad_rows_end_the_training_or_are_skipped_and_always_named() -> None:
    images = store_images("ada", 6)
    public = store_image("bob", "shown-to-all", draw_image(60), visibility="public")
    first, second = (f"images/ada/{images[number]}/original.png" for number in (1, 2))
    bad = [
        "gone,3,10,hat,2025-01-01",
        f"{images[0]},-1,10,hat,2030-01-01",
        f"{first},9,12,hat,2025-01-01",
        f"{second},9,12,hat,2024-12-31",
        f"{public},4,12,hat,2025-01-02",
    ]
    data = sales_csv(images, 12, bad=bad)
    with pytest.raises(Unprocessable) as caught:
        train(ADA, "t1", data)
    details = caught.value.details or {}
    assert caught.value.code == "bad_rows" and details["badRows"] == 1
    assert {(one["line"], one["column"]) for one in details["problems"]} == {(75, "units"), (75, "date")}
    queued = train(ADA, "t2", data, bad_rows="skip")
    assert (queued.rows, queued.bad_rows) == (77, 1)
    assert run_job("t2").status == "completed"
    found = trainings.get_training(ADA, "t2")
    assert found.bad_rows == 3 and found.report_url
    report = blobs.get(blobs.ANALYTICS, "ada/t2/report.csv").decode()
    rows = list(csv.reader(io.StringIO(report)))[1:]
    assert [(row[0], row[1]) for row in rows] == [("74", "image"), ("75", "units"), ("75", "date"), ("76", "image")]
    assert "line 2 by another name" in rows[-1][2] or "line 3 by another name" in rows[-1][2]
    assert sum(sales_models.list_models(ADA).items[0].rows.values()) == 74


@pytest.mark.parametrize(("rows", "code"), [(44, "too_few_rows"), (45, None)])
def test_too_few_rows_are_refused_before_a_job_is_created(rows: int, code: str | None) -> None:
    image = store_image("ada", "a", draw_image(1))
    data = sales_csv([image], rows)
    if code:
        assert code_of(lambda: train(ADA, "t1", data)) == code
        assert protocol.jobs.find("job:t1", "ada") is None
    else:
        train(ADA, "t1", data)
        assert run_job("t1").status == "completed"
        figures = trainings.get_training(ADA, "t1").figures
        assert figures and figures.n_calibration == 9


def test_a_list_becomes_a_csv_with_a_line_for_each_row() -> None:
    images = store_images("ada", 3)
    rows = [f"{images[0]};12,5;hat", "=cmd();;", f"{images[1]};;", f"{images[2]};-1;hat", "gone;;"]
    lines = ["image;price;category", *rows]
    queued = batches.create_batch(ADA, "b1", csv_upload("\r\n".join(lines).encode()), BatchQuery(), "r")
    assert (queued.batch_id, queued.rows) == ("b1", 5)
    assert batches.create_batch(ADA, "b1", csv_upload("\r\n".join(lines).encode()), BatchQuery(), "r") == queued
    job = run_job("b1")
    assert job.status == "completed" and job.result
    assert (job.result["predicted"], job.result["badRows"]) == (2, 3)
    found = batches.get_batch(ADA, "b1")
    assert (found.status, found.predicted, found.bad_rows, found.model) == ("completed", 2, 3, "default")
    blob = next(name for name in blob_names(blobs.ANALYTICS, "ada/b1/") if name.endswith("predictions.csv"))
    rows = list(csv.DictReader(io.StringIO(blobs.get(blobs.ANALYTICS, blob).decode())))
    assert [row["line"] for row in rows] == ["2", "3", "4", "5", "6"]
    assert rows[1]["image"].startswith("'=") and rows[1]["error"]
    single = predict(ADA, images[0], price=12.5, category="hat")
    assert float(rows[0]["score"]) == pytest.approx(single.score, abs=0.11)
    assert rows[0]["data"] == "synthetic" and rows[0]["modelVersion"] == single.model_version
    assert [bool(row["error"]) for row in rows] == [False, True, False, True, True]


def test_a_list_over_the_limit_is_refused_before_anything_is_stored() -> None:
    lines = ["image", *(f"i{n}" for n in range(batches.MAX_ROWS + 1))]
    assert (
        code_of(lambda: batches.create_batch(ADA, "long", csv_upload("\n".join(lines).encode()), BatchQuery(), "r"))
        == "too_many_rows"
    )
    assert blob_names(blobs.ANALYTICS, f"{ADA.user_id}/long") == []


def test_an_attempt_that_lost_its_lease_commits_nothing_and_leaves_nothing() -> None:
    images = store_images("ada", 4)
    train(ADA, "t1", sales_csv(images, 15))
    claimed = protocol.claim(protocol.load("job:t1", "ada"), "slow")
    assert claimed
    from shared.jobs.step import Task

    step = AnalyticsStep()
    slow = step.run(Task(claimed, step.push))
    left = blob_names(blobs.MODELS, "ada/t1/")
    protocol.jobs.patch(JobId.of("t1"), "ada", assign(Job.lease_until, 0))
    assert run_job("t1").status == "completed"
    with pytest.raises(protocol.LeaseLost):
        protocol.complete(claimed, slow)
    model = model_registry.get_model_document("ada", "t1")
    assert sorted(blob_names(blobs.MODELS, "ada/t1/")) == sorted(model.blob_names)
    assert left and not set(left) & set(model.blob_names)
    assert len(sales_models.list_models(ADA).items) == 2


def test_a_model_of_another_image_tower_is_refused_not_used(tmp_path: Path, change: Callable[..., None]) -> None:
    images = store_images("ada", 5)
    trained(ADA, "t1", images)
    folder = tmp_path / "models"
    folder.mkdir()
    for path in onnx.models_dir().iterdir():
        if path.is_file():
            (folder / path.name).symlink_to(path.resolve())
    manifest = folder / "sales_quantiles.manifest.json"
    entry = json.loads(manifest.read_text())
    entry["facts"]["tower"] = "0" * 64
    manifest.unlink()
    manifest.write_text(json.dumps(entry))
    facts = model_registry.get_model_document("ada", "t1").facts.model_copy(update={"tower": "1" * 64})
    stored.sales_models.patch("sales_model:t1", "ada", assign(SalesModelDocument.facts, facts))
    change(MODELS_DIR=str(folder))
    onnx.forget()
    try:
        assert code_of(lambda: predict(ADA, images[0])) == "tower_mismatch"
        assert code_of(lambda: predict(ADA, images[0], model="default")) == "tower_mismatch"
        assert [one.usable for one in sales_models.list_models(ADA).items] == [False, False]
    finally:
        onnx.forget()


def test_a_list_with_an_image_that_can_not_be_decoded_is_predicted_without_it() -> None:
    ids = store_images("ada", 3)
    blobs.put(blobs.IMAGES, f"ada/{ids[1]}/original.png", b"not a picture any more", content_type="image/png")
    lines = ["image,price,category", *(f"{id},9.50,hat" for id in ids)]
    batches.create_batch(ADA, "b-broken", csv_upload("\n".join(lines).encode()), BatchQuery(), "r")
    job = run_job("b-broken", tries=9)
    assert job.status == "completed"
    batch = batches.get_batch(ADA, "b-broken")
    assert (batch.predicted, batch.bad_rows) == (2, 1)
    assert not [one.name for one in blobs.listing(blobs.ANALYTICS, "ada/b-broken/") if "lines-" in one.name]
