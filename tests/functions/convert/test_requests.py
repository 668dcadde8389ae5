"""Asking for conversions, in process: what a repetition, a race or a crash between two writes makes of the quota."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image
from pydantic import ValidationError

from functions.convert import service
from functions.convert.models import Conversion, ConversionRequest, ConversionsQuery
from functions.convert.worker import ConversionStep
from functions.jobs import service as jobs
from functions.tryon.worker import TryOnStep, reason
from shared import audit, blobs, clock
from shared.accounts.documents import Role
from shared.commerce import quota
from shared.conversions.documents import ConversionDocument, ConversionId, ConversionPayload, conversions
from shared.documents import store
from shared.documents.fields import assign
from shared.errors import QuotaExceeded, StudioError, Unavailable, UpstreamError
from shared.http.auth import Principal
from shared.images.access import get_image
from shared.images.documents import ImageKind, Visibility
from shared.images.uploads import add_image
from shared.jobs import control, protocol
from shared.jobs.consumer import consume
from shared.jobs.models import Job, JobId, JobStatus
from shared.settings import forget
from shared.tryons.documents import tryons
from shared.vto.errors import ContentRefused

RESULTS = (blobs.TRYON, blobs.THUMBNAILS)
USER = Principal("u1", Role.SHOPPER, "t", 0)


def photo() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "tan").save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def wanted(local: dict[str, str]) -> Iterator[ConversionRequest]:
    add_image("person", "u1", photo(), kind=ImageKind.PERSON, visibility=Visibility.PRIVATE, name=None)
    add_image("garment", "u1", photo(), kind=ImageKind.GARMENT, visibility=Visibility.PRIVATE, name=None)
    yield ConversionRequest(person_image_id="person", garment_image_id="garment")


@pytest.fixture
def gemini(change: Callable[..., None], emulated: dict[str, dict[str, Any]]) -> None:
    change(GEMINI_API_KEY=emulated["gemini"]["apiKey"], GEMINI_BASE_URL=emulated["gemini"]["url"])


def allow(monkeypatch: pytest.MonkeyPatch, conversions: int) -> None:
    monkeypatch.setenv("CONVERSION_QUOTA", str(conversions))
    forget()


def ask(id: str, wanted: ConversionRequest) -> Conversion:
    return service.create_conversion(USER, id, wanted, "request-1")


def job(id: str) -> Job:
    return protocol.load(f"job:{id}", "u1")


def run(id: str) -> Conversion:
    """The conversion after the next attempt of its job."""
    consume(json.dumps(protocol.pointer(job(id))), TryOnStep())
    return service.get_conversion(USER, id)


def former(id: str) -> ConversionDocument:
    """A conversion as a former release has stored it, with its job, charged to the month's quota."""
    at = clock.iso()
    conversion = ConversionDocument(
        id=ConversionId.of(id), user_id="u1", job_id=JobId.of(id), person_image_id="person", garment_image_id="garment",
        quota_id=quota.open_month("u1"), created_at=at, updated_at=at,
    )  # fmt: skip
    job = protocol.new_job(
        "convert", "convert", "u1", ConversionPayload(conversion_id=conversion.id), id=conversion.job_id,
        subject_id=conversion.id,
    )  # fmt: skip
    quota.reserve(conversions, conversion, job)
    return conversions.get(conversion.id, "u1")


def die(id: str) -> None:
    """The last attempt of a conversion fails."""
    claimed = protocol.claim(job(id), "test")
    assert claimed
    error = UpstreamError("busy", code="gemini_busy")
    protocol.close(claimed, JobStatus.DEAD, TryOnStep().on_end(claimed, JobStatus.DEAD, error), error)


def test_a_repetition_finds_its_conversion_though_it_took_the_last_of_the_quota(
    wanted: ConversionRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, 1)
    assert ask("a", wanted).id == ask("a", wanted).id
    assert quota.get_usage("u1") == (1, 1)
    with pytest.raises(QuotaExceeded):
        ask("b", wanted)
    assert tryons.count() == 1
    assert protocol.jobs.find("job:b", "u1") is None


def test_what_fails_after_the_commit_does_not_undo_it(
    wanted: ConversionRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise Unavailable("the store is down")

    with monkeypatch.context() as patch:
        patch.setattr(audit, "record", down)
        with pytest.raises(Unavailable):
            ask("a", wanted)
    assert ask("a", wanted).status == "queued"
    assert quota.get_usage("u1")[0] == 1


def test_a_retry_by_the_owner_is_paid_for_again(wanted: ConversionRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, 1)
    for id in ("a", "b"):
        ask(id, wanted)
        die(id)
    assert quota.get_usage("u1")[0] == 0
    jobs.retry_job(USER, "a")
    assert quota.get_usage("u1")[0] == 1
    with pytest.raises(QuotaExceeded):
        jobs.retry_job(USER, "b")
    assert job("b").status is JobStatus.DEAD
    die("a")
    assert quota.get_usage("u1")[0] == 0


def test_a_redrive_by_an_administrator_counts_once_and_is_never_refused(
    wanted: ConversionRequest, monkeypatch: pytest.MonkeyPatch, gemini: None
) -> None:
    allow(monkeypatch, 1)
    ask("a", wanted)
    die("a")
    ask("b", wanted)
    control.redrive(job("a"))
    assert run("a").status == "completed"
    assert quota.get_usage("u1") == (2, 1)


def test_users_get_no_internal_details() -> None:
    assert "content policy" in reason(ContentRefused("the pictures were refused by the content policy"))
    inside = (UpstreamError("gemini is down"), StudioError("the result could not be stored", code="commit_failed"))
    assert {reason(error) for error in inside} == {"The service that makes the pictures had a problem."}


def test_a_worker_that_was_overtaken_deletes_only_what_it_stored(wanted: ConversionRequest, gemini: None) -> None:
    ask("raced", wanted)
    slow = protocol.claim(job("raced"), "slow")
    assert slow
    blobs.put(blobs.TRYON, f"u1/raced/1/{'a' * 24}.png", b"x", content_type="image/png")
    protocol.jobs.patch(slow.id, "u1", assign(Job.lease_until, 1.0))
    result = get_image(str(run("raced").result_image_id), "u1")
    TryOnStep().on_lease_lost(slow)
    left = {(container, blob.name) for container in RESULTS for blob in blobs.listing(container, "u1/raced/")}
    assert left == {(stored.container, stored.name) for stored in result.renditions.values()}


def test_a_document_with_the_former_names_still_loads(wanted: ConversionRequest) -> None:
    stored = former("a").to_item()
    names = {"userImageId": stored.pop("personImageId"), "clothImageId": stored.pop("garmentImageId")}
    store().replace("studio", {**stored, **names, "options": {"aspect_ratio": "3:4"}})
    conversion = conversions.get(ConversionId.of("a"), "u1")
    assert (conversion.person_image_id, conversion.garment_image_id) == ("person", "garment")
    assert conversion.options.aspect_ratio == "3:4"


def test_a_request_with_the_former_names_is_accepted() -> None:
    for names in (("personImageId", "garmentImageId"), ("userImageId", "clothImageId")):
        given = json.dumps(dict(zip(names, ("p", "g"), strict=True)))
        request = ConversionRequest.model_validate_json(given)
        assert (request.person_image_id, request.garment_image_id) == ("p", "g")
    with pytest.raises(ValidationError):
        ConversionRequest.model_validate_json('{"personImageId": "p", "userImageId": "q", "garmentImageId": "g"}')


def carry_on(id: str) -> None:
    """Deliver the message that a former release has sent."""
    consume(json.dumps(protocol.pointer(job(id))), ConversionStep())


def test_a_conversion_of_a_former_release_is_carried_on_as_a_try_on(wanted: ConversionRequest, gemini: None) -> None:
    former("a")
    assert service.get_conversion(USER, "a").status == "queued"
    carry_on("a")
    moved = job("a")
    assert (moved.kind, moved.queue, moved.status, moved.attempt) == ("tryon", "tryon", "queued", 0)
    done = run("a")
    assert (done.status, done.engine, done.billed) == ("completed", "gemini", True)
    assert quota.get_usage("u1")[0] == 1 and conversions.count() == 0


def test_a_former_conversion_that_ended_stays_readable_and_is_listed_last(
    wanted: ConversionRequest, gemini: None
) -> None:
    for id in ("old1", "old2"):
        former(id)
        store().patch("studio", f"conversion:{id}", "u1", set={"status": "completed", "resultImageId": "r"})
    ask("new", wanted)
    seen: list[str] = []
    query = ConversionsQuery(limit=1)
    while True:
        page = service.list_conversions(USER, query)
        seen += [item.id for item in page.items]
        if page.continuation is None:
            break
        query = ConversionsQuery(limit=1, continuation=page.continuation)
    assert seen[0] == "new" and set(seen[1:]) == {"old1", "old2"} and len(seen) == 3
    old = service.get_conversion(USER, "old1")
    assert (old.status, old.result_image_id, old.engine_label) == ("completed", "r", "Gemini")


def test_a_former_conversion_whose_image_was_deleted_fails_and_is_not_charged(
    wanted: ConversionRequest, gemini: None
) -> None:
    former("a")
    store().delete("studio", "file:garment", "u1")
    carry_on("a")
    assert service.get_conversion(USER, "a").status == "failed"
    assert quota.get_usage("u1")[0] == 0
