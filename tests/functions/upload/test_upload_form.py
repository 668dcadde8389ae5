"""Upload forms as clients write them: boundaries, names and headers of every kind."""

from __future__ import annotations

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.upload import form, receive
from shared.errors import BadRequest, StudioError

pytestmark = pytest.mark.usefixtures("local")
IMAGE = b"\xff\xd8\xff picture \r\n--not the boundary\r\n\xff\xd9"


def body(disposition: bytes, boundary: bytes = b"x", more: bytes = b"") -> bytes:
    return (
        b"--" + boundary + b"\r\n" + more + b"Content-Disposition: " + disposition + b"\r\n"
        b"Content-Type: image/jpeg\r\n\r\n" + IMAGE + b"\r\n--" + boundary + b"--\r\n"
    )  # fmt: skip


def read(data: bytes, content_type: str = "multipart/form-data; boundary=x") -> tuple[bytes, str | None]:
    request = func.HttpRequest("POST", "http://x/", headers={"Content-Type": content_type}, body=data)
    image, described = receive.read(request)
    return image, described.name


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b'form-data; name="file"; filename="a.jpg"', "a.jpg"),
        (b"form-data; name=file; filename=a.jpg", "a.jpg"),
        (b'FORM-DATA; Name="file"; FileName="a.jpg"', "a.jpg"),
        (b'form-data;name="file";filename="a b;c.jpg"', "a b;c.jpg"),
        (rb'form-data; name="file"; filename="a\"b.jpg"', 'a"b.jpg'),
        ('form-data; name="file"; filename="crème.jpg"'.encode(), "crème.jpg"),
        ('form-data; name="file"; filename="cre\u0300me.jpg"'.encode(), "crème.jpg"),
        ('form-data; name="file"; filename="Größe.jpg"'.encode("latin-1"), "Größe.jpg"),
        ('form-data; name="file"; filename="50 €.jpg"'.encode("cp1252"), "50 €.jpg"),
        ('form-data; name="file"; filename="连衣裙.jpg"'.encode("gbk"), "连衣裙.jpg"),
        ('form-data; name="file"; filename="裙子 red.jpg"'.encode("gbk"), "裙子 red.jpg"),
        (b"form-data; name=\"file\"; filename*=UTF-8''cr%C3%A8me.jpg", "crème.jpg"),
        (b'form-data; name="file"; filename="x.jpg"; filename*=UTF-8\'\'cr%C3%A8me.jpg', "crème.jpg"),
        (b'form-data; name="file"; filename*=UTF-8\'\'cr%C3%A8me.jpg; filename="x.jpg"', "crème.jpg"),
        (b"form-data; name=\"file\"; filename*=iso-8859-1'de'Gr%F6%DFe.jpg", "Größe.jpg"),
        (b"form-data; name=\"file\"; filename*=no-such''a.jpg", "a.jpg"),
        (b'form-data; name="file"; filename="Men&#39;s.jpg"', "Men's.jpg"),
        (b'form-data; name="file"; filename=""', None),
        (b'form-data; name="file"; filename="' + b"a" * 400 + b'.jpg"', "a" * 255),
    ],
)
def test_names_of_files(disposition: bytes, name: str | None) -> None:
    assert read(body(disposition)) == (IMAGE, name)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=x", b"x"),
        ("multipart/form-data; Boundary=x", b"x"),
        ("Multipart/Form-Data; BOUNDARY=AbC", b"AbC"),
        ('multipart/form-data; boundary="a b:c"', b"a b:c"),
        ("multipart/form-data; charset=utf-8; boundary=----WebKitFormBoundaryz", b"----WebKitFormBoundaryz"),
        ("multipart/form-data;boundary=x;charset=utf-8", b"x"),
    ],
)
def test_boundaries(content_type: str, boundary: bytes) -> None:
    assert read(body(b'form-data; name="file"; filename="a.jpg"', boundary), content_type) == (IMAGE, "a.jpg")


def test_headers_of_parts_in_any_order_and_case() -> None:
    more = b"X-Odd: \xe9\r\ncontent-length: 4\r\n"
    assert read(body(b'form-data; name="file"; filename="a.jpg"', more=more))[0] == IMAGE
    lower = body(b'form-data; name="file"; filename="a.jpg"').replace(b"Content-D", b"content-d")
    assert read(lower)[0] == IMAGE


def test_fields_are_text() -> None:
    extra = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nGr\xf6\xdfe &amp; more\r\n'
    assert read(extra + body(b'form-data; name="file"; filename="a.jpg"')) == (IMAGE, "Größe & more")
    long = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n' + b"a" * 9000 + b"\r\n"
    with pytest.raises(BadRequest, match="8192"):
        read(long + body(b'form-data; name="file"; filename="a.jpg"'))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_form_that_was_cut_off_is_refused(share: float) -> None:
    whole = body(b'form-data; name="file"; filename="a.jpg"')
    with pytest.raises(BadRequest):
        read(whole[: int(len(whole) * share)])


@given(st.binary(max_size=400))
def test_any_bytes_are_an_image_or_an_error(data: bytes) -> None:
    for sent in (data, b"--x\r\n" + data, body(b"form-data; " + data.replace(b"\r", b"").replace(b"\n", b""))):
        try:
            assert form.read(sent, "multipart/form-data; boundary=x") is not None
        except StudioError as error:
            assert error.status == 400
