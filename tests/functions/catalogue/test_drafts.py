"""What can't be sold stays a draft with its reason; files count by their bytes; none is lost without a word."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from drawn import needs_model
from over_http import photo
from PIL import Image
from vendor_uploads import (
    blob_names,
    create_account,
    drop_of,
    garment_photo,
    metadata,
    product_of,
    run_worker,
    upload,
    upload_unnoticed,
)

from functions.catalogue import products, reconcile, rejections, service
from functions.catalogue.documents import DropDocument, drops
from functions.catalogue.models import ProductChange
from functions.catalogue.vendor_files import file_of, on_blob_created
from shared import blobs, clock
from shared.accounts.documents import Role
from shared.catalogue.documents import Price
from shared.documents import store
from shared.documents.fields import where
from shared.errors import Conflict, NotFound, RevisionConflict
from shared.http.auth import Principal
from shared.images.access import get_visible_image
from shared.images.scrubbing import without_metadata

pytestmark = [needs_model, pytest.mark.usefixtures("shop")]
type Change = Callable[..., None]


def principal(vendor: str) -> Principal:
    return Principal(vendor, Role.VENDOR, "t", clock.now() + 60)


def change(vendor: str, sku: str, if_match: str | None = None, **fields: object) -> object:
    wanted = ProductChange.model_validate_json(json.dumps(fields))
    return service.change_product(principal(vendor), product_of(vendor, sku).id, wanted, if_match)


def converted(format: str) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(garment_photo())).save(buffer, format)
    return buffer.getvalue()


def visible_to_others(vendor: str, sku: str) -> bool:
    try:
        get_visible_image(product_of(vendor, sku).id, create_account("shopper"))
    except NotFound:
        return False
    return True


def test_a_photo_without_metadata_is_a_draft() -> None:
    vendor = create_account()
    upload(vendor, "A.jpg", garment_photo())
    run_worker()
    made = product_of(vendor, "A")
    assert (made.status, made.draft.code) == ("draft", "metadata_missing")
    assert not visible_to_others(vendor, "A")
    assert get_visible_image(made.id, vendor).visibility == "private"
    upload(vendor, "A.json", metadata())
    run_worker()
    assert (product_of(vendor, "A").status, product_of(vendor, "A").draft) == ("active", None)
    assert visible_to_others(vendor, "A")


@pytest.mark.parametrize("order", [("jpg", "json"), ("json", "jpg")])
def test_a_photo_whose_metadata_was_refused_is_a_draft_that_says_why(order: tuple[str, str]) -> None:
    vendor, files = create_account(), {"jpg": garment_photo(), "json": metadata(price="12,50")}
    for ending in order:
        upload(vendor, f"A.{ending}", files[ending])
        run_worker()
    made = product_of(vendor, "A")
    assert (made.status, made.draft.code) == ("draft", "metadata_refused")
    assert "A.json" in made.draft.message and "price" in made.draft.message
    assert not visible_to_others(vendor, "A")
    upload(vendor, "A.json", metadata(price="12.50"))
    run_worker()
    assert product_of(vendor, "A").status == "active"


def test_a_vendor_changes_publishes_and_retires_a_product() -> None:
    vendor = create_account()
    upload(vendor, "A.jpg", garment_photo())
    run_worker()
    with pytest.raises(Conflict) as caught:
        change(vendor, "A", status="active")
    assert caught.value.code == "no_title"
    change(vendor, "A", title="Men&#39;s cre\u0300me", price={"amount": "12.5"}, tags=["Summer", "NEW"])
    made = product_of(vendor, "A")
    assert (made.status, made.title, made.tags) == ("active", "Men's crème", ("summer", "new"))
    assert made.price == Price(amount="12.50", currency="EUR")
    change(vendor, "A", status="draft")
    assert (product_of(vendor, "A").status, product_of(vendor, "A").draft.code) == ("draft", "withheld")
    assert not visible_to_others(vendor, "A")
    change(vendor, "A", status="active", price=None)
    assert (product_of(vendor, "A").status, product_of(vendor, "A").price) == ("active", None)
    assert visible_to_others(vendor, "A")
    change(vendor, "A", status="retired")
    assert product_of(vendor, "A").status == "retired"
    assert reconcile.reconcile() == reconcile.Reconciled(0, 0, 0)
    assert product_of(vendor, "A").status == "retired"
    change(vendor, "A", title="Crème, last season")
    assert (product_of(vendor, "A").status, product_of(vendor, "A").title) == ("retired", "Crème, last season")
    assert not visible_to_others(vendor, "A")
    change(vendor, "A", status="active")
    assert product_of(vendor, "A").status == "active"
    assert blob_names(blobs.VENDOR_UPLOADS, f"{vendor}/") == ["A.jpg"]


def test_a_product_without_a_photo_is_not_published() -> None:
    vendor = create_account()
    upload(vendor, "A.json", metadata())
    run_worker()
    with pytest.raises(Conflict) as caught:
        change(vendor, "A", status="active")
    assert caught.value.code == "no_photo"


def test_a_change_is_made_to_the_revision_that_was_seen() -> None:
    vendor = create_account()
    upload(vendor, "A.json", metadata())
    run_worker()
    seen = service.etag(service.get_product(principal(vendor), product_of(vendor, "A").id))
    change(vendor, "A", seen, title="First")
    for stale in (seen, '"1"', "W/nothing", '"x"'):
        with pytest.raises(RevisionConflict):
            change(vendor, "A", stale, title="Second")
    assert product_of(vendor, "A").title == "First"
    change(vendor, "A", "*", title="Third")
    change(vendor, "A", f'"{product_of(vendor, "A").revision}"', title="Fourth")
    assert product_of(vendor, "A").title == "Fourth"


NONSENSE: list[dict[str, object]] = [
    {}, {"title": None}, {"title": ""}, {"title": "a\x00b"}, {"price": {"amount": "1,5"}}, {"price": {"amount": "-1"}},
    {"status": "sold"}, {"tags": None}, {"sku": "B"},
]  # fmt: skip


@pytest.mark.parametrize("fields", NONSENSE)
def test_a_change_that_makes_no_sense_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        ProductChange.model_validate_json(json.dumps(fields))


@pytest.mark.parametrize(
    ("name", "format"),
    [("A.heif", "JPEG"), ("A.jfif", "JPEG"), ("A.JPG", "PNG"), ("A.png", "JPEG"), ("A", "JPEG"), ("A.json", "WEBP"),
     ("A.txt", "AVIF"), ("A.webp", "JPEG"), ("A.tmp", "PNG")],
)  # fmt: skip
def test_a_photo_counts_by_its_bytes(name: str, format: str) -> None:
    vendor = create_account()
    file = upload(vendor, name, converted(format))
    run_worker()
    assert (drop_of(file).status, drop_of(file).kind) == ("completed", "image")
    assert product_of(vendor, "A").image is not None


def test_dots_belong_to_the_sku() -> None:
    vendor = create_account()
    upload(vendor, "TS.1001.red", garment_photo())
    upload(vendor, "TS.1001.red.json", metadata())
    run_worker()
    assert product_of(vendor, "TS.1001.red").status == "active"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_metadata_in_any_unicode_encoding(encoding: str) -> None:
    vendor = create_account()
    said = {
        "title": "Men&#39;s cre\u0300me\u00a0shirt",
        "price": "19.90",
        "description": "A &amp; B\r\n\u200bC",
        "tags": ["ÄRMEL"],
    }
    file = upload(vendor, "A.json", json.dumps(said, ensure_ascii=False).encode(encoding))
    run_worker()
    made = product_of(vendor, "A")
    assert drop_of(file).status == "completed"
    assert (made.title, made.description, made.tags) == ("Men's crème shirt", "A & B\nC", ("ärmel",))


def test_the_case_of_metadata_with_a_byte_order_mark() -> None:
    vendor = create_account()
    upload(vendor, "A.json", b'\xef\xbb\xbf{"title":"Test","price":"19.90"}\n')
    run_worker()
    assert (product_of(vendor, "A").title, product_of(vendor, "A").price.amount) == ("Test", "19.90")


def test_a_second_file_for_a_product_is_refused_and_named() -> None:
    vendor = create_account()
    first = upload(vendor, "dup.jpg", garment_photo(1))
    run_worker()
    second = upload(vendor, "dup.png", converted("PNG"))
    run_worker()
    assert drop_of(first).status == "completed"
    assert (drop_of(second).status, drop_of(second).error.code) == ("rejected", "duplicate_file")
    assert "dup.jpg" in drop_of(second).error.message
    assert product_of(vendor, "dup").sources.image.name == "dup.jpg"
    prefix = product_of(vendor, "dup").image.prefix
    assert blob_names(blobs.IMAGES, prefix), "the first photo is untouched"
    blobs.delete(blobs.VENDOR_UPLOADS, first.blob)
    third = upload(vendor, "dup.png", converted("PNG"))
    run_worker()
    assert drop_of(third).status == "completed"
    assert product_of(vendor, "dup").sources.image.name == "dup.png"


def located() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "SECRET-CAMERA"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0)})
    return exif.tobytes()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("share", [1.0, 0.8])
def test_a_rejected_photo_does_not_say_where_it_was_taken(format: str, share: float) -> None:
    data = photo((240, 240, 240), (200, 200), format, exif=located())
    assert b"SECRET" in data
    data = data[: int(len(data) * share)]
    vendor = create_account()
    file = upload(vendor, "A.jpg", data)
    run_worker()
    assert drop_of(file).status == "rejected"
    for blob in blobs.listing(blobs.VENDOR_REJECTED, f"{vendor}/"):
        assert b"SECRET" not in blobs.get(blobs.VENDOR_REJECTED, blob.name)
    assert drop_of(file).rejected_blob is None or blobs.info(blobs.VENDOR_REJECTED, drop_of(file).rejected_blob)


def test_what_hides_behind_the_end_of_a_photo_is_not_kept() -> None:
    data = garment_photo() + photo(exif=located())
    assert b"SECRET" in data
    assert without_metadata(data) == garment_photo()
    assert without_metadata(b"hello") == b"hello"
    assert without_metadata(b"RAWFILE" + located()) is None


def test_a_huge_file_is_refused_unread(change: Change) -> None:
    change(FILE_MAX_BYTES="2000")
    vendor = create_account()
    file = upload(vendor, "movie", b"{" + bytes(50_000))
    run_worker()
    assert (drop_of(file).error.code, drop_of(file).rejected_blob) == ("too_many_bytes", None)
    assert blob_names(blobs.VENDOR_UPLOADS, f"{vendor}/") == []


@pytest.mark.parametrize("name", ["lead.jpg", "/lead.jpg", "//", "a//", "%2F/x.jpg", "a?b/c.jpg", "a#b/c.jpg"])
def test_a_file_in_no_vendors_folder_stops_no_other_and_is_reported(name: str, change: Change) -> None:
    change(CATALOGUE_ORPHAN_S="0")
    vendor = create_account()
    blobs.put(blobs.VENDOR_UPLOADS, name, b"stray", content_type="image/jpeg")
    fine = upload_unnoticed(vendor, "A.jpg", garment_photo())
    on_blob_created(f"{name}")
    done = reconcile.reconcile()
    assert done.failed == 0
    run_worker()
    assert drop_of(fine).status == "completed"
    reconcile.reconcile()
    stray = list(drops.iterate(where(DropDocument.name, "=", name)))
    found = stray or [drop for drop in drops.iterate() if name.endswith(drop.name)]
    assert found and found[0].status == "rejected" and found[0].error
    assert name not in [blob.name for blob in blobs.listing(blobs.VENDOR_UPLOADS)]


@pytest.mark.parametrize("name", ["../images/a.jpg", "./a.jpg", "x/../../images/a.jpg", "..\\images\\a.jpg"])
def test_a_name_that_means_another_blob_is_reported_and_not_followed(name: str) -> None:
    blobs.put(blobs.IMAGES, "a.jpg", b"not ours to touch", content_type="image/jpeg")
    stray = blobs.BlobInfo(name, 5, None, '"0x1"', {}, 0.0)
    assert file_of(stray) is None
    for _ in range(2):
        rejections.reject_unassigned(stray)
    assert blobs.get(blobs.IMAGES, "a.jpg") == b"not ours to touch"
    assert [drop.status for drop in drops.iterate(where(DropDocument.name, "=", name))] == ["rejected"]
    blobs.delete(blobs.IMAGES, "a.jpg")


def test_administrators_hear_of_files_without_a_vendor() -> None:
    admin = create_account("admin")
    for name in ("one.jpg", "two.jpg"):
        blobs.put(blobs.VENDOR_UPLOADS, name, b"stray", content_type="image/jpeg")
    for blob in list(blobs.listing(blobs.VENDOR_UPLOADS)):
        rejections.reject_unassigned(blob)
    reported = [
        item
        for item in store().query("studio", partition=admin, limit=100).items
        if item.get("event") == "drops.unassigned"
    ]
    assert 1 <= len(reported) <= 2, "two when the window changes meanwhile"
    kept = drops.list(partition=rejections.UNASSIGNED).items
    assert {drop.name for drop in kept} >= {"one.jpg", "two.jpg"}


def test_a_product_that_was_never_offered_before_is_still_found() -> None:
    """A product written before there were drafts loads, and becomes one with its next revision."""
    vendor = create_account()
    upload(vendor, "A.jpg", garment_photo())
    run_worker()
    made = product_of(vendor, "A")
    old = made.to_item()
    for later in ("draft", "withheld"):
        old.pop(later)
    store().upsert("garments", {**old, "status": "active"})
    assert product_of(vendor, "A").status == "active"
    assert products.update(product_of(vendor, "A")).status == "draft"
