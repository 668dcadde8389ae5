"""Merchants' own models: training on their table, the versions there are, which one answers, how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.analytics import conformal, shelf, tables
from functions.analytics.model_models import (
    SalesModel,
    SalesModelList,
    Training,
    TrainingQueued,
    TrainQuery,
)
from functions.analytics.service import Upload, csv_url, load, progress, start
from shared import audit, blobs, clock
from shared.documents import Delete, Document, Operation, Replace, Upsert, store
from shared.errors import BatchFailed, DocumentNotFound, NotFound, PreconditionFailed, StudioError, Unprocessable
from shared.http.auth import Principal

CONTAINER = "studio"
TRAINING = "sales_training"
MAX_CATEGORIES = 200
SHOWN = 100
"""Problems told in the refusal itself; the report has all of them."""


def train(user: Principal, id: str, upload: Upload, query: TrainQuery, request_id: str) -> TrainingQueued:
    """Check a table row by row and queue the training; the same id again gives the same training.

    Raises:
        TooLarge, Unprocessable: it can't be read as a whole; `bad_rows` unless they are to be skipped; `too_few_rows`,
            `too_many_categories`.
    """
    data = upload.checked()
    table = tables.read(data, tables.SALES)
    good, bad = tables.sales(table)
    lines = {one.line for one in bad}
    folder = f"{user.user_id}/{id}"
    report = None
    if bad:
        report = f"{folder}/report.csv"
        blobs.put(blobs.ANALYTICS, report, tables.report(bad), content_type="text/csv")
    if bad and query.bad_rows == "refuse":
        raise Unprocessable(
            f"{len(lines)} of {len(table.rows)} rows are bad, the first in line {min(lines)}: mend them, or send "
            "`badRows=skip` to train on the others",
            code="bad_rows",
            details={
                "badRows": len(lines),
                "problems": [vars(one) for one in sorted(bad, key=lambda one: one.line)[:SHOWN]],
                "reportUrl": csv_url(report),
            },
        )
    check_count(len(good))
    check_categories(len({one.category for one in good}))
    blobs.put(blobs.ANALYTICS, f"{folder}/table.csv", data, content_type="text/csv")
    ignored = list(table.ignored)[:50]
    subject = {
        "rows": len(table.rows),
        "badRows": len(lines),
        "reportBlob": report,
        "ignoredColumns": ignored,
        "figures": None,
    }
    payload = {"blob": f"{folder}/table.csv", "skip": query.bad_rows == "skip", "activate": query.activate}
    job = start(user.user_id, id, TRAINING, "analytics.train", payload, subject, request_id)
    audit.record(user.user_id, "SALES_TRAINING_REQUESTED", subject=id, id=f"{id}-requested")
    return TrainingQueued(
        training_id=id,
        job_id=job["id"].removeprefix("job:"),
        rows=len(table.rows),
        bad_rows=len(lines),
        ignored_columns=ignored,
    )


def check_count(rows: int) -> None:
    """See that a split leaves enough rows to calibrate on. Raises Unprocessable: `too_few_rows`."""
    from functions.analytics.fit import MERCHANT_SHARES

    least = round(conformal.LEAST_ROWS / MERCHANT_SHARES[2])
    if rows < least:
        raise Unprocessable(
            f"{rows} good rows are too few: an interval of 90 % needs {conformal.LEAST_ROWS} rows to calibrate on, "
            f"which are left of {least}",
            code="too_few_rows",
        )


def check_categories(count: int) -> None:
    """See that the column holds categories and not names of products: a fit costs their number squared.

    Raises:
        Unprocessable: `too_many_categories`.
    """
    if count > MAX_CATEGORIES:
        raise Unprocessable(
            f"{count} categories are too many: a table may have {MAX_CATEGORIES}", code="too_many_categories"
        )


def training(user: Principal, id: str) -> Training:
    """One's table and what became of it. Raises NotFound."""
    record = load(user.user_id, TRAINING, id)
    return Training(
        id=id,
        status=record["status"],
        job_id=record["jobId"].removeprefix("job:"),
        progress=progress(record),
        rows=record["rows"],
        bad_rows=record["badRows"],
        report_url=csv_url(record["reportBlob"]),
        ignored_columns=record["ignoredColumns"],
        model=record["model"],
        model_version=record["modelVersion"],
        figures=record["figures"],
        error=record["error"],
        created_at=record["createdAt"],
        updated_at=record["updatedAt"],
    )


def models(user: Principal) -> SalesModelList:
    """One's versions, the newest first, and the shipped model."""
    pointer = store().find(CONTAINER, shelf.ACTIVE, user.user_id)
    active = pointer["active"] if pointer else shelf.DEFAULT
    tower = _tower()
    shown = [
        _model(record["id"].removeprefix("sales_model:"), record["version"], record["facts"], active, tower, record)
        for record in shelf.records(user.user_id)
    ]
    try:
        shipped = shelf.shipped()
        shown.append(
            _model(shelf.DEFAULT, shipped.version, shipped.facts, active, tower, None, shipped.rows.categories)
        )
    except StudioError as error:
        if error.status < 500:
            raise
    return SalesModelList(items=shown, active=active, previous=pointer["previous"] if pointer else None)


def _tower() -> str | None:
    from functions.analytics import pictures

    try:
        return pictures.tower()
    except StudioError:
        return None


def _model(
    id: str, version: str, facts: Mapping[str, Any], active: str, tower: str | None, record: Document | None,
    categories: tuple[str, ...] = (),
) -> SalesModel:  # fmt: skip
    n = int(facts["nCalibration"])
    return SalesModel(
        id=id,
        version=version,
        active=id == active,
        data="own" if record is not None else "synthetic",
        unit=facts["unit"],
        rows=facts["rows"],
        categories=list(record["categories"] if record is not None else categories),
        method=facts["method"],
        n_calibration=n,
        coverage_band=facts["band"],
        calibration="good" if n >= conformal.GOOD_ROWS else "low",
        usable=facts["tower"] == tower,
        created_at=record["createdAt"] if record is not None else None,
    )


def activate(user: Principal, id: str) -> SalesModelList:
    """Let a version answer, or the shipped model: how one rolls back.

    Raises:
        NotFound: one has no such version.
    """
    before = shelf.active_id(user.user_id)
    operations: list[Operation] = [Upsert(shelf.pointer(user.user_id, id, before))]
    if id != shelf.DEFAULT:
        found = shelf.record(user.user_id, id)
        # written as it is, so that the pointer never names a version that was deleted meanwhile
        operations.append(Replace(found, found.etag))
    if id != before:
        _together(user.user_id, operations)
        audit.record(user.user_id, "SALES_MODEL_ACTIVATED", subject=id, before=before)
    return models(user)


def remove(user: Principal, id: str) -> None:
    """Delete a version with its rows; the shipped model answers if it was the active one.

    Raises:
        NotFound: one has no such version.
    """
    record = shelf.record(user.user_id, id)
    operations: list[Operation] = [Delete(record["id"])]
    if shelf.active_id(user.user_id) == id:
        operations.append(Upsert(shelf.pointer(user.user_id, shelf.DEFAULT, shelf.DEFAULT)))
    _together(user.user_id, operations)
    remove_blobs(record)
    audit.record(user.user_id, "SALES_MODEL_DELETED", subject=id)


def _together(user_id: str, operations: list[Operation]) -> None:
    try:
        store().batch(CONTAINER, user_id, operations)
    except BatchFailed as failure:
        if not isinstance(failure.cause, DocumentNotFound | PreconditionFailed):
            raise
        raise NotFound("the model was deleted or changed meanwhile", code="model_not_found") from None


def remove_blobs(record: Mapping[str, Any]) -> None:
    """Delete the blobs of a version."""
    for name in ("weightsBlob", "rowsBlob"):
        blobs.delete(blobs.MODELS, record[name])


def version_record(
    user_id: str, id: str, version: str, facts: Mapping[str, Any], categories: tuple[str, ...], weights: str, rows: str
) -> dict[str, Any]:  # fmt: skip
    """The document of a merchant's version."""
    return {
        "id": f"sales_model:{id}",
        "userId": user_id,
        "type": "sales_model",
        "version": version,
        "facts": dict(facts),
        "categories": list(categories),
        "weightsBlob": weights,
        "rowsBlob": rows,
        "createdAt": clock.iso(),
    }
