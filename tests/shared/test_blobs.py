"""Blobs and their URLs on Azurite: what a signature allows, and that it allows nothing else."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from functools import cache
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from azure.storage.blob import UserDelegationKey

from shared import blobs, clock
from shared.errors import Conflict, NotFound, Unavailable
from shared.signatures import Signer

PUT = {"x-ms-blob-type": "BlockBlob"}


@pytest.fixture(autouse=True)
def storage(local: dict[str, str]) -> None:
    """Azurite, and settings to it."""


def fresh(name: str = "a.jpg") -> str:
    return f"u1/{secrets.token_hex(6)}/{name}"


def test_a_blob_comes_back_as_it_was_put() -> None:
    name = fresh("two words ä+%.jpg")
    blobs.put(blobs.IMAGES, name, b"bytes", content_type="image/jpeg", metadata={"a": "b"})
    assert blobs.get(blobs.IMAGES, name) == b"bytes"
    found = blobs.info(blobs.IMAGES, name)
    assert found is not None
    assert (found.name, found.size, found.content_type, found.metadata) == (name, 5, "image/jpeg", {"a": "b"})
    assert abs(found.modified - clock.now()) < 60
    url = blobs.read_url(blobs.IMAGES, name, content_type="image/jpeg")
    assert requests.get(url, timeout=10).content == b"bytes"
    assert [blob.name for blob in blobs.listing(blobs.IMAGES, name.rpartition("/")[0])] == [name]


def test_what_is_missing_says_so() -> None:
    name = fresh()
    assert blobs.info(blobs.IMAGES, name) is None
    assert blobs.delete(blobs.IMAGES, name) is False
    with pytest.raises(NotFound):
        blobs.get(blobs.IMAGES, name)


def test_a_read_url_reads_this_blob_and_does_nothing_else() -> None:
    name, other = fresh(), fresh()
    for one in (name, other):
        blobs.put(blobs.IMAGES, one, b"<script>", content_type="text/html")
    url = blobs.read_url(blobs.IMAGES, name, content_type="image/webp")
    got = requests.get(url, timeout=10)
    assert (got.status_code, got.content) == (200, b"<script>")
    assert got.headers["Content-Type"] == "image/webp"
    assert got.headers["Content-Disposition"] == "inline"
    assert requests.put(url, data=b"x", headers=PUT, timeout=10).status_code == 403
    assert requests.delete(url, timeout=10).status_code == 403
    assert requests.get(url.replace(name, other), timeout=10).status_code == 403
    assert requests.get(url.replace("rsct=image/webp", "rsct=text/html"), timeout=10).status_code == 403
    container = f"{url.partition('/u1')[0]}?restype=container&comp=list&{url.partition('?')[2]}"
    assert requests.get(container, timeout=10).status_code == 403
    assert requests.get(url.partition("?")[0], timeout=10).status_code in (403, 404)
    assert blobs.get(blobs.IMAGES, name) == b"<script>"


def read_query(name: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(blobs.read_url(blobs.IMAGES, name, content_type="image/jpeg")).query)


def test_a_read_url_lives_for_the_minutes_of_the_settings(
    change: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    change(READ_URL_MINUTES="7")
    for past_window in (0, 1, 450, blobs.SAME_URL_S - 1):
        at = 1_800_000_000 // 3600 * 3600 + past_window
        monkeypatch.setattr(clock, "now", lambda at=at: float(at) + 0.7)
        query = read_query("u1/a.jpg")
        assert (query["sp"], query["sr"]) == (["r"], ["b"])
        left = datetime.fromisoformat(query["se"][0]).timestamp() - at
        assert 7 * 60 <= left <= 7 * 60 + blobs.SAME_URL_S


def test_a_read_url_is_the_same_for_a_quarter_of_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    start = 1_800_000_000 // 3600 * 3600
    seen: list[str] = []
    for past in (0, 1, 899, 900, 1799, 1800):
        monkeypatch.setattr(clock, "now", lambda past=past: start + past + 0.5)
        seen.append(blobs.read_url(blobs.IMAGES, "u1/a.jpg", content_type="image/jpeg"))
    assert seen[0] == seen[1] == seen[2]
    assert seen[3] == seen[4]
    assert len({seen[0], seen[3], seen[5]}) == 3


def test_an_expired_url_is_refused() -> None:
    name = fresh()
    blobs.put(blobs.IMAGES, name, b"1", content_type="image/jpeg")
    now = int(clock.now())
    read = blobs._sign(blobs.IMAGES, [name], now, -1, permission="r")[0]
    assert requests.get(read, timeout=10).status_code == 403
    create = blobs._sign(blobs.IMAGES, [fresh()], now, -1, permission="c")[0]
    assert requests.put(create, data=b"x", headers=PUT, timeout=10).status_code == 403


def test_an_upload_url_creates_one_blob_once() -> None:
    name = fresh()
    url, expires = blobs.upload_url(blobs.UPLOADS, name)
    assert 0 < expires - clock.now() <= 600
    assert requests.get(url, timeout=10).status_code in (403, 404)
    assert requests.put(url.replace(name, fresh()), data=b"x", headers=PUT, timeout=10).status_code == 403
    assert requests.put(url.replace("/uploads/", "/images/"), data=b"x", headers=PUT, timeout=10).status_code == 403
    assert requests.put(url, data=b"first", headers=PUT, timeout=10).status_code == 201
    assert requests.put(url, data=b"second", headers=PUT, timeout=10).status_code == 403
    assert requests.get(url, timeout=10).status_code == 403
    assert requests.delete(url, timeout=10).status_code == 403
    assert blobs.get(blobs.UPLOADS, name) == b"first"


def test_the_cdn_stands_in_for_the_account(change: Callable[..., None]) -> None:
    change(CDN_BASE_URL="https://cdn.example.com/shop/")
    name = fresh()
    url = blobs.read_url(blobs.IMAGES, name, content_type="image/jpeg")
    assert url.startswith(f"https://cdn.example.com/shop/images/{name}?")
    assert "sig=" in url
    assert urlsplit(blobs.upload_url(blobs.UPLOADS, name)[0]).hostname == "127.0.0.1"


def test_without_an_account_key_urls_are_signed_by_user_delegation(
    change: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("Storage")
    uris = {f"Storage__{kind}ServiceUri": f"https://shop.{kind}.core.windows.net" for kind in ("blob", "queue")}
    change(**uris, Storage__clientId="11111111-1111-1111-1111-111111111111")
    key = UserDelegationKey()
    key.signed_oid, key.signed_tid = "oid", "tid"
    key.signed_start, key.signed_expiry = "2026-01-01T00:00:00Z", "2026-01-01T03:00:00Z"
    key.signed_service, key.signed_version, key.value = "b", "2026-02-06", "c2VjcmV0"
    # The key itself comes from Azure alone.
    monkeypatch.setattr(blobs, "_delegation_key", cache(lambda hour: key))
    url = urlsplit(blobs.read_url(blobs.IMAGES, "u1/a b.jpg", content_type="image/jpeg"))
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert (url.scheme, url.netloc, url.path) == ("https", "shop.blob.core.windows.net", "/images/u1/a%20b.jpg")
    assert (query["sp"], query["sr"], query["spr"]) == ("r", "b", "https")
    assert (query["skoid"], query["sktid"], query["sks"]) == ("oid", "tid", "b")
    assert query["sig"]


@pytest.mark.parametrize("name", ["u1/a b.jpg", "ä+%/'\"&?.webp", "x"])
def test_a_signature_is_the_one_that_the_sdk_makes(name: str) -> None:
    from datetime import UTC, datetime, timedelta

    from azure.storage.blob import generate_blob_sas

    delegated = UserDelegationKey()
    delegated.signed_oid, delegated.signed_tid = "oid", "tid"
    delegated.signed_start, delegated.signed_expiry = "2026-01-01T00:00:00Z", "2026-01-01T03:00:00Z"
    delegated.signed_service, delegated.signed_version, delegated.value = "b", "2026-02-06", "c2VjcmV0"
    at = int(clock.now())
    now = datetime.fromtimestamp(at, UTC)
    reads = {"permission": "r", "content_type": "image/webp", "content_disposition": "inline"}
    for credential in (("account_key", "a2V5"), ("user_delegation_key", delegated)):
        for said in (reads, {"permission": "c"}):
            ours = Signer("shop", credential, "https").tokens(blobs.IMAGES, ["other", name], at, 7, said)
            theirs = generate_blob_sas(
                "shop", blobs.IMAGES, name, start=now - timedelta(minutes=5), expiry=now + timedelta(minutes=7),
                protocol="https", **dict([credential]), **said,
            )  # fmt: skip
            assert ours[1] == theirs
            assert ours[0] != theirs


def test_a_storage_that_refuses_us_is_reported_as_unavailable(
    change: Callable[..., None], local: dict[str, str]
) -> None:
    parts = dict(part.split("=", 1) for part in local["Storage"].split(";") if part)
    parts["AccountKey"] = "d3Jvbmc="
    change(Storage=";".join(f"{name}={value}" for name, value in parts.items()))
    tries = (
        lambda: blobs.get(blobs.IMAGES, "a"),
        lambda: blobs.put(blobs.IMAGES, "a", b"1", content_type="image/jpeg"),
        lambda: blobs.info(blobs.IMAGES, "a"),
        lambda: blobs.delete(blobs.IMAGES, "a"),
        lambda: list(blobs.listing(blobs.IMAGES)),
        lambda: blobs.upload_url(blobs.UPLOADS, "a"),
    )
    for attempt in tries:
        with pytest.raises(Unavailable) as caught:
            attempt()
        assert caught.value.retryable
        assert "127.0.0.1" not in caught.value.message


def test_a_version_that_is_not_there_any_more_is_a_conflict(local: dict[str, str]) -> None:
    name = f"u1/{secrets.token_hex(8)}"
    blobs.put(blobs.IMAGES, name, b"1", content_type="image/jpeg")
    first = blobs.info(blobs.IMAGES, name)
    assert first
    blobs.put(blobs.IMAGES, name, b"2", content_type="image/jpeg")
    with pytest.raises(Conflict) as changed:
        blobs.get(blobs.IMAGES, name, etag=first.etag)
    assert changed.value.code == "blob_changed"
    assert blobs.delete(blobs.IMAGES, name, etag=first.etag) is False
    assert blobs.get(blobs.IMAGES, name) == b"2"
