"""Files as Shopify, WooCommerce and Google document them, and as Excel leaves them: what they say of products."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from openpyxl import Workbook

from functions.catalogue.feed_kinds import read_feed
from functions.catalogue.feed_products import FeedProduct, Prices, products_of
from functions.catalogue.models import ProductChange
from functions.catalogue.plain_text import plain_text
from shared.errors import TooLarge, Unprocessable
from shared.tables.format import DecimalMark, TableFormat

FEEDS = Path(__file__).parent / "feeds"


def read(
    data: bytes | str, currency: str | None = "EUR", decimal: DecimalMark = "auto"
) -> tuple[str, list[FeedProduct]]:
    raw = data.encode() if isinstance(data, str) else data
    feed = read_feed(raw, TableFormat(decimal=decimal))
    return feed.kind.name, products_of(feed, Prices.of(feed, decimal, currency))


def example(name: str, currency: str | None = "EUR") -> tuple[str, list[FeedProduct]]:
    return read((FEEDS / name).read_bytes(), currency)


def change_of(one: FeedProduct) -> ProductChange:
    assert not one.problems and one.change is not None
    return one.change


def said(one: FeedProduct) -> dict[str, object]:
    return change_of(one).model_dump(exclude_unset=True)


def problem_of(data: str) -> tuple[int, str, str]:
    _, (one,) = read(data, None)
    return one.problems[0].line, one.problems[0].column, one.problems[0].message


def workbook(*rows: tuple[object, ...]) -> bytes:
    book = Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_shopify_has_a_product_for_each_colour_with_all_its_sizes() -> None:
    kind, (lithograph, berry, scarf, hat) = example("shopify.csv")
    assert kind == "shopify"
    assert (lithograph.line, lithograph.sku) == (2, "0815-LI-S")
    assert said(lithograph) == {
        "title": "Men's T-Shirt, Lithograph",
        "category": "shirts",
        "colour": "lithograph",
        "description": "Our softest shirt & more.\n100% cotton\nMade in Portugal",
        "tags": ["mens t-shirt", "summer", "acme", "male", "s", "m"],
        "price": {"amount": "25.00", "currency": "EUR"},
        "status": "active",
    }
    assert lithograph.image == (2, "variant_image", "https://cdn.shopify.com/s/files/1/0001/shirt_lith.jpg?v=1")
    assert berry.sku == "0815-BE-S"
    assert change_of(berry).title == "Men's T-Shirt, Berry"
    assert change_of(berry).price == change_of(berry).price.__class__(amount="27.50", currency="EUR")
    assert (change_of(berry).status, berry.image and berry.image[2][-13:]) == ("active", "berry.jpg?v=1")
    assert (scarf.sku, change_of(scarf).status, change_of(scarf).title) == ("SCARF-1", "draft", "Scarf")
    assert {(p.line, p.column, p.read) for p in hat.problems} == {
        (8, "variant_sku", "HAT 1"), (8, "variant_price", "free"),
    }  # fmt: skip


def test_shopifys_columns_of_2025_are_known_too() -> None:
    kind, (dress,) = example("shopify-2025.csv", "USD")
    assert (kind, dress.sku) == ("shopify", "LD-1")
    assert said(dress) == {
        "title": "Linen Dress",
        "category": "dresses",
        "colour": "white",
        "description": "Airy",
        "tags": ["linen", "acme", "female", "36", "38"],
        "price": {"amount": "89.90", "currency": "USD"},
        "status": "active",
    }


def test_woocommerce_variations_take_what_they_lack_from_their_parent() -> None:
    kind, (blue, green, cap) = example("woocommerce.csv")
    assert kind == "woocommerce"
    assert (blue.sku, green.sku, cap.sku) == ("woo-hoodie-blue-m", "woo-hoodie-green", "woo-cap")
    assert said(blue) == {
        "title": "Hoodie, Blue",
        "category": "hoodies",
        "colour": "blue",
        "description": "Pellentesque “habitant”\nmorbi",
        "tags": ["warm", "winter", "acme", "m", "l"],
        "price": {"amount": "45.00", "currency": "EUR"},
        "status": "active",
    }
    assert said(green)["price"] == {"amount": "47.50", "currency": "EUR"}
    assert green.image is not None and green.image[2] == "https://example.com/hoodie-2.jpg"
    assert (change_of(cap).status, change_of(cap).colour, change_of(cap).description) == ("draft", "yellow", "Cap")


def test_woocommerce_finds_parents_below_their_variations_and_hides_what_the_parent_hides() -> None:
    header, parent, *rows = (FEEDS / "woocommerce.csv").read_text().splitlines()
    hidden = parent.replace(",Hoodie,1,", ",Hoodie,0,")
    _, made = read("\n".join([header, *rows, hidden]))
    assert [one.sku for one in made] == ["woo-hoodie-blue-m", "woo-hoodie-green", "woo-cap"]
    assert [change_of(one).status for one in made] == ["draft", "draft", "draft"]
    _, orphans = read("\n".join([header, *rows[:2]]))
    assert [(one.sku, change_of(one).title) for one in orphans] == [("woo-hoodie-blue-m", "Hoodie - Blue, M")]


def test_google_feeds_are_read_as_rss_atom_and_tsv() -> None:
    kind, (shirt, other) = example("google.xml", None)
    assert (kind, shirt.line, shirt.sku) == ("google", 7, "TS-1-S")
    assert said(shirt) == {
        "title": "Striped shirt",
        "category": "shirts",
        "colour": "blue",
        "description": "Solid cotton & stripes",
        "tags": ["acme", "female", "s", "m"],
        "price": {"amount": "12.00", "currency": "EUR"},
    }
    assert [(p.line, p.column, p.read) for p in other.problems] == [(31, "price", "10 apples")]
    _, (coat,) = example("google-atom.xml", None)
    assert (coat.sku, said(coat)["price"]) == ("AT-1", {"amount": "1299.00", "currency": "USD"})
    _, (belt,) = example("google.tsv", None)
    assert (belt.sku, said(belt)["price"], belt.image and belt.image[1]) == (
        "TSV1", {"amount": "15.00", "currency": "GBP"}, "image_link",
    )  # fmt: skip


def test_our_own_columns_in_a_german_spreadsheet() -> None:
    kind, (red, blue) = example("own.csv", None)
    assert kind == "own"
    assert said(red) == {
        "title": "Roter Rock",
        "category": "skirts",
        "colour": "red",
        "description": "Fließt",
        "tags": ["summer", "new", "acme", "female", "36", "38"],
        "price": {"amount": "49.90", "currency": "EUR"},
        "status": "active",
    }
    assert said(blue)["price"] == {"amount": "1299.00", "currency": "EUR"}
    assert blue.image == (3, "image", "IMG_1.jpg")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_excels_encodings(encoding: str) -> None:
    _, (red, _) = read((FEEDS / "own.csv").read_text().encode(encoding), None)
    assert change_of(red).description == "Fließt"


def test_a_workbook_has_numbers_and_dates_as_such() -> None:
    _, (one, two) = read(workbook(("sku", "title", "price"), (1042, "Shirt", 19.9), ("B", "Skirt", 1.299)))
    assert (one.sku, said(one)["price"]) == ("1042", {"amount": "19.90", "currency": "EUR"})
    assert [(p.line, p.column) for p in two.problems] == [(3, "price")]


def test_a_file_name_may_stand_for_the_sku() -> None:
    _, (one,) = read("file,title\nA-1.jpg,Shirt\n")
    assert one.sku == "A-1"


def test_prices_that_may_be_two_amounts_are_refused_with_the_remedy() -> None:
    table = "sku;title;price\nA;Shirt;1.299\n"
    with pytest.raises(Unprocessable) as caught:
        read(table)
    assert caught.value.code == "table_ambiguous"
    assert "line 2, column price" in caught.value.message and "decimal=point" in caught.value.message
    _, (one,) = read(table, decimal="comma")
    assert said(one)["price"] == {"amount": "1299.00", "currency": "EUR"}
    with pytest.raises(Unprocessable) as contradictory:
        read("sku;title;price\nA;Shirt;12,50\nB;Skirt;12.50\n")
    assert contradictory.value.code == "table_contradictory"


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("A,Shirt,12.50,", "price", "currency"),
        ("A,Shirt,$12.50,", "price", "currency"),
        ("A,Shirt,12.50 EUR,USD", "price", "EUR"),
        ("A,Shirt,12.5051,EUR", "price", "two decimals"),
        ("A,Shirt,-3.50,EUR", "price", "0 to"),
        ("A,Shirt,NaN,EUR", "price", "finite"),
        ("1.04E+12,Shirt,3.50,EUR", "sku", "shortened"),
        ("../A,Shirt,3.50,EUR", "sku", "letters"),
        (",Shirt,3.50,EUR", "sku", "empty"),
        ('A,"=HYPERLINK(""https://x"")",3.50,EUR', "title", "formula"),
        ("A,Shirt,3.50,EUR,more", "row", "5 cells"),
        (f"A,{'x' * 201},3.50,EUR", "title", "200"),
        ("A,,,", "row", "nothing"),
        ("A,Shirt,3.50,EURX", "currency", "ISO 4217"),
        ("A,Shirt,#N/A,EUR", "price", "error of the spreadsheet"),
        ("A,Shirt,#DIV/0!,EUR", "price", "error of the spreadsheet"),
        ("A,#REF!,3.50,EUR", "title", "error of the spreadsheet"),
        ("#WERT!,Shirt,3.50,EUR", "sku", "error of the spreadsheet"),
    ],
)
def test_a_bad_row_names_line_column_and_reason(row: str, column: str, words: str) -> None:
    line, found, message = problem_of(f"sku,title,price,currency\n{row}\n")
    assert (line, found) == (2, column)
    assert words in message


def test_what_is_left_out_is_said() -> None:
    words = "word " * 1000
    tags = "|".join([f"t{n}" for n in range(31)])
    _, (one,) = read(f"sku,title,description,tags\nA,Shirt,{words},{tags}\n")
    assert len(change_of(one).description or "") <= 4000 and len(change_of(one).tags or []) == 30
    assert [notice.column for notice in one.notices] == ["description", "tags"]


def test_excels_text_formula_keeps_its_zeros_and_a_second_row_of_a_sku_is_refused() -> None:
    _, (one, two) = read('sku,title\n"=""00123""",Shirt\n00123,Skirt\n')
    assert one.sku == "00123" and not one.problems
    assert [(p.line, p.column) for p in two.problems] == [(3, "sku")]


@pytest.mark.parametrize(
    "header", ["sku,title,price,Price", "sku,title,Title,price", "Handle,Title,title,Variant Price"]
)
def test_a_column_with_a_meaning_that_is_there_twice_is_refused(header: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        read(f"{header}\nA,B,3,4\n")
    assert caught.value.code == "csv_columns" and "twice" in caught.value.message


def test_signs_and_negative_zero_in_prices() -> None:
    _, made = read("sku,title,price,currency\nA,Shirt,-0,\u20ac\nB,Skirt,5.00,eur\n", None)
    assert [said(one)["price"] for one in made] == [
        {"amount": "0.00", "currency": "EUR"},
        {"amount": "5.00", "currency": "EUR"},
    ]


def test_unknown_columns_are_refused_with_the_kinds_that_are_known() -> None:
    with pytest.raises(Unprocessable) as caught:
        read("a,b\n1,2\n")
    assert caught.value.code == "import_unknown" and caught.value.details == {"found": ["a", "b"]}


def test_html_becomes_text_and_nothing_of_it_is_kept() -> None:
    assert plain_text("5 < 6 & <3") == "5 < 6 & <3"
    assert plain_text("<p>a<br>b</p><style>p{}</style><img src=x onerror=alert(1)>c<!-- d -->") == "a\nb\nc"
    _, (one,) = read(
        'sku,title,description\nA,<b>Shirt</b>,"<iframe srcdoc=""<p>x</p>""></iframe><p onclick=x>ok</p>"\n'
    )
    assert (change_of(one).title, change_of(one).description) == ("Shirt", "ok")


BOMB = """<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<rss><channel><item><id>1</id><title>&b;</title></item></channel></rss>"""
EXTERNAL = '<!DOCTYPE rss SYSTEM "file:///etc/passwd"><rss/>'


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        (BOMB, "xml_doctype"),
        (EXTERNAL, "xml_doctype"),
        ("<rss><channel><item>", "xml_malformed"),
        ("<rss><channel><item><g:id>1</g:id></item></channel></rss>", "xml_malformed"),
        ("<rss><channel/></rss>", "csv_empty"),
        ("<html><item/></html>", "import_unknown"),
        ("<rss><channel><item><price>1</price></item></channel></rss>", "import_unknown"),
        ("<rss>" + "<a>" * 50 + "</a>" * 50 + "</rss>", "xml_malformed"),
        ('<?xml version="1.0" encoding="no-such"?><rss/>', "xml_malformed"),
    ],
)
def test_hostile_and_broken_xml_is_refused(xml: str, code: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        read(xml)
    assert caught.value.code == code


def test_a_feed_of_100_001_items_is_refused() -> None:
    item = "<item><id>1</id><title>a</title></item>"
    with pytest.raises(TooLarge):
        read(f"<rss>{item * 100_001}</rss>")


def test_ten_megabytes_are_read() -> None:
    row = "SKU-{},Shirt," + "word " * 200 + ",19.90\n"
    data = "sku,title,description,price\n" + "".join(row.format(n) for n in range(10_000))
    assert len(data) > 10_000_000
    began = time.process_time()
    _, made = read(data)
    print(f"{len(data) / 1e6:.1f} MB in {time.process_time() - began:.1f} s of CPU")
    assert len(made) == 10_000 and not any(one.problems for one in made)
