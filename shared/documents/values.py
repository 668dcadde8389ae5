"""Values both adapters take: ids, partition keys, field names, scalars, JSON bodies, continuation tokens."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from shared.errors import StoreError

MAX_BYTES = 2 * 1024 * 1024
MAX_ID_BYTES = 1023
MAX_PARTITION_BYTES = 2048
MAX_PAGE = 1000

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z][A-Za-z0-9_-]*)*\Z")
_ID = re.compile(r"[^/\\?#\x00-\x1f\x7f-\x9f]*[^/\\?#\x00-\x1f\x7f-\x9f\s]\Z")
_OPS = frozenset({"=", "!=", "<", "<=", ">", ">=", "in", "contains", "exists"})


class InvalidOperation(StoreError):
    """The store cannot take this: an item without id or partition key, a field name, a patch, a token."""

    code, status = "invalid_document", 400


class DocumentTooLarge(StoreError):
    """The item, or all items of a batch together, exceed 2 MB of JSON."""

    code, status = "document_too_large", 413


def kind(value: object) -> str:
    """JSON type of a scalar: null, boolean, number or string; anything else is refused."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            if not -(2**63) <= value < 2**63:
                raise InvalidOperation("a number must be finite and fit in 64 bits")
            return "number"
        case str():
            if not encodable(value):
                raise InvalidOperation("a string must be valid Unicode")
            return "string"
        case _:
            raise InvalidOperation(f"a condition can't hold a {type(value).__name__}")


def orderable(value: object) -> bool:
    """Whether a query can be continued after this value."""
    try:
        return kind(value) in ("string", "number")
    except InvalidOperation:
        return False


def check_field(field: str) -> tuple[str, ...]:
    """The segments of a dotted field name."""
    if not _FIELD.match(field):
        raise InvalidOperation("a field is a name, or names joined by dots", field=field[:100])
    return tuple(field.split("."))


def check_where(field: str, op: str, value: Any) -> None:
    """Whether a condition can be asked of both databases."""
    check_field(field)
    if op not in _OPS:
        raise InvalidOperation(f"unknown operator {op!r}", field=field)
    if op == "exists":
        if not isinstance(value, bool):
            raise InvalidOperation("exists takes True or False", field=field)
    elif op == "in":
        if isinstance(value, str) or not isinstance(value, Sequence | set | frozenset):
            raise InvalidOperation("in takes a sequence", field=field)
        kinds = {kind(v) for v in cast("Sequence[Any]", value)}
        if len(kinds) > 1 or "null" in kinds:
            raise InvalidOperation("in takes values of one type", field=field)
    elif kind(value) == "null" and op != "=":
        raise InvalidOperation(f"null can be compared by = only, not by {op}", field=field)


def encodable(text: str) -> bool:
    """Whether the text has a UTF-8 form (a lone surrogate has none)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def valid_id(id: str) -> bool:
    """Whether an item can have this id."""
    return encodable(id) and len(id.encode()) <= MAX_ID_BYTES and bool(_ID.match(id))


def check_partition(partition: object) -> str:
    """Whether items can have this partition key; returns it."""
    if not isinstance(partition, str) or not partition or not encodable(partition):
        raise InvalidOperation("a partition key is a non-empty string")
    if len(partition.encode()) > MAX_PARTITION_BYTES:
        raise InvalidOperation(f"a partition key has at most {MAX_PARTITION_BYTES} bytes")
    return partition


def check_limit(limit: int) -> None:
    """Whether `limit` is the size of a page."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidOperation(f"limit must be 1 to {MAX_PAGE}")


def dump(item: Mapping[str, Any]) -> str:
    """The item as compact JSON; refuses what is not JSON and what is over 2 MB."""
    try:
        body = json.dumps(item, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        size = len(body.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidOperation(f"not JSON: {error}") from error
    if size > MAX_BYTES:
        raise DocumentTooLarge(f"an item is at most {MAX_BYTES} bytes of JSON, this one is {size}")
    return body


def check_ttl(fields: Mapping[str, Any]) -> None:
    """Refuse a `ttl` among the fields that is neither -1 nor a positive whole number of seconds."""
    if "ttl" not in fields:
        return
    ttl = fields["ttl"]
    if isinstance(ttl, bool) or not isinstance(ttl, int) or (ttl < 1 and ttl != -1) or ttl > 2**31 - 1:
        raise InvalidOperation("ttl must be -1 or whole seconds from 1 on", field="ttl")


def encode_token(payload: Mapping[str, Any]) -> str:
    """An opaque continuation token, safe in a URL."""
    text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_token(token: str) -> dict[str, Any]:
    """The payload of a token; `InvalidOperation` for anything else a caller may send."""
    try:
        payload = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise InvalidOperation("not a continuation token", field="continuation") from error
    if not isinstance(payload, dict):
        raise InvalidOperation("not a continuation token", field="continuation")
    return cast("dict[str, Any]", payload)
