"""A dropped photo and its metadata become a product: in any order, once, and the newest version wins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from drawn import needs_model
from shop import account, again, announced, drop, garment, names, open_jobs, product, put, record, told, work

from functions.catalogue import drops, products, reconcile, service
from functions.catalogue.models import ProductsQuery
from functions.catalogue.worker import DropStep
from shared import blobs, clock
from shared.accounts.documents import Role
from shared.documents import store
from shared.http.auth import Principal
from shared.images.access import get_visible_image
from shared.images.documents import ImageId
from shared.images.models import view_image

pytestmark = [needs_model, pytest.mark.usefixtures("shop")]


def principal(vendor: str) -> Principal:
    return Principal(vendor, Role.VENDOR, "t", clock.now() + 60)


@pytest.mark.parametrize("order", [("jpg", "json"), ("json", "jpg")])
def test_photo_and_metadata_make_one_product_in_either_order(order: tuple[str, str]) -> None:
    vendor, files = account(), {"jpg": garment(), "json": told()}
    for ending in order:
        drop(vendor, f"A-1.{ending}", files[ending])
        work()
        if ending == "json" and order[0] == "json":
            assert product(vendor, "A-1")["status"] == "awaiting_image"
    made = product(vendor, "A-1")
    assert made["status"] == "active"
    assert (made["title"], made["category"], made["tags"]) == ("Red shirt", "shirt", ["summer"])
    assert made["price"] == {"amount": "19.90", "currency": "EUR"}
    assert made["colours"] and made["garmentClass"] and made["modelVersion"].startswith("garment_parser@")
    assert made["revision"] == 2
    assert [(m["productId"], m["revision"]) for m in announced()] == [(made["id"], 1), (made["id"], 2)]
    shown = service.product(principal(vendor), made["id"])
    assert set(shown.pictures) == {"original", "optimised", "thumbnail", "mask", "cutout", "cutoutThumbnail"}


def test_shoppers_can_use_the_photo_of_a_product() -> None:
    vendor = account()
    drop(vendor, "A-1.jpg", garment())
    work()
    image = get_visible_image(product(vendor, "A-1")["id"], account("shopper"))
    assert image["kind"] == "garment"
    assert view_image(image).original


def test_the_same_drop_told_again_and_again_is_done_once() -> None:
    vendor = account()
    dropped = drop(vendor, "A-1.jpg", garment())
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: drops.arrived(f"vendor-uploads/{vendor}/A-1.jpg"), range(12)))
    assert work() == 1
    again(dropped)
    drops.arrived(f"vendor-uploads/{vendor}/A-1.jpg")
    assert work() == 0
    assert product(vendor, "A-1")["revision"] == 1
    assert len(announced()) == 1
    assert record(dropped)["status"] == "completed"


def test_overwriting_replaces_the_photo_and_removes_the_old_pictures() -> None:
    vendor = account()
    drop(vendor, "A-1.jpg", garment(1))
    work()
    before = product(vendor, "A-1")
    drop(vendor, "A-1.jpg", garment(2))
    work()
    after = product(vendor, "A-1")
    assert after["revision"] == 2
    assert after["image"]["sha256"] != before["image"]["sha256"]
    for container in (blobs.IMAGES, blobs.THUMBNAILS, blobs.MASKS):
        assert not names(container, before["image"]["prefix"])
        assert names(container, after["image"]["prefix"])
    assert after["stale"] == []
    assert get_visible_image(after["id"], vendor).sha256 == after["image"]["sha256"]


def test_an_older_version_never_wins_however_late_its_job_runs() -> None:
    vendor = account()
    old = put(vendor, "A-1.jpg", garment(1))
    drops.notice(old, 1)
    new = drop(vendor, "A-1.jpg", garment(2))
    work()
    assert (record(old)["status"], record(new)["status"]) == ("superseded", "completed")
    assert product(vendor, "A-1")["sources"]["image"]["etag"] == new.etag
    assert products.write(old, "image", {"image": {"prefix": "x"}}) is None


def test_a_file_that_is_gone_when_its_turn_comes_is_nothing_bad() -> None:
    vendor = account()
    dropped = drop(vendor, "A-1.jpg", garment())
    blobs.delete(blobs.VENDOR_UPLOADS, dropped.blob)
    work()
    assert record(dropped)["status"] == "gone"
    assert service.listed(principal(vendor), ProductsQuery()).items == []


def test_photo_and_metadata_at_once_lose_nothing() -> None:
    vendor = account()
    for number in range(4):
        put(vendor, f"A-{number}.jpg", garment(number))
        put(vendor, f"A-{number}.json", told(title=f"Shirt {number}"))
        for ending in ("jpg", "json"):
            drops.arrived(f"vendor-uploads/{vendor}/A-{number}.{ending}")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: work(), range(4)))
    for number in range(4):
        made = product(vendor, f"A-{number}")
        assert (made["status"], made["title"], made["revision"]) == ("active", f"Shirt {number}", 2)
    assert open_jobs(vendor) == 0


def test_deleting_the_photo_retires_the_product_and_dropping_it_again_brings_it_back() -> None:
    vendor = account()
    dropped = drop(vendor, "A-1.jpg", garment())
    drop(vendor, "A-1.json", told())
    work()
    prefix = product(vendor, "A-1")["image"]["prefix"]
    blobs.delete(blobs.VENDOR_UPLOADS, dropped.blob)
    announced()
    assert reconcile.reconcile().retired == 1
    retired = product(vendor, "A-1")
    assert (retired["status"], retired["image"], retired["title"]) == ("retired", None, "Red shirt")
    assert not names(blobs.IMAGES, prefix)
    assert [m["revision"] for m in announced()] == [retired["revision"]]
    assert store().find("studio", ImageId.of(retired["id"]), vendor) is None
    drop(vendor, "A-1.jpg", garment(3))
    work()
    back = product(vendor, "A-1")
    assert (back["status"], back["title"], back["revision"]) == ("active", "Red shirt", retired["revision"] + 1)


def test_a_vendor_takes_a_product_off_the_shelf() -> None:
    vendor = account()
    drop(vendor, "A-1.jpg", garment())
    drop(vendor, "A-1.json", told())
    work()
    id = product(vendor, "A-1")["id"]
    service.delete(principal(vendor), id)
    service.delete(principal(vendor), id)
    assert names(blobs.VENDOR_UPLOADS, f"{vendor}/") == []
    assert service.product(principal(vendor), id).status == "retired"
    assert service.listed(principal(vendor), ProductsQuery()).items == []
    assert len(service.listed(principal(vendor), ProductsQuery(status="retired")).items) == 1
    assert reconcile.reconcile() == reconcile.Swept(0, 0, 0)


def test_the_sweeper_finds_what_no_trigger_told_of(change: object) -> None:
    vendor = account()
    fresh = put(vendor, "A-1.jpg", garment())
    assert reconcile.reconcile().noticed == 0
    change(CATALOGUE_ORPHAN_S="0")  # pyright: ignore[reportCallIssue]
    assert reconcile.reconcile().noticed == 1
    assert reconcile.reconcile().noticed == 0
    work()
    assert record(fresh)["status"] == "completed"
    assert reconcile.reconcile() == reconcile.Swept(0, 0, 0)


def test_what_a_crash_left_unsettled_is_settled() -> None:
    """The process died after the product was written: no image record, no message, old pictures still there."""
    vendor = account()
    drop(vendor, "A-1.jpg", garment())
    work()
    announced()
    made = product(vendor, "A-1")
    store().delete("studio", ImageId.of(made["id"]), vendor)
    store().patch("garments", made["id"], vendor, set={"settleDue": clock.now() - 1})
    assert reconcile.reconcile().settled == 1
    assert [m["revision"] for m in announced()] == [1]
    assert get_visible_image(made["id"], account("shopper"))
    assert product(vendor, "A-1")["settleDue"] is None


def test_a_repeated_attempt_settles_what_the_first_left() -> None:
    vendor = account()
    dropped = drop(vendor, "A-1.jpg", garment())
    work()
    made = product(vendor, "A-1")
    store().patch("garments", made["id"], vendor, set={"settleDue": clock.now() + 900})
    announced()
    again(dropped)
    assert [m["revision"] for m in announced()] == [1]
    assert product(vendor, "A-1")["revision"] == 1
    assert DropStep().on_lease_lost(record(dropped, "job:drop-")) is None
