"""Presigned drops: into the vendor's own folder, by a name that becomes a product, again and again."""

from __future__ import annotations

import pytest
import requests
from account_factory import add_account
from http_calls import Answered, App
from pydantic import ValidationError

from functions.catalogue.drop_uploads import MAX_NAMES, DropRequest, DropsRequest, presign_drop, presign_drops
from shared import blobs, clock, turns
from shared.accounts.documents import Role
from shared.errors import Unprocessable
from shared.http import limits, tokens
from shared.http.auth import Principal
from shared.http.classes import cost_of
from shared.settings import forget

ADA = Principal("ada", Role.VENDOR, "t", clock.now() + 60)


@pytest.mark.parametrize("name", ["TS-1.jpg", "TS-1.json", "a.b_c.heic"])
def test_a_file_is_uploaded_and_replaced(local: dict[str, str], name: str) -> None:
    where = presign_drop(ADA, DropRequest(name=name))
    for content in (b"first", b"second"):
        assert requests.put(where.url, data=content, headers=where.headers, timeout=30).status_code == 201
        assert blobs.get(blobs.VENDOR_UPLOADS, f"ada/{name}") == content
    assert requests.get(where.url, timeout=30).status_code == 403
    other = where.url.replace("/ada/", "/bob/")
    assert requests.put(other, data=b"x", headers=where.headers, timeout=30).status_code == 403


@pytest.mark.parametrize("name", ["../bob/TS-1.jpg", "a/b.jpg", ".jpg", "a b.jpg", "x" * 100 + ".jpg"])
def test_a_name_that_becomes_no_product_is_refused_before_the_upload(local: dict[str, str], name: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        presign_drop(ADA, DropRequest(name=name))
    assert refused.value.code == "bad_name"


def test_each_name_of_many_is_answered_by_itself(local: dict[str, str]) -> None:
    names = ["TS-1.jpg", "bad name.jpg", "TS-1.json", "TS-2.png"]
    rows = presign_drops(ADA, DropsRequest(names=names)).items
    assert [row.name for row in rows] == names
    assert [row.error.code if row.error else None for row in rows] == [None, "bad_name", None, None]
    assert rows[1].upload is None and rows[1].error is not None and "SKU.jpg" in rows[1].error.message
    for row in (rows[0], rows[2], rows[3]):
        assert row.upload is not None
        content = row.name.encode()
        sent = requests.put(row.upload.url, data=content, headers=row.upload.headers, timeout=30)
        assert sent.status_code == 201
        assert blobs.get(blobs.VENDOR_UPLOADS, f"ada/{row.name}") == content
        other = row.upload.url.replace("/ada/", "/bob/")
        assert requests.put(other, data=b"x", headers=row.upload.headers, timeout=30).status_code == 403


ATTACKS = {
    "into another vendor's folder": "../bob/TS-1.jpg",
    "the same, encoded": "..%2Fbob%2FTS-1.jpg",
    "with backslashes": "..\\bob\\TS-1.jpg",
    "below a folder": "bob/TS-1.jpg",
    "from the root": "/TS-1.jpg",
    "a dot": ".",
    "two dots": "..",
    "empty": "",
    "an ending alone": ".jpg",
    "a NUL": "TS-1\0.jpg",
    "a line break": "TS-1.jpg\n",
    "composed": "\u00e9.jpg",
    "decomposed": "e\u0301.jpg",
    "wide letters": "\uff34\uff33-1.jpg",
    "written from right to left": "TS-1\u202egpj.jpg",
    "a sign of a URL": "TS-1?sig=x.jpg",
    "too long": "x" * 65 + ".jpg",
    "far too long": "x" * 5000,
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=list(ATTACKS))
def test_a_bad_name_gets_no_url_and_stops_no_other(local: dict[str, str], attack: str) -> None:
    bad, good = presign_drops(ADA, DropsRequest(names=[attack, "TS-1.jpg"])).items
    assert (bad.name, bad.upload, bad.error and bad.error.code) == (attack, None, "bad_name")
    assert good.upload is not None and "/ada/TS-1.jpg?" in good.upload.url


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ("TS-1.jpg", "TS-1.jpg", "duplicate_file"),
        ("TS-1.jpg", "TS-1.JPG", "duplicate_file"),
        ("TS-1.jpg", "TS-1.png", "duplicate_file"),
        ("TS-1.json", "TS-1.JSON", "duplicate_file"),
        ("TS-1.jpg", "TS-1.json", None),
        ("TS-1.jpg", "ts-1.jpg", None),
        ("bad name.jpg", "bad name.jpg", "bad_name"),
    ],
)
def test_two_files_for_one_part_of_a_product_are_not_both_taken(
    local: dict[str, str], first: str, second: str, code: str | None
) -> None:
    last = presign_drops(ADA, DropsRequest(names=[first, second])).items[1]
    assert (last.error and last.error.code) == code
    assert (last.upload is None) == (code is not None)


@pytest.mark.parametrize("names", [[], ["A.jpg"] * (MAX_NAMES + 1)])
def test_no_names_and_too_many_are_refused_as_a_whole(names: list[str]) -> None:
    with pytest.raises(ValidationError) as refused:
        DropsRequest(names=names)
    assert refused.value.errors()[0]["loc"] == ("names",)


def test_many_names_count_as_many_calls(local: dict[str, str]) -> None:
    with turns.acting_for("ada") as work:
        presign_drops(ADA, DropsRequest(names=["A.jpg", "B.jpg", "bad name"]))
    assert cost_of(work) == 2, "beside the call itself"


def left(answer: Answered) -> int:
    return int(answer.headers["RateLimit-Remaining"])


def test_what_is_left_of_the_rate_limit_counts_each_name(
    local: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATE_LIMITS", f'{{"drops": [200, {10**9}]}}')
    monkeypatch.setenv("RATE_LIMIT_SCALE", "1")
    forget()
    limits.forget()
    add_account("ada", "vendor")
    call, token = App.of("catalogue"), tokens.issue("ada", "vendor", 1)[0]
    first = call("drops_create", {"name": "A.jpg"}, token=token)
    assert (first.status, first.headers["RateLimit-Limit"], left(first)) == (200, "200", 199)
    names = [*(f"N-{number}.jpg" for number in range(98)), "bad name", "N-0.jpg"]
    many = call("drops_create_batch", {"names": names}, token=token)
    assert (many.status, left(many)) == (200, 99)
    assert left(call("drops_create_batch", {"names": names}, token=token)) == 0
    refused = call("drops_create_batch", {"names": names[:1]}, token=token)
    assert (refused.status, refused.code, left(refused)) == (429, "rate_limited", 0)
    assert int(refused.headers["Retry-After"]) >= int(refused.headers["RateLimit-Reset"])
