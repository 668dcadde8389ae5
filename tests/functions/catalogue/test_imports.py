"""Imports of products: what is created, changed and refused, and that a refused row sells nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawn import needs_model
from vendor_uploads import create_account, garment_photo, metadata, product_of, run_worker, upload

from functions.catalogue import imports, reconcile, service
from functions.catalogue.import_schemas import ImportQuery, ImportReport
from shared import clock
from shared.accounts.documents import Role
from shared.catalogue.documents import Price, ProductDocument, products
from shared.documents import store
from shared.documents.fields import where
from shared.errors import TooLarge, Unprocessable, UnsupportedMedia
from shared.http.auth import Principal
from shared.tables.upload import TableUpload

pytestmark = pytest.mark.usefixtures("shop")
FEEDS = Path(__file__).parent / "feeds"


def send(vendor: str, data: str | bytes, media: str = "text/csv", currency: str | None = "EUR") -> ImportReport:
    raw = data.encode() if isinstance(data, str) else data
    user = Principal(vendor, Role.VENDOR, "t", clock.now() + 60)
    made = imports.import_products(user, clock.new_id(), TableUpload(raw, media), ImportQuery(currency=currency), "r")
    assert isinstance(made, ImportReport)
    return made


def outcomes(report: ImportReport) -> list[tuple[str, str]]:
    return [(one.sku, one.outcome) for one in report.products]


def count_of(vendor: str) -> int:
    return products.count(where(ProductDocument.vendor_id, "=", vendor), partition=vendor)


@needs_model
def test_a_new_product_waits_for_its_photo_and_is_then_on_sale() -> None:
    vendor = create_account()
    report = send(vendor, (FEEDS / "own.csv").read_bytes())
    assert (report.kind, report.created, report.awaiting_photo) == ("own", 2, 2)
    assert [(one.status, one.notices[0].read) for one in report.products] == [
        ("awaiting_image", "R-1.jpg"), ("awaiting_image", "IMG_1.jpg"),
    ]  # fmt: skip
    assert "upload it as R-2.jpg" in report.products[1].notices[0].message
    assert reconcile.reconcile() == reconcile.Reconciled(0, 0, 0)
    upload(vendor, "R-1.jpg", garment_photo())
    upload(vendor, "R-2.jpg", garment_photo(2))
    run_worker()
    red, blue = product_of(vendor, "R-1"), product_of(vendor, "R-2")
    assert (red.status, red.title, red.price) == ("active", "Roter Rock", Price(amount="49.90", currency="EUR"))
    assert (blue.status, blue.draft.code) == ("draft", "withheld")
    assert outcomes(send(vendor, (FEEDS / "own.csv").read_bytes())) == [("R-1", "unchanged"), ("R-2", "unchanged")]
    assert product_of(vendor, "R-1").revision == red.revision


def test_an_existing_product_keeps_what_the_file_does_not_say() -> None:
    vendor = create_account()
    upload(vendor, "A.json", metadata())
    run_worker()
    report = send(vendor, "sku,price,currency,colour\nA,25,USD,\n")
    assert outcomes(report) == [("A", "updated")]
    made = product_of(vendor, "A")
    assert (made.title, made.colour, made.tags) == ("Red shirt", "red", ("summer",))
    assert made.price == Price(amount="25.00", currency="USD")
    assert made.propagation_due is None


@needs_model
def test_a_refused_row_changes_nothing_and_sells_nothing() -> None:
    vendor = create_account()
    for sku in ("DRAFT", "SOLD"):
        upload(vendor, f"{sku}.jpg", garment_photo())
    upload(vendor, "SOLD.json", metadata())
    run_worker()
    before = product_of(vendor, "SOLD")
    rows = "DRAFT,Shirt,free,active\nSOLD,Other,12.345678,active\nNEW,,5,active\nGOOD,Fine,5,\n"
    report = send(vendor, f"sku,title,price,status\n{rows}")
    assert outcomes(report) == [("DRAFT", "refused"), ("SOLD", "refused"), ("NEW", "refused"), ("GOOD", "created")]
    assert [(p.line, p.column) for one in report.products for p in one.problems] == [
        (2, "price"), (3, "price"), (4, "title"),
    ]  # fmt: skip
    assert product_of(vendor, "DRAFT").status == "draft"
    assert product_of(vendor, "SOLD") == before
    assert count_of(vendor) == 3


def test_a_file_that_can_be_read_in_two_ways_changes_nothing() -> None:
    vendor = create_account()
    with pytest.raises(Unprocessable):
        send(vendor, "sku;title;price\nA;Shirt;1.299\n")
    assert count_of(vendor) == 0


@needs_model
def test_a_retired_product_stays_so_until_the_file_says_active() -> None:
    vendor = create_account()
    upload(vendor, "A.jpg", garment_photo())
    upload(vendor, "A.json", metadata())
    run_worker()
    service.delete_product(Principal(vendor, Role.VENDOR, "t", clock.now() + 60), product_of(vendor, "A").id)
    assert outcomes(send(vendor, "sku,title\nA,Shirt\n")) == [("A", "refused")]
    assert product_of(vendor, "A").status == "retired"
    assert outcomes(send(vendor, "sku,title,status\nA,Shirt,active\n")) == [("A", "updated")]
    assert product_of(vendor, "A").status == "awaiting_image"


@pytest.mark.parametrize(
    ("name", "media", "created", "refused"),
    [
        ("shopify.csv", "text/csv", 3, 1),
        ("shopify-2025.csv", "application/vnd.ms-excel", 1, 0),
        ("woocommerce.csv", "text/csv; charset=utf-8", 3, 0),
        ("google.xml", "application/rss+xml", 1, 1),
        ("google-atom.xml", "text/xml", 1, 0),
        ("google.tsv", "text/tab-separated-values", 1, 0),
    ],
)
def test_every_kind_sent_twice_changes_nothing(name: str, media: str, created: int, refused: int) -> None:
    vendor = create_account()
    data = (FEEDS / name).read_bytes()
    first = send(vendor, data, media)
    assert (first.created, first.refused) == (created, refused)
    addresses = [one.notices[-1] for one in first.products if one.status and one.sku != "SCARF-1"]
    assert addresses and all(notice.message.startswith("pictures are fetched with") for notice in addresses)
    again = send(vendor, data, media)
    assert (again.created, again.updated, again.unchanged, again.refused) == (0, 0, created, refused)
    assert count_of(vendor) == created


def test_another_vendors_products_are_not_touched() -> None:
    one, other = create_account(), create_account()
    send(one, "sku,title\nA,Mine\n")
    assert outcomes(send(other, "sku,title\nA,Theirs\n")) == [("A", "created")]
    assert product_of(one, "A").title == "Mine"


def test_too_much_and_other_types_are_refused() -> None:
    vendor = create_account()
    with pytest.raises(TooLarge) as caught:
        send(vendor, "sku,title\n" + "".join(f"S{n},A\n" for n in range(imports.MAX_PRODUCTS + 1)))
    assert caught.value.code == "too_many_products"
    with pytest.raises(TooLarge):
        send(vendor, b" " * (16 * 1024 * 1024 + 1))
    with pytest.raises(UnsupportedMedia):
        send(vendor, "{}", "application/json")
    assert count_of(vendor) == 0


def test_a_stored_product_that_can_not_be_read_refuses_its_own_row_alone() -> None:
    vendor = create_account()
    assert send(vendor, "sku,title,price\nA-1,One,1.00\nA-2,Two,2.00\nA-3,Three,3.00\n").created == 3
    broken = product_of(vendor, "A-2")
    item = broken.to_item()
    store().upsert("garments", {**item, "revision": "many", "title": {"no": "text"}})
    report = send(vendor, "sku,title,price\nA-1,Uno,1.00\nA-2,Due,2.00\nA-3,Tre,3.00\nA-4,Quattro,4.00\n")
    assert outcomes(report) == [("A-1", "updated"), ("A-2", "refused"), ("A-3", "updated"), ("A-4", "created")]
    assert "operator" in report.products[1].problems[0].message
