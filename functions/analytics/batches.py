"""Batches: predictions for a list of images, made by a job."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Final

from functions.analytics import documents, model_registry, runs, tables
from functions.analytics.documents import BatchDocument, BatchId, BatchPayload
from functions.analytics.prediction_schemas import Batch, BatchQuery, BatchQueued
from functions.analytics.tables import BatchRow
from shared import audit, blobs, clock
from shared.errors import NotFound, TooLarge
from shared.http.auth import Principal
from shared.jobs.models import JobId
from shared.tables.format import ReadAs, TableFormat
from shared.tables.schemas import TableReading
from shared.tables.upload import TableUpload

MAX_ROWS: Final = 10_000
"""Images of a batch: about half of what a function has time for."""
OURS: Final = TableFormat(decimal="point", dates="ymd", charset="utf-8")
"""Of the tables that are written here."""


def create_batch(user: Principal, id: str, upload: TableUpload, query: BatchQuery, request_id: str) -> BatchQueued:
    """Queue a table of images with the columns `image` and, where known, `price` and `category`.

    Args:
        id: of the batch; one that exists already is returned.
        query: the model (`default` or an id; None: the active one when the job runs), and how the table is to be read.

    Raises:
        TooLarge, Unprocessable: it cannot be read (`csv_encoding`, `csv_columns`, `csv_empty`, ...).
        NotFound, Unavailable, ConfigurationError: as `model_registry.get_model`.
    """
    data = upload.validate()
    said = upload.format(query.decimal, query.dates, query.sheet)
    table = tables.read_table(data, tables.BATCH_COLUMNS, said)
    if len(table.rows) > MAX_ROWS:
        raise TooLarge(f"a list may have up to {MAX_ROWS} images: split it", code="too_many_rows")
    return _create(user, id, data, len(table.rows), query.model, request_id, said, table.read_as)


def create_batch_of(
    user: Principal, id: str, rows: Sequence[BatchRow], model: str | None, request_id: str
) -> BatchQueued:
    """Queue a list of images. Raises as `create_batch`."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(("image", "price", "category"))
    writer.writerows((row.image, "" if row.price is None else row.price, row.category or "") for row in rows)
    return _create(user, id, out.getvalue().encode(), len(rows), model, request_id, OURS, ())


def _create(
    user: Principal, id: str, data: bytes, rows: int, model: str | None, request_id: str, said: TableFormat,
    read_as: Sequence[ReadAs],
) -> BatchQueued:  # fmt: skip
    model_registry.get_model(user.user_id, model)
    blob = f"{user.user_id}/{id}/list"
    blobs.put(blobs.ANALYTICS, blob, data, content_type="application/octet-stream")
    at = clock.iso()
    document = BatchDocument(
        id=BatchId.of(id),
        user_id=user.user_id,
        job_id=JobId.of(id),
        rows=rows,
        list_blob=blob,
        created_at=at,
        updated_at=at,
    )
    payload = BatchPayload(blob=blob, model=model, read=said)
    job = runs.create_run(documents.batches, document, documents.PREDICT_JOB, payload, request_id)
    audit.record(user.user_id, "PREDICTIONS_REQUESTED", subject=id, id=f"{id}-requested")
    return BatchQueued(batch_id=id, job_id=job.id.public, rows=rows, reading=TableReading.all_of(read_as))


def get_batch(user: Principal, id: str) -> Batch:
    """A batch of the user's. Raises NotFound."""
    document = documents.batches.find(BatchId.of(id), user.user_id)
    if document is None:
        raise NotFound("there is no such batch", code="batch_not_found")
    return Batch.of(document, progress=runs.get_progress(document), result_url=runs.csv_url(document.result_blob))
