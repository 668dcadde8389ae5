"""An uploaded photo and its metadata become a product: in any order, once, and the newest version wins."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.core.pipeline.transport import RequestsTransport
from drawn import needs_model
from vendor_uploads import (
    blob_names,
    create_account,
    drop_of,
    garment_photo,
    job_of,
    metadata,
    open_jobs,
    product_of,
    run_again,
    run_worker,
    take_index_messages,
    upload,
    upload_unnoticed,
)

from functions.catalogue import products, reconcile, service
from functions.catalogue.models import ProductsQuery
from functions.catalogue.vendor_files import on_blob_created, record_upload
from functions.catalogue.worker import DropStep
from shared import blobs, clock
from shared.accounts.documents import Role
from shared.catalogue.documents import PhotoFields, Price, ProductDocument, ProductStatus
from shared.catalogue.documents import products as repository
from shared.documents import store
from shared.documents.fields import assign
from shared.http.auth import Principal
from shared.images.access import get_visible_image
from shared.images.documents import ImageId
from shared.images.models import view_image

pytestmark = [needs_model, pytest.mark.usefixtures("shop")]


def principal(vendor: str) -> Principal:
    return Principal(vendor, Role.VENDOR, "t", clock.now() + 60)


@pytest.mark.parametrize("order", [("jpg", "json"), ("json", "jpg")])
def test_photo_and_metadata_make_one_product_in_either_order(order: tuple[str, str]) -> None:
    vendor, files = create_account(), {"jpg": garment_photo(), "json": metadata()}
    for ending in order:
        upload(vendor, f"A-1.{ending}", files[ending])
        run_worker()
        if ending == "json" and order[0] == "json":
            assert product_of(vendor, "A-1").status == "awaiting_image"
    made = product_of(vendor, "A-1")
    assert made.status == "active"
    assert (made.title, made.category, made.tags) == ("Red shirt", "shirt", ("summer",))
    assert made.price == Price(amount="19.90", currency="EUR")
    assert made.colours and made.garment_class and made.model_version.startswith("garment_parser@")
    assert made.revision == 2
    assert [(m.product_id, m.revision) for m in take_index_messages()] == [(made.id, 1), (made.id, 2)]
    shown = service.get_product(principal(vendor), made.id)
    assert set(shown.pictures) == {"original", "optimised", "thumbnail", "mask", "cutout", "cutoutThumbnail"}


def test_shoppers_can_use_the_photo_of_a_product() -> None:
    vendor = create_account()
    upload(vendor, "A-1.jpg", garment_photo())
    upload(vendor, "A-1.json", metadata())
    run_worker()
    image = get_visible_image(product_of(vendor, "A-1").id, create_account("shopper"))
    assert image.kind == "garment"
    assert view_image(image).original


def test_a_repeated_event_is_processed_once() -> None:
    vendor = create_account()
    file = upload(vendor, "A-1.jpg", garment_photo())
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: on_blob_created(f"{vendor}/A-1.jpg"), range(12)))
    assert run_worker() == 1
    run_again(file)
    on_blob_created(f"{vendor}/A-1.jpg")
    assert run_worker() == 0
    assert product_of(vendor, "A-1").revision == 1
    assert len(take_index_messages()) == 1
    assert drop_of(file).status == "completed"


def test_overwriting_replaces_the_photo_and_removes_the_old_pictures() -> None:
    vendor = create_account()
    upload(vendor, "A-1.jpg", garment_photo(1))
    run_worker()
    before = product_of(vendor, "A-1")
    upload(vendor, "A-1.jpg", garment_photo(2))
    run_worker()
    after = product_of(vendor, "A-1")
    assert after.revision == 2
    assert after.image.sha256 != before.image.sha256
    for container in (blobs.IMAGES, blobs.THUMBNAILS, blobs.MASKS):
        assert not blob_names(container, before.image.prefix)
        assert blob_names(container, after.image.prefix)
    assert after.stale == ()
    assert get_visible_image(after.id, vendor).sha256 == after.image.sha256


def test_an_older_version_never_wins_however_late_its_job_runs() -> None:
    vendor = create_account()
    old = upload_unnoticed(vendor, "A-1.jpg", garment_photo(1))
    record_upload(old, 1)
    before = products.find(old)
    new = upload(vendor, "A-1.jpg", garment_photo(2))
    run_worker()
    assert (drop_of(old).status, drop_of(new).status) == ("superseded", "completed")
    assert product_of(vendor, "A-1").sources.image.etag == new.etag
    assert products.write(old, PhotoFields(), before) is None


def test_calls_of_blob_storage_for_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each costs milliseconds of CPU and money. The file's version is asked for by the trigger; the worker reads the
    file once, in that version alone."""
    vendor = create_account()
    upload(vendor, "A-1.jpg", garment_photo())
    run_worker()
    calls: list[str] = []
    send = RequestsTransport.send

    def counted(self: RequestsTransport, request: Any, **options: Any) -> Any:
        if "vendor-uploads" in request.url or "/images/" in request.url or "/thumbnails/" in request.url:
            calls.append(f"{request.method} {urlsplit(request.url).path.split('/')[2]}")
        elif "/masks/" in request.url:
            calls.append(f"{request.method} masks")
        return send(self, request, **options)

    file = upload_unnoticed(vendor, "A-2.jpg", garment_photo(2))
    monkeypatch.setattr(RequestsTransport, "send", counted)
    on_blob_created(file.blob)
    run_worker()
    assert drop_of(file).status == "completed"
    assert Counter(calls) == {
        "HEAD vendor-uploads": 1, "GET vendor-uploads": 1, "PUT images": 3, "PUT thumbnails": 2, "PUT masks": 1,
    }  # fmt: skip


def test_a_file_deleted_before_it_is_processed_is_no_error() -> None:
    vendor = create_account()
    file = upload(vendor, "A-1.jpg", garment_photo())
    blobs.delete(blobs.VENDOR_UPLOADS, file.blob)
    run_worker()
    assert drop_of(file).status == "gone"
    assert service.list_products(principal(vendor), ProductsQuery()).items == []


def test_photo_and_metadata_processed_concurrently_are_both_kept() -> None:
    vendor = create_account()
    for number in range(4):
        upload_unnoticed(vendor, f"A-{number}.jpg", garment_photo(number))
        upload_unnoticed(vendor, f"A-{number}.json", metadata(title=f"Shirt {number}"))
        for ending in ("jpg", "json"):
            on_blob_created(f"{vendor}/A-{number}.{ending}")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: run_worker(), range(4)))
    for number in range(4):
        made = product_of(vendor, f"A-{number}")
        assert (made.status, made.title, made.revision) == ("active", f"Shirt {number}", 2)
    assert open_jobs(vendor) == 0


def test_deleting_the_photo_retires_the_product_and_a_new_upload_makes_it_active_again() -> None:
    vendor = create_account()
    file = upload(vendor, "A-1.jpg", garment_photo())
    upload(vendor, "A-1.json", metadata())
    run_worker()
    prefix = product_of(vendor, "A-1").image.prefix
    blobs.delete(blobs.VENDOR_UPLOADS, file.blob)
    take_index_messages()
    assert reconcile.reconcile().retired == 1
    retired = product_of(vendor, "A-1")
    assert (retired.status, retired.image, retired.title) == ("retired", None, "Red shirt")
    assert not blob_names(blobs.IMAGES, prefix)
    assert [m.revision for m in take_index_messages()] == [retired.revision]
    assert store().find("studio", ImageId.of(retired.id), vendor) is None
    upload(vendor, "A-1.jpg", garment_photo(3))
    run_worker()
    back = product_of(vendor, "A-1")
    assert (back.status, back.title, back.revision) == ("active", "Red shirt", retired.revision + 1)


def test_a_vendor_deletes_a_product() -> None:
    vendor = create_account()
    upload(vendor, "A-1.jpg", garment_photo())
    upload(vendor, "A-1.json", metadata())
    run_worker()
    id = product_of(vendor, "A-1").id
    service.delete_product(principal(vendor), id)
    service.delete_product(principal(vendor), id)
    assert blob_names(blobs.VENDOR_UPLOADS, f"{vendor}/") == []
    assert service.get_product(principal(vendor), id).status == "retired"
    assert service.list_products(principal(vendor), ProductsQuery()).items == []
    assert len(service.list_products(principal(vendor), ProductsQuery(status=ProductStatus.RETIRED)).items) == 1
    assert reconcile.reconcile() == reconcile.Reconciled(0, 0, 0)


def test_the_sweeper_records_files_that_no_trigger_reported(change: object) -> None:
    vendor = create_account()
    fresh = upload_unnoticed(vendor, "A-1.jpg", garment_photo())
    assert reconcile.reconcile().recorded == 0
    change(CATALOGUE_ORPHAN_S="0")  # pyright: ignore[reportCallIssue]
    assert reconcile.reconcile().recorded == 1
    assert reconcile.reconcile().recorded == 0
    run_worker()
    assert drop_of(fresh).status == "completed"
    assert reconcile.reconcile() == reconcile.Reconciled(0, 0, 0)


def test_a_photo_deleted_between_two_sweeps_of_a_process_retires_the_product_as_it_is_by_then() -> None:
    vendor = create_account()
    file = upload(vendor, "A-1.jpg", garment_photo())
    upload(vendor, "A-1.json", metadata())
    run_worker()
    assert reconcile.reconcile() == reconcile.Reconciled(0, 0, 0)
    made = product_of(vendor, "A-1")
    # Another process changes it without a word that this one reads: a patch that leaves `updatedAt` as it was.
    repository.patch(made.id, vendor, assign(ProductDocument.title, "Renamed"))
    blobs.delete(blobs.VENDOR_UPLOADS, file.blob)
    assert reconcile.reconcile().retired == 1
    assert (product_of(vendor, "A-1").status, product_of(vendor, "A-1").title) == ("retired", "Renamed")
    assert reconcile.reconcile().retired == 0


def test_a_sweep_forgets_products_that_are_gone() -> None:
    vendor = create_account()
    file = upload(vendor, "A-1.jpg", garment_photo())
    upload(vendor, "A-1.json", metadata())
    run_worker()
    reconcile.reconcile()
    repository.delete(product_of(vendor, "A-1").id, vendor)
    blobs.delete(blobs.VENDOR_UPLOADS, file.blob)
    assert reconcile.reconcile() == reconcile.Reconciled(0, 0, 0)


def test_the_sweeper_propagates_what_a_crash_left() -> None:
    """The process died after the product was written: no image record, no message, old pictures still there."""
    vendor = create_account()
    upload(vendor, "A-1.jpg", garment_photo())
    upload(vendor, "A-1.json", metadata())
    run_worker()
    take_index_messages()
    made = product_of(vendor, "A-1")
    store().delete("studio", ImageId.of(made.id), vendor)
    repository.patch(made.id, vendor, assign(ProductDocument.propagation_due, clock.now() - 1))
    assert reconcile.reconcile().propagated == 1
    assert [m.revision for m in take_index_messages()] == [2]
    assert get_visible_image(made.id, create_account("shopper"))
    assert product_of(vendor, "A-1").propagation_due is None


def test_a_repeated_attempt_propagates_what_the_first_left() -> None:
    vendor = create_account()
    file = upload(vendor, "A-1.jpg", garment_photo())
    run_worker()
    made = product_of(vendor, "A-1")
    repository.patch(made.id, vendor, assign(ProductDocument.propagation_due, clock.now() + 900))
    take_index_messages()
    run_again(file)
    assert [m.revision for m in take_index_messages()] == [1]
    assert product_of(vendor, "A-1").revision == 1
    assert DropStep().on_lease_lost(job_of(file)) is None
