"""Text as words."""

from __future__ import annotations

import pytest

from functions.search.engine.words import forbidden, tokens


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Red Dresses for the Summer", ["red", "dress", "summer"]),
        ("berries, watches & boxes", ["berry", "watch", "box"]),
        ("a bus full of glasses: jeans/T-shirts", ["bus", "full", "glass", "jean", "t", "shirt"]),
        ("SKU_42 Röcke ÉTÉ", ["sku", "42", "röcke", "été"]),
        ("", []),
    ],
)
def test_text_becomes_words(text: str, words: list[str]) -> None:
    assert tokens(text) == words


def test_minus_words_are_those_of_products() -> None:
    assert forbidden(("Reds", "silk dresses")) == ("dress", "red", "silk")
