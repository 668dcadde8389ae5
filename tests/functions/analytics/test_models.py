"""Merchants' own models: trained by a job, kept apart, rolled back, refused where they would lie."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sales_shop import ADA, BOB, csv_of, finish, needs_models, picture, shelf_of, shown, table

from functions.analytics import assessment, service, shelf, training
from functions.analytics.model_models import EvalQuery, TrainQuery
from functions.analytics.models import BatchQueued, Prediction, PredictionsQuery, PredictRequest
from functions.analytics.worker import AnalyticsStep
from functions.privacy import erasure
from shared import blobs, onnx
from shared.documents import store
from shared.errors import StudioError, Unprocessable
from shared.http.auth import Principal
from shared.jobs import protocol

pytestmark = [needs_models, pytest.mark.usefixtures("local")]


def predict(user: Principal, image: str, id: str = "p1", **fields: Any) -> Prediction:
    made = service.request(user, id, PredictRequest(image_id=image, **fields), "request-1")
    assert isinstance(made, Prediction)
    return made


def train(user: Principal, id: str, data: bytes, **query: Any) -> Any:
    return training.train(user, id, csv_of(data), TrainQuery(**query), "request-1")


def trained(user: Principal, id: str, images: list[str], *, seed: int = 0) -> None:
    train(user, id, table(images, 12, seed=seed))
    assert finish(id, user)["status"] == "completed"


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(StudioError) as caught:
        call()
    return caught.value.code


def read(container: str, prefix: str) -> list[str]:
    return [blob.name for blob in blobs.listing(container, prefix)]


def test_the_shipped_model_answers_and_says_what_it_was_fitted_on() -> None:
    image = shown("ada", "a", picture(1))
    found = predict(ADA, image, category="Dress ", price=40.0)
    assert 0 <= found.err_low <= found.score <= found.err_high
    assert (found.data, found.model, found.coverage, found.calibration) == ("synthetic", "default", 0.9, "good")
    assert found.n_calibration >= 1000 and found.coverage_band[0] < 0.9 < found.coverage_band[1]
    assert len(found.comparables) == 5 and all(one.units >= 0 for one in found.comparables)
    assert sum(one.value for one in found.explanation.contributions) == pytest.approx(found.explanation.mid, abs=1e-5)
    assert found.category == "dress"
    stored = store().read("studio", "prediction:p1", "ada")
    assert stored["type"] == "prediction" and stored["score"] == found.score
    assert read(blobs.HEATMAPS, "ada/") == [stored["heatmapBlob"]]
    assert found.heatmap and found.heatmap.mean is not None
    of_image = next(one.value for one in found.explanation.contributions if one.name == "image")
    assert found.heatmap.mean == pytest.approx(of_image, abs=1e-5)
    assert service.prediction(ADA, "p1").score == found.score
    assert [one.id for one in service.predictions(ADA, PredictionsQuery()).items] == ["p1"]


def test_a_strange_picture_price_or_category_is_warned_of() -> None:
    rng = np.random.default_rng(0)
    image = shown("ada", "noise", rng.integers(0, 256, (160, 128, 3)).astype(np.uint8))
    found = predict(ADA, image, category="spaceship", price=9999.0, heatmap=False)
    assert {one.code for one in found.warnings} == {"far_from_training", "unknown_category", "price_out_of_range"}
    assert found.heatmap_url is None


def test_a_merchants_table_makes_a_version_that_has_learned_it_and_can_be_rolled_back() -> None:
    images = shelf_of("ada", 10)
    trained(ADA, "t1", images)
    report = training.training(ADA, "t1")
    assert (report.status, report.rows, report.bad_rows, report.model) == ("completed", 120, 0, "t1")
    assert report.figures and 0.6 < report.figures["coverage"] <= 1
    found = predict(ADA, images[0], category="hat", price=10.5)
    assert (found.data, found.model, found.model_version) == ("own", "t1", report.model_version)
    assert (found.calibration, found.n_calibration) == ("low", 24)
    assert "few_calibration_rows" in {one.code for one in found.warnings}
    assert found.comparables[0].image_id == images[0] and found.comparables[0].similarity > 0.99

    level = np.random.default_rng(0).uniform(20, 200, 10)
    scores = [predict(ADA, image, f"s{n}", category=("hat", "coat", "dress")[n % 3], price=10.5 + n % 7 * 5,
                      heatmap=False).score for n, image in enumerate(images)]  # fmt: skip
    assert np.corrcoef(scores, level)[0, 1] > 0.8
    told = assessment.evaluate(ADA, EvalQuery())
    assert told.data == "own" and told.n == 18 and told.measures.wape < 0.6
    assert "100% of the rows reported on show a picture that was trained on" in " ".join(told.notes)
    assert "<svg" in blobs.get(blobs.ANALYTICS, read(blobs.ANALYTICS, "ada/eval-")[0]).decode()

    trained(ADA, "t2", images, seed=9)
    listed = training.models(ADA)
    assert [(one.id, one.active, one.usable) for one in listed.items] == [
        ("t2", True, True), ("t1", False, True), ("default", False, True)]  # fmt: skip
    assert listed.previous == "t1"
    again = training.activate(ADA, "t1")
    assert (again.active, again.previous) == ("t1", "t2")
    assert predict(ADA, images[0], "p2", category="hat", price=10.5).score == found.score
    assert predict(ADA, images[0], "p3", model="default").data == "synthetic"
    training.activate(ADA, "default")
    assert predict(ADA, images[0], "p4").model == "default"
    training.activate(ADA, "t1")
    training.remove(ADA, "t1")
    assert training.models(ADA).active == "default"
    assert read(blobs.MODELS, "ada/t1/") == []
    assert code_of(lambda: training.activate(ADA, "t1")) == "model_not_found"
    # a pointer to what was deleted meanwhile: the shipped model answers, unless that very version is asked for
    store().upsert("studio", shelf.pointer("ada", "t1", "default"))
    assert predict(ADA, images[0], "p5", heatmap=False).data == "synthetic"
    assert code_of(lambda: predict(ADA, images[0], "p6", model="t1")) == "model_not_found"


def test_a_version_deleted_while_it_is_activated_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("w.npz", "r.npz")
    store().upsert("studio", training.version_record("ada", "t1", "v", {}, ("hat",), *names))
    found = shelf.record("ada", "t1")
    training.remove(ADA, "t1")
    monkeypatch.setattr(shelf, "record", lambda *_: found)
    assert code_of(lambda: training.activate(ADA, "t1")) == "model_not_found"
    assert code_of(lambda: training.remove(ADA, "t1")) == "model_not_found"
    assert shelf.active_id("ada") == "default"


def test_names_of_products_are_no_categories() -> None:
    rows = [f"a,{n},10,product {n},2025-01-{1 + n % 28:02}" for n in range(201)]
    data = "\n".join(["image,units,price,category,date", *(f"{n}{row}" for n, row in enumerate(rows))]).encode()
    assert code_of(lambda: train(ADA, "t1", data)) == "too_many_categories"


def test_no_merchant_comes_near_anothers_table_model_or_prediction() -> None:
    mine = shelf_of("ada", 6)
    trained(ADA, "t1", mine)
    predict(ADA, mine[0], "p1")
    batch = service.request(ADA, "b1", PredictRequest(image_ids=mine), "r")
    assert isinstance(batch, BatchQueued) and finish("b1")["status"] == "completed"
    other = shown("bob", "bobs", picture(50))
    for call in (
        lambda: training.training(BOB, "t1"),
        lambda: training.activate(BOB, "t1"),
        lambda: training.remove(BOB, "t1"),
        lambda: assessment.evaluate(BOB, EvalQuery(model="t1")),
        lambda: predict(BOB, other, model="t1"),
        lambda: service.request(BOB, "b2", PredictRequest(image_ids=[other], model="t1"), "r"),
        lambda: service.prediction(BOB, "p1"),
        lambda: service.batch(BOB, "b1"),
        lambda: predict(BOB, mine[0]),
    ):
        assert code_of(call).endswith("_not_found")
    assert [one.id for one in training.models(BOB).items] == ["default"]
    assert predict(BOB, other, "p9").model == "default"
    # a table that names another's private picture: its rows are bad, and nothing of it is learned
    train(BOB, "t9", table([other, mine[1]], 40))
    assert finish("t9", BOB)["lastError"]["code"] == "bad_rows"
    assert training.training(BOB, "t9").bad_rows == 40
    assert read(blobs.MODELS, "bob/t9") == []
    # all of a merchant's goes with the account, and nothing of anybody else's
    there = erasure.inventory("ada")
    assert {"prediction", "sales_training", "sales_model", "analytics_active"} <= set(there["documents"])
    assert {"heatmaps", "models", "analytics"} <= set(there["blobs"])
    erasure.remove_blobs("ada")
    assert not erasure.inventory("ada")["blobs"] and erasure.inventory("bob")["blobs"]


def test_bad_rows_end_the_training_or_are_skipped_and_always_named() -> None:
    images = shelf_of("ada", 6)
    public = shown("bob", "shown-to-all", picture(60), visibility="public")
    first, second = (f"images/ada/{images[number]}/original.png" for number in (1, 2))
    bad = [
        "gone,3,10,hat,2025-01-01",
        f"{images[0]},-1,10,hat,2030-01-01",
        f"{first},9,12,hat,2025-01-01",
        f"{second},9,12,hat,2024-12-31",
        f"{public},4,12,hat,2025-01-02",
    ]
    data = table(images, 12, bad=bad)
    with pytest.raises(Unprocessable) as caught:
        train(ADA, "t1", data)
    details = caught.value.details or {}
    assert caught.value.code == "bad_rows" and details["badRows"] == 1
    assert {(one["line"], one["column"]) for one in details["problems"]} == {(75, "units"), (75, "date")}
    queued = train(ADA, "t2", data, bad_rows="skip")
    assert (queued.rows, queued.bad_rows) == (77, 1)
    assert finish("t2")["status"] == "completed"
    found = training.training(ADA, "t2")
    assert found.bad_rows == 3 and found.report_url
    report = blobs.get(blobs.ANALYTICS, "ada/t2/report.csv").decode()
    rows = list(csv.reader(io.StringIO(report)))[1:]
    assert [(row[0], row[1]) for row in rows] == [("74", "image"), ("75", "units"), ("75", "date"), ("76", "image")]
    assert "line 2 by another name" in rows[-1][2] or "line 3 by another name" in rows[-1][2]
    assert sum(training.models(ADA).items[0].rows.values()) == 74


@pytest.mark.parametrize(("rows", "code"), [(44, "too_few_rows"), (45, None)])
def test_too_few_rows_are_refused_before_any_work(rows: int, code: str | None) -> None:
    image = shown("ada", "a", picture(1))
    data = table([image], rows)
    if code:
        assert code_of(lambda: train(ADA, "t1", data)) == code
        assert store().find("studio", "job:t1", "ada") is None
    else:
        train(ADA, "t1", data)
        assert finish("t1")["status"] == "completed"
        assert training.training(ADA, "t1").figures["nCalibration"] == 9  # type: ignore[index]


def test_a_list_becomes_a_csv_with_a_line_for_each_row() -> None:
    images = shelf_of("ada", 3)
    rows = [f"{images[0]};12,5;hat", "=cmd();;", f"{images[1]};;", f"{images[2]};-1;hat", "gone;;"]
    lines = ["image;price;category", *rows]
    queued = service.request_list(ADA, "b1", csv_of("\r\n".join(lines).encode()), None, "r")
    assert (queued.batch_id, queued.rows) == ("b1", 5)
    assert service.request_list(ADA, "b1", csv_of("\r\n".join(lines).encode()), None, "r") == queued
    job = finish("b1")
    assert (job["status"], job["result"]["predicted"], job["result"]["badRows"]) == ("completed", 2, 3)
    found = service.batch(ADA, "b1")
    assert (found.status, found.predicted, found.bad_rows, found.model) == ("completed", 2, 3, "default")
    blob = next(name for name in read(blobs.ANALYTICS, "ada/b1/") if name.endswith("predictions.csv"))
    rows = list(csv.DictReader(io.StringIO(blobs.get(blobs.ANALYTICS, blob).decode())))
    assert [row["line"] for row in rows] == ["2", "3", "4", "5", "6"]
    assert rows[1]["image"].startswith("'=") and rows[1]["error"]
    single = predict(ADA, images[0], price=12.5, category="hat")
    assert float(rows[0]["score"]) == pytest.approx(single.score, abs=0.11)
    assert rows[0]["data"] == "synthetic" and rows[0]["modelVersion"] == single.model_version
    assert [bool(row["error"]) for row in rows] == [False, True, False, True, True]


def test_a_list_that_no_run_could_end_is_refused_before_anything_is_stored() -> None:
    lines = ["image", *(f"i{n}" for n in range(service.MAX_LIST + 1))]
    assert (
        code_of(lambda: service.request_list(ADA, "long", csv_of("\n".join(lines).encode()), None, "r"))
        == "too_many_rows"
    )
    assert read(blobs.ANALYTICS, f"{ADA.user_id}/long") == []


def test_an_attempt_that_was_overtaken_commits_nothing_and_leaves_nothing() -> None:
    images = shelf_of("ada", 4)
    train(ADA, "t1", table(images, 15))
    claimed = protocol.claim(protocol.load("job:t1", "ada"), "slow")
    assert claimed
    from shared.jobs.step import Task

    step = AnalyticsStep()
    slow = step.run(Task(claimed, step.push))
    left = read(blobs.MODELS, "ada/t1/")
    store().patch("studio", "job:t1", "ada", set={"leaseUntil": 0})
    assert finish("t1")["status"] == "completed"
    with pytest.raises(protocol.LeaseLost):
        protocol.complete(claimed, slow)
    record = shelf.record("ada", "t1")
    assert sorted(read(blobs.MODELS, "ada/t1/")) == sorted([record["weightsBlob"], record["rowsBlob"]])
    assert left and not set(left) & {record["weightsBlob"], record["rowsBlob"]}
    assert len(training.models(ADA).items) == 2


def test_a_model_of_another_image_tower_is_refused_not_used(tmp_path: Path, change: Callable[..., None]) -> None:
    images = shelf_of("ada", 5)
    trained(ADA, "t1", images)
    folder = tmp_path / "models"
    folder.mkdir()
    for path in onnx.folder().iterdir():
        if path.is_file():
            (folder / path.name).symlink_to(path.resolve())
    manifest = folder / "sales_quantiles.manifest.json"
    entry = json.loads(manifest.read_text())
    entry["facts"]["tower"] = "0" * 64
    manifest.unlink()
    manifest.write_text(json.dumps(entry))
    store().patch(
        "studio", "sales_model:t1", "ada", set={"facts": {**shelf.record("ada", "t1")["facts"], "tower": "1" * 64}}
    )
    change(MODELS_DIR=str(folder))
    onnx.forget()
    shelf._shipped.cache_clear()
    try:
        assert code_of(lambda: predict(ADA, images[0])) == "tower_mismatch"
        assert code_of(lambda: predict(ADA, images[0], model="default")) == "tower_mismatch"
        assert [one.usable for one in training.models(ADA).items] == [False, False]
    finally:
        onnx.forget()
        shelf._shipped.cache_clear()
