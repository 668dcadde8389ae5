"""Requests and responses of trainings and of the models they make."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from functions.analytics.conformal import CalibrationQuality
from functions.analytics.documents import DataOrigin, RunError, TrainingFigures
from functions.analytics.prediction_schemas import RunStatus
from shared.http.models import Answer
from shared.http.page_query import PageQuery
from shared.jobs.models import JobProgress
from shared.tables.schemas import TableQuery, TableReading


class TrainQuery(TableQuery):
    """How a table is trained on."""

    bad_rows: Literal["refuse", "skip"] = Field(
        default="refuse", description="`skip`: train on the good rows; the report names the others in either case"
    )
    activate: bool = Field(default=True, description="use the new model for predictions as soon as it exists")


class TrainingQueued(Answer):
    """The table is readable: the queue trains on it."""

    training_id: str
    job_id: str
    status: Literal["queued"] = "queued"
    rows: int
    bad_rows: int
    ignored_columns: list[str]
    reading: list[TableReading] = Field(description="how the file was read, and why")


class Training(Answer):
    """A table and the training on it."""

    id: str
    status: RunStatus
    job_id: str
    progress: JobProgress | None
    rows: int = Field(description="of the table")
    bad_rows: int = Field(description="found so far: the job finds rows whose image cannot be used")
    report_url: str | None = Field(description="CSV with every problem of every bad row; the URL is short-lived")
    ignored_columns: list[str]
    model: str | None = Field(description="id of the model it made")
    model_version: str | None
    figures: TrainingFigures | None = Field(description="WAPE, coverage and width on the newest rows")
    error: RunError | None
    created_at: str
    updated_at: str


class TrainingsQuery(PageQuery):
    """Which trainings to list."""

    status: RunStatus | None = None


class TrainingList(Answer):
    """A page of trainings, newest first, without the addresses of their reports: get a training for it."""

    items: list[Training]
    continuation: str | None = None


class SalesModelVersion(Answer):
    """A model that can predict."""

    id: str
    version: str
    active: bool
    data: DataOrigin
    unit: str
    rows: dict[str, int] = Field(description="by fold: train, choose, calibrate, report")
    categories: list[str]
    method: str
    n_calibration: int
    coverage_band: tuple[float, float]
    calibration: CalibrationQuality
    usable: bool = Field(description="false when it was fitted on another image tower than the one in use")
    created_at: str | None


class SalesModelList(Answer):
    """Your own models, newest first, and the shipped one last."""

    items: list[SalesModelVersion]
    active: str
    previous: str | None
