"""Base64 however a program has written it gives the bytes it stands for."""

from __future__ import annotations

import base64
import random
import textwrap
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import base64_data

WRITTEN: Final[dict[str, Callable[[bytes], str]]] = {
    "standard": lambda data: base64.b64encode(data).decode(),
    "url-safe": lambda data: base64.urlsafe_b64encode(data).decode(),
    "no padding": lambda data: base64.b64encode(data).decode().rstrip("="),
    "url-safe, no padding": lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
    "MIME": lambda data: base64.encodebytes(data).decode(),
    "PEM, CRLF": lambda data: "\r\n".join(textwrap.wrap(base64.b64encode(data).decode(), 64)),
    "lines by spaces": lambda data: " ".join(textwrap.wrap(base64.b64encode(data).decode(), 76)),
    "escaped twice": lambda data: base64.encodebytes(data).decode().replace("\n", "\\n"),
    "too much padding": lambda data: base64.b64encode(data).decode() + "==",
    "surrounding space": lambda data: f"  {base64.b64encode(data).decode()}\n",
    "data URI": lambda data: "data:image/png;base64," + base64.b64encode(data).decode(),
    "data URI with parameters": lambda data: "DATA:image/png;name=a.png;base64," + base64.b64encode(data).decode(),
    "data URI, percent-encoded": lambda data: (
        "data:image/png;base64," + quote(base64.b64encode(data).decode(), safe="")
    ),
    "data URI, url-safe in lines": lambda data: "data:;base64,\n" + base64.urlsafe_b64encode(data).decode() + "\n",
}


@pytest.mark.parametrize("kind", WRITTEN)
@given(data=st.binary(max_size=400))
def test_it_is_read_however_it_is_written(kind: str, data: bytes) -> None:
    assert base64_data.decode(WRITTEN[kind](data)) == data


def test_plus_signs_that_a_form_made_spaces_of_are_read() -> None:
    data = random.Random(1).randbytes(2000)
    assert base64.b64encode(data).count(b"+") > 20
    assert base64_data.decode(base64.b64encode(data).decode().replace("+", " ")) == data


@pytest.mark.parametrize("text", ["!!!", "a", "data:image/png;base64,a", "<html>no</html>", "AAAA\x00", "äöü"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not base64"):
        base64_data.decode(text)
