"""Image records: what a user has uploaded or was given, where its renditions lie, and who may see it.

A record is written before its blobs (`pending`) and confirmed after them, and marked `deleting` before they go, so a
crash leaves a record that the sweeper finishes, never a blob that nobody knows of.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

from pydantic import Field

from shared import blobs, clock, telemetry
from shared.commerce import storage_quota
from shared.documents import Create, Delete, Document, Operation, Patch, Where, store
from shared.errors import (
    BatchFailed,
    Conflict,
    DocumentConflict,
    DocumentNotFound,
    Forbidden,
    Gone,
    NotFound,
    PreconditionFailed,
    StudioError,
)
from shared.http.auth import Role
from shared.http.models import Answer
from shared.images import derived
from shared.images.gate import CleanSet, ImagePolicy
from shared.images.thumbnails import renditions
from shared.settings import settings

CONTAINER = "studio"
HOLD_S = 300
"""How long a record may stay half-made before the sweeper takes it back."""

QUARANTINE_GRACE_S = 3600
"""How long a raw upload may lie beyond the life of a pending record."""

type Kind = Literal["person", "garment", "result"]
type Visibility = Literal["private", "public"]


class Rendition(Answer):
    """One stored form of an image; the URL is short-lived."""

    url: str
    width: int = Field(description="pixels")
    height: int = Field(description="pixels")
    content_type: str
    bytes: int


class Image(Answer):
    """An image as its owner sees it."""

    id: str
    kind: str
    status: str = Field(description="pending, ready or rejected")
    visibility: str
    name: str | None = Field(description="the file's name as given, for display only")
    width: int | None = Field(description="pixels, upright")
    height: int | None
    bytes: int
    sha256: str | None = Field(description="of the clean original, hex")
    original: Rendition | None
    optimised: Rendition | None
    thumbnail: Rendition | None
    error: dict[str, Any] | None = Field(description="why it was rejected")
    created_at: str


def document_id(image_id: str) -> str:
    """Id of an image's record."""
    return f"file:{image_id}"


def new_record(
    image_id: str,
    user_id: str,
    *,
    kind: Kind,
    visibility: Visibility = "private",
    name: str | None = None,
    status: str = "pending",
    hold_s: float = HOLD_S,
    **more: Any,
) -> dict[str, Any]:
    """The document of an image that is about to be stored."""
    return {
        "id": document_id(image_id),
        "userId": user_id,
        "type": "file",
        "imageId": image_id,
        "kind": kind,
        "visibility": visibility,
        "name": clean_name(name),
        "status": status,
        "images": 1,
        "bytes": 0,
        "createdAt": clock.iso(),
        "updatedAt": clock.iso(),
        "dueAt": clock.now() + hold_s,
        **more,
    }


def clean_name(name: str | None) -> str | None:
    """A display name: no path, no control or direction characters, at most 120 characters."""
    if not name:
        return None
    kept = "".join(c for c in name.replace("\\", "/").rsplit("/", 1)[-1] if c.isprintable())
    return kept.strip()[:120] or None


def check_visibility(role: Role, kind: Kind, visibility: Visibility) -> None:
    """Who may show what to everybody: sellers their garments, nobody a selfie.

    Raises:
        Forbidden: otherwise.
    """
    if visibility == "private":
        return
    if kind != "garment":
        raise Forbidden("pictures of people stay private", code="not_publishable", field="visibility")
    if role is Role.SHOPPER:
        raise Forbidden("only sellers may publish garments", code="not_publishable", field="visibility")


def through_gate(data: bytes) -> CleanSet:
    """An upload through the image gate, with all renditions. Raises as the gate does."""
    return renditions(data, policy=ImagePolicy(max_bytes=settings().upload_max_bytes))


def put_renditions(image: CleanSet, prefix: str, *, originals: str = blobs.IMAGES) -> dict[str, Any]:
    """Store the original and its renditions under `prefix`; returns the fields of the record that name them."""
    stored: dict[str, Any] = {}
    forms = {"original": image.original, **image.derived}
    for form, picture in forms.items():
        container = blobs.THUMBNAILS if form == "thumbnail" else originals
        name = f"{prefix}/{form}.{picture.format.lower().replace('jpeg', 'jpg')}"
        blobs.put(container, name, picture.data, content_type=picture.content_type)
        stored[form] = {
            "container": container,
            "name": name,
            "width": picture.width,
            "height": picture.height,
            "contentType": picture.content_type,
            "bytes": len(picture.data),
        }
    return {
        "blobs": stored,
        "width": image.original.width,
        "height": image.original.height,
        "sha256": image.original.sha256,
        "bytes": sum(form["bytes"] for form in stored.values()),
    }


def add(image_id: str, user_id: str, data: bytes, *, kind: Kind, visibility: Visibility, name: str | None) -> Document:
    """Take an upload: gate, quota, blobs, record. The same id again gives the image that is there.

    Raises:
        QuotaExceeded: no room; nothing is kept. And as the gate does.
    """
    known = store().find(CONTAINER, document_id(image_id), user_id)
    if known is not None and known["status"] == "ready":
        return known
    image = through_gate(data)
    size = sum(len(form.data) for form in (image.original, *image.derived.values()))
    storage_quota.open_usage(user_id)
    record = new_record(image_id, user_id, kind=kind, visibility=visibility, name=name, bytes=size)
    try:
        # The record comes first: a repeated upload finds it there, whether or not there is still room.
        pending = store().batch(CONTAINER, user_id, [Create(record), storage_quota.reserve(1, size)])[0]
    except BatchFailed as failure:
        if isinstance(failure.cause, PreconditionFailed):
            raise storage_quota.exceeded_error() from None
        if isinstance(failure.cause, DocumentConflict):
            pending = store().read(CONTAINER, record["id"], user_id)
            if pending["status"] == "ready":
                return pending
        else:
            raise
    stored = put_renditions(image, f"{user_id}/{image_id}")
    return confirm(pending, stored)


def confirm(record: Document, stored: Mapping[str, Any], *, room: Operation | None = None) -> Document:
    """Make a pending record ready, its blobs being there; one that was made ready meanwhile stays as it is.

    Args:
        room: the bytes to count with it, where they were not known before.

    Raises:
        QuotaExceeded: the bytes don't fit; record and blobs are removed.
        Conflict: the record was taken back meanwhile; the blobs go too.
    """
    ready = {**stored, "status": "ready", "updatedAt": clock.iso(), "dueAt": None}
    pending = Patch(record["id"], set=ready, where=(Where("status", "=", "pending"),))
    try:
        return store().batch(CONTAINER, record["userId"], [pending, *([room] if room else [])])[0]
    except BatchFailed as failure:
        current = store().find(CONTAINER, record["id"], record["userId"])
        if current is not None and current["status"] == "ready":
            return current
        if failure.index == 1 and current is not None:
            delete(current)
            raise storage_quota.exceeded_error() from None
        _remove_blobs({**record, **stored})
        raise Conflict("the upload took too long and was taken back: send it again", code="upload_expired") from None


def find(image_id: str, user_id: str) -> Document:
    """The user's own image. Raises NotFound, for a foreign one too."""
    record = store().find(CONTAINER, document_id(image_id), user_id)
    if record is None or record.get("type") != "file" or record["status"] == "deleting":
        raise _missing()
    return record


def _missing() -> NotFound:
    return NotFound("there is no such image", code="image_not_found")


def made_before(image_id: str, user_id: str) -> None:
    """See that what a repeated request made is still there: repeating it must not bring back what was deleted.

    Raises:
        Gone: it was deleted.
    """
    try:
        find(image_id, user_id)
    except NotFound:
        raise Gone("the image made with this key was deleted: use a new key", code="image_gone") from None


def visible(image_id: str, user_id: str) -> Document:
    """An image the user may use: their own, or a public one of anybody. Raises NotFound."""
    try:
        return find(image_id, user_id)
    except NotFound:
        public = (
            Where("id", "=", document_id(image_id)),
            Where("visibility", "=", "public"),
            Where("status", "=", "ready"),
        )
        found = store().query(CONTAINER, *public, limit=1).items
        if not found:
            raise
        return found[0]


def delete(record: Document) -> None:
    """Remove an image: hidden at once, its blobs next, its record and its share of the quota last.

    Raises:
        NotFound: somebody else was faster.
        Conflict: it was changed since it was read; retryable.
    """
    gone = {"status": "deleting", "updatedAt": clock.iso(), "dueAt": clock.now() + HOLD_S}
    try:
        marked = store().patch(CONTAINER, record["id"], record["userId"], set=gone, etag=record.etag)
    except DocumentNotFound:
        raise _missing() from None
    except PreconditionFailed:
        raise Conflict("the image is being changed: try again", code="image_busy", retryable=True) from None
    _finish_deletion(marked)


def _finish_deletion(record: Document) -> None:
    _remove_blobs(record)
    derived.remove(record)
    operations: list[Operation] = [Delete(record["id"])]
    if record["images"]:
        operations.append(storage_quota.release(record["images"], record["bytes"]))
    try:
        store().batch(CONTAINER, record["userId"], operations)
    except BatchFailed as failure:
        if failure.cause.code != "document_not_found":
            raise


def _remove_blobs(record: Mapping[str, Any]) -> None:
    upload = record.get("upload")
    if upload:
        blobs.delete(blobs.UPLOADS, upload)
    stored = record.get("blobs")
    made_by = record.get("conversionId")
    if stored and not made_by:
        kept = _shared_blobs(record)
        for form in stored.values():
            if form["name"] not in kept:
                blobs.delete(form["container"], form["name"])
        return
    # Of a result, what attempts that never committed have left beside it goes, too.
    prefix = f"{record['userId']}/{made_by.removeprefix('conversion:') if made_by else record['imageId']}/"
    for container in (blobs.RESULTS if made_by else blobs.IMAGES, blobs.THUMBNAILS):
        for blob in list(blobs.listing(container, prefix)):
            blobs.delete(container, blob.name)


def _shared_blobs(record: Mapping[str, Any]) -> set[str]:
    """Names of the blobs that other results of the same try-on have in common with it: their mask, say."""
    if not record.get("tryonId"):
        return set()
    same = (Where("tryonId", "=", record["tryonId"]), Where("type", "=", "file"), Where("status", "=", "ready"))
    others = store().query(CONTAINER, *same, partition=record["userId"]).items
    return {form["name"] for other in others if other["id"] != record["id"] for form in other["blobs"].values()}


def reject(record: Document, error: StudioError) -> None:
    """Keep a record of an upload that is not an image we take, for a day, and free its room."""
    changes = {
        "status": "rejected",
        "error": {"code": error.code, "message": error.message, "status": error.status},
        "updatedAt": clock.iso(),
        "dueAt": clock.now() + 24 * 3600,
        "images": 0,
        "bytes": 0,
    }
    where = (Where("status", "=", "pending"),)
    operations: list[Operation] = [
        Patch(record["id"], set=changes, where=where),
        storage_quota.release(record["images"], record["bytes"]),
    ]
    # Where the first write fails, a second caller has settled the record already.
    with suppress(BatchFailed):
        store().batch(CONTAINER, record["userId"], operations)
    blobs.delete(blobs.UPLOADS, record["upload"])


def sweep(limit: int = 200) -> int:
    """Finish what a crash left: half-made and expired uploads, half-done deletions. Returns how many."""
    unsettled = Where("status", "in", ["pending", "rejected", "deleting"])
    overdue = (Where("type", "=", "file"), unsettled, Where("dueAt", "<", clock.now()))
    done = 0
    for record in store().query(CONTAINER, *overdue, limit=limit).items:
        try:
            delete(record)
            done += 1
        except (Conflict, NotFound):
            continue
        except Exception as error:
            telemetry.log("image.sweep_failed", level="warning", **telemetry.failure(error))
    return done + _empty_quarantine()


def _empty_quarantine() -> int:
    """Remove raw uploads that no record waits for any more: an upload URL that is still good can make the blob anew
    after its image was completed or deleted."""
    oldest = clock.now() - settings().pending_upload_hours * 3600 - QUARANTINE_GRACE_S
    try:
        left = [blob.name for blob in blobs.listing(blobs.UPLOADS) if blob.modified < oldest]
        return sum(blobs.delete(blobs.UPLOADS, name) for name in left)
    except StudioError as error:
        telemetry.log("image.quarantine_failed", level="warning", code=error.code)
        return 0


def view(record: Mapping[str, Any]) -> Image:
    """The image as an answer, with URLs that live for minutes."""
    stored = record.get("blobs") or {}
    urls = {
        form: Rendition(
            url=blobs.read_url(blob["container"], blob["name"], content_type=blob["contentType"]),
            width=blob["width"],
            height=blob["height"],
            content_type=blob["contentType"],
            bytes=blob["bytes"],
        )
        for form, blob in stored.items()
    }
    return Image(
        id=record["imageId"],
        kind=record["kind"],
        status=record["status"],
        visibility=record["visibility"],
        name=record.get("name"),
        width=record.get("width"),
        height=record.get("height"),
        bytes=record["bytes"],
        sha256=record.get("sha256"),
        original=urls.get("original"),
        optimised=urls.get("optimised"),
        thumbnail=urls.get("thumbnail"),
        error=record.get("error"),
        created_at=record["createdAt"],
    )
