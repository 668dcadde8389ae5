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
from shared.documents.fields import assign
from shared.errors import (
    BadRequest,
    Conflict,
    DocumentConflict,
    DocumentNotFound,
    PreconditionFailed,
    StudioError,
    Unprocessable,
)
from shared.http import shares
from shared.http.idempotency_documents import IdempotencyRecord, IdempotencyState, idempotency_records
from shared.http.settings import http_settings

WAIT_S = 20


@dataclass(frozen=True)
class Ticket:
    """The right to process the request of one key."""

    record: IdempotencyRecord

    @property
    def resource_id(self) -> str:
        """The id of what the request creates."""
        return self.record.resource_id


@dataclass(frozen=True)
class Replay:
    """The answer given before: HTTP status, body and headers.

    `again_as` is set where the body was not kept, because URLs in it expire: the handler makes it again under this id.
    """

    status: int
    body: Any
    headers: dict[str, str]
    again_as: str | None = None


def fingerprint(query: Mapping[str, str], content_type: str | None, body: bytes) -> bytes:
    """What a repetition must have in common with the first request: query and body, but for the boundary of a
    multipart body, which differs between repetitions."""
    boundary = re.search(r'boundary="?([^";,]+)', content_type or "")
    if boundary:
        body = body.replace(boundary[1].encode(errors="replace"), b"")
    return json.dumps(sorted(query.items())).encode() + b"\n" + body


def begin(user_id: str, route: str, key: str, fingerprint: bytes) -> Ticket | Replay:
    """Claim a key, or get the response of the request that had it first.

    Args:
        fingerprint: of the request; another request under the same key is refused.

    Raises:
        BadRequest: the key is empty or over 255 characters.
        Unprocessable: the key was used with another body.
        Conflict: the first request still runs after 20 s, or there is no place to wait for it; retryable.
    """
    if not 1 <= len(key) <= 255 or not key.isprintable():
        raise BadRequest("send 1 to 255 printable characters", code="bad_idempotency_key", field="Idempotency-Key")
    id = hashlib.sha256(f"{user_id}\n{route}\n{key}".encode()).hexdigest()
    digest = hashlib.sha256(fingerprint).hexdigest()
    claimed = _claim(id, digest)
    if claimed is not None:
        return claimed
    if not shares.WAITS.take(0, user_id):
        raise _in_progress()
    try:
        until = time.monotonic() + WAIT_S
        pause = 0.02
        while time.monotonic() < until:
            time.sleep(pause)
            pause = min(pause * 1.6, 0.5)
            claimed = _claim(id, digest)
            if claimed is not None:
                return claimed
    finally:
        shares.WAITS.give_back(user_id)
    raise _in_progress()


def _claim(id: str, digest: str) -> Ticket | Replay | None:
    """The key or its answer; None while its first request is in progress. Raises Unprocessable."""
    expires_at = clock.now() + http_settings().idempotency_work_s
    new = IdempotencyRecord(id=id, digest=digest, resource_id=clock.new_id(), expires_at=expires_at)
    try:
        return Ticket(idempotency_records.create(new))
    except DocumentConflict:
        known = idempotency_records.find(id, id)
    if known is None:
        return None
    if known.digest != digest:
        raise Unprocessable(
            "this key was used with another body: make a new key for a new request",
            code="idempotency_key_reused",
            field="Idempotency-Key",
        )
    if known.state is IdempotencyState.COMPLETED:
        return Replay(known.status, known.body, known.headers, None if known.kept else known.resource_id)
    if known.expires_at < clock.now():
        with suppress(PreconditionFailed, DocumentNotFound):
            return Ticket(_set_expiry(known, at=expires_at))
    return None


def _in_progress() -> Conflict:
    return Conflict(
        "the first request with this key is still running: ask again",
        code="idempotency_in_progress",
        retryable=True,
        retry_after=2,
    )


def complete(ticket: Ticket, status: int, body: Any, headers: dict[str, str], *, kept: bool = True) -> None:
    """Keep the response for repeats with the same key; without its body unless `kept`."""
    record = ticket.record
    changes = (
        assign(IdempotencyRecord.state, IdempotencyState.COMPLETED),
        assign(IdempotencyRecord.status, status),
        assign(IdempotencyRecord.body, body if kept else None),
        assign(IdempotencyRecord.headers, headers),
        assign(IdempotencyRecord.kept, kept),
    )
    with suppress(DocumentNotFound, PreconditionFailed):
        idempotency_records.patch(record.id, record.id, *changes, etag=record.etag)


def release(ticket: Ticket, error: BaseException) -> None:
    """End the work of a key after an error.

    A refusal has changed nothing: the key is forgotten. After any other error it is unknown what was written, so the
    key is left to be taken over, and what is made then carries the same id.
    """
    refused = isinstance(error, StudioError) and error.status < 500 and not error.retryable
    with suppress(DocumentNotFound, PreconditionFailed):
        if refused:
            idempotency_records.delete(ticket.record.id, ticket.record.id, etag=ticket.record.etag)
        else:
            _set_expiry(ticket.record, at=0)


def _set_expiry(record: IdempotencyRecord, *, at: float) -> IdempotencyRecord:
    """Let another request take over at this time; only this version of the record."""
    return idempotency_records.patch(record.id, record.id, assign(IdempotencyRecord.expires_at, at), etag=record.etag)
