"""Imports by a job: large files, photos by address, attempts that end early."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests
from drawn import needs_model
from receiver import Receiver, receiver
from vendor_uploads import create_account, garment_photo, product_of, run_worker

from functions.catalogue import imports
from functions.catalogue.import_documents import ImportPayload
from functions.catalogue.import_job import PART, ImportStep
from functions.catalogue.import_schemas import ImportQuery, ImportReport, ImportsQuery, ProductImport
from functions.catalogue.vendor_files import on_blob_created
from shared import blobs, clock
from shared.accounts.documents import Role
from shared.catalogue.documents import ProductDocument, products
from shared.documents.fields import where
from shared.errors import NotFound, Unprocessable
from shared.http.auth import Principal
from shared.jobs import protocol
from shared.jobs.consumer import Pointer, consume
from shared.jobs.models import Job, JobId
from shared.jobs.step import Task
from shared.settings import forget
from shared.tables.upload import TableUpload

pytestmark = pytest.mark.usefixtures("shop")


@pytest.fixture
def site() -> Iterator[Receiver]:
    """The vendor's shop, which has the photos."""
    with receiver() as listening:
        yield listening


def vendor_of(id: str) -> Principal:
    return Principal(id, Role.VENDOR, "t", clock.now() + 60)


def start(vendor: str, data: str, pictures: str = "upload") -> ProductImport:
    query = ImportQuery.model_validate({"currency": "EUR", "pictures": pictures})
    made = imports.import_products(
        vendor_of(vendor), clock.new_id(), TableUpload(data.encode(), "text/csv"), query, "r"
    )
    assert isinstance(made, ProductImport)
    return made


def work(vendor: str, id: str) -> ProductImport:
    job = protocol.load(JobId.of(id), vendor)
    consume(json.dumps({"jobId": job.id, "userId": vendor, "generation": 1, "attempt": job.attempt + 1}), ImportStep())
    return imports.get_import(vendor_of(vendor), id)


def report_of(done: ProductImport) -> ImportReport:
    assert done.report_url
    return ImportReport.model_validate(requests.get(done.report_url, timeout=30).json())


def listed(vendor: str, **query: str) -> list[ProductImport]:
    return list(imports.list_imports(vendor_of(vendor), ImportsQuery.model_validate(query)).items)


def test_imports_by_jobs_are_listed_newest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MAX_INLINE", 0)
    vendor = create_account()
    first, second = (start(vendor, "sku,title\nL,Hat\n").id for _ in range(2))
    work(vendor, first)
    assert [one.id for one in listed(vendor)] == [second, first]
    assert [one.id for one in listed(vendor, status="queued")] == [second]
    (ended,) = listed(vendor, status="completed")
    assert ended == imports.get_import(vendor_of(vendor), first).model_copy(update={"report_url": None})
    assert listed(create_account()) == []


def test_a_large_file_is_imported_by_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MAX_INLINE", 3)
    vendor = create_account()
    queued = start(vendor, "sku,title,price\nA,Shirt,5\nB,Skirt,6\nC,,7\nD,Dress,x\nE,Coat,8\n")
    assert (queued.status, queued.products, queued.created, queued.report_url) == ("queued", 5, 0, None)
    assert products.count(where(ProductDocument.vendor_id, "=", vendor), partition=vendor) == 0
    done = work(vendor, queued.id)
    assert (done.status, done.created, done.refused, done.awaiting_photo) == ("completed", 3, 2, 3)
    assert done.progress and done.progress.percent == 100
    report = report_of(done)
    assert [(one.sku, one.outcome) for one in report.products] == [
        ("A", "created"), ("B", "created"), ("C", "refused"), ("D", "refused"), ("E", "created"),
    ]  # fmt: skip
    assert [blob.name.rpartition("/")[2] for blob in blobs.listing(blobs.IMPORTS, f"{vendor}/")] == ["report.json"]
    with pytest.raises(NotFound):
        imports.get_import(vendor_of(create_account()), queued.id)


def test_another_attempt_goes_on_behind_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MAX_INLINE", 3)
    vendor = create_account()
    queued = start(vendor, "sku,title\n" + "".join(f"S{n},Shirt {n}\n" for n in range(PART + 5)))
    job = protocol.load(JobId.of(queued.id), vendor)

    class Killed(BaseException):
        """The process ends: no error that a step or the consumer handles."""

    class Dying(Task):
        def progress(self, step: str, percent: int, **facts: object) -> None:
            if facts["done"]:
                raise Killed

    claimed = protocol.claim(job, "worker")
    assert claimed
    with pytest.raises(Killed):
        ImportStep().run(Dying(claimed, lambda _: None))
    assert imports.get_import(vendor_of(vendor), queued.id).created == PART
    outcome = ImportStep().run(Task(claimed, lambda _: None))
    assert outcome.result_item()["created"] == PART + 5
    assert products.count(where(ProductDocument.vendor_id, "=", vendor), partition=vendor) == PART + 5


def test_an_import_whose_file_was_deleted_fails() -> None:
    vendor = create_account()
    payload = ImportPayload.model_validate({"fileBlob": f"{vendor}/x/file", "read": {}})
    job = protocol.jobs.create(protocol.new_job("products.import", "imports", vendor, payload))
    consume(Pointer(jobId=job.id, userId=vendor, generation=1, attempt=1).model_dump_json(), ImportStep())
    ended = protocol.load(job.id, vendor)
    assert (ended.status, ended.last_error and ended.last_error.code) == ("failed", "import_gone")


@needs_model
def test_photos_are_fetched_and_become_part_of_their_products(site: Receiver) -> None:
    vendor = create_account()
    site.files = {"/a.jpg": ("image/jpeg", garment_photo()), "/page": ("text/html", b"<html>")}
    rows = [f"A,Shirt,{site.origin}/a.jpg", f"B,Skirt,{site.origin}/missing.jpg", "C,Coat,https://10.0.0.1/c.jpg",
            f"D,Dress,{site.origin}/page", "E,Hat,E.jpg"]  # fmt: skip
    queued = start(vendor, "sku,title,image\n" + "\n".join(rows), "fetch")
    done = work(vendor, queued.id)
    assert (done.created, done.awaiting_photo, done.photos_fetched) == (5, 5, 1)
    notices = {one.sku: [notice.message for notice in one.notices] for one in report_of(done).products}
    assert notices["A"] == []
    assert all(notices[sku][0].startswith("the photo was not fetched") for sku in "BCD")
    assert notices["E"][0].startswith("there is no photo yet")
    on_blob_created(f"{vendor}/A.jpg")
    run_worker()
    assert product_of(vendor, "A").status == "active"
    again = work(vendor, start(vendor, f"sku,title,image\n{rows[0]}", "fetch").id)
    assert (again.unchanged, again.photos_fetched) == (1, 0)
    assert [got.path for got in site.got].count("/a.jpg") == 1


def test_a_host_that_is_away_is_not_asked_for_every_photo(site: Receiver) -> None:
    vendor = create_account()
    site.answers = [(500, {})] * 20
    rows = "\n".join(f"S{n},Shirt,{site.origin}/{n}.jpg" for n in range(20))
    done = work(vendor, start(vendor, f"sku,title,image\n{rows}", "fetch").id)
    assert (done.created, done.photos_fetched) == (20, 0)
    assert len(site.got) < 20


def test_nothing_is_fetched_where_the_deployment_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_FETCH", "false")
    forget()
    with pytest.raises(Unprocessable) as refused:
        start(create_account(), "sku,title\nA,Shirt\n", "fetch")
    assert refused.value.code == "image_fetch"


def test_the_job_of_an_import_names_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MAX_INLINE", 0)
    vendor = create_account()
    queued = start(vendor, "sku,title\nA,Shirt\n")
    (job,) = protocol.jobs.list(where(Job.queue, "=", "imports"), partition=vendor).items
    assert (job.kind, job.id.public, job.subject_id) == ("products.import", queued.job_id, f"import:{queued.id}")
