"""Reads the poison queues: messages that the host gave up on.

The sweeper does it instead of a function for each queue. A function would be one more to scale, and the host does not
release a message of a poison queue that failed before its ten minutes are over; here it comes back after `RETRY_S`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Final

from functions.jobs.steps import step_of
from shared import telemetry
from shared.jobs import queues
from shared.jobs.consumer import handle_poison_message
from shared.jobs.lanes import LaneStep

if TYPE_CHECKING:
    from azure.storage.queue import QueueMessage

RETRY_S: Final = 60
"""Seconds until a message that could not be dealt with is read again."""
LIMIT: Final = 200
"""Messages of one queue and pass."""
BLOB_TRIGGER: Final = "webjobs-blobtrigger"
"""The host's own queue of blob triggers."""

type Handler = Callable[[str, str], bool]
"""From the content of a message and its id to whether it is dealt with."""


def drain() -> int:
    """Deal with what is in the poison queues; returns how many messages were dealt with."""
    lane_step = LaneStep(step_of)
    handlers: dict[str, Handler] = {
        **{lane: lambda message, id: handle_poison_message(message, lambda: lane_step, id) for lane in queues.Lane},
        queues.INDEX: _index,
        BLOB_TRIGGER: _blob,
    }
    return sum(_drain(name + queues.POISON, handler) for name, handler in handlers.items())


def _drain(name: str, handle: Handler) -> int:
    client = queues.client(name)
    done = 0
    for message in _messages(name):
        try:
            dealt_with = handle(str(message.content), message.id)
        except Exception as error:
            telemetry.log("poison.failed", level="error", queue=name, **telemetry.failure(error))
            continue
        if dealt_with:
            client.delete_message(message)
            done += 1
    return done


def _messages(name: str) -> Iterator[QueueMessage]:
    pages = queues.client(name).receive_messages(
        messages_per_page=32, visibility_timeout=RETRY_S, max_messages=LIMIT
    )  # fmt: skip
    yield from pages


def _index(message: str, _id: str) -> bool:
    import_module("functions.search.indexer").handle_poison_message(message)
    return True


def _blob(message: str, _id: str) -> bool:
    """A blob that the trigger failed for: the catalogue's sweep records the file, so it is only reported."""
    telemetry.log("blob.poisoned", level="error", size=len(message))
    return True
