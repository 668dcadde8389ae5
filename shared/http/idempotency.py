"""`Idempotency-Key`: the same key gives the same answer, however often and however concurrently it is sent.

The record is made before the work (states and takeover after the AWS Lambda Powertools idempotency utility), holds the
id that what is created will carry, and keeps the answer for a day. A caller that dies in the middle leaves a record
that expires; the next one takes it over and creates under the same id, so the effect is still one.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from shared import clock
from shared.documents import Document, store
from shared.errors import BadRequest, Conflict, DocumentConflict, DocumentNotFound, PreconditionFailed, Unprocessable
from shared.settings import settings

CONTAINER = "idempotency"
WAIT_S = 20


@dataclass(frozen=True)
class Ticket:
    """The right to do the work of one key: the id to create under, and the record to settle."""

    id: str
    resource_id: str
    record: Document


@dataclass(frozen=True)
class Replay:
    """The answer given before: HTTP status, body and headers."""

    status: int
    body: Any
    headers: dict[str, str]


def begin(user_id: str, route: str, key: str, fingerprint: bytes) -> Ticket | Replay:
    """Claim a key, or get the answer of whoever had it first.

    Args:
        fingerprint: the request body; another body under the same key is refused.

    Raises:
        BadRequest: the key is empty or over 255 characters.
        Unprocessable: the key was used with another body.
        Conflict: the first request still runs after 20 s; retryable.
    """
    if not 1 <= len(key) <= 255 or not key.isprintable():
        raise BadRequest("send 1 to 255 printable characters", code="bad_idempotency_key", field="Idempotency-Key")
    id = hashlib.sha256(f"{user_id}\n{route}\n{key}".encode()).hexdigest()
    digest = hashlib.sha256(fingerprint).hexdigest()
    until = time.monotonic() + WAIT_S
    pause = 0.02
    while True:
        fresh = {
            "id": id,
            "state": "in_progress",
            "digest": digest,
            "resourceId": clock.new_id(),
            "expiresAt": clock.now() + settings().idempotency_work_s,
        }
        try:
            record = store().create(CONTAINER, fresh)
            return Ticket(id, record["resourceId"], record)
        except DocumentConflict:
            seen = store().find(CONTAINER, id, id)
        if seen is None:
            continue
        if seen["digest"] != digest:
            raise Unprocessable(
                "this key was used with another body: make a new key for a new request",
                code="idempotency_key_reused",
                field="Idempotency-Key",
            )
        if seen["state"] == "done":
            return Replay(seen["status"], seen["body"], seen["headers"])
        if seen["expiresAt"] < clock.now():
            try:
                record = store().replace(CONTAINER, {**fresh, "resourceId": seen["resourceId"]}, etag=seen.etag)
                return Ticket(id, record["resourceId"], record)
            except (PreconditionFailed, DocumentNotFound):
                continue
        if time.monotonic() > until:
            raise Conflict(
                "the first request with this key is still running: ask again",
                code="idempotency_in_progress",
                retryable=True,
                retry_after=2,
            )
        time.sleep(pause)
        pause = min(pause * 1.6, 0.5)


def settle(ticket: Ticket, status: int, body: Any, headers: dict[str, str]) -> None:
    """Keep the answer for whoever sends the key again."""
    done = {**ticket.record, "state": "done", "status": status, "body": body, "headers": headers}
    try:
        store().replace(CONTAINER, done, etag=ticket.record.etag)
    except (DocumentNotFound, PreconditionFailed):
        return


def release(ticket: Ticket) -> None:
    """Forget the key: the work failed, and may be tried again under it."""
    try:
        store().delete(CONTAINER, ticket.id, ticket.id, etag=ticket.record.etag)
    except (DocumentNotFound, PreconditionFailed):
        return
