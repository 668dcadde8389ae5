"""Image records on a real store and real blobs: every step of their life, and every point a crash can leave them at."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from image_samples import HEIC, decode, encode, gps_exif, noise, photo

from shared import blobs, clock
from shared.accounts.documents import Role
from shared.commerce import storage_quota
from shared.documents import Where, store
from shared.errors import Conflict, Forbidden, NotFound, QuotaExceeded, StudioError, Unprocessable
from shared.images import access, deletion, sweeper, uploads
from shared.images.documents import ImageDocument, ImageKind, Visibility, clean_name, new_image
from shared.images.models import view_image
from shared.images.renditions import sanitize_image, store_renditions

JPEG = encode(photo(), "JPEG")


@pytest.fixture(autouse=True)
def user(local: dict[str, str]) -> str:
    """A new user on an empty store."""
    return clock.new_id()


def add(user: str, data: bytes = JPEG, id: str | None = None, **fields: Any) -> ImageDocument:
    fields = {"kind": ImageKind.PERSON, "visibility": Visibility.PRIVATE, "name": "me.jpg", **fields}
    return uploads.add_image(id or clock.new_id(), user, data, **fields)


def used(user: str) -> tuple[int, int]:
    usage = storage_quota.get_usage(user)
    return usage.images, usage.bytes


def blobs_of(user: str) -> list[str]:
    return [f"{c}/{blob.name}" for c in blobs.CONTAINERS for blob in blobs.listing(c, f"{user}/")]


def pending(user: str, *, uploaded: bytes | None = None, **fields: Any) -> ImageDocument:
    """An image as `files/presign` makes it."""
    id = clock.new_id()
    name = f"{user}/{id}"
    image = new_image(id, user, kind=ImageKind.PERSON, upload=name).model_copy(update=fields)
    made = uploads.create_pending(image)
    if uploaded is not None:
        blobs.put(blobs.UPLOADS, name, uploaded, content_type="image/jpeg")
    return made


def test_an_image_has_three_forms_and_is_counted(user: str) -> None:
    record = add(user, encode(noise(700, 500), "JPEG"), name="C:\\holiday\\\u202eme\x00.jpg")
    assert record.status == "ready"
    assert record.due_at is None
    assert record.name == "me.jpg"
    assert (record.width, record.height) == (700, 500)
    assert len(blobs_of(user)) == 3
    sizes = {name: blobs.info(form.container, form.name) for name, form in record.renditions.items()}
    assert all(sizes[name].size == form.bytes for name, form in record.renditions.items())
    assert used(user) == (1, sum(form.bytes for form in record.renditions.values())) == (1, record.bytes)
    thumbnail = record.renditions["thumbnail"]
    assert thumbnail.container == blobs.THUMBNAILS
    assert (thumbnail.width, thumbnail.height) == (320, 229)
    assert decode(blobs.get(blobs.THUMBNAILS, thumbnail.name)).size == (320, 229)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_every_format_becomes_one_of_ours(user: str, format: str) -> None:
    record = add(user, HEIC if format == "HEIF" else encode(photo(), format))
    for form in record.renditions.values():
        assert form.content_type in ("image/jpeg", "image/webp")
        stored_blob = blobs.info(form.container, form.name)
        assert stored_blob is not None
        assert stored_blob.content_type == form.content_type
        decode(blobs.get(form.container, form.name))


def test_no_form_carries_what_the_camera_wrote(user: str) -> None:
    record = add(user, encode(photo(), "JPEG", exif=gps_exif(6), icc_profile=b"SECRET-PROFILE" * 9))
    assert (record.width, record.height) == (64, 96)
    for form in record.renditions.values():
        data = blobs.get(form.container, form.name)
        assert b"SECRET" not in data
        assert b"Exif" not in data
        picture = decode(data)
        assert not picture.getexif()
        assert not {"exif", "icc_profile", "xmp"} & set(picture.info)


def test_what_is_no_image_leaves_nothing(user: str) -> None:
    with pytest.raises(StudioError):
        add(user, b"<html>" + b"x" * 500)
    assert (used(user), blobs_of(user)) == ((0, 0), [])
    assert store().count("studio", partition=user) == 0


def test_the_number_of_images_is_exact_under_a_race(user: str, change: Any) -> None:
    change(UPLOAD_QUOTA_IMAGES="3")

    def attempt(_: int) -> bool:
        try:
            add(user)
        except QuotaExceeded as error:
            assert error.code == "upload_quota_exceeded"
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(10))) == 3
    assert used(user)[0] == 3
    assert len(blobs_of(user)) == 9


def test_the_bytes_are_exact_under_a_race(user: str, change: Any) -> None:
    size = add(user).bytes
    change(UPLOAD_QUOTA_BYTES=str(3 * size))

    def attempt(_: int) -> bool:
        try:
            add(user)
        except QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 2
    assert used(user) == (3, 3 * size)


def test_the_same_id_at_once_is_one_image(user: str) -> None:
    id = clock.new_id()
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: add(user, id=id), range(6)))
    assert {record.status for record in made} == {"ready"}
    assert len(blobs_of(user)) == 3
    assert used(user) == (1, made[0].bytes)
    for form in access.get_image(id, user).renditions.values():
        blobs.get(form.container, form.name)


def test_confirming_twice_keeps_the_blobs(user: str) -> None:
    record = pending(user)
    stored = store_renditions(sanitize_image(JPEG), f"{user}/{record.id.public}")
    first = uploads.confirm_upload(record, stored)
    assert uploads.confirm_upload(record, stored) == first
    assert len(blobs_of(user)) == 3


def test_confirming_what_was_deleted_meanwhile_leaves_nothing(user: str) -> None:
    record = pending(user, uploaded=JPEG)
    deletion.delete_image(record)
    stored = store_renditions(sanitize_image(JPEG), f"{user}/{record.id.public}")
    with pytest.raises(Conflict) as caught:
        uploads.confirm_upload(record, stored, storage=storage_quota.reserve(0, stored.bytes))
    assert caught.value.code == "upload_expired"
    assert (used(user), blobs_of(user)) == ((0, 0), [])


def test_bytes_that_do_not_fit_at_the_end_remove_the_upload(user: str, change: Any) -> None:
    record = pending(user, uploaded=JPEG)
    stored = store_renditions(sanitize_image(JPEG), f"{user}/{record.id.public}")
    change(UPLOAD_QUOTA_BYTES=str(stored.bytes - 1))
    with pytest.raises(QuotaExceeded):
        uploads.confirm_upload(record, stored, storage=storage_quota.reserve(0, stored.bytes))
    assert (used(user), blobs_of(user)) == ((0, 0), [])
    with pytest.raises(NotFound):
        access.get_image(record.id.public, user)


def test_a_deleted_image_is_gone_with_everything(user: str) -> None:
    record, kept = add(user), add(user)
    deletion.delete_image(record)
    with pytest.raises(NotFound):
        access.get_image(record.id.public, user)
    assert used(user) == (1, kept.bytes)
    assert len(blobs_of(user)) == 3
    assert not [name for name in blobs_of(user) if record.id.public in name]


def test_masks_stay_as_long_as_an_image_has_their_picture(user: str) -> None:
    first, second = add(user), add(user)
    assert first.sha256 == second.sha256
    mask = f"{user}/{first.sha256}/mask.png"
    blobs.put(blobs.MASKS, mask, b"mask", content_type="image/png")
    deletion.delete_image(first)
    assert blobs.info(blobs.MASKS, mask)
    deletion.delete_image(second)
    assert blobs.info(blobs.MASKS, mask) is None


def test_deleting_at_once_gives_the_quota_back_once(user: str) -> None:
    record = add(user)

    def attempt(_: int) -> str:
        try:
            deletion.delete_image(access.get_image(record.id.public, user))
        except (Conflict, NotFound) as error:
            return error.code
        return "deleted"

    with ThreadPoolExecutor(8) as pool:
        ends = list(pool.map(attempt, range(8)))
    assert ends.count("deleted") == 1
    assert set(ends) <= {"deleted", "image_busy", "image_not_found"}
    assert (used(user), blobs_of(user)) == ((0, 0), [])


def test_an_image_changed_since_it_was_read_is_not_deleted(user: str) -> None:
    record = add(user)
    store().patch("studio", record.id, user, set={"visibility": "private"})
    with pytest.raises(Conflict) as caught:
        deletion.delete_image(record)
    assert (caught.value.code, caught.value.retryable) == ("image_busy", True)
    assert len(blobs_of(user)) == 3


@pytest.mark.parametrize("status", ["pending", "deleting"])
def test_a_crash_between_record_and_blobs_is_swept(user: str, status: str) -> None:
    record = add(user)
    half: dict[str, Any] = {"status": status, "dueAt": clock.now() - 1}
    if status == "pending":
        half["blobs"] = None
    store().patch("studio", record.id, user, set=half)
    assert sweeper.sweep() == 1
    assert (used(user), blobs_of(user)) == ((0, 0), [])
    assert store().count("studio", Where("type", "=", "file"), partition=user) == 0
    assert sweeper.sweep() == 0


def test_a_deletion_that_died_half_way_is_hidden_and_finished(user: str) -> None:
    record = add(user)
    store().patch("studio", record.id, user, set={"status": "deleting", "dueAt": clock.now() - 1})
    blobs.delete(record.renditions["original"].container, record.renditions["original"].name)
    for look in (access.get_image, access.get_visible_image):
        with pytest.raises(NotFound):
            look(record.id.public, user)
    assert sweeper.sweep() == 1
    assert (used(user), blobs_of(user)) == ((0, 0), [])


def test_an_upload_that_was_never_completed_expires(user: str) -> None:
    record = pending(user, uploaded=b"anything", due_at=clock.now() - 1)
    waiting = pending(user, uploaded=b"anything")
    assert sweeper.sweep() == 1
    assert used(user) == (1, 0)
    assert blobs_of(user) == [f"uploads/{waiting.upload}"]
    with pytest.raises(NotFound):
        access.get_image(record.id.public, user)


def test_a_raw_upload_without_a_record_is_removed_in_the_end(user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs.put(blobs.UPLOADS, f"{user}/late", b"x", content_type="text/html")
    assert sweeper.sweep() == 0
    assert blobs_of(user) == [f"uploads/{user}/late"]
    ahead = clock.now() + 26 * 3600
    monkeypatch.setattr(clock, "now", lambda: ahead)
    assert sweeper.sweep() >= 1
    assert blobs_of(user) == []


def test_a_rejected_upload_gives_its_room_back_once_and_goes(user: str) -> None:
    record = pending(user, uploaded=b"<html>")
    for _ in range(2):
        uploads.reject_upload(record, Unprocessable("not an image", code="corrupt"))
    assert (used(user), blobs_of(user)) == ((0, 0), [])
    seen = view_image(access.get_image(record.id.public, user))
    assert (seen.status, seen.original) == ("rejected", None)
    assert seen.error is not None
    assert seen.error.code == "corrupt"
    store().patch("studio", record.id, user, set={"dueAt": clock.now() - 1})
    assert sweeper.sweep() == 1
    assert used(user) == (0, 0)


def test_two_sweepers_do_no_harm(user: str) -> None:
    for _ in range(4):
        pending(user, uploaded=b"x", due_at=clock.now() - 1)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: sweeper.sweep(), range(4)))
    assert (used(user), blobs_of(user)) == ((0, 0), [])


@pytest.mark.parametrize(
    ("role", "kind", "visibility", "allowed"),
    [
        *((role, kind, Visibility.PRIVATE, True) for role in Role for kind in (ImageKind.PERSON, ImageKind.GARMENT)),
        *((role, ImageKind.PERSON, Visibility.PUBLIC, False) for role in Role),
        *((role, ImageKind.GARMENT, Visibility.PUBLIC, role is not Role.SHOPPER) for role in Role),
    ],
)
def test_who_may_show_what(role: Role, kind: Any, visibility: Any, allowed: bool) -> None:
    if allowed:
        access.check_visibility(role, kind, visibility)
        return
    with pytest.raises(Forbidden) as caught:
        access.check_visibility(role, kind, visibility)
    assert caught.value.code == "not_publishable"


def test_only_public_and_ready_images_are_seen_by_others(user: str) -> None:
    public = add(user, kind=ImageKind.GARMENT, visibility=Visibility.PUBLIC)
    private = add(user, kind=ImageKind.GARMENT)
    assert access.get_visible_image(public.id.public, "other-user") == public
    with pytest.raises(NotFound):
        access.get_image(public.id.public, "other-user")
    with pytest.raises(NotFound):
        access.get_visible_image(private.id.public, "other-user")
    store().patch("studio", public.id, user, set={"status": "deleting"})
    with pytest.raises(NotFound):
        access.get_visible_image(public.id.public, "other-user")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, None), ("", None), ("../../etc/passwd", "passwd"), ("a\r\nb.jpg", "ab.jpg"), ("\x00\u202e", None),
        ("dir\\x.png", "x.png"), ("x" * 300, "x" * 120), ("  cat \U0001f408.jpg ", "cat \U0001f408.jpg"), ("a/", None),
    ],
)  # fmt: skip
def test_display_names_are_harmless(given: str | None, kept: str | None) -> None:
    assert clean_name(given) == kept


def test_nothing_in_a_record_is_a_signed_url(user: str) -> None:
    record = add(user)
    view_image(record)
    assert "sig=" not in str(store().read("studio", record.id, user))
