"""What a deletion leaves: every document container, blob container and queue, listed before and after."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from accounts_world import PASSWORD, World
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient
from http_calls import App
from over_http import photo
from pyotp.totp import TOTP

from functions.auth import members
from functions.auth.member_models import Invitation
from functions.files import service as files
from functions.files.models import PresignRequest
from functions.privacy import erasure, retention, service
from functions.privacy.worker import PrivacyStep
from shared import audit, blobs, clock
from shared.accounts.cache import account_cache
from shared.accounts.documents import AccountDocument, Role, accounts
from shared.commerce import credits, quota
from shared.documents import CONTAINERS, store
from shared.documents.fields import assign
from shared.http.auth import Principal, authenticate
from shared.images.documents import ImageKind, Visibility
from shared.images.uploads import add_image
from shared.jobs import protocol, queues
from shared.jobs.consumer import consume
from shared.jobs.models import TERMINAL
from shared.notifications.announce import announce

NAME, PHONE = "Ada Lovelace-Unmistakable", "+491700000777"
KEPT = {
    ("audit", "audit"): "who did what, by id alone, for 400 days: security of processing (GDPR art. 32)",
    ("studio", "job"): "the deletion itself: what was asked and done, and to repeat it after a restored backup",
    ("search_index", "journal"): "ids of products, so that the index leaves them out, until its next version",
    ("rate_limits", "counter"): "counts under the user id or a hash of the address, for two days",
    ("idempotency", "answer"): "answers to repeated requests, for a day",
}
"""What may still name the person by id, and why. Payments stay, too, and name no one."""


class Person:
    """An account with something in every store, and what would give it away."""

    def __init__(self, world: World, address: str) -> None:
        made = world.register(address, displayName=NAME, phone=PHONE).body
        self.id, self.address, self.tokens = made["user"]["id"], address, made["tokens"]
        world.confirm(made)
        accounts.patch(
            self.id, self.id, assign(AccountDocument.role, Role.MERCHANT), assign(AccountDocument.shop, "lindenhof")
        )
        account_cache.invalidate(self.id)
        self.caller: Principal = authenticate(f"Bearer {self.tokens['accessToken']}")
        self._fill(world)

    def _fill(self, world: World) -> None:
        access, me = self.tokens["accessToken"], self.id
        for kind in ImageKind.PERSON, ImageKind.GARMENT:
            add_image(f"{kind}{me}", me, photo(), kind=kind, visibility=Visibility.PRIVATE, name=f"{NAME}.jpg")
        for container in blobs.CONTAINERS:
            blobs.put(container, f"{me}/left/behind.jpg", b"data", content_type="image/jpeg")
        wanted = PresignRequest.model_validate({"contentType": "image/jpeg", "name": NAME})
        self.presigned = files.presign(self.caller, f"late{me}", wanted)
        begun = world.call("auth_second_factor_begin", {"password": PASSWORD}, token=access).body
        world.call("auth_second_factor_confirm", {"code": TOTP(begun["secret"]).at(clock.now())}, token=access)
        world.call("auth_password_forgot", {"email": self.address})
        world.call("auth_email_change", {"email": f"new.{self.address}", "password": PASSWORD}, token=access)
        world.login(self.address, "a wrong password")
        members.invite(self.caller, Invitation(email=self.address, role="vendor"), "r")
        world.deliver()
        quota.open_month(me)
        credits.open_account(me)
        store().batch(
            "studio", me, announce(me, "payment.alert", f"n{me}", {"subject": "x", "about": NAME}, request_id="r")
        )
        at = clock.new_id()
        for container, item in {
            "garments": {"id": f"product:{me}", "tenantId": me, "type": "other", "title": NAME},
            "embeddings": {"id": f"embedding:{me}", "tenantId": me, "type": "other", "words": NAME},
            "search_log": {"id": f"search:{me}", "userId": me, "type": "search_log", "params": {"query": NAME}},
            "payments": {"id": f"payment:{at}", "userId": me, "type": "payment", "amountMinor": 499,
                         "captureId": f"c{at}", "orderId": f"o{at}",
                         "approvalUrl": "https://x", "requestId": "r", "status": "captured"},
        }.items():  # fmt: skip
            store().create(container, item)
        audit.record(me, "PAYMENT_ORDERED", subject=f"payment:{at}", orderId=f"o{at}")
        audit.record(me, "PAYMENT_ALERT", subject=f"payment:{at}", captureId=f"c{at}")
        audit.record("root", "USER_VIEWED", subject=me)
        host = BlobServiceClient.from_connection_string(self._storage())
        if not (container := host.get_container_client("azure-webjobs-hosts")).exists():
            container.create_container()
        self.receipt = f"blobreceipts/app/drops/etag/vendor-uploads/{me}/SKU.jpg"
        container.upload_blob(self.receipt, b"")
        container.upload_blob("blobreceipts/app/drops/etag/vendor-uploads/another/SKU.jpg", b"", overwrite=True)

    @staticmethod
    def _storage() -> str:
        from shared.settings import settings

        secret = settings().storage
        assert secret is not None
        return secret.get_secret_value()

    @property
    def marks(self) -> dict[str, str]:
        """What would name the person."""
        from shared.accounts import email

        return {
            "id": self.id, "address": self.address, "hash": email.hash_of(self.address), "name": NAME, "phone": PHONE,
        }  # fmt: skip

    def documents(self) -> Iterator[tuple[str, str, str]]:
        """Container, kind and mark of every document that names the person."""
        for container in CONTAINERS:
            token: str | None = None
            while True:
                page = store().query(container, limit=500, continuation=token)
                for item in page.items:
                    text = json.dumps(item)
                    for mark, value in self.marks.items():
                        if value in text:
                            yield container, self._kind(container, item), mark
                token = page.continuation
                if token is None:
                    break

    @staticmethod
    def _kind(container: str, item: dict[str, Any]) -> str:
        fallback = {"rate_limits": "counter", "idempotency": "answer", "search_index": "journal"}
        return str(item.get("type") or fallback.get(container, "document"))

    def blobs(self) -> Counter[str]:
        """Blobs whose name, or text, names the person, by container: of all containers of the account."""
        service, found = BlobServiceClient.from_connection_string(self._storage()), Counter[str]()
        for container in service.list_containers():
            client = service.get_container_client(container.name)
            found[container.name] += sum(self.id in name for name in client.list_blob_names())
        return +found

    def messages(self) -> Counter[str]:
        """Queue messages that name the person, by queue."""
        service, found = QueueServiceClient.from_connection_string(self._storage()), Counter[str]()
        import base64

        for queue in service.list_queues():
            for message in service.get_queue_client(queue.name).peek_messages(32):
                try:
                    text = base64.b64decode(message.content, validate=True).decode(errors="replace")
                except ValueError:  # of a test of the host
                    text = message.content
                found[queue.name] += any(value in text for value in self.marks.values())
        return +found


def erase(person: Person) -> dict[str, Any]:
    """Delete the account and run its job to the end; the job."""
    from functions.privacy.blueprint import bp

    answer = App(bp)("delete_account", token=person.tokens["accessToken"])
    assert answer.status == 202
    name = service.erasure_name(person.id)
    for _ in range(12):
        job = protocol.load(f"job:erase-{name}", service.erasure_partition(name))
        if job.status in TERMINAL:
            assert job.status == "completed", job.last_error
            return dict(job.result or {})
        store().patch("studio", job.id, job.user_id, set={"nextAt": 0})
        account = store().find("accounts", person.id, person.id)
        if account is not None and account.get("closedAt"):
            store().patch("accounts", person.id, person.id, set={"closedAt": clock.now() - 1000})
        consume(json.dumps(protocol.pointer(job)), PrivacyStep())
    raise AssertionError("the deletion did not end")


@pytest.fixture
def person(world: World, address: str) -> Person:
    for queue in queues.TRIGGERS:
        queues.client(queue).clear_messages()
    return Person(world, address)


def test_nothing_is_left_but_what_is_said_and_no_audit_entry_links_a_payment_to_the_person(person: Person) -> None:
    (payment,) = store().query("payments", limit=100).items
    before = Counter(person.documents())
    stores = {container for container, _, _ in before}
    assert stores >= {"studio", "accounts", "payments", "tokens", "audit", "garments", "embeddings", "search_log"}
    assert set(person.blobs()) >= {*blobs.CONTAINERS, "azure-webjobs-hosts"}
    result = erase(person)
    left = Counter(person.documents())
    assert {(container, kind) for container, kind, _ in left} <= set(KEPT), left
    # By id, or by the hash of the address in counters that expire; by address, name and phone nowhere.
    assert {mark for _, _, mark in left} <= {"id", "hash"}, left
    assert {container for container, _, mark in left if mark == "hash"} <= {"rate_limits"}, left
    assert person.blobs() == Counter()
    assert "two days" in result["kept"]["expiring"]
    kept = store().query("payments", limit=100).items
    assert [payment["userId"][:7] for payment in kept] == ["erased:"]
    for entry in store().query("audit", partition=person.id, limit=500).items:
        text = json.dumps(entry)
        assert "payment:" not in text, entry["action"]
        assert payment["orderId"] not in text and payment["captureId"] not in text, entry["action"]


def test_messages_left_in_queues_name_no_one_once_they_are_read(person: Person) -> None:
    """A message holds ids; after the deletion it finds nothing, and is gone when it was read."""
    assert person.messages()
    erase(person)
    from functions.jobs.steps import step_of

    for queue in queues.TRIGGERS:
        if queue == queues.INDEX:
            continue
        client = queues.client(queue)
        for message in client.receive_messages(max_messages=32):
            pointer = json.loads(message.content)
            consume(message.content, step_of(queues.NOTIFY))
            client.delete_message(message)
            assert set(pointer) <= {"v", "jobId", "userId", "generation", "attempt", "traceparent"}
    assert {container for container, _, _ in person.documents()} <= {container for container, _ in KEPT}
    assert person.messages() - Counter({queues.INDEX: 99}) == Counter()


def test_a_url_from_before_stores_nothing_that_stays(person: Person) -> None:
    erase(person)
    put = requests.put(person.presigned.url, data=photo(), headers=person.presigned.headers, timeout=30)
    assert put.status_code == 201
    assert person.blobs() == Counter({"uploads": 1})
    assert erasure.delete_fresh_writes() == 1
    assert person.blobs() == Counter()


def test_an_upload_after_its_completion_is_removed_and_one_that_is_waited_for_is_not(person: Person) -> None:
    requests.put(person.presigned.url, data=photo(), headers=person.presigned.headers, timeout=30).raise_for_status()
    retention.delete_orphaned_uploads()
    image = files.complete_upload(person.caller, f"late{person.id}")
    assert image.status == "ready"
    again = requests.put(person.presigned.url, data=b"anything", headers=person.presigned.headers, timeout=30)
    assert again.status_code == 201
    assert retention.delete_orphaned_uploads() == 1
    assert [blob.name for blob in blobs.listing(blobs.UPLOADS, f"{person.id}/")] == []
