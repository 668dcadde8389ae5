"""Asking for predictions: one picture is answered at once, lists become a job."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from functions.analytics import predict, shelf, tables
from functions.analytics.models import (
    Batch,
    BatchQueued,
    Prediction,
    PredictionList,
    PredictionsQuery,
    PredictRequest,
)
from functions.analytics.predict import Asked
from shared import audit, blobs, clock
from shared.documents import Create, Document, store
from shared.errors import BatchFailed, DocumentConflict, NotFound, TooLarge, Unprocessable
from shared.http.auth import Principal
from shared.http.pages import latest
from shared.images import sources
from shared.images.sources import Source
from shared.jobs import protocol, queues

CONTAINER = "studio"
KEEP_S = 180 * 24 * 3600
"""As long as heat maps are kept by default."""
MAX_BYTES = 16 * 1024 * 1024
MAX_LIST = 10_000
"""Pictures of a list: about half of what a function has time for."""
BATCH, PREDICTION = "prediction_batch", "prediction"


@dataclass(frozen=True)
class Upload:
    """A CSV as it came: its bytes and content type."""

    data: bytes
    content_type: str

    def checked(self) -> bytes:
        """The bytes of something that may be a table. Raises TooLarge, Unprocessable."""
        if len(self.data) > MAX_BYTES:
            raise TooLarge(f"a table may have {MAX_BYTES // 2**20} MiB: split it")
        if not self.data.strip():
            raise Unprocessable("send the CSV as the body of the request", code="csv_empty")
        return self.data


def request(user: Principal, id: str, wanted: PredictRequest, request_id: str) -> Prediction | BatchQueued:
    """Predict for one picture, or queue a list of them.

    Args:
        id: of what is made; the same id again gives the same batch.

    Raises:
        NotFound: a picture is missing, or somebody else's and not public; there is no such model.
        Unprocessable: `image_url`, `image_not_ready`, `bad_picture`.
        Unavailable: `tower_mismatch`.
        ConfigurationError: a model is missing or refused.
    """
    category = tables.tidy(wanted.category) if wanted.category else None
    if wanted.image_ids is not None:
        rows = [(one, wanted.price, category) for one in wanted.image_ids]
        return _queue(user, id, _listed(rows), len(rows), wanted.model, request_id)
    if wanted.image_id is not None:
        source = sources.by_id(wanted.image_id, user.user_id)
    else:
        source = sources.by_url(str(wanted.image_url), user.user_id)
    model = shelf.chosen(user.user_id, wanted.model)
    return view(_predict(user.user_id, id, source, model, wanted.price, category, heatmap=wanted.heatmap))


def _predict(
    user_id: str, id: str, source: Source, model: shelf.Sold, price: float | None, category: str | None, *,
    heatmap: bool,
) -> Document:  # fmt: skip
    from functions.analytics import heat, pictures

    data = source.read()
    sha256 = hashlib.sha256(data).hexdigest()
    picture = pictures.decode(data)
    asked = Asked(pictures.see([picture])[0], price, category)
    (answered,) = predict.predict(model, [asked])
    blob, facts = None, None
    if heatmap:
        found = predict.heat_of(model, picture, asked, answered)
        scale = heat.shown_scale(found, float(model.facts["heatScale"]))
        blob = f"{user_id}/{sha256}/{id}.png"
        blobs.put(blobs.HEATMAPS, blob, heat.overlay(picture, found, scale), content_type="image/png")
        mean = float(found.values.mean(dtype=float)) if found.how == "cam" else None
        facts = {"method": found.how, "mean": mean, "strongest": float(abs(found.values).max()), "scale": scale}
    record = {
        "id": f"prediction:{id}",
        "userId": user_id,
        "type": PREDICTION,
        "imageId": source.image_id,
        "inputSha256": sha256,
        "heatmapBlob": blob,
        "heatmap": facts,
        **answered.facts,
        "createdAt": clock.iso(),
        "ttl": KEEP_S,
    }
    return store().upsert(CONTAINER, record)


def request_list(user: Principal, id: str, upload: Upload, model: str | None, request_id: str) -> BatchQueued:
    """Queue a CSV of pictures with the columns `image` and, where known, `price` and `category`.

    Raises:
        TooLarge, Unprocessable: it can't be read as a whole (`csv_encoding`, `csv_columns`, `csv_empty`, ...).
    """
    data = upload.checked()
    table = tables.read(data, tables.LIST)
    if len(table.rows) > MAX_LIST:
        raise TooLarge(f"a list may have {MAX_LIST} pictures: split it", code="too_many_rows")
    return _queue(user, id, data, len(table.rows), model, request_id)


def _listed(rows: Sequence[tuple[str, float | None, str | None]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(("image", "price", "category"))
    writer.writerows((image, "" if price is None else price, category or "") for image, price, category in rows)
    return out.getvalue().encode()


def _queue(user: Principal, id: str, data: bytes, rows: int, model: str | None, request_id: str) -> BatchQueued:
    shelf.chosen(user.user_id, model)
    blob = f"{user.user_id}/{id}/list.csv"
    blobs.put(blobs.ANALYTICS, blob, data, content_type="text/csv")
    subject = {"rows": rows, "predicted": None, "badRows": None, "resultBlob": None, "listBlob": blob}
    job = start(user.user_id, id, BATCH, "analytics.predict", {"blob": blob, "model": model}, subject, request_id)
    audit.record(user.user_id, "PREDICTIONS_REQUESTED", subject=id, id=f"{id}-requested")
    return BatchQueued(batch_id=id, job_id=job["id"].removeprefix("job:"), rows=rows)


def start(
    user_id: str, id: str, type: str, kind: str, payload: Mapping[str, Any], subject: Mapping[str, Any], request_id: str
) -> Mapping[str, Any]:  # fmt: skip
    """Store a job with its subject and send it; the same id again gives the job that is there."""
    name = f"{type}:{id}"
    job = protocol.new_job(
        kind, queues.ANALYTICS, user_id, {"subjectId": name, **payload}, id=f"job:{id}", subject_id=name,
        request_id=request_id,
    )  # fmt: skip
    record = {
        "id": name,
        "userId": user_id,
        "type": type,
        "status": "queued",
        "jobId": job["id"],
        "model": None,
        "modelVersion": None,
        "error": None,
        **subject,
        "createdAt": clock.iso(),
        "updatedAt": clock.iso(),
    }
    try:
        store().batch(CONTAINER, user_id, [Create(record), Create(job)])
    except BatchFailed as failure:
        if not isinstance(failure.cause, DocumentConflict):
            raise
        return protocol.load(job["id"], user_id)
    protocol.enqueue(job)
    return job


def load(user_id: str, type: str, id: str) -> Document:
    """One's prediction, batch or training. Raises NotFound, for a foreign one too."""
    record = store().find(CONTAINER, f"{type}:{id}", user_id)
    if record is None or record.get("type") != type:
        raise NotFound(f"there is no such {type.rpartition('_')[2]}", code=f"{type.rpartition('_')[2]}_not_found")
    return record


def prediction(user: Principal, id: str) -> Prediction:
    """One's prediction, with a fresh URL. Raises NotFound."""
    return view(load(user.user_id, PREDICTION, id))


def predictions(user: Principal, query: PredictionsQuery) -> PredictionList:
    """One's predictions, newest first."""
    page = latest(CONTAINER, query, partition=user.user_id, type=PREDICTION)
    return PredictionList(items=[view(record) for record in page.items], continuation=page.continuation)


def view(record: Mapping[str, Any]) -> Prediction:
    """A prediction as an answer."""
    url = None
    if record["heatmapBlob"] is not None:
        url = blobs.read_url(blobs.HEATMAPS, record["heatmapBlob"], content_type="image/png")
    kept = {name: record[_camel(name)] for name in Prediction.model_fields if _camel(name) in record}
    return Prediction.model_validate({**kept, "id": record["id"].removeprefix("prediction:"), "heatmap_url": url})


def _camel(name: str) -> str:
    return Prediction.model_fields[name].alias or name


def batch(user: Principal, id: str) -> Batch:
    """One's list and what became of it. Raises NotFound."""
    record = load(user.user_id, BATCH, id)
    return Batch(
        id=id,
        status=record["status"],
        job_id=record["jobId"].removeprefix("job:"),
        progress=progress(record),
        rows=record["rows"],
        predicted=record["predicted"],
        bad_rows=record["badRows"],
        result_url=csv_url(record["resultBlob"]),
        model=record["model"],
        model_version=record["modelVersion"],
        error=record["error"],
        created_at=record["createdAt"],
        updated_at=record["updatedAt"],
    )


def progress(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """How far the job of a batch or training is."""
    job = protocol.jobs.find(record["jobId"], record["userId"])
    return job.get("progress") if job else None


def csv_url(blob: str | None) -> str | None:
    """A fresh URL of a CSV of ours."""
    return blobs.read_url(blobs.ANALYTICS, blob, content_type="text/csv") if blob else None
