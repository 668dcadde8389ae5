"""Trainings: a merchant's own model from their table of sales, made by a job."""

from __future__ import annotations

from typing import Final

from functions.analytics import documents, runs, tables
from functions.analytics.documents import TrainingDocument, TrainingId, TrainingPayload
from functions.analytics.tables import RowProblem
from functions.analytics.training_schemas import Training, TrainingList, TrainingQueued, TrainingsQuery, TrainQuery
from shared import audit, blobs, clock
from shared.errors import NotFound, Unprocessable
from shared.http.auth import Principal
from shared.http.pages import equals, list_latest
from shared.jobs.models import JobId
from shared.tables.schemas import TableReading
from shared.tables.upload import TableUpload

MAX_CATEGORIES: Final = 200
MAX_NAMED_PROBLEMS: Final = 100
"""Problems listed in the error response; the report has all of them."""
MAX_NAMED_COLUMNS: Final = 50


def create_training(
    user: Principal, id: str, upload: TableUpload, query: TrainQuery, request_id: str
) -> TrainingQueued:
    """Check a table row by row and queue the training.

    Args:
        id: of the training; one that exists already is returned.

    Raises:
        TooLarge, Unprocessable: it cannot be read; `bad_rows` unless they are to be skipped; `too_few_rows`,
            `too_many_categories`.
    """
    data = upload.validate()
    said = upload.format(query.decimal, query.dates, query.sheet)
    table = tables.read_table(data, tables.SALES_COLUMNS, said)
    good, problems = tables.parse_sales(table)
    bad_rows = len({problem.line for problem in problems})
    folder = f"{user.user_id}/{id}"
    report = None
    if problems:
        report = f"{folder}/report.csv"
        blobs.put(blobs.ANALYTICS, report, tables.problem_report(problems), content_type="text/csv")
        if query.bad_rows == "refuse":
            raise _bad_rows(problems, bad_rows, len(table.rows), report)
    check_row_count(len(good))
    check_category_count(len({row.category for row in good}))
    blob = f"{folder}/table"
    blobs.put(blobs.ANALYTICS, blob, data, content_type="application/octet-stream")
    at = clock.iso()
    document = TrainingDocument(
        id=TrainingId.of(id),
        user_id=user.user_id,
        job_id=JobId.of(id),
        rows=len(table.rows),
        bad_rows=bad_rows,
        report_blob=report,
        ignored_columns=list(table.ignored)[:MAX_NAMED_COLUMNS],
        created_at=at,
        updated_at=at,
    )
    payload = TrainingPayload(blob=blob, skip=query.bad_rows == "skip", activate=query.activate, read=said)
    job = runs.create_run(documents.trainings, document, documents.TRAIN_JOB, payload, request_id)
    audit.record(user.user_id, "SALES_TRAINING_REQUESTED", subject=id, id=f"{id}-requested")
    return TrainingQueued(
        training_id=id,
        job_id=job.id.public,
        rows=document.rows,
        bad_rows=bad_rows,
        ignored_columns=document.ignored_columns,
        reading=TableReading.all_of(table.read_as),
    )


def _bad_rows(problems: list[RowProblem], bad_rows: int, rows: int, report: str) -> Unprocessable:
    by_line = sorted(problems, key=lambda problem: problem.line)
    return Unprocessable(
        f"{bad_rows} of {rows} rows are bad, the first in line {by_line[0].line}: correct them, or send "
        "`badRows=skip` to train on the others",
        code="bad_rows",
        details={
            "badRows": bad_rows,
            "problems": [vars(problem) for problem in by_line[:MAX_NAMED_PROBLEMS]],
            "reportUrl": runs.csv_url(report),
        },
    )


def check_row_count(rows: int) -> None:
    """Require enough rows to calibrate on after the split. Raises Unprocessable: `too_few_rows`."""
    from functions.analytics import conformal, fit

    required = fit.min_rows()
    if rows < required:
        raise Unprocessable(
            f"{rows} good rows are too few: an interval of 90 % needs {conformal.MIN_ROWS} rows to calibrate on, "
            f"which takes {required} rows in total",
            code="too_few_rows",
        )


def check_category_count(count: int) -> None:
    """Require that the column holds categories, not names of products: a fit costs their number squared.

    Raises:
        Unprocessable: `too_many_categories`.
    """
    if count > MAX_CATEGORIES:
        raise Unprocessable(
            f"{count} categories are too many: a table may have up to {MAX_CATEGORIES}", code="too_many_categories"
        )


def list_trainings(user: Principal, query: TrainingsQuery) -> TrainingList:
    """The user's trainings, newest first."""
    page = list_latest(
        documents.trainings,
        query,
        equals(TrainingDocument.status, query.status),
        partition=user.user_id,
        by=TrainingDocument.created_at,
    )
    items = [Training.of(one, progress=runs.get_progress(one), report_url=None) for one in page.items]
    return TrainingList(items=items, continuation=page.continuation)


def get_training(user: Principal, id: str) -> Training:
    """A training of the user's. Raises NotFound."""
    document = documents.trainings.find(TrainingId.of(id), user.user_id)
    if document is None:
        raise NotFound("there is no such training", code="training_not_found")
    return Training.of(document, progress=runs.get_progress(document), report_url=runs.csv_url(document.report_blob))
