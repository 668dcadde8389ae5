"""What must not outlive what it belongs to: masks their rows and pictures, late writings an erased person."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from account_factory import add_account
from drawn import needs_model
from stores import both_stores

from functions.privacy import erasure, personal_data, service
from functions.privacy.worker import PrivacyStep
from shared import blobs, clock
from shared.accounts.documents import Role
from shared.documents import store
from shared.http.auth import Principal
from shared.images import sources
from shared.images.deletion import delete_image
from shared.images.documents import ImageDocument, ImageId, ImageKind, Visibility, images
from shared.images.models import view_image
from shared.images.segmentations import SegmentationDocument
from shared.images.sources import Source
from shared.images.uploads import add_image
from shared.jobs import protocol
from shared.jobs.consumer import consume
from shared.jobs.models import JobStatus
from shared.vision import stored
from wardrobe import draw_garment, garment_specs

DAY = 24 * 3600


@pytest.fixture(autouse=True)
def house(local: dict[str, str]) -> None:
    for container in (blobs.MASKS, blobs.TRYON):
        for blob in list(blobs.listing(container)):
            blobs.delete(container, blob.name)


def add(id: str, owner: str, visibility: Visibility = Visibility.PRIVATE) -> ImageDocument:
    """The same drawn garment, always."""
    data = io.BytesIO()
    draw_garment(garment_specs(1, 3)[0], (192, 240)).image.save(data, "JPEG")
    return add_image(id, owner, data.getvalue(), kind=ImageKind.GARMENT, visibility=visibility, name=None)


def segment(user: str, source: Source) -> SegmentationDocument:
    return stored.get_or_compute(user, source, source.read(), "garment", "both")[0]


def masks(owner: str = "") -> list[str]:
    return [blob.name for blob in blobs.listing(blobs.MASKS, owner)]


@needs_model
def test_a_mask_of_someone_elses_garment_lives_as_long_as_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    add("shown", "vendor", Visibility.PUBLIC)
    row = segment("shopper", sources.by_id("shown", "shopper"))
    products = "vendor/product/mask.png"
    blobs.put(blobs.MASKS, products, b"the catalogue's", content_type="image/png")
    assert len(masks("shopper/")) == 2
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + 2 * 3600)
    assert stored.sweep() == 0
    store().delete("studio", row.id, "shopper")
    monkeypatch.setattr(clock, "now", real)
    # it may be about to get its row
    assert stored.sweep() == 0
    monkeypatch.setattr(clock, "now", lambda: real() + 2 * 3600)
    assert stored.sweep(limit=1) == 1 and stored.sweep() == 1
    assert masks() == [products]


@needs_model
def test_a_public_picture_takes_the_masks_that_others_have_of_it_with_it() -> None:
    shown, other = add("shown", "vendor", Visibility.PUBLIC), add("other", "vendor2", Visibility.PUBLIC)
    segment("shopper", sources.by_id("shown", "shopper"))
    kept = segment("shopper2", sources.by_id("other", "shopper2"))
    delete_image(shown)
    assert masks("shopper/") == []
    assert sorted(masks("shopper2/")) == sorted(kept.blobs.values())
    assert store().count("studio", partition="shopper") == 0
    delete_image(other)
    assert masks() == []


@needs_model
def test_a_mask_of_a_smaller_form_goes_with_its_image() -> None:
    mine, twin = add("mine", "me"), add("twin", "me")
    forms = view_image(mine)
    assert forms.original and forms.optimised
    for url in (forms.optimised.url, forms.original.url):
        segment("me", sources.by_url(url, "me"))
    assert len(masks("me/")) == 4
    delete_image(images.get(ImageId.of("mine"), "me"))
    # the original is its twin's picture, too
    left = masks("me/")
    assert len(left) == 2 and all(f"/{twin.sha256}/" in name for name in left)
    delete_image(images.get(ImageId.of("twin"), "me"))
    assert masks("me/") == []


def erase(user: str) -> None:
    add_account(user)
    service.delete_account(Principal(user, Role.SHOPPER, "t", 0.0), "203.0.113.9", "r")
    name = service.erasure_name(user)
    for _ in range(10):
        job = protocol.load(f"job:erase-{name}", service.erasure_partition(name))
        if job.status == JobStatus.COMPLETED:
            return
        if job.status == JobStatus.RETRYING:
            job = store().patch("studio", job.id, job.user_id, set={"nextAt": 0})
        consume(json.dumps(protocol.pointer(job)), PrivacyStep())
    raise AssertionError(job)


@both_stores
@needs_model
def test_what_is_written_after_the_erasure_goes_when_one_looks_again(
    change: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    change(ACCOUNT_CACHE_S="0")
    monkeypatch.setattr(erasure, "MARGIN_S", 0)
    for user in ("gone", "here"):
        add(f"of-{user}", user)
    source = sources.by_id("of-gone", "gone")
    data = source.read()
    erase("gone")
    assert erasure.delete_late_writes() == 0
    # a worker that looks at the picture all the while, and a container
    stored.get_or_compute("gone", source, data, "garment", "mask")
    blobs.put(blobs.TRYON, "gone/a/1/report.json", b"{}", content_type="application/json")
    before = personal_data.count_personal_data("here")
    assert erasure.delete_late_writes() == 3
    left = personal_data.count_personal_data("gone")
    assert (left.documents, left.blobs) == ({}, {})
    assert erasure.delete_late_writes() == 0
    assert personal_data.count_personal_data("here") == before and before.blobs
