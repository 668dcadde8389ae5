"""Documents written before they were typed still load, and are written back with the same fields."""

from __future__ import annotations

from typing import Any

import pytest

from functions.analytics import documents
from shared.documents import store
from shared.documents.repository import Repository

pytestmark = pytest.mark.usefixtures("local")

RUN = {
    "userId": "ada", "status": "completed", "jobId": "job:1", "model": "default", "modelVersion": "sales_quantiles@0",
    "error": None, "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:01.000Z",
}  # fmt: skip
BATCH = {
    **RUN, "id": "prediction_batch:1", "type": "prediction_batch", "rows": 3, "predicted": 2, "badRows": 1,
    "resultBlob": "ada/1/1-1/predictions.csv", "listBlob": "ada/1/list.csv",
}  # fmt: skip
TRAINING = {
    **RUN, "id": "sales_training:1", "type": "sales_training", "rows": 120, "badRows": 0, "reportBlob": None,
    "ignoredColumns": ["note"],
    "figures": {"n": 18, "wape": 0.3, "categoryMeanWape": 0.5, "coverage": 0.9, "band": [0.8, 1.0], "width": 1.2,
                "method": "split-abs", "nCalibration": 24},
}  # fmt: skip
FAILED = {
    **TRAINING, "id": "sales_training:2", "status": "failed", "figures": None, "model": None, "modelVersion": None,
    "error": {"code": "bad_rows", "message": "2 rows are bad"},
}  # fmt: skip
MODEL = {
    "id": "sales_model:1", "userId": "ada", "type": "sales_model", "version": "sales_own@0123456789ab",
    "facts": {"rows": {"train": 60, "choose": 18, "calibrate": 24, "report": 18}, "pictures": 10,
              "penalties": [10.0, 1.0, 10.0, 1.0], "heatScale": 1.0063, "priceRange": [10.5, 40.5],
              "days": [738886, 739616], "tower": "0" * 64, "joint": 192, "unit": "units, as in your table",
              "method": "split-abs", "widths": {"split-abs": 1.9}, "level": 0.9, "nCalibration": 24,
              "band": [0.78, 0.98]},
    "categories": ["coat", "hat"], "weightsBlob": "ada/1/1-1-weights.npz", "rowsBlob": "ada/1/1-1-rows.npz",
    "createdAt": "2026-01-01T00:00:00.000Z",
}  # fmt: skip
ACTIVE = {"id": "analytics:active", "userId": "ada", "type": "analytics_active", "active": "1", "previous": "default"}
PREDICTION = {
    "id": "prediction:1", "userId": "ada", "type": "prediction", "imageId": "a", "inputSha256": "0" * 64,
    "heatmapBlob": "ada/0/1.png", "heatmap": {"method": "cam", "mean": 0.1, "strongest": 0.4, "scale": 1.0063},
    "price": 40.0, "category": "dress", "score": 91.4, "errLow": 30.1, "errHigh": 250.2,
    "explanation": {"mid": 4.53, "contributions": [{"name": "base", "value": 4.4, "factor": 81.45},
                                                   {"name": "image", "value": 0.13, "factor": 1.14}]},
    "comparables": [{"name": "a", "imageId": "a", "similarity": 0.99, "category": "dress", "price": 39.9,
                     "units": 88.0, "date": "2025-11-02", "rows": 3}],
    "distance": 0.4, "warnings": [{"code": "few_calibration_rows", "message": "only 24 rows"}],
    "unit": "units, as in your table", "coverage": 0.9, "coverageBand": [0.78, 0.98], "calibration": "low",
    "nCalibration": 24, "method": "split-abs", "data": "own", "model": "1", "modelVersion": "sales_own@0123456789ab",
    "createdAt": "2026-01-01T00:00:00.000Z", "ttl": 15552000,
}  # fmt: skip
ADDED = {"scale": "log(1 + units)"}
"""What is written with an explanation now."""


@pytest.mark.parametrize(
    ("repository", "item"),
    [
        (documents.batches, BATCH),
        (documents.trainings, TRAINING),
        (documents.trainings, FAILED),
        (documents.sales_models, MODEL),
        (documents.active_models, ACTIVE),
        (documents.predictions, PREDICTION),
    ],
    ids=lambda value: value["id"] if isinstance(value, dict) else "",
)
def test_a_document_from_before_loads_and_keeps_its_fields(repository: Repository[Any], item: dict[str, Any]) -> None:
    store().create("studio", item)
    written = repository.get(item["id"], "ada").to_item()
    if "explanation" in item:
        item = {**item, "explanation": {**item["explanation"], **ADDED}}
    assert written == item
