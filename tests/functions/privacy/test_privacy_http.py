"""Account deletion and data export through the whole stack."""

from __future__ import annotations

import io
import json
import secrets
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import requests
from account_factory import add_account
from azure.storage.blob import BlobServiceClient
from drawn import garments
from PIL import Image
from quick import eventually

from demo.accounts import create_account
from demo.client import Client, Refused
from emulators.stack import Stack
from functions.privacy import export
from functions.privacy import service as privacy
from functions.privacy.worker import PrivacyStep
from shared import blobs, clock
from shared.accounts.documents import Role
from shared.documents import store
from shared.documents.sqlite import SqliteStore
from shared.http.auth import Principal
from shared.images.documents import ImageDocument, ImageId, ImageKind, StoredRendition, images
from shared.jobs import protocol
from shared.jobs.consumer import consume
from shared.settings import forget
from shared.webhooks.documents import SigningKey, WebhookDocument, WebhookId

type SignUp = Callable[..., Client]


def photo(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (96, 128), colour).save(buffer, "JPEG")
    return buffer.getvalue()


def converted(client: Client) -> dict[str, Any]:
    person = client.upload(photo("tan"), "me.jpg", "person")["id"]
    cloth = client.upload(photo("navy"), "shirt.jpg", "garment")["id"]
    asked = client.call("POST", "conversions", json={"personImageId": person, "garmentImageId": cloth})
    job = client.wait(asked["jobId"])
    assert job["status"] == "completed"
    return client.call("GET", f"conversions/{asked['id']}")


def test_who_leaves_is_gone_and_can_read_what_was_removed(stack: Stack, sign_up: SignUp, admin: Client) -> None:
    client, stays = sign_up(), sign_up()
    done, kept = converted(client), converted(stays)
    id = client.user["id"]
    asked = client.call("DELETE", "auth/me")
    for path in ("auth/me", "images", f"conversions/{done['id']}"):

        def refused(path: str = path) -> bool:
            try:
                client.call("GET", path)
            except Refused as answer:
                return answer.status == 401
            return False

        # Two instances: the other one may honour the token for ACCOUNT_CACHE_S more.
        eventually(lambda path=path: all(refused(path) for _ in range(5)), "the end of the session")

    def report() -> dict[str, Any] | None:
        found = requests.post(f"{stack.url}/api/privacy/report", json={"receipt": asked["receipt"]}, timeout=10)
        body = found.json()
        assert body["status"] not in ("dead", "failed"), body
        return body if body["status"] == "completed" else None

    completed = eventually(report, "the end of the deletion")
    assert completed["removed"]["documents"]["tryon_job"] == 1
    assert completed["removed"]["documents"]["file"] == 3
    assert completed["removed"]["blobs"]["tryon"] >= 2
    documents = SqliteStore(stack.settings["DOCUMENTS"].removeprefix("sqlite:"))
    try:
        assert documents.count("studio", partition=id) == 0
        assert documents.find("accounts", id, id) is None
    finally:
        documents.close()
    account = BlobServiceClient.from_connection_string(stack.storage)
    for container in account.list_containers():
        assert not list(account.get_container_client(container.name).list_blobs(name_starts_with=f"{id}/"))
    assert stays.call("GET", f"conversions/{kept['id']}")["resultImage"]
    seen = admin.call("GET", f"admin/jobs/{asked['jobId']}")
    assert seen["result"]["removed"] == {
        "documents": completed["removed"]["documents"], "blobs": completed["removed"]["blobs"],
        "bytes": completed["removed"]["bytes"], "sessions": completed["removed"]["sessions"],
    }  # fmt: skip
    wrong = requests.post(f"{stack.url}/api/privacy/report", json={"receipt": "no"}, timeout=10)
    assert wrong.status_code == 404


def test_the_address_is_free_again(stack: Stack, admin: Client) -> None:
    email, password = f"again.{secrets.token_hex(6)}@example.com", secrets.token_urlsafe(12)
    first = create_account(stack, admin=admin, email=email, password=password)
    asked = first.call("DELETE", "auth/me")

    def gone() -> bool:
        answer = requests.post(f"{stack.url}/api/privacy/report", json={"receipt": asked["receipt"]}, timeout=10)
        return answer.json()["status"] == "completed"

    with pytest.raises(Refused) as refused:
        Client(stack.url).login(email, password)
    assert refused.value.status == 401
    eventually(gone, "the end of the deletion")
    second = create_account(stack, admin=admin, email=email, password=password)
    assert second.user["id"] != first.user["id"]


def test_an_administrator_can_not_leave(admin: Client) -> None:
    with pytest.raises(Refused) as refused:
        admin.call("DELETE", "auth/me")
    assert (refused.value.status, refused.value.problem["code"]) == (409, "admin_account")


def test_an_export_holds_the_callers_data_and_no_secret(sign_up: SignUp) -> None:
    client = sign_up(role="merchant")
    done = converted(client)
    ((pixels, _),) = garments(1, 3)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    shirt = client.upload(buffer.getvalue(), "shirt.jpg", "garment")["id"]
    cut = client.call("POST", "cv/segmentation", json={"imageId": shirt})
    client.call("POST", "webhooks", json={"url": "http://127.0.0.1:9/x", "events": ["job.completed"]})
    first = client.call("GET", "auth/me/export")
    assert first["status"] == "preparing"

    def ready() -> dict[str, Any] | None:
        found = client.call("GET", "auth/me/export")
        assert found["jobId"] == first["jobId"]
        return found if found["status"] == "ready" else None

    made = eventually(ready, "the export")
    answer = requests.get(made["url"], timeout=20)
    assert answer.headers["Content-Type"] == "application/zip"
    assert len(answer.content) == made["bytes"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        account = json.loads(archive.read("account.json"))
        text = "".join(archive.read(name).decode() for name in names if name.endswith(".json"))
        (picture,) = [name for name in names if name.startswith(f"images/{done['resultImageId']}.")]
        Image.open(io.BytesIO(archive.read(picture))).verify()
    assert account["id"] == client.user["id"]
    assert {"studio/tryon_job.json", "studio/file.json", "studio/notification.json", "audit/audit.json"} <= names
    assert len([name for name in names if name.startswith("images/")]) == 4
    assert cut["maskUrl"]
    assert [name for name in names if name.startswith("files/masks/")]
    for secret in ("whsec_", "passwordHash", "$argon2", "sig=", "_etag"):
        assert secret not in text


@pytest.fixture
def house(local: dict[str, str]) -> Principal:
    add_account("u")
    return Principal("u", Role.SHOPPER, "t", 0.0)


def image(name: str, size: int) -> None:
    blobs.put(blobs.IMAGES, f"u/{name}/original.jpg", b"x" * size, content_type="image/jpeg")
    form = StoredRendition(container=blobs.IMAGES, name=f"u/{name}/original.jpg", width=1, height=1,
                           content_type="image/jpeg", bytes=size)  # fmt: skip
    images.create(
        ImageDocument(id=ImageId.of(name), user_id="u", kind=ImageKind.PERSON, renditions={"original": form},
                      created_at=clock.iso(), updated_at=clock.iso())
    )  # fmt: skip


def build(caller: Principal) -> None:
    record = store().read("studio", "export", "u")
    job = protocol.load(record["jobId"], "u")
    body = {"jobId": job.id, "userId": "u", "generation": 1, "attempt": 1}
    consume(json.dumps(body), PrivacyStep())


@pytest.mark.parametrize("name", ["signingKeys", "keys"])
def test_signing_secrets_are_not_exported_under_either_name(house: Principal, name: str) -> None:
    key = SigningKey(secret="whsec_c2VjcmV0")
    webhook = WebhookDocument(id=WebhookId.of("w"), user_id="u", url="https://shop.example.com", events=[],
                              signing_keys=[key], created_at=clock.iso(), updated_at=clock.iso())  # fmt: skip
    item = webhook.to_item()
    item[name] = item.pop("signingKeys")
    store().create("studio", item)
    privacy.get_export(house, "r")
    build(house)
    record = store().read("studio", "export", "u")
    with zipfile.ZipFile(io.BytesIO(blobs.get(blobs.EXPORTS, record["blob"]))) as archive:
        (exported,) = json.loads(archive.read("studio/webhook.json"))
    assert exported["url"] == "https://shop.example.com"
    assert "whsec_" not in json.dumps(exported)


def test_pictures_beyond_the_size_are_named(house: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPORT_MAX_BYTES", "5000")
    forget()
    for name in ("a", "b", "c"):
        image(name, 2000)
    privacy.get_export(house, "r")
    build(house)
    made = privacy.get_export(house, "r")
    assert (made.status, made.left_out) == ("ready", 1)
    record = store().read("studio", "export", "u")
    with zipfile.ZipFile(io.BytesIO(blobs.get(blobs.EXPORTS, record["blob"]))) as archive:
        assert len(json.loads(archive.read("left-out.json"))) == 1
        assert len([name for name in archive.namelist() if name.startswith("images/")]) == 2


def test_an_export_is_made_again_when_it_is_old_or_gone(house: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    first = privacy.get_export(house, "r")
    assert privacy.get_export(house, "r").job_id == first.job_id
    build(house)
    assert privacy.get_export(house, "r").status == "ready"
    blobs.delete(blobs.EXPORTS, store().read("studio", "export", "u")["blob"])
    second = privacy.get_export(house, "r")
    assert (second.status, second.job_id == first.job_id) == ("preparing", False)
    build(house)
    assert privacy.get_export(house, "r").status == "ready"
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + privacy.FRESH_S + 1)
    third = privacy.get_export(house, "r")
    assert third.status == "preparing"
    build(house)
    assert [blob.name for blob in blobs.listing(blobs.EXPORTS, export.folder("u"))] == [
        store().read("studio", "export", "u")["blob"]
    ]
