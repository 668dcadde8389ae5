"""`{sku}.json` as vendors' programs write it."""

from __future__ import annotations

import json
import re

import pytest

from functions.catalogue.metadata import read_metadata
from shared.errors import StudioError

PYDANTIC = re.compile(r"[Ii]nput should|should have|should match|Field required")


def read(fields: str) -> tuple[str, str | None, str | None, tuple[str, ...]]:
    found = read_metadata(f'{{"title": "Shirt", {fields}}}'.encode())
    price = f"{found.price.amount} {found.price.currency}" if found.price else None
    return found.title or "", price, found.colour, found.tags


@pytest.mark.parametrize(
    ("fields", "price", "colour", "tags"),
    [
        ('"price": 19.9', "19.90 EUR", None, ()),
        ('"price": "19.90", "currency": "usd"', "19.90 USD", None, ()),
        ('"price": 1e2', "100.00 EUR", None, ()),
        ('"price": -0.0', "0.00 EUR", None, ()),
        ('"price": null', None, None, ()),
        ('"price": {"amount": "5.50", "currency": "GBP"}', "5.50 GBP", None, ()),
        ('"Price": 5, "Currency": "CHF"', "5.00 CHF", None, ()),
        ('"color": "Red"', None, "red", ()),
        ('"COLOUR": "Red", " Tags ": ["a"]', None, "red", ("a",)),
        ('"tags": ["New", "new ", "sale"]', None, None, ("new", "sale")),
        ('"variants": {"price": 3, "price": 4}, "price": 5', "5.00 EUR", None, ()),
    ],
)
def test_what_is_meant_is_taken(fields: str, price: str | None, colour: str | None, tags: tuple[str, ...]) -> None:
    assert read(fields) == ("Shirt", price, colour, tags)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ('"price": 1, "price": 2', "price", "twice"),
        ('"price": 1, "PRICE": 1', "price", "twice"),
        ('"color": "red", "colour": "blue"', "colour", "twice"),
        ('"title": "Skirt"', "title", "twice"),
        ('"price": NaN', None, "NaN"),
        ('"price": -Infinity', None, "Infinity"),
        ('"price": "NaN"', "price", "`12.50`"),
        ('"price": 1e400', "price", "`12.50`"),
        (f'"price": {"9" * 5000}', "price", "`12.50`"),
        ('"price": "19,90"', "price", "`12.50`"),
        ('"price": "19.90 EUR"', "price", "`currency`"),
        ('"price": 19.990000000000002', "price", "two decimals"),
        ('"price": true', "price", "`12.50`"),
        ('"price": [1]', "price", "`12.50`"),
        ('"price": -1', "price", "is below zero"),
        ('"price": 1000001', "price", "is over 1,000,000"),
        ('"price": 1234567890.5', "price", "too many digits"),
        ('"price": "much"', "price", "is no amount"),
        ('"category": ""', "category", "is empty"),
        ('"category": 5', "category", "text in quotes"),
        (f'"category": "{"x" * 41}"', "category", "at most 40 characters"),
        ('"tags": "a,b"', "tags", "list of texts"),
        ('"tags": [["a"]]', "tags.0", "text in quotes"),
        ('"tags": [""]', "tags.0", "is empty"),
        ('"currency": "euro"', "currency", "three letters"),
        (f'"tags": {json.dumps([str(number) for number in range(31)])}', "tags", "more than 30"),
        ('"description": "a\\u0000b"', "description", "control characters"),
        (f'"x": {"[" * 100_000}', None, "nested too deep"),
        ('"price": 1,', None, "not JSON"),
    ],
)
def test_what_can_not_be_read_in_one_way_names_its_field(fields: str, field: str | None, words: str) -> None:
    data = f'{{"title": "Shirt", {fields}'.encode()[: 63 * 1024] + b"}"
    with pytest.raises(StudioError) as refused:
        read_metadata(data)
    assert (refused.value.code, refused.value.field) == ("bad_metadata", field)
    assert words in refused.value.message
    assert refused.value.message.startswith(f"{field or 'file'}: ")
    assert not PYDANTIC.search(refused.value.message)


def test_a_missing_title_is_said_in_our_words() -> None:
    with pytest.raises(StudioError) as refused:
        read_metadata(b'{"price": 5}')
    assert refused.value.message == "title: is missing: every product needs one"


@pytest.mark.parametrize(
    "data",
    [b"", b" \n", b"null", b"[]", b'"a"', b"5", b"\0" * 50, b"<a/>", b"\x1f\x8b\x08", b"{}{}", b"{'title': 'a'}"],
)
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(StudioError) as refused:
        read_metadata(data)
    assert refused.value.code == "bad_metadata"


@pytest.mark.parametrize(
    ("title", "stored"),
    [
        ("<b>Shirt</b> &amp; <script>x</script>tie", "Shirt & tie"),
        ("size <38 & >40", "size <38 & >40"),
        ("Men&#39;s &amp;amp; co", "Men's & co"),
        ("cre\u0300me", "crème"),
        ("a\\nb\\tc", "a b c"),
        ("\u202eabc\u200b", "abc"),
    ],
)
def test_texts_are_as_a_reader_sees_them(title: str, stored: str) -> None:
    found = read_metadata(f'\ufeff{{"title": "{title}", "description": "{title}"}}'.encode())
    assert found.title == stored
    assert (found.description or "").replace("\n", " ") == stored
