"""Triggers of merchant analytics: `analytics/...` over HTTP, the `analytics` queue and its poison queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import azure.functions as func

from functions.analytics.evaluation_schemas import EvalQuery, Evaluation
from functions.analytics.prediction_schemas import (
    Batch,
    BatchQuery,
    BatchQueued,
    Prediction,
    PredictionList,
    PredictionsQuery,
    PredictRequest,
)
from functions.analytics.training_schemas import (
    SalesModelList,
    Training,
    TrainingList,
    TrainingQueued,
    TrainingsQuery,
    TrainQuery,
)
from shared.accounts.documents import Role
from shared.http.auth import Access
from shared.http.endpoint import Call, Reply, endpoint
from shared.tables.upload import TableUpload

bp = func.Blueprint()
MERCHANTS = Access(frozenset({Role.MERCHANT, Role.ADMIN}))
TABLE = ("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")


def _table_upload(call: Call) -> TableUpload:
    headers = cast("Mapping[str, str]", call.raw.headers)
    return TableUpload(call.raw.get_body(), headers.get("Content-Type"))


@endpoint(
    bp, "POST", "analytics/predict", access=MERCHANTS, limit="analytics", idempotent=True,
    body=PredictRequest, answer=Prediction, answers={202: BatchQueued}, errors=(404, 422, 503),
)  # fmt: skip
def create_prediction(call: Call) -> Reply:
    """Predict sales.

    How many units a design will sell, with an interval and the reasons. With `imageIds` a batch is created (202).
    """
    from functions.analytics import predictions

    made = predictions.create_prediction(call.caller, call.new_id, call.body, call.request_id)
    if isinstance(made, BatchQueued):
        return Reply(made, status=202, headers={"Location": f"/api/analytics/batches/{made.batch_id}"})
    return Reply(made, kept=False)


@endpoint(
    bp, "POST", "analytics/batches", access=MERCHANTS, limit="analytics", status=202, idempotent=True, upload=TABLE,
    query=BatchQuery, answer=BatchQueued, errors=(404, 413, 415, 422, 503),
)  # fmt: skip
def create_prediction_batch(call: Call) -> Reply:
    """Create a prediction batch.

    Predicts sales for the images of a table (CSV or `.xlsx`) with the columns `image` and, where known, `price` and
    `category`.
    """
    from functions.analytics import batches

    made = batches.create_batch(call.caller, call.new_id, _table_upload(call), call.query, call.request_id)
    return Reply(made, headers={"Location": f"/api/analytics/batches/{made.batch_id}"})


@endpoint(bp, "GET", "analytics/batches/{id}", access=MERCHANTS, answer=Batch, errors=(404,))
def get_prediction_batch(call: Call) -> Batch:
    """Get a prediction batch.

    Its status and, once completed, a URL of the predictions as CSV.
    """
    from functions.analytics import batches

    return batches.get_batch(call.caller, call.path["id"])


@endpoint(
    bp, "GET", "analytics/predictions", access=MERCHANTS, query=PredictionsQuery,
    answer=PredictionList,
)  # fmt: skip
def list_predictions(call: Call) -> PredictionList:
    """List predictions."""
    from functions.analytics import predictions

    return predictions.list_predictions(call.caller, call.query)


@endpoint(bp, "GET", "analytics/predictions/{id}", access=MERCHANTS, answer=Prediction, errors=(404,))
def get_prediction(call: Call) -> Prediction:
    """Get a prediction."""
    from functions.analytics import predictions

    return predictions.get_prediction(call.caller, call.path["id"])


@endpoint(
    bp, "GET", "analytics/eval", access=MERCHANTS, limit="analytics", query=EvalQuery, answer=Evaluation,
    errors=(404, 503),
)  # fmt: skip
def evaluate_sales_model(call: Call) -> Evaluation:
    """Evaluate a sales model.

    Its figures on rows used for nothing else, compared with baselines, and a calibration plot.
    """
    from functions.analytics import evaluation_report

    return evaluation_report.get_evaluation(call.caller, call.query)


@endpoint(
    bp, "POST", "analytics/train", access=MERCHANTS, limit="analytics", status=202, idempotent=True, upload=TABLE,
    query=TrainQuery, answer=TrainingQueued, errors=(413, 415, 422),
)  # fmt: skip
def create_sales_training(call: Call) -> Reply:
    """Train a sales model.

    Trains a version of your own on a table of sales (CSV or `.xlsx`) with the columns `image`, `units`, `price`,
    `category`, `date`.
    """
    from functions.analytics import trainings

    made = trainings.create_training(call.caller, call.new_id, _table_upload(call), call.query, call.request_id)
    return Reply(made, headers={"Location": f"/api/analytics/trainings/{made.training_id}"})


@endpoint(bp, "GET", "analytics/trainings", access=MERCHANTS, query=TrainingsQuery, answer=TrainingList)
def list_sales_trainings(call: Call) -> TrainingList:
    """List trainings.

    Newest first; with `status=processing` those that run.
    """
    from functions.analytics import trainings

    return trainings.list_trainings(call.caller, call.query)


@endpoint(bp, "GET", "analytics/trainings/{id}", access=MERCHANTS, answer=Training, errors=(404,))
def get_sales_training(call: Call) -> Training:
    """Get a training.

    Its status, the report of bad rows and, once completed, its figures and the version it made.
    """
    from functions.analytics import trainings

    return trainings.get_training(call.caller, call.path["id"])


@endpoint(bp, "GET", "analytics/models", access=MERCHANTS, answer=SalesModelList)
def list_sales_models(call: Call) -> SalesModelList:
    """List sales models.

    Your own versions, newest first, the shipped model, and which of them is active.
    """
    from functions.analytics import sales_models

    return sales_models.list_models(call.caller)


@endpoint(
    bp, "POST", "analytics/models/{id}/activate", access=MERCHANTS, limit="analytics", answer=SalesModelList,
    errors=(404, 409),
)  # fmt: skip
def activate_sales_model(call: Call) -> SalesModelList:
    """Activate a sales model.

    Predictions use it from now on; activate an older version to roll back, or `default` for the shipped model.
    """
    from functions.analytics import sales_models

    return sales_models.activate_model(call.caller, call.path["id"])


@endpoint(
    bp, "DELETE", "analytics/models/{id}", access=MERCHANTS, limit="analytics", status=204, errors=(404, 409)
)  # fmt: skip
def delete_sales_model(call: Call) -> None:
    """Delete a sales model.

    `default` becomes active if it was the active one.
    """
    from functions.analytics import sales_models

    sales_models.delete_model(call.caller, call.path["id"])
