"""The job `analytics.train`: a version of a merchant's own model from their table of sales."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from functions.analytics import documents, evaluation_report, image_lookup, model_registry, runs, sales_models, tables
from functions.analytics import trainings as training_service
from functions.analytics.documents import (
    ActiveModelDocument,
    SalesModelDocument,
    SalesModelId,
    TrainingDocument,
    TrainingFigures,
    TrainingPayload,
    TrainingResult,
)
from functions.analytics.feature_cache import FeatureCache
from functions.analytics.tables import RowProblem, SalesRow
from shared import blobs, clock
from shared.documents import Operation
from shared.documents.fields import Change, assign
from shared.errors import Unprocessable
from shared.images.sources import Source
from shared.jobs.models import Job
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task

if TYPE_CHECKING:
    from functions.analytics.dataset import SalesDataset
    from functions.analytics.fit import FittedHead

UNIT: Final = "units, as in your table"


@dataclass(frozen=True)
class ProblemReport:
    """How many rows are bad, and the blob that names their problems; None without any."""

    bad_rows: int = 0
    blob: str | None = None

    def changes(self) -> list[Change]:
        """The report as changes of the training's document."""
        return [assign(TrainingDocument.bad_rows, self.bad_rows), assign(TrainingDocument.report_blob, self.blob)]


class BadRows(Unprocessable):
    """The table has bad rows, and they are not to be skipped."""

    def __init__(self, report: ProblemReport, first_line: int) -> None:
        super().__init__(
            f"{report.bad_rows} rows are bad, the first in line {first_line}: the report names them all",
            code="bad_rows",
        )
        self.report = report


def run(task: Task) -> Outcome:
    """Train on the table. Raises StudioError: `bad_rows`, `too_few_rows`, `table_gone`."""
    from functions.analytics import fit

    payload = task.payload_as(TrainingPayload)
    task.progress("reading", 2)
    rows, problems = tables.parse_sales(
        tables.read_table(runs.read_table(payload.blob), tables.SALES_COLUMNS, payload.read)
    )
    task.progress("finding images", 5)
    images, missing = image_lookup.find_images((row.image for row in rows), task.user_id)
    cache = FeatureCache.load(task.user_id)
    unreadable = cache.add(
        images.values(), lambda done, of: task.progress("reading images", 8 + 72 * done // max(1, of))
    )
    usable, unusable = _usable_rows(rows, images, missing, unreadable)
    report = _report(task, [*problems, *unusable], skip=payload.skip)
    task.progress("fitting", 82)
    training_service.check_row_count(len(usable))
    # Rows of one date are assigned to folds at random, not in the order of the file.
    random.Random(0).shuffle(usable)
    dataset = _dataset(usable, images, cache)
    fitted = fit.fit(dataset, cache.maps.within)
    task.progress("measuring", 92)
    return _outcome(task, payload, fitted, dataset, cache, report)


def _usable_rows(
    rows: Iterable[SalesRow], images: Mapping[str, Source], missing: Mapping[str, str], unreadable: Mapping[str, str]
) -> tuple[list[SalesRow], list[RowProblem]]:
    """The rows whose image can be used and that are the first of their image and date, and the others' problems."""
    usable: list[SalesRow] = []
    problems: list[RowProblem] = []
    lines: dict[tuple[str, int], int] = {}
    for row in rows:
        path = image_lookup.blob_path(images[row.image]) if row.image in images else ""
        problem = missing.get(row.image) or unreadable.get(path)
        if problem is None:
            first = lines.setdefault((path, row.day), row.line)
            if first != row.line:
                problem = f"is the image and date of line {first} by another name"
        if problem is None:
            usable.append(row)
        else:
            problems.append(RowProblem(row.line, "image", problem))
    return usable, problems


def _report(task: Task, problems: Sequence[RowProblem], *, skip: bool) -> ProblemReport:
    """Store the report of all bad rows. Raises BadRows unless they are to be skipped."""
    if not problems:
        return ProblemReport()
    blob = f"{runs.blob_folder(task)}report.csv"
    blobs.put(blobs.ANALYTICS, blob, tables.problem_report(problems), content_type="text/csv")
    lines = {problem.line for problem in problems}
    report = ProblemReport(len(lines), blob)
    if not skip:
        raise BadRows(report, min(lines))
    return report


def _dataset(rows: Sequence[SalesRow], images: Mapping[str, Source], cache: FeatureCache) -> SalesDataset:
    import numpy as np

    from functions.analytics.dataset import SalesDataset, split_by_date
    from functions.analytics.fit import MERCHANT_SHARES

    paths = [image_lookup.blob_path(images[row.image]) for row in rows]
    numbers = {path: number for number, path in enumerate(dict.fromkeys(paths))}
    names: dict[str, str] = {}
    for row, path in zip(rows, paths, strict=True):
        names.setdefault(path, images[row.image].image_id or row.image)
    categories = sorted({row.category for row in rows})
    day = np.array([row.day for row in rows], np.int64)
    return SalesDataset(
        image_names=tuple(names[path] for path in numbers),
        vectors=np.stack([cache.features[path].vector for path in numbers]),
        colours=np.stack([cache.features[path].colours for path in numbers]),
        categories=tuple(categories),
        image_index=np.array([numbers[path] for path in paths], np.int32),
        price=np.array([row.price for row in rows], np.float32),
        category=np.array([categories.index(row.category) for row in rows], np.int64),
        units=np.array([row.units for row in rows], np.float32),
        day=day,
        fold=split_by_date(day, MERCHANT_SHARES),
    )


def _outcome(
    task: Task, payload: TrainingPayload, fitted: FittedHead, dataset: SalesDataset, cache: FeatureCache,
    report: ProblemReport,
) -> Outcome:  # fmt: skip
    """Store the weights and rows of the new version and measure it."""
    from functions.analytics import inference

    id = task.job.id.public
    facts = model_registry.facts_of(fitted, cache.tower, dataset.vectors.shape[1], UNIT)
    profile = inference.mean_heat(fitted.weights, cache.maps.mean)
    weights = fitted.weights.to_npz()
    rows = model_registry.data_to_npz(dataset, fitted.calibration, profile)
    version = f"sales_own@{hashlib.sha256(weights + rows).hexdigest()[:12]}"
    prefix = f"{runs.blob_folder(task)}{task.attempt_key}"
    weights_blob, rows_blob = f"{prefix}-weights.npz", f"{prefix}-rows.npz"
    for name, data in ((weights_blob, weights), (rows_blob, rows)):
        blobs.put(blobs.MODELS, name, data, content_type="application/octet-stream")
    measured = dataset.subset("train", "report")
    figures = evaluation_report.evaluate_model(
        model_registry.SalesModel(id, version, "own", fitted.weights, measured, fitted.calibration, facts, profile)
    )
    summary = TrainingFigures(
        n=figures.n,
        wape=figures.model.wape,
        category_mean_wape=figures.baselines["categoryMean"].wape,
        coverage=figures.interval.coverage,
        band=figures.interval.band,
        width=figures.interval.width,
        method=facts.method,
        n_calibration=facts.n_calibration,
    )
    document = SalesModelDocument(
        id=SalesModelId.of(id),
        user_id=task.user_id,
        version=version,
        facts=facts,
        categories=list(dataset.categories),
        weights_blob=weights_blob,
        rows_blob=rows_blob,
        created_at=clock.iso(),
    )
    operations: list[Operation] = [documents.sales_models.creation(document)]
    if payload.activate:
        before = model_registry.get_active_model_id(task.user_id)
        choice = ActiveModelDocument(user_id=task.user_id, active=id, previous=before)
        operations.append(documents.active_models.upsertion(choice))
    changes = [
        *report.changes(),
        assign(TrainingDocument.figures, summary),
        assign(TrainingDocument.model, id),
        assign(TrainingDocument.model_version, version),
    ]
    result = TrainingResult(model=id, model_version=version, **dict(summary))
    return Outcome(result=result, operations=operations, subject=changes)


def clean_up(job: Job) -> None:
    """Delete the blobs of attempts without a commit, and the oldest versions over the limit."""
    id, user_id = job.id.public, job.user_id
    model = documents.sales_models.find(SalesModelId.of(id), user_id)
    kept = set(model.blob_names) if model else set[str]()
    for blob in list(blobs.listing(blobs.MODELS, f"{user_id}/{id}/")):
        if blob.name not in kept:
            blobs.delete(blobs.MODELS, blob.name)
    choice = model_registry.find_active(user_id)
    in_use = {choice.active, choice.previous} if choice else set[str]()
    for old in model_registry.list_model_documents(user_id)[model_registry.MAX_VERSIONS :]:
        if old.id.public not in in_use:
            documents.sales_models.delete(old.id, user_id)
            sales_models.delete_model_blobs(old)
