"""Merchant analytics over HTTP: predict, train, predict with the new model, roll back."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import requests
from over_http import refused, send
from PIL import Image
from sales_shop import draw_image, needs_models, sales_csv

from demo.client import Client
from emulators.stack import Stack

pytestmark = needs_models
type SignUp = Callable[..., Client]
CSV = {"Content-Type": "text/csv"}


def encoded(seed: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(draw_image(seed)).save(out, "JPEG", quality=95)
    return out.getvalue()


def upload(client: Client, seed: int) -> dict[str, Any]:
    return client.upload(encoded(seed), f"{seed}.jpg", "garment")


def test_a_merchant_predicts_trains_predicts_again_and_rolls_back(stack: Stack, sign_up: SignUp) -> None:
    client = sign_up("merchant")
    images = [upload(client, seed) for seed in (1, 2, 3)]
    body = {"imageUrl": images[0]["original"]["url"], "category": "dress", "price": 49.9}
    first = client.call("POST", "analytics/predict", json=body)
    assert first["errLow"] <= first["score"] <= first["errHigh"]
    assert (first["data"], first["coverage"]) == ("synthetic", 0.9)
    answer = requests.get(first["heatmapUrl"], timeout=20)
    assert answer.headers["Content-Type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as heat:
        assert heat.size == (96, 120) and np.asarray(heat.convert("RGB")).std() > 5
    figures = client.call("GET", "analytics/eval")
    assert 0.88 <= figures["interval"]["coverage"] <= 0.92 and figures["n"] >= 1000
    assert set(figures["baselines"]) == {"categoryMean", "colours", "nearest", "priceAndCategory"}
    plot = requests.get(figures["plotUrl"], timeout=20)
    assert plot.headers["Content-Type"] == "image/svg+xml" and plot.text.startswith("<svg")

    queued = send(client, "POST", "analytics/train", data=sales_csv([one["id"] for one in images], 30), headers=CSV)
    assert queued.status_code == 202, queued.text
    training = queued.json()
    assert queued.headers["Location"] == f"/api/analytics/trainings/{training['trainingId']}"
    assert client.wait(training["jobId"])["status"] == "completed"
    made = client.call("GET", f"analytics/trainings/{training['trainingId']}")
    listed = client.call("GET", "analytics/trainings")["items"]
    assert listed == [{**made, "reportUrl": None}]
    assert client.call("GET", "analytics/trainings", params={"status": "processing"})["items"] == []
    assert sign_up("merchant").call("GET", "analytics/trainings")["items"] == []
    second = client.call("POST", "analytics/predict", json=body)
    assert (second["data"], second["modelVersion"], second["calibration"]) == ("own", made["modelVersion"], "low")
    listed = client.call("POST", "analytics/models/default/activate")
    assert (listed["active"], listed["previous"]) == ("default", made["model"])
    third = client.call("POST", "analytics/predict", json=body)
    assert third["score"] == first["score"]
    assert [one["id"] for one in client.call("GET", "analytics/predictions")["items"]] == [
        third["id"], second["id"], first["id"]]  # fmt: skip


def test_a_list_of_ids_is_predicted_as_csv(stack: Stack, sign_up: SignUp) -> None:
    client = sign_up("merchant")
    ids = [upload(client, seed)["id"] for seed in (4, 5)]
    queued = client.call("POST", "analytics/predict", json={"imageIds": [*ids, "missing"], "category": "hat"})
    assert client.wait(queued["jobId"])["status"] == "completed"
    batch = client.call("GET", f"analytics/batches/{queued['batchId']}")
    assert (batch["rows"], batch["predicted"], batch["badRows"]) == (3, 2, 1)
    answer = requests.get(batch["resultUrl"], timeout=20)
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [row["image"] for row in rows] == [*ids, "missing"]
    assert float(rows[0]["errLow"]) <= float(rows[0]["score"]) <= float(rows[0]["errHigh"])
    assert rows[2]["error"] and not rows[2]["score"]


def test_errors_are_specific_and_shoppers_are_forbidden(stack: Stack, sign_up: SignUp) -> None:
    merchant, shopper = sign_up("merchant"), sign_up()
    assert refused(send(shopper, "POST", "analytics/predict", json={"imageId": "x"})) == (403, "forbidden")
    for kind, data, status, code in (
        ("application/json", b"{}", 415, "unsupported_type"),
        ("text/csv", b"", 422, "csv_empty"),
        ("text/csv", b"image,units\na,1", 422, "csv_columns"),
        ("text/csv", b"\xff\xfe\x00", 422, "csv_encoding"),
        ("text/csv", b"image,units,price,category,date\na,-1,x,,y", 422, "bad_rows"),
    ):
        answer = send(merchant, "POST", "analytics/train", data=data, headers={"Content-Type": kind})
        assert refused(answer) == (status, code)
    details = answer.json()["details"]
    assert [one["line"] for one in details["problems"]] == [2, 2, 2, 2]
    assert requests.get(details["reportUrl"], timeout=20).text.count("\n") == 5
    missing = send(merchant, "POST", "analytics/predict", json={"imageId": "missing"})
    assert refused(missing) == (404, "image_not_found")
