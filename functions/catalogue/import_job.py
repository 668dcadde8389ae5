"""The job of an import. What is done is stored in parts, so that another attempt goes on behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from functions.catalogue import imports
from functions.catalogue.feed_products import FeedProduct
from functions.catalogue.import_documents import ImportCounts, ImportDocument, ImportId, ImportPayload, ImportResult
from functions.catalogue.import_documents import imports as repository
from functions.catalogue.import_schemas import ImportedProduct, ImportPart
from functions.catalogue.importer import Importer
from shared import blobs
from shared.documents.fields import assign
from shared.errors import NotFound, Unprocessable
from shared.jobs.models import Job
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.notifications.push import push_job
from shared.webhooks.publish import WebhookPublisher

PART: Final = 200
FETCHING_PART: Final = 40
"""Products of a part; fewer where their photos are fetched, since one may take 15 s."""
JSON: Final = "application/json"


class ImportStep(WebhookPublisher):
    """The step of the `imports` queue."""

    def run(self, task: Task) -> Outcome:
        """Import the file part by part.

        Raises:
            Unprocessable: `import_gone`, the file was deleted; or it can't be read.
        """
        payload = task.payload_as(ImportPayload)
        try:
            data = blobs.get(blobs.IMPORTS, payload.file_blob)
        except NotFound:
            raise Unprocessable("the file of the import was deleted", code="import_gone") from None
        feed, prices, found = imports.read_products(data, payload.read, payload.currency)
        done = _import(task, payload, found)
        report = imports.make_report(feed, prices, done.products, done.photos_fetched)
        blob = f"{_folder(task.job)}report.json"
        blobs.put(blobs.IMPORTS, blob, report.model_dump_json(by_alias=True).encode(), content_type=JSON)
        counts = imports.count(done.products, done.photos_fetched)
        imports.record_import(task.user_id, report, f"{task.job.id.public}-imported")
        return Outcome(
            result=ImportResult(import_id=task.job.id.public, **counts.model_dump(by_alias=False)),
            subject=[assign(ImportDocument.counts, counts), assign(ImportDocument.report_blob, blob)],
        )

    def after_commit(self, job: Job) -> None:
        """Delete the file and the parts; the report stays."""
        for blob in list(blobs.listing(blobs.IMPORTS, _folder(job))):
            if not blob.name.endswith("/report.json"):
                blobs.delete(blobs.IMPORTS, blob.name)

    def push(self, job: Job) -> None:
        """Send the job's state to the vendor's open pages."""
        push_job(job)


def _folder(job: Job) -> str:
    return f"{job.user_id}/{job.id.public}/"


def _import(task: Task, payload: ImportPayload, found: Sequence[FeedProduct]) -> ImportPart:
    importer = Importer(task.user_id, fetch=payload.fetch)
    size = FETCHING_PART if payload.fetch else PART
    products: list[ImportedProduct] = []
    counts = ImportCounts()
    for start in range(0, len(found), size):
        task.progress("importing", round(100 * start / len(found)), done=start, products=len(found))
        name = f"{_folder(task.job)}part-{start:06}.json"
        part = _stored(name)
        if part is None:
            fetched = importer.photos_fetched
            made = importer.take_all(found[start : start + size])
            part = ImportPart(products=made, photos_fetched=importer.photos_fetched - fetched)
            blobs.put(blobs.IMPORTS, name, part.model_dump_json(by_alias=True).encode(), content_type=JSON)
        products += part.products
        counts = counts.plus(imports.count(part.products, part.photos_fetched))
        _store_counts(task, counts)
    task.progress("importing", 100, done=len(found), products=len(found))
    return ImportPart(products=products, photos_fetched=counts.photos_fetched)


def _stored(name: str) -> ImportPart | None:
    """A part that an earlier attempt has done."""
    try:
        return ImportPart.model_validate_json(blobs.get(blobs.IMPORTS, name))
    except NotFound:
        return None


def _store_counts(task: Task, counts: ImportCounts) -> None:
    repository.patch(ImportId.of(task.job.id.public), task.user_id, assign(ImportDocument.counts, counts))
