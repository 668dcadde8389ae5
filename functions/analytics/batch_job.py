"""The job `analytics.predict`: predictions for the rows of a list, as a CSV.

A row that fails keeps no other from being predicted. What is predicted is stored when rows are left for another
attempt, so that the next one does these alone; with the last attempt they are bad rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from functions.analytics import documents, image_lookup, model_registry, runs, tables
from functions.analytics.documents import BatchDocument, BatchId, BatchPayload, BatchResult
from functions.analytics.model_registry import SalesModel
from functions.analytics.tables import BatchRow
from shared import blobs
from shared.documents.fields import assign
from shared.errors import NotFound
from shared.jobs.items import Items
from shared.jobs.models import Job
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.tables import csv_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK: Final = 32
"""Images per batch."""
MAX_SHOWN_NAME: Final = 200
"""Characters of an image's name in the line of a bad row."""
COLUMNS: Final = ("line", "image", "price", "category", "score", "errLow", "errHigh", "coverage", "modelVersion",
                  "data", "warnings", "error")  # fmt: skip


def run(task: Task) -> Outcome:
    """Predict for the rows of the list. Raises StudioError."""
    payload = task.payload_as(BatchPayload)
    model = model_registry.get_model(task.user_id, payload.model)
    table = tables.read_table(runs.read_table(payload.blob), tables.BATCH_COLUMNS, payload.read)
    rows, problems = tables.parse_batch(table)
    lines: dict[int, list[Any]] = {}
    cells, place = dict(table.rows), table.columns.index("image")
    for problem in problems:
        name = str(cells[problem.line][place]) if len(cells[problem.line]) > place else ""
        lines.setdefault(problem.line, _bad_line(problem.line, name, f"{problem.column} {problem.problem}"))
    finished = _Finished(f"{runs.blob_folder(task)}lines-{model.version}.json")
    lines |= finished.read()
    left = [row for row in rows if row.line not in lines]
    items = Items[int](task, "predict")
    for start in range(0, len(left), CHUNK):
        task.progress("predicting", round(100 * (len(rows) - len(left) + start) / len(rows)))
        lines |= _predict(task.user_id, model, left[start : start + CHUNK], items)
    lines |= {row.line: _bad_line(row.line, row.image, items.failed[row.line].message)
              for row in left if row.line in items.failed}  # fmt: skip
    if items.left:
        finished.write(lines)
    items.leave_rest()
    task.progress("storing", 100)
    blob = f"{runs.blob_folder(task)}{task.attempt_key}/predictions.csv"
    blobs.put(
        blobs.ANALYTICS, blob, csv_file.write(COLUMNS, [lines[line] for line in sorted(lines)]), content_type="text/csv"
    )
    bad_rows = sum(1 for line in lines.values() if line[-1])
    predicted = len(lines) - bad_rows
    return Outcome(
        result=BatchResult(predicted=predicted, bad_rows=bad_rows, model_version=model.version),
        subject=[
            assign(BatchDocument.predicted, predicted),
            assign(BatchDocument.bad_rows, bad_rows),
            assign(BatchDocument.result_blob, blob),
            assign(BatchDocument.model, model.id),
            assign(BatchDocument.model_version, model.version),
        ],
    )


class _Finished:
    """The lines that earlier attempts have finished with the same model, in a blob that goes with the job."""

    def __init__(self, blob: str) -> None:
        self._blob = blob

    def read(self) -> dict[int, list[Any]]:
        try:
            stored: dict[str, list[Any]] = json.loads(blobs.get(blobs.ANALYTICS, self._blob))
        except NotFound:
            return {}
        return {int(line): cells for line, cells in stored.items()}

    def write(self, lines: dict[int, list[Any]]) -> None:
        blobs.put(blobs.ANALYTICS, self._blob, json.dumps(lines).encode(), content_type="application/json")


def _predict(user_id: str, model: SalesModel, rows: Sequence[BatchRow], items: Items[int]) -> dict[int, list[Any]]:
    """The lines of the result by the line of the list, without those that failed."""
    from functions.analytics import image_features, inference
    from functions.analytics.inference import PredictionInput

    lines: dict[int, list[Any]] = {}
    decoded: list[tuple[BatchRow, NDArray[np.uint8]]] = []
    for row in rows:
        with items.item(row.line, line=row.line):
            decoded.append((row, image_features.decode(image_lookup.get_image(row.image, user_id).read())))
    if not decoded:
        return lines
    features = image_features.extract([pixels for _, pixels in decoded])
    inputs = [PredictionInput(one, row.price, row.category) for (row, _), one in zip(decoded, features, strict=True)]
    for (row, _), result in zip(decoded, inference.predict(model, inputs), strict=True):
        figures = result.figures
        warnings = " ".join(warning.code for warning in figures.warnings)
        lines[row.line] = [
            row.line, row.image, row.price, row.category or "", figures.score,
            figures.err_low, figures.err_high, figures.coverage, model.version, model.data, warnings, "",
        ]  # fmt: skip
    return lines


def _bad_line(line: int, image: str, reason: str) -> list[Any]:
    return [line, image[:MAX_SHOWN_NAME], *[None] * (len(COLUMNS) - 3), reason]


def clean_up(job: Job) -> None:
    """Delete the blobs of attempts without a commit."""
    batch = documents.batches.find(BatchId.of(job.id.public), job.user_id)
    kept = {batch.result_blob, batch.list_blob} if batch else set[str | None]()
    for blob in list(blobs.listing(blobs.ANALYTICS, f"{job.user_id}/{job.id.public}/")):
        if blob.name not in kept:
            blobs.delete(blobs.ANALYTICS, blob.name)
