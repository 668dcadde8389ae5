"""Text from outside: every encoding a file comes in, and the one form it is stored in."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from shared import text

SAMPLE = '{"title": "Crème brûlée 裙子", "price": 3}'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
@pytest.mark.parametrize("sample", [SAMPLE, "{}", '{"title": "Men"}', '{"t": "' + "裙" * 3000 + '"}'])
def test_an_encoding_is_known_by_its_bytes(encoding: str, sample: str) -> None:
    assert text.decode(sample.encode(encoding)) == sample


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@given(sample=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_byte_order_mark_decides(encoding: str, sample: str) -> None:
    assert text.decode(sample.encode(encoding), declared="latin-1", fallback="cp1252") == sample


@given(st.text(st.characters(exclude_characters="\0\ufeff", exclude_categories=["Cs"])))
def test_utf_8_is_never_taken_for_something_else(sample: str) -> None:
    assert text.decode(sample.encode()) == sample


def test_what_is_not_utf_8_is_refused_or_read_as_the_caller_says() -> None:
    with pytest.raises(ValueError, match="UTF-8"):
        text.decode("Größe".encode("cp1252"))
    assert text.decode("Größe – 5 €".encode("cp1252"), fallback="cp1252") == "Größe – 5 €"
    assert text.decode(bytes(range(128, 256)), fallback="cp1252")[1] == "\x81"
    assert text.decode("連衣裙".encode("gbk"), declared="GBK") == "連衣裙"
    assert text.decode("Größe".encode(), declared="no-such-encoding") == "Größe"
    for damaged in (b"\xff\xfea", b"\x00\x00\xfe\xff\x01"):
        with pytest.raises(ValueError, match="save it as UTF-8"):
            text.decode(damaged)


@pytest.mark.parametrize(
    ("given_as", "stored"),
    [
        ("Men&#39;s", "Men's"),
        ("Men&#x27;s &amp; Women&rsquo;s", "Men's & Women\u2019s"),
        ("A &amp;amp; B", "A & B"),
        ("R&D &copy2 AT&T", "R&D &copy2 AT&T"),
        ("&lt;b&gt;", "<b>"),
        ("cre\u0300me", "crème"),
        ("  two\u00a0 \t spaces\u3000", "two spaces"),
        ("soft\u00adhyphen zero\u200bwidth \u202eright", "softhyphen zerowidth right"),
        ("\ufeffmark", "mark"),
        ("Men\x92s \x96 new", "Men\u2019s \u2013 new"),
        ("family \U0001f468\u200d\U0001f469\u200d\U0001f467", "family \U0001f468\u200d\U0001f469\u200d\U0001f467"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("lone \ud800 surrogate \uffff", "lone surrogate"),
        ("two\r\nlines\u2028three", "two lines three"),
        ("bell\x07", "bell"),
    ],
)
def test_one_line(given_as: str, stored: str) -> None:
    assert text.line(given_as) == stored


def test_several_lines() -> None:
    assert text.block(" a \r\n b&nbsp;&#39;c&#39;\r\rd\u2029") == "a\nb 'c'\n\nd"


@given(st.text())
def test_the_stored_form_is_final(sample: str) -> None:
    for form in (text.line, text.block):
        stored = form(sample)
        assert unicodedata.is_normalized("NFC", stored)
        assert not any(unicodedata.category(char) in ("Cc", "Cs") for char in stored if char != "\n")
        if "&" not in stored:
            assert form(stored) == stored
        stored.encode()
    assert "\n" not in text.line(sample)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_composed_and_decomposed_text_is_the_same(sample: str) -> None:
    assert text.line(unicodedata.normalize("NFD", sample)) == text.line(unicodedata.normalize("NFC", sample))


class Fields(BaseModel):
    title: text.LineText
    description: text.BlockText = ""


def test_fields_are_stored_in_their_final_form() -> None:
    read = Fields(title="Men&#39;s\ncre\u0300me", description="a\r\nb")
    assert (read.title, read.description) == ("Men's crème", "a\nb")
    with pytest.raises(ValidationError, match="control characters"):
        Fields(title="a\x00b")


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("red%20dress", "red dress"),
        ("red%2520dress", "red dress"),
        ("%E7%BA%A2%E8%89%B2%E8%BF%9E%E8%A1%A3%E8%A3%99", "红色连衣裙"),
        ("robe+d%27%C3%A9t%C3%A9", "robe d'été"),
        ("caf%u00e9%20noir", "café noir"),
        ("caf%E9%20noir", "café noir"),
        ("Men%26%2339%3Bs%20shirt", "Men's shirt"),
        ("Men&amp;#39;s", "Men's"),
        ("a%2Bb", "a+b"),
        ("red+dress", "red+dress"),
        ("80%baumwolle", "80%baumwolle"),
        ("50%acryl", "50%acryl"),
        ("100% cotton", "100% cotton"),
        ("20%50", "20%50"),
        ("95%cotton,5%elastane", "95%cotton,5%elastane"),
        ("70%de soie", "70%de soie"),
        ("save 20%20 today", "save 20%20 today"),
        ("https://shop.example/red%20dress", "https://shop.example/red%20dress"),
        ("%00%0A", "%00%0A"),
        ("100%", "100%"),
        ("%zz", "%zz"),
    ],
)
def test_what_was_made_for_an_address_once_too_often_is_read(sent: str, meant: str) -> None:
    assert text.line(sent) == meant
    assert text.line(text.line(sent)) == meant
