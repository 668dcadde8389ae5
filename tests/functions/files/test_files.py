"""Upload by SAS through the whole stack: what the URL allows, what is taken, what is thrown away."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
import requests
from over_http import photo, refused, send, stored

from demo.client import Client
from emulators.stack import Stack

type SignUp = Callable[..., Client]
type Json = dict[str, Any]


def presign(client: Client, **fields: Any) -> Json:
    return client.call("POST", "files/presign", json={"contentType": "image/jpeg", **fields})


def put(where: Json, data: bytes) -> int:
    return requests.put(where["url"], data=data, headers=where["headers"], timeout=30).status_code


def complete(client: Client, where: Json) -> requests.Response:
    return send(client, "POST", f"files/{where['id']}/complete")


def used(client: Client) -> tuple[int, int]:
    from shared.documents import store

    usage = store().find("studio", "usage", client.user["id"])
    return (usage["images"], usage["bytes"]) if usage else (0, 0)


def test_an_upload_becomes_an_image(inside: Stack, sign_up: SignUp) -> None:
    from shared import clock

    client = sign_up("vendor")
    where = presign(client, kind="garment", visibility="public", name="../shirt.png", contentType="image/png", size=99)
    assert (where["method"], where["maxBytes"]) == ("PUT", 64 * 1024 * 1024)
    assert where["headers"] == {"x-ms-blob-type": "BlockBlob", "Content-Type": "image/png"}
    left = datetime.fromisoformat(where["expiresAt"]).timestamp() - clock.now()
    assert 500 < left <= 600
    assert used(client) == (1, 0)
    waiting = client.call("GET", f"images/{where['id']}")
    assert (waiting["status"], waiting["original"]) == ("pending", None)
    assert client.call("GET", "images")["items"] == []
    assert put(where, photo("red", (500, 300), "PNG")) == 201
    image = complete(client, where).json()
    found = (image["id"], image["status"], image["kind"], image["visibility"], image["name"], image["width"])
    assert found == (where["id"], "ready", "garment", "public", "shirt.png", 500)
    assert image["thumbnail"]["width"] == 320
    assert requests.get(image["original"]["url"], timeout=10).headers["Content-Type"] == "image/jpeg"
    assert used(client) == (1, image["bytes"])
    assert not [name for name in stored(inside, where["id"]) if name.startswith("uploads/")]
    again = complete(client, where)
    assert (again.status_code, again.json()["sha256"]) == (200, image["sha256"])
    assert used(client) == (1, image["bytes"])


def test_before_the_upload_there_is_nothing_to_complete(sign_up: SignUp) -> None:
    client = sign_up()
    where = presign(client)
    answer = complete(client, where)
    assert refused(answer) == (409, "upload_missing")
    assert answer.json()["retryable"] is True
    assert put(where, photo()) == 201
    assert put(where, photo()) == 403
    assert complete(client, where).status_code == 200


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"<html><script>alert(1)</script></html>" * 20, (415, "unsupported_type")),
        (b"", (415, "unsupported_type")),
        (photo()[:400], (422, "corrupt")),
        (photo() + bytes(64 * 1024 * 1024), (413, "too_many_bytes")),
    ],
    ids=["html", "empty", "truncated", "oversize"],
)
def test_what_is_no_image_is_thrown_away(inside: Stack, sign_up: SignUp, data: bytes, why: tuple[int, str]) -> None:
    client = sign_up()
    where = presign(client)
    assert put(where, data) == 201
    assert refused(complete(client, where)) == why
    assert refused(complete(client, where)) == why
    seen = client.call("GET", f"images/{where['id']}")
    assert (seen["status"], seen["error"]["code"]) == ("rejected", why[1])
    assert stored(inside, where["id"]) == []
    assert used(client) == (0, 0)
    assert client.call("GET", "images")["items"] == []
    client.call("DELETE", f"images/{where['id']}")
    assert used(client) == (0, 0)


def test_completing_at_once_makes_one_image(inside: Stack, sign_up: SignUp) -> None:
    client = sign_up()
    where = presign(client)
    put(where, photo())
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: complete(client, where), range(6)))
    assert {answer.status_code for answer in answers} == {200}
    image = answers[0].json()
    assert {answer.json()["sha256"] for answer in answers} == {image["sha256"]}
    assert len(stored(inside, where["id"])) == 3
    assert used(client) == (1, image["bytes"])
    assert requests.get(image["original"]["url"], timeout=10).status_code == 200


def test_rejecting_at_once_says_the_same_to_all(inside: Stack, sign_up: SignUp) -> None:
    client = sign_up()
    where = presign(client)
    put(where, b"<html>" + b"x" * 500)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: refused(complete(client, where)), range(6)))
    assert set(answers) == {(415, "unsupported_type")}
    assert used(client) == (0, 0)


def test_deleting_while_completing_leaves_all_or_nothing(inside: Stack, sign_up: SignUp) -> None:
    for _ in range(3):
        client = sign_up()
        where = presign(client)
        put(where, photo("red", (1200, 900)))
        with ThreadPoolExecutor(2) as pool:
            done = pool.submit(complete, client, where)
            gone = pool.submit(send, client, "DELETE", f"images/{where['id']}")
        assert done.result().status_code in (200, 404, 409)
        if gone.result().status_code == 204:
            assert stored(inside, where["id"]) == []
            assert used(client) == (0, 0)
        else:
            assert refused(gone.result()) == (409, "image_busy")
            assert len(stored(inside, where["id"])) == 3


def test_a_foreign_or_missing_file_is_not_there(sign_up: SignUp) -> None:
    one, other = sign_up(), sign_up()
    where = presign(one)
    put(where, photo())
    problems = []
    for id in (where["id"], "missing"):
        answer = complete(other, {"id": id})
        assert refused(answer) == (404, "image_not_found")
        problems.append({k: v for k, v in answer.json().items() if k != "requestId"})
    assert problems[0] == problems[1]
    assert complete(one, where).status_code == 200


def test_what_may_not_be_published_gets_no_presigned_url(sign_up: SignUp) -> None:
    for role, kind in (("shopper", "garment"), ("shopper", "person"), ("vendor", "person")):
        request = {"contentType": "image/jpeg", "kind": kind, "visibility": "public"}
        assert refused(send(sign_up(role), "POST", "files/presign", json=request)) == (403, "not_publishable")


def test_a_size_over_the_limit_is_refused_beforehand(inside: Stack, sign_up: SignUp) -> None:
    client = sign_up()
    request = {"contentType": "image/jpeg", "size": 64 * 1024 * 1024 + 1}
    answer = send(client, "POST", "files/presign", json=request)
    assert refused(answer) == (413, "too_many_bytes")
    assert answer.json()["field"] == "size"
    assert used(client) == (0, 0)


def test_an_upload_over_the_limit_goes_with_the_next_sweep(
    inside: Stack, sign_up: SignUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signed URL can't bound a size; without this, an upload that is never completed would stay for a day."""
    from shared.images import sweeper
    from shared.settings import forget

    client = sign_up()
    where, small = presign(client), presign(client)
    assert (put(where, bytes(5000)), put(small, photo())) == (201, 201)
    assert len(photo()) < 4000
    monkeypatch.setenv("FILE_MAX_BYTES", "4000")
    forget()
    sweeper.sweep()
    assert stored(inside, where["id"]) == []
    assert len(stored(inside, small["id"])) == 1
    answer = client.call("GET", f"images/{where['id']}")
    assert (answer["status"], answer["error"]["code"]) == ("rejected", "too_many_bytes")
    assert used(client)[0] == 1


def test_one_key_at_once_reserves_one_upload(inside: Stack, sign_up: SignUp) -> None:
    client, key = sign_up(), {"Idempotency-Key": secrets.token_hex(8)}
    request = {"contentType": "image/jpeg"}

    def ask(_: int) -> Json:
        return client.call("POST", "files/presign", json=request, headers=key)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(6)))
    assert len({answer["id"] for answer in answers}) == 1
    assert used(client) == (1, 0)
    assert put(answers[-1], photo()) == 201
    assert put(answers[0], photo()) == 403
    assert complete(client, answers[0]).status_code == 200
    assert refused(send(client, "POST", "files/presign", json=request, headers=key)) == (409, "upload_done")


def test_an_upload_taken_back_by_the_sweeper_is_gone(inside: Stack, sign_up: SignUp) -> None:
    from shared.documents import store
    from shared.images import sweeper
    from shared.images.documents import ImageId

    client = sign_up()
    where = presign(client)
    put(where, photo())
    store().patch("studio", ImageId.of(where["id"]), client.user["id"], set={"dueAt": 1})
    sweeper.sweep()
    assert refused(complete(client, where)) == (404, "image_not_found")
    assert stored(inside, where["id"]) == []
    assert used(client) == (0, 0)
