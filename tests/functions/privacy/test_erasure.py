"""Deleting a person: everything goes, what must stay stays without them, and a death in the middle changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from account_factory import add_account, add_pointer
from stores import both_stores

from functions.privacy import erasure, personal_data, service
from functions.privacy.worker import PrivacyStep
from shared import audit, blobs, clock
from shared.accounts.documents import Role
from shared.accounts.session_documents import SessionDocument, sessions
from shared.documents import Document, Where, store
from shared.errors import Conflict, NotFound, Unauthorized
from shared.http import auth, tokens
from shared.http.auth import Principal
from shared.jobs import protocol, queues
from shared.jobs.consumer import consume
from shared.jobs.models import TERMINAL, JobStatus

ME, OTHER = "me", "other"
DOCUMENTS = {"file": 3, "usage": 1, "webhook": 1, "garment": 1, "segmentation_result": 1, "vendor_drop": 1,
             "embedding": 1, "search_log": 1}  # fmt: skip
BLOBS = {"images": 3, "thumbnails": 3, "results": 1, "masks": 1, "vendor-uploads": 1}
CALLER = Principal(ME, Role.SHOPPER, "t", 0.0)


def person(user_id: str) -> None:
    """A user with data of every kind."""
    put = store().create
    digest = f"digest-of-{user_id}"
    add_pointer(add_account(user_id, email_hash=digest))
    for n in range(3):
        image = {"id": f"file:{user_id}{n}", "userId": user_id, "type": "file", "imageId": f"{user_id}{n}"}
        put("studio", {**image, "status": "ready", "images": 1, "bytes": 4})
        for container in (blobs.IMAGES, blobs.THUMBNAILS):
            blobs.put(container, f"{user_id}/{n}/original.jpg", b"data", content_type="image/jpeg")
    for container, name in ((blobs.MASKS, "abc/mask.png"), (blobs.VENDOR_UPLOADS, "sku.jpg")):
        blobs.put(container, f"{user_id}/{name}", b"data", content_type="image/png")
    for kind in ("segmentation_result", "vendor_drop"):
        put("studio", {"id": f"{kind}:{user_id}", "userId": user_id, "type": kind})
    blobs.put(blobs.RESULTS, f"{user_id}/c/1-1/original.jpg", b"data", content_type="image/jpeg")
    put("studio", {"id": "usage", "userId": user_id, "type": "usage", "images": 3, "bytes": 12})
    put("studio", {"id": "webhook:w", "userId": user_id, "type": "webhook", "status": "active", "events": []})
    put("garments", {"id": f"garment:{user_id}", "tenantId": user_id, "type": "garment", "embedding": [0.1, 0.2]})
    put("embeddings", {"id": f"garment:{user_id}", "tenantId": user_id, "type": "embedding", "shop": "default"})
    put("search_log", {"id": f"search:{user_id}", "userId": user_id, "type": "search_log", "params": {"query": "hat"}})
    session = SessionDocument(id=f"session-{user_id}", user_id=user_id, token_version=1, digest="d",
                              created_at=clock.iso(), expires_at=clock.now() + 60)  # fmt: skip
    sessions.create(session)
    payment = {
        "id": f"payment:{user_id}",
        "userId": user_id,
        "type": "payment",
        "amountMinor": 499,
        "status": "captured",
    }
    put("payments", {**payment, "captureId": f"cap-{user_id}", "approvalUrl": "https://x", "requestId": "r"})
    audit.record(user_id, "LOGIN", ip="203.0.113.9")
    audit.record("anonymous", "LOGIN_FAILED", ip="203.0.113.9", emailHash=digest)


def pointer(job: Document) -> str:
    body = {"jobId": job.id, "userId": job.user_id, "generation": job.generation, "attempt": job.attempt + 1}
    return json.dumps(body)


def job_of(user_id: str = ME) -> Document:
    name = service.erasure_name(user_id)
    return protocol.load(f"job:erase-{name}", service.erasure_partition(name))


def hurry(job: Document) -> None:
    """Let the waits of a job be over: for its next attempt, for its lease, for the tokens of its account."""
    past: dict[str, Any] = {"retrying": {"nextAt": 0}, "processing": {"leaseUntil": clock.now() - 1}}
    if job.status in past:
        store().patch("studio", job.id, job.user_id, set=past[job.status])
    account = store().find("accounts", ME, ME)
    if account is not None and account.get("closedAt"):
        store().patch("accounts", ME, ME, set={"closedAt": clock.now() - 1000})


def finish(limit: int = 10) -> Document:
    for _ in range(limit):
        job = job_of()
        if job.status in TERMINAL:
            return job
        hurry(job)
        consume(pointer(job), PrivacyStep())
    return job_of()


def everything_of(user_id: str) -> dict[str, Any]:
    found = personal_data.count_personal_data(user_id)
    return {name: count for name, count in found.model_dump().items() if count}


def check_gone(payments: int = 1) -> None:
    assert everything_of(ME) == {}
    assert store().find("accounts", ME, ME) is None
    assert store().find("accounts", f"email:digest-of-{ME}", f"email:digest-of-{ME}") is None
    assert store().count("payments", partition=ME) == 0
    kept = store().query("payments", Where("captureId", "=", f"cap-{ME}")).items
    assert len(kept) == payments
    for payment in kept:
        assert payment["userId"].startswith("erased:")
        assert (payment["approvalUrl"], payment["requestId"], payment["amountMinor"]) == (None, None, 499)
    entries = store().query("audit", partition=ME).items
    assert entries
    assert {entry["ip"] for entry in entries} == {None}
    assert store().count("audit", Where("emailHash", "=", f"digest-of-{ME}")) == 0


def check_other_untouched() -> None:
    found = personal_data.count_personal_data(OTHER)
    assert found.documents == DOCUMENTS
    assert found.blobs == BLOBS
    assert found.sessions == 1
    assert store().read("accounts", OTHER, OTHER)["disabled"] is False
    assert store().count("payments", partition=OTHER) == 1
    assert store().query("audit", partition=OTHER).items[0]["ip"] == "203.0.113.9"


@pytest.fixture(autouse=True)
def two_people(local: dict[str, str]) -> None:
    for container in blobs.CONTAINERS:
        for name in [blob.name for blob in blobs.listing(container)]:
            blobs.delete(container, name)
    queues.client(queues.PRIVACY).clear_messages()
    person(ME)
    person(OTHER)


@both_stores
def test_everything_of_a_person_is_deleted_and_nothing_of_anyone_else() -> None:
    asked = service.delete_account(CALLER, "203.0.113.9", "r")
    job = finish()
    assert job.status == "completed"
    check_gone()
    check_other_untouched()
    report = service.get_report(asked.receipt)
    assert report.removed
    assert report.removed.documents == DOCUMENTS
    assert report.removed.blobs == BLOBS
    assert (report.removed.bytes, report.removed.sessions) == (36, 1)
    assert report.kept
    assert report.kept.payments == 1
    # Nothing that stays links the payment to the person.
    pseudonym = store().query("payments", Where("captureId", "=", f"cap-{ME}")).items[0]["userId"]
    assert pseudonym not in job_of().model_dump_json()


def test_the_account_is_closed_at_once_and_the_job_waits_for_tokens_elsewhere() -> None:
    token, _ = tokens.issue(ME, "shopper", 1)
    auth.authenticate(f"Bearer {token}")
    service.delete_account(CALLER, "203.0.113.9", "r")
    with pytest.raises(Unauthorized):
        auth.authenticate(f"Bearer {token}")
    consume(pointer(job_of()), PrivacyStep())
    assert job_of().last_error.code == "sessions_open"
    assert store().count("studio", partition=ME) == 7


@both_stores
def test_running_jobs_are_stopped_first() -> None:
    work = protocol.jobs.create(protocol.new_job("test", "protocol", ME, {}))
    claimed = protocol.claim(work, "worker")
    assert claimed
    service.delete_account(CALLER, "203.0.113.9", "r")
    consume(pointer(job_of()), PrivacyStep())
    assert job_of().last_error.code == "jobs_open"
    with pytest.raises(protocol.CancelRequested):
        protocol.complete(claimed, protocol.Outcome())
    protocol.close(claimed, JobStatus.CANCELLED, protocol.Outcome(), None)
    assert finish().status == "completed"
    check_gone()


def test_a_worker_that_will_not_stop_loses_its_lease_with_its_document() -> None:
    work = protocol.jobs.create(protocol.new_job("test", "protocol", ME, {}))
    claimed = protocol.claim(work, "worker")
    assert claimed
    service.delete_account(CALLER, "203.0.113.9", "r")
    assert finish(limit=erasure.MAX_WAITING_ATTEMPTS + 3).status == "completed"
    for act in (lambda: protocol.complete(claimed, protocol.Outcome()), lambda: protocol.renew(claimed)):
        with pytest.raises(protocol.LeaseLost):
            act()
    check_gone()


def test_asking_twice_is_one_deletion_and_the_last_receipt_counts() -> None:
    first = service.delete_account(CALLER, "203.0.113.9", "r")
    second = service.delete_account(CALLER, "203.0.113.9", "r")
    assert first.job_id == second.job_id
    assert service.get_report(second.receipt).status == "queued"
    for wrong in (first.receipt, second.receipt[:-1] + "?", "x", "0" * 32 + "." + "A" * 43):
        with pytest.raises(NotFound):
            service.get_report(wrong)
    assert finish().status == "completed"


def test_products_leave_the_search_index() -> None:
    queues.client(queues.INDEX).clear_messages()
    store().create("garments", {"id": "product:1", "tenantId": ME, "type": "product", "revision": 4})
    service.delete_account(CALLER, "203.0.113.9", "r")
    assert finish().status == "completed"
    assert store().find("garments", "product:1", ME) is None
    assert queues.client(queues.INDEX).get_queue_properties().approximate_message_count == 2, "and what it had before"


def test_an_administrator_has_to_step_down_first() -> None:
    with pytest.raises(Conflict):
        service.delete_account(Principal(ME, Role.ADMIN, "t", 0.0), "203.0.113.9", "r")
    assert store().read("accounts", ME, ME)["disabled"] is False


def test_an_address_registered_again_meanwhile_is_left_alone() -> None:
    service.delete_account(CALLER, "203.0.113.9", "r")
    id = f"email:digest-of-{ME}"
    store().replace("accounts", {"id": id, "type": "email", "userId": "newcomer"})
    assert finish().status == "completed"
    assert store().read("accounts", id, id)["userId"] == "newcomer"
    assert store().find("accounts", ME, ME) is None


@pytest.mark.parametrize(("documents", "after"), [("sqlite", 3), ("sqlite", 7), ("cosmos", 7)], indirect=["documents"])
def test_a_worker_that_dies_again_and_again_loses_nothing(after: int) -> None:
    """Each process exits for real after so many removals; the last one finishes, and the report is still exact."""
    asked = service.delete_account(CALLER, "203.0.113.9", "r")
    deaths = 0
    while (job := job_of()).status not in TERMINAL:
        hurry(job)
        died = subprocess.run(
            [sys.executable, str(Path(__file__).parent / "dying_eraser.py"), str(after), pointer(job_of())],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            check=False,
        )
        assert died.returncode in (0, 9)
        deaths += died.returncode == 9
        assert deaths < 30
    assert deaths >= 2
    assert job.status == "completed"
    check_gone()
    check_other_untouched()
    report = service.get_report(asked.receipt)
    assert report.removed
    assert report.removed.blobs == BLOBS
