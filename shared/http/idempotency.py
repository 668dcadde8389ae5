"""`Idempotency-Key`: the same key gives the same answer, however often and however concurrently it is sent.

The record is made before the work (states and takeover after the AWS Lambda Powertools idempotency utility), holds the
id that what is created will carry, and keeps the answer for a day. A caller that dies in the middle leaves a record
that expires; the next one takes it over and creates under the same id, so the effect is still one.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shared import clock
from shared.documents import Document, store
from shared.errors import (
    BadRequest,
    Conflict,
    DocumentConflict,
    DocumentNotFound,
    PreconditionFailed,
    StudioError,
    Unprocessable,
)
from shared.http.settings import http_settings

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
    """The answer given before: HTTP status, body and headers.

    `again_as` is set where the body was not kept, because URLs in it expire: it is made anew under this id.
    """

    status: int
    body: Any
    headers: dict[str, str]
    again_as: str | None = None


def fingerprint(query: Mapping[str, str], content_type: str | None, body: bytes) -> bytes:
    """What a repetition must have in common with the first request: query and body, but for the boundary of a
    multipart body, which every client makes anew."""
    boundary = re.search(r'boundary="?([^";,]+)', content_type or "")
    if boundary:
        body = body.replace(boundary[1].encode(errors="replace"), b"")
    return json.dumps(sorted(query.items())).encode() + b"\n" + body


def begin(user_id: str, route: str, key: str, fingerprint: bytes) -> Ticket | Replay:
    """Claim a key, or get the answer of whoever had it first.

    Args:
        fingerprint: of the request; another request under the same key is refused.

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
            "expiresAt": clock.now() + http_settings().idempotency_work_s,
        }
        try:
            record = store().create(CONTAINER, fresh)
            return Ticket(id, record["resourceId"], record)
        except DocumentConflict:
            seen = store().find(CONTAINER, id, id)
        if seen is not None and seen["digest"] != digest:
            raise Unprocessable(
                "this key was used with another body: make a new key for a new request",
                code="idempotency_key_reused",
                field="Idempotency-Key",
            )
        if seen is not None and seen["state"] == "done":
            again_as = None if seen.get("kept", True) else seen["resourceId"]
            return Replay(seen["status"], seen["body"], seen["headers"], again_as)
        if seen is not None and seen["expiresAt"] < clock.now():
            with suppress(PreconditionFailed, DocumentNotFound):
                record = store().replace(CONTAINER, {**fresh, "resourceId": seen["resourceId"]}, etag=seen.etag)
                return Ticket(id, record["resourceId"], record)
        if time.monotonic() > until:
            raise Conflict(
                "the first request with this key is still running: ask again",
                code="idempotency_in_progress",
                retryable=True,
                retry_after=2,
            )
        time.sleep(pause)
        pause = min(pause * 1.6, 0.5)


def settle(ticket: Ticket, status: int, body: Any, headers: dict[str, str], *, kept: bool = True) -> None:
    """Keep the answer for whoever sends the key again; without its body unless `kept`."""
    answer = {"status": status, "body": body if kept else None, "headers": headers, "kept": kept}
    done = {**ticket.record, "state": "done", **answer}
    try:
        store().replace(CONTAINER, done, etag=ticket.record.etag)
    except (DocumentNotFound, PreconditionFailed):
        return


def release(ticket: Ticket, error: BaseException) -> None:
    """End the work of a key after an error.

    A refusal has changed nothing: the key is forgotten. After any other error nobody knows what was written, so the key
    is left to be taken over, and what is made then carries the same id.
    """
    refused = isinstance(error, StudioError) and error.status < 500 and not error.retryable
    with suppress(DocumentNotFound, PreconditionFailed):
        if refused:
            store().delete(CONTAINER, ticket.id, ticket.id, etag=ticket.record.etag)
        else:
            store().replace(CONTAINER, {**ticket.record, "expiresAt": 0}, etag=ticket.record.etag)
