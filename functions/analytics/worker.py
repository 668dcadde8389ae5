"""The worker of the `analytics` queue: lists of pictures, and training on merchants' tables."""

from __future__ import annotations

import csv
import hashlib
import io
import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from functions.analytics import assessment, lists, shelf, tables, training
from functions.analytics.tables import Problem, Sale, Wish
from shared import blobs, notifications
from shared.documents import Create, Delete, Operation, Upsert, store
from shared.errors import NotFound, StudioError, Unprocessable
from shared.jobs import protocol
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.webhooks.publish import WebhookPublisher

if TYPE_CHECKING:
    from functions.analytics.fit import Fitted
    from functions.analytics.rows import Rows

CHUNK = 32
UNIT = "units, as in your table"
COLUMNS = ("line", "image", "price", "category", "score", "errLow", "errHigh", "coverage", "modelVersion", "data",
           "warnings", "error")  # fmt: skip


class AnalyticsStep(WebhookPublisher):
    """The `analytics` queue's step (see `shared.jobs.consumer.Step`). Blobs carry the attempt in their names, and the
    commit names them, so an attempt that was overtaken changes nothing."""

    def run(self, task: Task) -> Outcome:
        """Predict a list, or train. Raises StudioError."""
        if task.job["kind"] == "analytics.train":
            return _train(task)
        return _predict(task)

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """What an attempt has found out of bad rows is kept with the failure."""
        if error is not None and error.details and "reportBlob" in error.details:
            return Outcome(subject={name: error.details[name] for name in ("badRows", "reportBlob")})
        return Outcome()

    def after_commit(self, job: Job) -> None:
        """Remove what only attempts without a commit have stored, and versions that are one too many."""
        _tidy(job)

    def on_lease_lost(self, job: Job) -> None:
        """Nothing to tidy: what another attempt commits removes ours."""

    def push(self, job: Job) -> None:
        """Tell the user's open pages how the job stands."""
        notifications.push_job(job)


def _table(task: Task) -> bytes:
    try:
        return blobs.get(blobs.ANALYTICS, task.payload["blob"])
    except NotFound:
        raise Unprocessable("the table was deleted", code="table_gone") from None


def _predict(task: Task) -> Outcome:
    from functions.analytics import pictures, predict
    from functions.analytics.predict import Asked

    model = shelf.chosen(task.user_id, task.payload["model"])
    table = tables.read(_table(task), tables.LIST)
    good, bad = tables.wishes(table)
    rows: dict[int, list[Any]] = {}
    cells = dict(table.rows)
    place = table.columns.index("image")
    for problem in bad:
        shown = cells[problem.line][place] if len(cells[problem.line]) > place else ""
        rows.setdefault(problem.line, _bad(problem.line, shown, f"{problem.column} {problem.problem}"))
    for start in range(0, len(good), CHUNK):
        task.progress("predicting", round(100 * start / len(good)))
        read: list[tuple[Wish, Any]] = []
        for wish in good[start : start + CHUNK]:
            try:
                read.append((wish, pictures.decode(lists.source_of(wish.image, task.user_id).read())))
            except (NotFound, Unprocessable) as error:
                rows[wish.line] = _bad(wish.line, wish.image, error.message)
        if not read:
            continue
        seen = pictures.see([picture for _, picture in read])
        asked = [Asked(one, wish.price, wish.category) for (wish, _), one in zip(read, seen, strict=True)]
        for (wish, _), answered in zip(read, predict.predict(model, asked), strict=True):
            facts = answered.facts
            warned = " ".join(one["code"] for one in facts["warnings"])
            rows[wish.line] = [
                wish.line, _plain(wish.image), wish.price, _plain(wish.category or ""), facts["score"],
                facts["errLow"], facts["errHigh"], facts["coverage"], model.version, model.data, warned, "",
            ]  # fmt: skip
    task.progress("storing", 100)
    blob = f"{_folder(task)}{task.attempt_key}/predictions.csv"
    blobs.put(blobs.ANALYTICS, blob, _csv([rows[line] for line in sorted(rows)]), content_type="text/csv")
    failed = sum(1 for row in rows.values() if row[-1])
    facts = {
        "predicted": len(rows) - failed,
        "badRows": failed,
        "resultBlob": blob,
        "model": model.id,
        "modelVersion": model.version,
    }
    result = {"predicted": len(rows) - failed, "badRows": failed, "modelVersion": model.version}
    return Outcome(result=result, subject=facts)


def _bad(line: int, image: str, why: str) -> list[Any]:
    return [line, _plain(image[:200]), *[None] * (len(COLUMNS) - 3), why]


def _plain(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t") else cell


def _csv(rows: Sequence[Sequence[Any]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return out.getvalue().encode()


def _folder(task: Task) -> str:
    return f"{task.user_id}/{task.job['id'].removeprefix('job:')}/"


def _train(task: Task) -> Outcome:
    from functions.analytics import fit

    task.progress("reading", 2)
    good, bad = tables.sales(tables.read(_table(task), tables.SALES))
    task.progress("finding pictures", 5)
    known = lists.Embedded.load(task.user_id)
    found, wrong = lists.find((sale.image for sale in good), task.user_id)
    unread = known.add(found.values(), lambda done, of: task.progress("reading pictures", 8 + 72 * done // max(1, of)))
    usable: list[tuple[Sale, str]] = []
    seen: dict[tuple[str, int], int] = {}
    for sale in good:
        name = lists.key(found[sale.image]) if sale.image in found else ""
        why = wrong.get(sale.image) or unread.get(name)
        before = seen.setdefault((name, sale.day), sale.line) if not why else sale.line
        if before != sale.line:
            why = f"is the picture and date of line {before} by another name"
        if why:
            bad.append(Problem(sale.line, "image", why))
        else:
            usable.append((sale, name))
    report = _reported(task, bad)
    task.progress("fitting", 82)
    training.check_count(len(usable))
    # rows of one date are split by chance, not by the order of the file
    random.Random(0).shuffle(usable)
    rows = _rows(usable, known, {name: source.image_id or name for name, source in found.items()})
    fitted = fit.fit(rows, known.maps.within)
    task.progress("measuring", 92)
    return _made(task, fitted, rows, known, report)


def _reported(task: Task, bad: Sequence[Problem]) -> dict[str, Any]:
    """The report of all bad rows, stored; with `badRows=refuse` the end of the training."""
    if not bad:
        return {"badRows": 0, "reportBlob": None}
    blob = f"{_folder(task)}report.csv"
    blobs.put(blobs.ANALYTICS, blob, tables.report(bad), content_type="text/csv")
    told = {"badRows": len({one.line for one in bad}), "reportBlob": blob}
    if not task.payload["skip"]:
        line = min(one.line for one in bad)
        raise Unprocessable(
            f"{told['badRows']} rows are bad, the first in line {line}: the report names them all",
            code="bad_rows",
            details=told,
        )
    return told


def _rows(usable: Sequence[tuple[Sale, str]], known: lists.Embedded, ids: Mapping[str, str]) -> Rows:
    import numpy as np

    from functions.analytics.fit import MERCHANT_SHARES
    from functions.analytics.rows import Rows, split

    places = {name: number for number, name in enumerate(dict.fromkeys(name for _, name in usable))}
    shown: dict[str, str] = {}
    for sale, name in usable:
        shown.setdefault(name, ids[sale.image])
    categories = sorted({sale.category for sale, _ in usable})
    day = np.array([sale.day for sale, _ in usable], np.int64)
    return Rows(
        names=tuple(shown[name] for name in places),
        vectors=np.stack([known.known[name][0] for name in places]),
        colours=np.stack([known.known[name][1] for name in places]),
        categories=tuple(categories),
        which=np.array([places[name] for _, name in usable], np.int32),
        price=np.array([sale.price for sale, _ in usable], np.float32),
        category=np.array([categories.index(sale.category) for sale, _ in usable], np.int64),
        units=np.array([sale.units for sale, _ in usable], np.float32),
        day=day,
        fold=split(day, MERCHANT_SHARES),
    )


def _made(task: Task, fitted: Fitted, rows: Rows, known: lists.Embedded, report: dict[str, Any]) -> Outcome:
    from functions.analytics import predict

    id = task.job["id"].removeprefix("job:")
    facts = shelf.facts_of(fitted, known.tower, rows.vectors.shape[1], UNIT)
    profile = predict.profile(fitted.weights, known.maps.mean)
    weights, kept = fitted.weights.packed(), shelf.packed(rows, fitted.calibration, profile)
    version = f"sales_own@{hashlib.sha256(weights + kept).hexdigest()[:12]}"
    names = [f"{task.user_id}/{id}/{task.attempt_key}-{part}.npz" for part in ("weights", "rows")]
    for name, data in zip(names, (weights, kept), strict=True):
        blobs.put(blobs.MODELS, name, data, content_type="application/octet-stream")
    measured = rows.of("train", "report")
    model = shelf.Sold(id, version, "own", fitted.weights, measured, fitted.calibration, facts, profile)
    found = assessment.figures_of(model)
    interval = found["interval"]
    figures = {
        "n": found["n"],
        "wape": found["model"]["wape"],
        "categoryMeanWape": found["baselines"]["categoryMean"]["wape"],
        "coverage": interval["coverage"],
        "band": interval["band"],
        "width": interval["width"],
        "method": facts["method"],
        "nCalibration": facts["nCalibration"],
    }
    operations: list[Operation] = [
        Create(training.version_record(task.user_id, id, version, facts, rows.categories, *names))
    ]
    if task.payload["activate"]:
        before = shelf.active_id(task.user_id)
        operations.append(Upsert(shelf.pointer(task.user_id, id, before)))
    subject = {**report, "figures": figures, "model": id, "modelVersion": version}
    return Outcome(result={"model": id, "modelVersion": version, **figures}, operations=operations, subject=subject)


def _tidy(job: Job) -> None:
    user_id, id = job["userId"], job["id"].removeprefix("job:")
    if job["kind"] != "analytics.train":
        record = store().find(protocol.CONTAINER, job["subjectId"], user_id)
        kept = {record["resultBlob"], record["listBlob"]} if record else set[str]()
        for blob in list(blobs.listing(blobs.ANALYTICS, f"{user_id}/{id}/")):
            if blob.name not in kept:
                blobs.delete(blobs.ANALYTICS, blob.name)
        return
    made = store().find(protocol.CONTAINER, f"sales_model:{id}", user_id)
    mine = {made["weightsBlob"], made["rowsBlob"]} if made else set[str]()
    for blob in list(blobs.listing(blobs.MODELS, f"{user_id}/{id}/")):
        if blob.name not in mine:
            blobs.delete(blobs.MODELS, blob.name)
    pointer = store().find(protocol.CONTAINER, shelf.ACTIVE, user_id) or {}
    wanted = {f"sales_model:{pointer.get(name)}" for name in ("active", "previous")}
    for old in shelf.records(user_id)[shelf.KEPT :]:
        if old["id"] not in wanted:
            store().batch(protocol.CONTAINER, user_id, [Delete(old["id"])])
            training.remove_blobs(old)
