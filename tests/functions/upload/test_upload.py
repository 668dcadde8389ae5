"""Images through the whole stack: in by form and by body, listed, shown, shared, deleted."""

from __future__ import annotations

import io
import secrets
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from over_http import photo, refusal, refused, send, stored
from PIL import Image

from demo.client import Client
from emulators.stack import Stack

type SignUp = Callable[..., Client]


def located_photo() -> bytes:
    """A photo that says where and with what it was taken, and lies on its side."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SECRET-CAMERA"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    return photo("tan", (800, 600), exif=exif.tobytes(), comment=b"SECRET-COMMENT")


def form(client: Client, *parts: tuple[str, Any], **fields: str) -> requests.Response:
    return send(client, "POST", "images/upload", files=list(parts), data=fields)


def used(inside: Stack, client: Client) -> tuple[int, int]:
    from shared.documents import store

    usage = store().find("studio", "usage", client.user["id"])
    return (usage["images"], usage["bytes"]) if usage else (0, 0)


def test_a_form_upload_is_cleaned_and_stored_in_three_forms(stack: Stack, sign_up: SignUp) -> None:
    client = sign_up()
    answer = form(client, ("file", ("C:\\x\\me\u202e.jpg", located_photo())), kind="person")
    assert answer.status_code == 201
    image = answer.json()
    assert send(client, "GET", answer.headers["Location"].removeprefix("/api/")).json()["id"] == image["id"]
    facts = (image["kind"], image["visibility"], image["status"], image["width"], image["height"])
    assert facts == ("person", "private", "ready", 600, 800)
    total = 0
    for name, longest in (("original", 800), ("optimised", 800), ("thumbnail", 320)):
        rendition = image[name]
        got = requests.get(rendition["url"], timeout=10)
        assert got.status_code == 200
        assert got.headers["Content-Type"] == rendition["contentType"]
        assert got.headers["Content-Disposition"] == "inline"
        assert b"SECRET" not in got.content
        picture = Image.open(io.BytesIO(got.content))
        assert not picture.getexif()
        assert picture.size == (rendition["width"], rendition["height"])
        assert max(picture.size) == longest
        assert len(got.content) == rendition["bytes"]
        total += rendition["bytes"]
    assert image["bytes"] == total
    assert len(stored(stack, image["id"])) == 3


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_a_raw_body_is_judged_by_its_bytes_alone(sign_up: SignUp, format: str) -> None:
    answer = send(
        sign_up("vendor"), "POST", "images/upload", data=photo(format=format),
        params={"kind": "garment", "visibility": "public", "name": "shirt"}, headers={"Content-Type": "text/plain"},
    )  # fmt: skip
    assert answer.status_code == 201
    image = answer.json()
    assert (image["kind"], image["visibility"], image["name"]) == ("garment", "public", "shirt")
    assert image["original"]["contentType"] == "image/jpeg"


def test_what_is_no_upload_is_refused_and_leaves_nothing(stack: Stack, inside: Stack, sign_up: SignUp) -> None:
    client, file = sign_up(), ("file", ("a.jpg", photo()))

    def raw(data: bytes, **options: Any) -> tuple[int, str]:
        return refused(send(client, "POST", "images/upload", data=data, **options))

    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    assert raw(b"") == (400, "no_image")
    assert raw(b"<html>" + b"x" * 200) == (415, "unsupported_type")
    assert raw(b"GIF89a" + b"x" * 200) == (415, "unsupported_type")
    assert raw(photo()[:300]) == (422, "corrupt")
    assert raw(photo(size=(8, 8), format="PNG"))[0] == 422
    assert raw(b"{}", headers={"Content-Type": "application/json"})[0] in (415, 422)
    assert raw(b"garbage", headers=multipart) == (400, "no_image")
    assert raw(b"garbage", headers={"Content-Type": "multipart/form-data"}) == (400, "no_image")
    many = b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n" * 5000 + b"--x--"
    assert raw(many, headers=multipart) == (400, "bad_multipart")
    assert raw(photo(), params={"kind": "pet"}) == (422, "invalid")
    assert raw(photo(), params={"owner": "me"}) == (422, "invalid")
    assert raw(photo(), params={"name": "x" * 256}) == (422, "invalid")
    assert refused(form(client, file, file)) == (400, "no_image")
    assert refused(form(client, file, ("other", ("b.jpg", photo())))) == (400, "no_image")
    assert refused(form(client, ("image", ("a.jpg", photo())))) == (400, "no_image")
    assert refused(form(client, ("file", (None, photo())))) == (400, "no_image")
    assert refused(form(client, ("file", ("a.jpg", b"")))) == (400, "no_image")
    assert refused(form(client, file, kind="result")) == (422, "invalid")
    assert refused(form(client, file, colour="red")) == (422, "invalid")
    assert client.call("GET", "images")["items"] == []
    assert stored(stack, client.user["id"]) == []
    assert used(inside, client) == (0, 0)


def test_too_many_bytes_are_413(sign_up: SignUp) -> None:
    client = sign_up()
    over = photo() + bytes(15 * 1024 * 1024)
    assert refused(send(client, "POST", "images/upload", data=over)) == (413, "too_many_bytes")
    assert refused(form(client, ("file", ("a.jpg", over)))) == (413, "too_many_bytes")
    assert refused(form(client, ("file", ("a.jpg", over + bytes(10**6))))) == (413, "too_many_bytes")


def test_a_lie_about_the_length_makes_no_image(stack: Stack, sign_up: SignUp) -> None:
    client, data = sign_up(), photo()
    where = urlsplit(stack.url)

    def lie(length: int, body: bytes) -> bytes:
        head = (
            f"POST /api/images/upload HTTP/1.1\r\nHost: {where.netloc}\r\nConnection: close\r\n"
            f"Authorization: {client.session.headers['Authorization']}\r\nContent-Length: {length}\r\n\r\n"
        )
        assert where.hostname
        with socket.create_connection((where.hostname, where.port or 80), timeout=20) as line:
            line.sendall(head.encode() + body)
            line.shutdown(socket.SHUT_WR)
            return line.makefile("rb").read()

    for length in (len(data) // 2, len(data) * 2):
        answer = lie(length, data)
        assert not answer or answer.split()[1].startswith(b"4"), answer[:100]
    assert client.call("GET", "images")["items"] == []


def test_only_sellers_publish_and_only_garments(sign_up: SignUp) -> None:
    for role in ("shopper", "vendor"):
        client = sign_up(role)
        for kind in ("person", "garment"):
            for visibility in ("private", "public"):
                answer = form(client, ("file", ("a.jpg", photo())), kind=kind, visibility=visibility)
                if visibility == "private" or (role, kind) == ("vendor", "garment"):
                    assert answer.status_code == 201
                else:
                    assert refused(answer) == (403, "not_publishable")


def test_a_public_garment_is_shown_to_others_and_nothing_else_is(sign_up: SignUp) -> None:
    vendor, other = sign_up("vendor"), sign_up()
    public = vendor.upload(photo("red"), "dress.jpg", "garment", visibility="public")["id"]
    private = vendor.upload(photo("red"), "draft.jpg", "garment")["id"]
    assert requests.get(other.call("GET", f"images/{public}")["thumbnail"]["url"], timeout=10).status_code == 200
    assert public not in [image["id"] for image in other.call("GET", "images")["items"]]
    problems = []
    for method, id in (("GET", private), ("GET", "missing"), ("DELETE", private), ("DELETE", "missing"),
                       ("DELETE", public)):  # fmt: skip
        answer = send(other, method, f"images/{id}")
        assert refused(answer) == (404, "image_not_found")
        problems.append({k: v for k, v in answer.json().items() if k != "requestId"})
    assert all(problem == problems[0] for problem in problems)
    assert vendor.call("GET", f"images/{public}")["status"] == "ready"
    vendor.call("DELETE", f"images/{public}")
    assert refusal(lambda: other.call("GET", f"images/{public}")) == (404, "image_not_found")


def test_a_deleted_image_is_gone_at_once(stack: Stack, inside: Stack, sign_up: SignUp) -> None:
    client = sign_up()
    kept, gone = (client.upload(photo(), "a.jpg", "person") for _ in range(2))
    assert send(client, "DELETE", f"images/{gone['id']}").status_code == 204
    assert requests.get(gone["original"]["url"], timeout=10).status_code == 404
    assert stored(stack, gone["id"]) == []
    assert [image["id"] for image in client.call("GET", "images")["items"]] == [kept["id"]]
    for method in ("GET", "DELETE"):
        assert refusal(lambda m=method: client.call(m, f"images/{gone['id']}")) == (404, "image_not_found")
    assert used(inside, client) == (1, kept["bytes"])


def test_the_list_pages_newest_first_and_stays_put(sign_up: SignUp) -> None:
    client = sign_up()
    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(lambda n: client.upload(photo(), f"{n}.jpg", "person")["id"], range(7)))
    shirt = client.upload(photo(), "shirt.jpg", "garment")["id"]
    found: list[dict[str, Any]] = []
    page = client.call("GET", "images", params={"limit": 3, "kind": "person"})
    while True:
        found += page["items"]
        if page["continuation"] is None:
            break
        if len(found) == 3:
            late = client.upload(photo(), "late.jpg", "person")["id"]
            client.call("DELETE", f"images/{found[0]['id']}")
        page = client.call("GET", "images", params={"limit": 3, "kind": "person", "continuation": page["continuation"]})
    assert {image["id"] for image in found} == made
    assert len(found) == 7
    times = [image["createdAt"] for image in found]
    assert times == sorted(times, reverse=True)
    assert client.call("GET", "images", params={"limit": 1})["items"][0]["id"] == late
    assert [image["id"] for image in client.call("GET", "images", params={"kind": "garment"})["items"]] == [shirt]
    assert client.call("GET", "images", params={"kind": "result"})["items"] == []


def test_a_continuation_shows_nothing_of_others(sign_up: SignUp) -> None:
    one, other = sign_up(), sign_up()
    for _ in range(2):
        one.upload(photo(), "a.jpg", "person")
    token = one.call("GET", "images", params={"limit": 1})["continuation"]
    assert other.call("GET", "images", params={"limit": 1, "continuation": token})["items"] == []
    for bad in ("x", "%00", token[:-3], token[::-1], "eyJhIjoxfQ"):
        assert refused(send(one, "GET", "images", params={"continuation": bad}))[0] == 400


def test_one_key_at_once_is_one_image_whatever_the_boundary(stack: Stack, inside: Stack, sign_up: SignUp) -> None:
    from shared.documents import store

    client, data = sign_up(), photo("teal")
    key = {"Idempotency-Key": secrets.token_hex(8)}

    def upload(_: int) -> requests.Response:
        files = {"file": ("me.jpg", data)}
        return send(client, "POST", "images/upload", files=files, data={"kind": "person"}, headers=key)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(upload, range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(client.call("GET", "images")["items"]) == 1
    assert len(stored(stack, client.user["id"])) == 3
    assert used(inside, client)[0] == 1
    for answer in answers:
        assert answer.headers["Location"] == f"/api/images/{answer.json()['id']}"
        assert requests.get(answer.json()["original"]["url"], timeout=10).content
    again = send(client, "POST", "images/upload", data=data, headers=key)
    assert refused(again) == (422, "idempotency_key_reused")
    assert store().count("audit", partition=client.user["id"]) >= 1
    kept = [item for item in store().query("idempotency", limit=1000).items if "sig=" in str(item)]
    assert kept == []


def test_a_key_covers_the_query_too(sign_up: SignUp) -> None:
    client, key = sign_up(), {"Idempotency-Key": secrets.token_hex(8)}
    first = send(client, "POST", "images/upload", data=photo(), params={"kind": "person"}, headers=key)
    assert first.json()["kind"] == "person"
    other = send(client, "POST", "images/upload", data=photo(), params={"kind": "garment"}, headers=key)
    assert refused(other) == (422, "idempotency_key_reused")


def test_a_failed_upload_frees_its_key(sign_up: SignUp) -> None:
    client, key = sign_up(), {"Idempotency-Key": secrets.token_hex(8)}
    assert refused(send(client, "POST", "images/upload", data=b"x" * 100, headers=key))[0] == 415
    assert send(client, "POST", "images/upload", data=photo(), headers=key).status_code == 201


def test_repeating_an_upload_does_not_bring_back_what_was_deleted(sign_up: Callable[..., Client]) -> None:
    client, key = sign_up(), {"Idempotency-Key": "again"}
    made = client.call("POST", "images/upload", data=photo(), headers={**key, "Content-Type": "image/jpeg"})
    client.call("DELETE", f"images/{made['id']}")
    again = send(client, "POST", "images/upload", data=photo(), headers={**key, "Content-Type": "image/jpeg"})
    assert refused(again) == (410, "image_gone")
    assert client.call("GET", "images")["items"] == []
    wanted = {"contentType": "image/jpeg"}
    place = client.call("POST", "files/presign", json=wanted, headers=key)
    client.call("DELETE", f"images/{place['id']}")
    assert refused(send(client, "POST", "files/presign", json=wanted, headers=key)) == (410, "image_gone")
