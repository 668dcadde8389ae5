"""What the listeners hand to the worker: trigger data and metadata, and the data binding expressions see."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, cast

from azure.storage.queue import QueueMessage

from .protos import TypedData


def text(value: str) -> TypedData:
    """A string value."""
    return TypedData(string=value)


def as_json(value: Any) -> TypedData:
    """A JSON value."""
    return TypedData(json=json.dumps(value, default=str))


def payload(content: str | bytes) -> TypedData:
    """The body of a message or blob: string or bytes."""
    return TypedData(string=content) if isinstance(content, str) else TypedData(bytes=content)


def queue_metadata(message: QueueMessage, content: str | bytes) -> dict[str, TypedData]:
    """Trigger metadata of a queue message."""
    metadata = {
        "Id": text(message.id),
        "DequeueCount": as_json(message.dequeue_count),
        "PopReceipt": text(message.pop_receipt or ""),
        "QueueTrigger": payload(content),
    }
    times = {
        "InsertionTime": message.inserted_on,
        "ExpirationTime": message.expires_on,
        "NextVisibleTime": message.next_visible_on,
    }
    metadata |= {name: text(_iso(moment)) for name, moment in times.items() if moment is not None}
    # Fields of a JSON message join the metadata without regard to case, as in Azure: "id" replaces Id.
    names = {name.lower(): name for name in metadata}
    for field, value in message_fields(content).items():
        metadata[names.get(field.lower(), field)] = text(value) if isinstance(value, str) else as_json(value)
    return metadata


def message_fields(content: str | bytes) -> dict[str, Any]:
    """Top-level fields of a JSON object message, for binding expressions; {} for anything else."""
    try:
        fields = json.loads(content)
    except ValueError:
        return {}
    return cast("dict[str, Any]", fields) if isinstance(fields, dict) else {}


def _iso(moment: datetime | str) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S+00:00") if isinstance(moment, datetime) else moment
