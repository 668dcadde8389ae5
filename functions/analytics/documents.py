"""Stored documents of merchant analytics: predictions, batches, trainings, sales models, and which model is active."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field

from functions.analytics.conformal import CalibrationQuality
from functions.analytics.heatmap import HeatmapMethod
from shared.documents.model import DocumentId, Record, StoredDocument, Timestamp
from shared.documents.repository import Repository
from shared.jobs.models import JobId, JobStatus
from shared.tables.format import AS_THE_FILE_SHOWS, TableFormat

type DataOrigin = Literal["synthetic", "own"]
"""What a model was fitted on: the generated sales of the shipped model, or a merchant's own."""

PREDICTION_TTL_S: Final = 180 * 24 * 3600
"""Life of a prediction in seconds: as long as heat maps are kept by default."""
PREDICT_JOB: Final = "analytics.predict"
TRAIN_JOB: Final = "analytics.train"
"""Kinds of the jobs on the queue `analytics`."""


class HeatmapFacts(Record, frozen=True):
    """How to read a heat map: red raises the prediction, blue lowers it."""

    method: HeatmapMethod = Field(description="`cam` sums to the image's contribution, `occlusion` does not")
    mean: float | None = Field(description="of the map; with `cam` the image's contribution to `mid`")
    strongest: float = Field(description="largest effect of a place, in either direction")
    scale: float = Field(description="effect that is shown at full strength")


class Contribution(Record, frozen=True):
    """What one input adds to the prediction."""

    name: Literal["base", "image", "price", "category"]
    value: float = Field(description="added to `mid`, in log(1 + units)")
    factor: float = Field(description="exp(value): factor on 1 + units")


class Explanation(Record, frozen=True):
    """How the score is composed: the contributions sum to `mid`, and the score is exp(mid) - 1."""

    scale: Literal["log(1 + units)"] = "log(1 + units)"
    mid: float = Field(description="the middle of the interval, in `scale`")
    contributions: list[Contribution]


class Comparable(Record, frozen=True):
    """One of the sold products whose images look most alike, and its sales."""

    name: str = Field(description="an image id, or a garment of the generated table")
    image_id: str | None = Field(description="id of the image; null for generated garments and URLs")
    similarity: float = Field(description="cosine of the embeddings, -1 to 1")
    category: str
    price: float
    units: float = Field(description="units sold, of its latest row")
    date: str = Field(description="of its latest row, ISO 8601")
    rows: int = Field(description="number of its rows in the table")


class PredictionWarning(Record, frozen=True):
    """A reason for caution with the numbers."""

    code: Literal["far_from_training", "unknown_category", "price_out_of_range", "few_calibration_rows"]
    message: str


class PredictionFigures(Record, frozen=True):
    """The figures of a prediction, and the model they were made with."""

    category: str | None = Field(description="as given, in lower case")
    price: float | None = Field(description="as given")
    score: float = Field(description="median of the expected sales, in `unit`")
    err_low: float = Field(description="lower end of the interval, same unit")
    err_high: float = Field(description="upper end of the interval, same unit")
    unit: str = Field(description="what is predicted")
    coverage: float = Field(description="share of actual sales that such intervals are made to contain")
    coverage_band: tuple[float, float] = Field(
        description="range of the true coverage for 9 of 10 calibration sets of this size"
    )
    calibration: CalibrationQuality = Field(description="`low`: fewer than 100 rows to calibrate on")
    n_calibration: int = Field(description="rows the interval was calibrated on")
    method: str = Field(description="how intervals are made: split-abs, mondrian, cqr or cqr-mondrian")
    data: DataOrigin = Field(description="what the model was fitted on")
    model: str = Field(description="`default` or the id of your own model")
    model_version: str = Field(description="identifies the exact weights and rows")
    explanation: Explanation
    comparables: list[Comparable] = Field(description="the most similar first")
    distance: float = Field(description="from the images fitted on; above 1 farther than 99 % of those are")
    warnings: list[PredictionWarning]


class PredictionId(DocumentId):
    """`prediction:<id>`."""

    prefix: ClassVar[str] = "prediction:"


class PredictionDocument(PredictionFigures, StoredDocument, frozen=True):
    """A prediction for one image."""

    type: Literal["prediction"] = "prediction"
    id: PredictionId
    user_id: str = Field(description="the merchant; the partition")
    image_id: str | None = Field(description="None for an image given by URL that has no record")
    input_sha256: str = Field(description="of the image's bytes, hex")
    heatmap_blob: str | None = Field(description="name in the container `heatmaps`; None when none was asked for")
    heatmap: HeatmapFacts | None = None
    created_at: Timestamp
    ttl: int | None = PREDICTION_TTL_S


class RunError(Record, frozen=True):
    """Why a batch or training failed."""

    code: str = Field(description="stable, for programs")
    message: str = Field(description="what is wrong and what to do")


class RunDocument(StoredDocument, frozen=True):
    """What batches and trainings have in common; the status follows that of the job."""

    user_id: str = Field(description="the merchant; the partition")
    status: JobStatus = JobStatus.QUEUED
    job_id: JobId
    model: str | None = Field(default=None, description="`default` or the id of a merchant's model; None until done")
    model_version: str | None = None
    error: RunError | None = None
    created_at: Timestamp
    updated_at: Timestamp


class BatchId(DocumentId):
    """`prediction_batch:<id>`."""

    prefix: ClassVar[str] = "prediction_batch:"


class BatchDocument(RunDocument, frozen=True):
    """A list of images to predict for."""

    type: Literal["prediction_batch"] = "prediction_batch"
    id: BatchId
    rows: int = Field(description="of the list")
    predicted: int | None = Field(default=None, description="rows with a prediction; None until done")
    bad_rows: int | None = Field(default=None, description="rows without a prediction; None until done")
    list_blob: str = Field(description="the list as CSV, in the container `analytics`")
    result_blob: str | None = Field(default=None, description="the predictions as CSV, in the container `analytics`")


class BatchPayload(Record, frozen=True):
    """Payload of a `PREDICT_JOB`."""

    blob: str = Field(description="the list as it was sent, in the container `analytics`")
    model: str | None = Field(description="`default` or an id; None: the active one when the job runs")
    read: TableFormat = Field(default=AS_THE_FILE_SHOWS, description="how the list is to be read")


class BatchResult(Record, frozen=True):
    """Result of a `PREDICT_JOB`."""

    predicted: int
    bad_rows: int
    model_version: str


class TrainingFigures(Record, frozen=True):
    """How good a trained model is on the newest rows."""

    n: int = Field(description="rows measured on")
    wape: float = Field(description="sum of absolute errors over sum of units")
    category_mean_wape: float = Field(description="the same for the mean of each category, a baseline")
    coverage: float = Field(description="share of rows inside their intervals")
    band: tuple[float, float] = Field(description="coverage of 95 % of such models by chance alone")
    width: float = Field(description="mean width of the intervals, log(1 + units)")
    method: str = Field(description="how intervals are made")
    n_calibration: int = Field(description="rows the intervals were calibrated on")


class TrainingId(DocumentId):
    """`sales_training:<id>`."""

    prefix: ClassVar[str] = "sales_training:"


class TrainingDocument(RunDocument, frozen=True):
    """A table of sales and the training on it."""

    type: Literal["sales_training"] = "sales_training"
    id: TrainingId
    rows: int = Field(description="of the table")
    bad_rows: int = Field(description="found so far: the job finds rows whose image cannot be used")
    report_blob: str | None = Field(default=None, description="all problems as CSV, in the container `analytics`")
    ignored_columns: list[str] = Field(default_factory=list, description="of the table's header")
    figures: TrainingFigures | None = Field(default=None, description="None until done")


class TrainingPayload(Record, frozen=True):
    """Payload of a `TRAIN_JOB`."""

    blob: str = Field(description="the table as it was sent, in the container `analytics`")
    skip: bool = Field(description="train on the good rows instead of failing at bad ones")
    activate: bool = Field(description="whether predictions use the new model as soon as it exists")
    read: TableFormat = Field(default=AS_THE_FILE_SHOWS, description="how the table is to be read")


class TrainingResult(TrainingFigures, frozen=True):
    """Result of a `TRAIN_JOB`."""

    model: str
    model_version: str


class ModelFacts(Record, frozen=True):
    """Facts about a fitted model, in its document or, for the shipped one, in its manifest."""

    rows: dict[str, int] = Field(description="by fold: train, choose, calibrate, report")
    images: int = Field(
        validation_alias="pictures", serialization_alias="pictures", description="images in the dataset"
    )
    penalties: list[float] = Field(description="of the ridge regression for each combination of given fields")
    heat_scale: float = Field(description="effect on log(1 + units) that heat maps show at full strength")
    price_range: tuple[float, float] = Field(description="central 99 % of the training rows' prices")
    days: tuple[int, int] = Field(description="first and last date, as proleptic ordinals")
    tower: str = Field(description="SHA-256 of the image tower whose embeddings it was fitted on, hex")
    joint: int = Field(description="length of those embeddings")
    unit: str = Field(description="what is predicted")
    method: str = Field(description="how intervals are made")
    widths: dict[str, float] = Field(description="mean width on the choosing fold by method, log(1 + units)")
    level: float = Field(description="coverage that intervals are made for")
    n_calibration: int = Field(description="rows the intervals were calibrated on")
    band: tuple[float, float] = Field(description="range of the true coverage for 9 of 10 such calibration sets")


class SalesModelId(DocumentId):
    """`sales_model:<id>`."""

    prefix: ClassVar[str] = "sales_model:"


class SalesModelDocument(StoredDocument, frozen=True):
    """A version of a merchant's own sales model; its arrays are two blobs in the container `models`."""

    type: Literal["sales_model"] = "sales_model"
    id: SalesModelId
    user_id: str = Field(description="the merchant; the partition")
    version: str = Field(description="identifies the exact weights and rows")
    facts: ModelFacts
    categories: list[str] = Field(description="the categories that it knows")
    weights_blob: str = Field(description="see `head.HeadWeights.to_npz`")
    rows_blob: str = Field(description="see `model_registry.data_to_npz`")
    created_at: Timestamp

    @property
    def blob_names(self) -> tuple[str, str]:
        """Names of its blobs."""
        return self.weights_blob, self.rows_blob


ACTIVE_MODEL_ID: Final = "analytics:active"


class ActiveModelDocument(StoredDocument, frozen=True):
    """Which model makes a merchant's predictions; missing: the shipped one."""

    type: Literal["analytics_active"] = "analytics_active"
    id: str = ACTIVE_MODEL_ID
    user_id: str = Field(description="the merchant; the partition")
    active: str = Field(description="`default` or the id of a merchant's model")
    previous: str = Field(description="the model that was active before")


predictions: Final = Repository(PredictionDocument)
batches: Final = Repository(BatchDocument)
trainings: Final = Repository(TrainingDocument)
sales_models: Final = Repository(SalesModelDocument)
active_models: Final = Repository(ActiveModelDocument)
