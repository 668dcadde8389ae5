"""URLs that name our blobs, and the many that only look so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import NotFound, StudioError, Unprocessable
from shared.images.urls import BlobRef, resolve

BLOB = "https://studio.blob.core.windows.net"
CDN = "https://cdn.studio.example/pictures/"
AZURITE = "http://127.0.0.1:10123/devstoreaccount1"


def ask(url: object, owner: str | None = "u1") -> BlobRef:
    return resolve(url, endpoints=[BLOB, CDN, AZURITE], containers=["thumbnails"], private=["uploads"], owner=owner)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"{BLOB}/thumbnails/a/b.webp", BlobRef("thumbnails", "a/b.webp", None)),
        (f"{BLOB}/uploads/u1/x.jpg", BlobRef("uploads", "u1/x.jpg", "u1")),
        (f"{BLOB}/uploads/u1/x.jpg?sv=2026&sig=abc%2F%2B%3D", BlobRef("uploads", "u1/x.jpg", "u1")),
        (f"{BLOB}:443/uploads/u1/x.jpg", BlobRef("uploads", "u1/x.jpg", "u1")),
        ("HTTPS://Studio.Blob.Core.Windows.NET/uploads/u1/x.jpg", BlobRef("uploads", "u1/x.jpg", "u1")),
        (f"{BLOB}/uploads/u1/blue%20shirt%C3%A9.jpg", BlobRef("uploads", "u1/blue shirté.jpg", "u1")),
        (f"{CDN}thumbnails/a.webp", BlobRef("thumbnails", "a.webp", None)),
        (f"{AZURITE}/uploads/u1/x.jpg?se=1", BlobRef("uploads", "u1/x.jpg", "u1")),
    ],
)
def test_ours(url: str, expected: BlobRef) -> None:
    assert ask(url) == expected


PATH = "/uploads/u1/x.jpg"
HOSTILE = [
    None,
    b"bytes",
    42,
    "",
    "x",
    PATH,
    f"//studio.blob.core.windows.net{PATH}",
    f"http://studio.blob.core.windows.net{PATH}",
    f"ftp://studio.blob.core.windows.net{PATH}",
    "file:///etc/passwd",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    f"gopher://127.0.0.1:6379{PATH}",
    f"{BLOB}.evil.example{PATH}",
    f"https://evilstudio.blob.core.windows.net{PATH}",
    f"https://other.blob.core.windows.net{PATH}",
    f"{BLOB}.{PATH}",
    f"{BLOB}:8443{PATH}",
    f"{BLOB}:{PATH}",
    f"{BLOB}:443:443{PATH}",
    f"https://studio.blob.core.windows.net@evil.example{PATH}",
    f"https://evil.example@studio.blob.core.windows.net{PATH}",
    f"https://:@studio.blob.core.windows.net{PATH}",
    f"https://evil.example#@studio.blob.core.windows.net{PATH}",
    f"https://evil.example\\@studio.blob.core.windows.net{PATH}",
    f"https://evil.example?@studio.blob.core.windows.net{PATH}",
    f"https://127.0.0.1{PATH}",
    f"https://2130706433{PATH}",
    f"https://0x7f.1{PATH}",
    f"https://[::1]{PATH}",
    f"https://[::ffff:169.254.169.254]{PATH}",
    f"https://[{PATH}",
    "http://169.254.169.254/metadata/identity",
    f"http://127.0.0.1:10124/devstoreaccount1{PATH}",
    f"http://localhost:10123/devstoreaccount1{PATH}",
    f"http://127.0.0.1:10123/devstoreaccount2{PATH}",
    f"http://127.0.0.1:10123/devstoreaccount1x{PATH}",
    "http://127.0.0.1:10123/devstoreaccount1%2Fuploads/u1/x.jpg",
    f"http://127.0.0.1:10123{PATH}",
    f"https://127.0.0.1:10123/devstoreaccount1{PATH}",
    f"https://cdn.studio.example{PATH}",
    f"https://stud\u0456o.blob.core.windows.net{PATH}",
    f"https://studio。blob.core.windows.net{PATH}",
    f"{BLOB}/uploads/../secrets/x.jpg",
    f"{BLOB}/uploads/u1/../u2/x.jpg",
    f"{BLOB}/uploads/u1/./x.jpg",
    f"{BLOB}/uploads/u1/%2e%2e/u2/x.jpg",
    f"{BLOB}/uploads/u1/%2E%2E%2Fu2/x.jpg",
    f"{BLOB}/uploads/u1%2F..%2Fu2/x.jpg",
    f"{BLOB}/uploads/u1/%252e%252e/u2/x.jpg",
    f"{BLOB}/uploads/u1/x%00.jpg",
    f"{BLOB}/uploads/u1/x%0d%0aHost:evil",
    f"{BLOB}/uploads/u1/x\r\nHost: evil",
    f"{BLOB}/uploads/u1/x y.jpg",
    f" {BLOB}{PATH}",
    f"{BLOB}{PATH}\n",
    f"{BLOB}/uploads/u1/x%E2%80%AEgpj.exe",
    f"{BLOB}/uploads/u1/x%ff.jpg",
    f"{BLOB}/uploads/u1/x%5c..%5cy.jpg",
    f"{BLOB}/uploads/u1/x.jpg#fragment",
    f"{BLOB}/uploads/u1/x.jpg#",
    f"{BLOB}//uploads/u1/x.jpg",
    f"{BLOB}/uploads//u1/x.jpg",
    f"{BLOB}/uploads/u1/",
    f"{BLOB}/uploads/u1",
    f"{BLOB}/uploads",
    f"{BLOB}/uploads/",
    f"{BLOB}/",
    BLOB,
    f"{BLOB}/thumbnails",
    f"{BLOB}/secrets/u1/x.jpg",
    f"{BLOB}/Uploads/u1/x.jpg",
    f"{BLOB}/$root/u1/x.jpg",
    f"{BLOB}/uploads/u1/{'x' * 2_048}",
    f"{BLOB}/thumbnails/{'x' * 1_100}",
]


@pytest.mark.parametrize("url", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile(url: object) -> None:
    with pytest.raises(Unprocessable) as caught:
        ask(url)
    assert (caught.value.code, caught.value.field) == ("image_url", "imageUrl")


@pytest.mark.parametrize(
    ("url", "owner"),
    [
        (f"{BLOB}/uploads/u2/x.jpg", "u1"),
        (f"{BLOB}/uploads/u1x/x.jpg", "u1"),
        (f"{BLOB}/uploads/U1/x.jpg", "u1"),
        (f"{BLOB}/uploads/u1/x.jpg", None),
        (f"{BLOB}/uploads/u1/x.jpg", ""),
    ],
)
def test_of_someone_else(url: str, owner: str | None) -> None:
    with pytest.raises(NotFound) as caught:
        ask(url, owner)
    assert caught.value.code == "image_not_found"


@given(st.text(max_size=60), st.sampled_from(["", f"{BLOB}/uploads/", f"{BLOB}/", "https://", AZURITE]))
def test_any_text(text: str, start: str) -> None:
    try:
        found = ask(start + text)
    except StudioError:
        return
    assert found.container == "thumbnails" or (found.container == "uploads" and found.owner == "u1")
    assert not {"..", ".", ""} & set(found.name.split("/"))
