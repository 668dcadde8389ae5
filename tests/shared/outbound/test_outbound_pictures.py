"""Pictures that are fetched: from the public internet only, bounded, each redirect checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from receiver import Receiver, receiver

from shared.errors import StudioError
from shared.outbound.pictures import fetch_picture
from shared.outbound.settings import MAX_REDIRECTS

type Change = Callable[..., None]
PICTURE = b"\x89PNG of a shirt"
LIMIT = 64


@pytest.fixture
def site(change: Change) -> Iterator[Receiver]:
    """A shop's server that this process may call, with a picture."""
    with receiver() as listening:
        change(IMAGE_FETCH="true", IMAGE_FETCH_ALLOW_HOSTS=f'["127.0.0.1:{listening.port}"]')
        listening.files["/a.png"] = ("image/png", PICTURE)
        yield listening


def refused(url: str) -> StudioError:
    with pytest.raises(StudioError) as error:
        fetch_picture(url, max_bytes=LIMIT, field="image")
    assert error.value.field == "image"
    return error.value


def test_a_picture_is_fetched_uncompressed(site: Receiver) -> None:
    assert fetch_picture(f"{site.origin}/a.png", max_bytes=LIMIT) == PICTURE
    (got,) = site.got
    assert got.headers["accept-encoding"] == "identity"
    assert "authorization" not in got.headers and "cookie" not in got.headers


def test_nothing_is_fetched_by_default(site: Receiver, change: Change) -> None:
    change(IMAGE_FETCH="false")
    assert refused(f"{site.origin}/a.png").code == "image_url"
    assert site.got == []


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "http://8.8.8.8/", "https://169.254.169.254/", "file:///etc/x"])
def test_an_address_that_is_not_public_is_not_fetched(site: Receiver, url: str) -> None:
    assert refused(url).code == "image_url"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(site: Receiver, status: int) -> None:
    site.answers = [(status, {"Location": "/a.png"})]
    assert fetch_picture(f"{site.origin}/old", max_bytes=LIMIT) == PICTURE


@pytest.mark.parametrize(
    "location", ["https://127.0.0.1/", "https://169.254.169.254/metadata", "http://localhost:1/", "gopher://8.8.8.8/"]
)
def test_a_redirect_inward_is_refused(site: Receiver, location: str) -> None:
    site.answers = [(302, {"Location": location})]
    assert refused(f"{site.origin}/old").code == "image_url"
    assert len(site.got) == 1


def test_redirects_end(site: Receiver) -> None:
    site.answers = [(302, {"Location": "/b"})] * (MAX_REDIRECTS + 2)
    assert refused(f"{site.origin}/a").code == "image_refused"
    assert len(site.got) == MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    ("media", "data", "code"),
    [
        ("text/html", b"<html>", "image_refused"),
        ("image/png", b"x" * (LIMIT + 1), "too_many_bytes"),
    ],
)
def test_what_is_no_picture_or_too_large_is_refused(site: Receiver, media: str, data: bytes, code: str) -> None:
    site.files["/b"] = (media, data)
    assert refused(f"{site.origin}/b").code == code


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [(404, "image_refused", False), (403, "image_refused", False), (500, "image_unreachable", True),
     (429, "image_unreachable", True)],
)  # fmt: skip
def test_a_refusal_by_its_server(site: Receiver, status: int, code: str, retryable: bool) -> None:
    site.answers = [(status, {})]
    error = refused(f"{site.origin}/a.png")
    assert (error.code, error.retryable) == (code, retryable)


def test_a_server_that_is_away(site: Receiver, change: Change) -> None:
    change(IMAGE_FETCH_ALLOW_HOSTS='["127.0.0.1:*"]')
    assert refused("http://127.0.0.1:9/a.png").code == "image_unreachable"
