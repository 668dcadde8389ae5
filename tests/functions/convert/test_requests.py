"""Asking for conversions, in process: what a repetition, a race or a crash between two writes makes of the quota."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PIL import Image

from functions.convert import service, worker
from functions.convert.models import Conversion, ConversionRequest
from functions.jobs import service as jobs
from shared import audit
from shared.accounts.documents import Role
from shared.commerce import quota
from shared.documents import Document, Where, store
from shared.errors import QuotaExceeded, Unavailable, UpstreamError
from shared.http.auth import Principal
from shared.images.documents import ImageKind, StoredRenditions, Visibility
from shared.images.uploads import add_image
from shared.jobs import control, protocol
from shared.jobs.models import JobStatus
from shared.settings import forget

USER = Principal("u1", Role.SHOPPER, "t", 0)


def photo() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "tan").save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def wanted(local: dict[str, str]) -> Iterator[ConversionRequest]:
    add_image("person", "u1", photo(), kind=ImageKind.PERSON, visibility=Visibility.PRIVATE, name=None)
    add_image("cloth", "u1", photo(), kind=ImageKind.GARMENT, visibility=Visibility.PRIVATE, name=None)
    yield ConversionRequest(user_image_id="person", cloth_image_id="cloth")


def allow(monkeypatch: pytest.MonkeyPatch, conversions: int) -> None:
    monkeypatch.setenv("CONVERSION_QUOTA", str(conversions))
    forget()


def ask(id: str, wanted: ConversionRequest) -> Conversion:
    return service.request(USER, id, wanted, "request-1")


def job(id: str) -> Document:
    return protocol.load(f"job:{id}", "u1")


def die(id: str) -> None:
    """The last attempt of a conversion fails."""
    claimed = protocol.claim(job(id), "test")
    assert claimed
    error = UpstreamError("busy", code="gemini_busy")
    protocol.close(claimed, JobStatus.DEAD, worker.ConversionStep().on_end(claimed, JobStatus.DEAD, error), error)


def test_a_repetition_finds_its_conversion_though_it_took_the_last_of_the_quota(
    wanted: ConversionRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, 1)
    assert ask("a", wanted).id == ask("a", wanted).id
    assert quota.get_usage("u1") == (1, 1)
    with pytest.raises(QuotaExceeded):
        ask("b", wanted)
    assert store().count("studio", Where("type", "=", "conversion")) == 1
    assert store().find("studio", "job:b", "u1") is None


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
    jobs.retry(USER, "a")
    assert quota.get_usage("u1")[0] == 1
    with pytest.raises(QuotaExceeded):
        jobs.retry(USER, "b")
    assert job("b")["status"] == "dead"
    die("a")
    assert quota.get_usage("u1")[0] == 0


def test_a_redrive_by_an_administrator_counts_once_and_is_never_refused(
    wanted: ConversionRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, 1)
    ask("a", wanted)
    die("a")
    ask("b", wanted)
    control.redrive(job("a"))
    claimed = protocol.claim(job("a"), "test")
    assert claimed
    record = store().read("studio", "conversion:a", "u1")
    stored = StoredRenditions(renditions={}, width=1, height=1, sha256=None, bytes=0)
    outcome = worker.ConversionStep()._outcome(claimed, record, "image", stored, 1)
    protocol.complete(claimed, outcome)
    assert quota.get_usage("u1") == (2, 1)


def test_users_are_not_told_of_our_insides() -> None:
    assert "content policy" in worker.reason("blocked")
    assert worker.reason("model_retired") == worker.reason("commit_failed") == worker.reason("anything")


def test_only_attempts_that_were_overtaken_are_tidied_away(wanted: ConversionRequest) -> None:
    from shared import blobs

    ask("a", wanted)
    for attempt in ("1-1", "1-2", "2-3"):
        blobs.put(blobs.RESULTS, f"u1/a/{attempt}/original.jpg", b"x", content_type="image/jpeg")
    worker.ConversionStep()._remove_attempts(job("a"), before=3)
    assert [blob.name for blob in blobs.listing(blobs.RESULTS, "u1/a/")] == ["u1/a/2-3/original.jpg"]
    blobs.delete(blobs.RESULTS, "u1/a/2-3/original.jpg")
