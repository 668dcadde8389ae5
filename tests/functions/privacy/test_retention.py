"""What is kept for a time and no longer."""

from __future__ import annotations

import pytest

from functions.privacy import retention
from functions.privacy.settings import privacy_settings
from shared import blobs, clock
from shared.documents import store
from shared.errors import ConfigurationError
from shared.settings import forget

DAY = 24 * 3600


@pytest.fixture(autouse=True)
def house(local: dict[str, str]) -> None:
    for container in blobs.CONTAINERS:
        for name in [blob.name for blob in blobs.listing(container)]:
            blobs.delete(container, name)


def image(name: str, kind: str, days: float, visibility: str = "private") -> str:
    blobs.put(blobs.IMAGES, f"u/{name}/original.jpg", b"data", content_type="image/jpeg")
    form = {"container": blobs.IMAGES, "name": f"u/{name}/original.jpg", "width": 1, "height": 1, "bytes": 4}
    form["contentType"] = "image/jpeg"
    store().upsert("studio", {"id": "usage", "userId": "u", "type": "usage", "images": 9, "bytes": 99})
    store().create(
        "studio",
        {
            "id": f"file:{name}", "userId": "u", "type": "file", "imageId": name, "kind": kind, "status": "ready",
            "visibility": visibility, "images": 1, "bytes": 4, "blobs": {"original": form},
            "createdAt": clock.iso(clock.now() - days * DAY), "updatedAt": clock.iso(),
        },
    )  # fmt: skip
    return name


def there(name: str) -> bool:
    record = store().find("studio", f"file:{name}", "u") is not None
    assert record == (blobs.info(blobs.IMAGES, f"u/{name}/original.jpg") is not None)
    return record


def test_selfies_go_after_thirty_days_and_the_rest_stays() -> None:
    old = image("old", "person", 31)
    kept = [
        image("young", "person", 29),
        image("garment", "garment", 400),
        image("result", "result", 400),
        image("shown", "person", 400, "public"),
    ]
    assert retention.delete_expired()["person"] == 1
    assert not there(old)
    assert all(there(name) for name in kept)
    assert store().read("studio", "usage", "u")["images"] == 8
    entries = store().query("audit", partition="u").items
    assert [(entry["action"], entry["subject"]) for entry in entries] == [("IMAGE_EXPIRED", "old")]


def test_each_kind_has_its_own_time_and_zero_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETENTION_DAYS", '{"person": 0, "result": 7, "nonsense": 1}')
    forget()
    person, result = image("p", "person", 400), image("r", "result", 8)
    assert retention.delete_expired() == {"result": 1}
    assert there(person)
    assert not there(result)


def test_a_run_is_bounded() -> None:
    for n in range(5):
        image(f"p{n}", "person", 40)
    assert retention.delete_expired(limit=2)["person"] >= 2
    while retention.delete_expired(limit=2)["person"]:
        continue
    assert not any(there(f"p{n}") for n in range(5))


def test_loose_blobs_go_by_their_age(monkeypatch: pytest.MonkeyPatch) -> None:
    for container in (blobs.UPLOADS, blobs.EXPORTS):
        blobs.put(container, "u/x", b"data", content_type="application/zip")
    none = dict.fromkeys(("person", "uploads", "exports", "heatmaps", "imports", "vendor-rejected"), 0)
    assert retention.delete_expired() == none
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + 1.5 * DAY)
    assert retention.delete_expired() == none | {"uploads": 1, "exports": 1}
    assert blobs.info(blobs.EXPORTS, "u/x") is None


def test_refused_files_of_vendors_are_kept_for_thirty_days(monkeypatch: pytest.MonkeyPatch) -> None:
    blobs.put(blobs.VENDOR_REJECTED, "u/notes.txt", b"data", content_type="text/plain")
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + 29 * DAY)
    assert retention.delete_expired()["vendor-rejected"] == 0
    assert blobs.info(blobs.VENDOR_REJECTED, "u/notes.txt")
    monkeypatch.setattr(clock, "now", lambda: real() + 31 * DAY)
    assert retention.delete_expired()["vendor-rejected"] == 1
    assert blobs.info(blobs.VENDOR_REJECTED, "u/notes.txt") is None


def test_days_are_not_negative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETENTION_DAYS", '{"person": -1}')
    forget()
    with pytest.raises(ConfigurationError):
        privacy_settings()
