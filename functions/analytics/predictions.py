"""Predictions for single images; lists of images become batches."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from functions.analytics import batches, documents, inference, model_registry, tables
from functions.analytics.documents import HeatmapFacts, PredictionDocument, PredictionId
from functions.analytics.inference import PredictionInput, PredictionResult
from functions.analytics.model_registry import SalesModel
from functions.analytics.prediction_schemas import (
    BatchQueued,
    Prediction,
    PredictionList,
    PredictionsQuery,
    PredictRequest,
)
from functions.analytics.tables import BatchRow
from shared import blobs, clock
from shared.errors import NotFound
from shared.http.auth import Principal
from shared.http.pages import list_latest
from shared.images import sources
from shared.images.sources import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def create_prediction(user: Principal, id: str, request: PredictRequest, request_id: str) -> Prediction | BatchQueued:
    """Predict for one image, or queue a list of them.

    Args:
        id: of the prediction or batch; a batch that exists already is returned.

    Raises:
        NotFound: an image is missing, or another user's and not public; there is no such model.
        Unprocessable: `image_url`, `image_not_ready`, `bad_picture`.
        Unavailable: `tower_mismatch`.
        ConfigurationError: a model is missing or refused.
    """
    category = tables.normalize_category(request.category) if request.category else None
    if request.image_ids is not None:
        rows = [BatchRow(line, image, request.price, category) for line, image in enumerate(request.image_ids, 2)]
        return batches.create_batch_of(user, id, rows, request.model, request_id)
    if request.image_id is not None:
        source = sources.by_id(request.image_id, user.user_id)
    else:
        source = sources.by_url(str(request.image_url), user.user_id)
    model = model_registry.get_model(user.user_id, request.model)
    return _answer(_predict(user.user_id, id, source, model, request.price, category, heatmap=request.heatmap))


def _predict(
    user_id: str, id: str, source: Source, model: SalesModel, price: float | None, category: str | None, *,
    heatmap: bool,
) -> PredictionDocument:  # fmt: skip
    from functions.analytics import image_features

    data = source.read()
    sha256 = hashlib.sha256(data).hexdigest()
    pixels = image_features.decode(data)
    wanted = PredictionInput(image_features.extract([pixels])[0], price, category)
    (result,) = inference.predict(model, [wanted])
    blob, facts = None, None
    if heatmap:
        blob = f"{user_id}/{sha256}/{id}.png"
        facts = _store_heatmap(blob, model, pixels, wanted, result)
    document = PredictionDocument(
        id=PredictionId.of(id),
        user_id=user_id,
        image_id=source.image_id,
        input_sha256=sha256,
        heatmap_blob=blob,
        heatmap=facts,
        created_at=clock.iso(),
        **dict(result.figures),
    )
    return documents.predictions.upsert(document)


def _store_heatmap(
    blob: str, model: SalesModel, pixels: NDArray[np.uint8], wanted: PredictionInput, result: PredictionResult
) -> HeatmapFacts:
    from functions.analytics import heatmap

    found = inference.explain(model, pixels, wanted, result)
    scale = heatmap.display_scale(found, model.facts.heat_scale)
    blobs.put(blobs.HEATMAPS, blob, heatmap.render(pixels, found, scale), content_type="image/png")
    return HeatmapFacts(
        method=found.method,
        mean=float(found.values.mean(dtype=float)) if found.method == "cam" else None,
        strongest=float(abs(found.values).max()),
        scale=scale,
    )


def get_prediction(user: Principal, id: str) -> Prediction:
    """A prediction of the user's, with a fresh URL. Raises NotFound."""
    document = documents.predictions.find(PredictionId.of(id), user.user_id)
    if document is None:
        raise NotFound("there is no such prediction", code="prediction_not_found")
    return _answer(document)


def list_predictions(user: Principal, query: PredictionsQuery) -> PredictionList:
    """The user's predictions, newest first."""
    page = list_latest(documents.predictions, query, partition=user.user_id, by=PredictionDocument.created_at)
    return PredictionList(items=[_answer(document) for document in page.items], continuation=page.continuation)


def _answer(document: PredictionDocument) -> Prediction:
    url = None
    if document.heatmap_blob is not None:
        url = blobs.read_url(blobs.HEATMAPS, document.heatmap_blob, content_type="image/png")
    return Prediction.of(document, heatmap_url=url)
