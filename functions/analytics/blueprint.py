"""Triggers of merchant analytics: `analytics/...` over HTTP, the `analytics` queue and its poison queue."""

from __future__ import annotations

from functools import cache

import azure.functions as func

from functions.analytics.model_models import (
    EvalQuery,
    Evaluation,
    SalesModelList,
    Training,
    TrainingQueued,
    TrainQuery,
)
from functions.analytics.models import (
    Batch,
    BatchQuery,
    BatchQueued,
    Prediction,
    PredictionList,
    PredictionsQuery,
    PredictRequest,
)
from shared.accounts.documents import Role
from shared.http.auth import Access
from shared.http.endpoint import Call, Reply, endpoint
from shared.jobs import queues
from shared.jobs.consumer import consumer
from shared.jobs.step import Step

bp = func.Blueprint()
MERCHANTS = Access(frozenset({Role.MERCHANT, Role.ADMIN}))
CSV = ("text/csv",)


@cache
def _step() -> Step:
    from functions.analytics.worker import AnalyticsStep

    return AnalyticsStep()


consumer(bp, queues.ANALYTICS, _step)


@endpoint(
    bp, "POST", "analytics/predict", access=MERCHANTS, limit="analytics", idempotent=True,
    body=PredictRequest, answer=Prediction, answers={202: BatchQueued}, errors=(404, 422, 503),
)  # fmt: skip
def analytics_predict(call: Call) -> Reply:
    """What a design will sell, how sure that is, and why. `imageIds` answers 202 with a job."""
    from functions.analytics import service

    made = service.request(call.caller, call.new_id, call.body, call.request_id)
    if isinstance(made, BatchQueued):
        return Reply(made, status=202, headers={"Location": f"/api/analytics/batches/{made.batch_id}"})
    return Reply(made, kept=False)


@endpoint(
    bp, "POST", "analytics/batches", access=MERCHANTS, limit="analytics", status=202, idempotent=True, upload=CSV,
    query=BatchQuery, answer=BatchQueued, errors=(404, 413, 415, 422, 503),
)  # fmt: skip
def analytics_batch_create(call: Call) -> Reply:
    """Predict for a CSV of pictures: columns `image` and, where known, `price` and `category`."""
    from functions.analytics import receive, service

    made = service.request_list(call.caller, call.new_id, receive.table(call.raw), call.query.model, call.request_id)
    return Reply(made, headers={"Location": f"/api/analytics/batches/{made.batch_id}"})


@endpoint(bp, "GET", "analytics/batches/{id}", access=MERCHANTS, limit="analytics", answer=Batch, errors=(404,))
def analytics_batch_get(call: Call) -> Batch:
    """A list of pictures and its predictions, as CSV."""
    from functions.analytics import service

    return service.batch(call.caller, call.path["id"])


@endpoint(
    bp, "GET", "analytics/predictions", access=MERCHANTS, limit="analytics", query=PredictionsQuery,
    answer=PredictionList,
)  # fmt: skip
def analytics_prediction_list(call: Call) -> PredictionList:
    """One's predictions, newest first."""
    from functions.analytics import service

    return service.predictions(call.caller, call.query)


@endpoint(
    bp, "GET", "analytics/predictions/{id}", access=MERCHANTS, limit="analytics", answer=Prediction, errors=(404,)
)
def analytics_prediction_get(call: Call) -> Prediction:
    """A prediction made earlier, with a fresh URL."""
    from functions.analytics import service

    return service.prediction(call.caller, call.path["id"])


@endpoint(
    bp, "GET", "analytics/eval", access=MERCHANTS, limit="analytics", query=EvalQuery, answer=Evaluation,
    errors=(404, 503),
)  # fmt: skip
def analytics_eval(call: Call) -> Evaluation:
    """How good a model is on rows used for nothing else, beside baselines, with a calibration plot."""
    from functions.analytics import assessment

    return assessment.evaluate(call.caller, call.query)


@endpoint(
    bp, "POST", "analytics/train", access=MERCHANTS, limit="analytics", status=202, idempotent=True, upload=CSV,
    query=TrainQuery, answer=TrainingQueued, errors=(413, 415, 422),
)  # fmt: skip
def analytics_train(call: Call) -> Reply:
    """Train a version of one's own on a CSV: `image`, `units`, `price`, `category`, `date`."""
    from functions.analytics import receive, training

    made = training.train(call.caller, call.new_id, receive.table(call.raw), call.query, call.request_id)
    return Reply(made, headers={"Location": f"/api/analytics/trainings/{made.training_id}"})


@endpoint(bp, "GET", "analytics/trainings/{id}", access=MERCHANTS, limit="analytics", answer=Training, errors=(404,))
def analytics_training_get(call: Call) -> Training:
    """A training: its report on bad rows, its figures, the version it made."""
    from functions.analytics import training

    return training.training(call.caller, call.path["id"])


@endpoint(bp, "GET", "analytics/models", access=MERCHANTS, limit="analytics", answer=SalesModelList)
def analytics_model_list(call: Call) -> SalesModelList:
    """One's versions and the shipped model, and which of them answers."""
    from functions.analytics import training

    return training.models(call.caller)


@endpoint(
    bp, "POST", "analytics/models/{id}/activate", access=MERCHANTS, limit="analytics", answer=SalesModelList,
    errors=(404,),
)  # fmt: skip
def analytics_model_activate(call: Call) -> SalesModelList:
    """Let a version answer, an older one to roll back, or `default`."""
    from functions.analytics import training

    return training.activate(call.caller, call.path["id"])


@endpoint(
    bp, "DELETE", "analytics/models/{id}", access=MERCHANTS, limit="analytics", status=204, errors=(404,)
)  # fmt: skip
def analytics_model_delete(call: Call) -> None:
    """Delete a version of one's own; `default` answers if it was the active one."""
    from functions.analytics import training

    training.remove(call.caller, call.path["id"])
