"""Storage Queues: the one place where a message is encoded and sent.

A job names the queue of its kind; the message goes to that queue's lane. On Flex Consumption every queue function
scales, and cold-starts, separately, so kinds of work with the same needs share a lane: one Storage Queue, one function.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from shared.identity import azure_credential
from shared.queue_settings import queue_settings
from shared.storage import OPTIONS, storage_errors

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient


class Lane(StrEnum):
    """The Storage Queues that jobs travel through."""

    INTERACTIVE = "interactive"
    """A user waits for the result."""
    BATCH = "batch"
    """Work of minutes, or many pieces of it: no single request ever waits behind it."""
    DELIVERY = "delivery"
    """Calls of other services: messages, webhooks, events of payments."""


CONVERT = "convert"
NOTIFY = "notify"
PAYPAL = "paypal"
PRIVACY = "privacy"
ACCOUNTS = "accounts"
"""E-mails and SMS about accounts."""
WEBHOOKS = "webhooks"
SEGMENT = "segment"
"""One large image."""
SEGMENT_BATCH = "segment-batch"
"""Lists of images."""
TRYON = "tryon"
TRYON_BATCH = "tryon-batch"
"""Batches of try-ons, and the try-ons of batches."""
FASHN = "fashn"
"""Backgrounds that are removed by FASHN's wire."""
FASHN_WEBHOOKS = "fashn-webhooks"
"""Runs of FASHN's wire that are posted to the addresses of their requests."""
ANALYTICS = "analytics"
DROPS = "drops"
"""Files that vendors uploaded."""
INDEX = "index"
"""Products that have changed (`shared.catalogue.changes.ProductChange`); no jobs."""
IMPORTS = "imports"
"""Files of products."""
REBUILD = "rebuild-index"
"""New versions of a shop's search index."""
EMAIL_REPORTS = "email-reports"
"""Delivery reports of e-mails, written by Event Grid and read by the sweeper; no jobs."""
LANES: Final[Mapping[str, Lane]] = {
    CONVERT: Lane.INTERACTIVE,
    TRYON: Lane.INTERACTIVE,
    SEGMENT: Lane.INTERACTIVE,
    FASHN: Lane.INTERACTIVE,
    TRYON_BATCH: Lane.BATCH,
    SEGMENT_BATCH: Lane.BATCH,
    ANALYTICS: Lane.BATCH,
    DROPS: Lane.BATCH,
    IMPORTS: Lane.BATCH,
    REBUILD: Lane.BATCH,
    PRIVACY: Lane.BATCH,
    ACCOUNTS: Lane.DELIVERY,
    NOTIFY: Lane.DELIVERY,
    WEBHOOKS: Lane.DELIVERY,
    FASHN_WEBHOOKS: Lane.DELIVERY,
    PAYPAL: Lane.DELIVERY,
}
"""The lane of every queue that a job can name."""
TOGETHER: Final = frozenset({NOTIFY})
"""Queues whose jobs of one commit share a message and are run one after another: short ones. Each retries alone."""
QUEUES = (*LANES, INDEX)
"""What the work of the app is called."""
POISON = "-poison"
TRIGGERS: Final = (*Lane, INDEX)
"""The Storage Queues that functions read; the host moves what fails again and again to `<name>-poison`."""

MAX_DELAY_S = 604_800
"""Seven days: the longest the service hides a message. A longer wait stays in the document for the sweeper."""


def storage_name(queue: str) -> str:
    """The Storage Queue that messages of a queue are in."""
    return LANES.get(queue, queue)


@cache
def client(queue: str) -> QueueClient:
    """The client of a queue's Storage Queue, which exists, base64 on the wire as the Functions host expects it."""
    from azure.storage.queue import TextBase64DecodePolicy, TextBase64EncodePolicy

    policies = {"message_encode_policy": TextBase64EncodePolicy(), "message_decode_policy": TextBase64DecodePolicy()}
    return _client(storage_name(queue), **policies)


@cache
def raw_client(queue: str) -> QueueClient:
    """The client of a queue that exists, whose messages are read and written as they are."""
    return _client(queue)


def _client(queue: str, **policies: Any) -> QueueClient:
    from azure.core.exceptions import ResourceExistsError
    from azure.storage.queue import QueueClient

    conf = queue_settings()
    options: dict[str, Any] = {**policies, **OPTIONS}
    if conf.storage is not None:
        made = QueueClient.from_connection_string(conf.storage.get_secret_value(), queue, **options)
    else:
        credential = azure_credential(conf.storage_client_id)
        made = QueueClient(str(conf.storage_queue_uri), queue, credential=credential, **options)
    with suppress(ResourceExistsError):
        made.create_queue()
    return made


def send(queue: str, message: Mapping[str, Any], *, delay_s: float = 0) -> None:
    """Put a message that becomes visible after `delay_s` seconds (0 to 604,800; more is cut) and never expires.

    `time_to_live=-1` because Azure demands that the delay be shorter than the lifetime.

    Raises:
        Unavailable: `storage_down`.
    """
    delay = min(int(delay_s + 0.999), MAX_DELAY_S) if delay_s > 0 else 0
    with storage_errors():
        client(queue).send_message(json.dumps(message), visibility_timeout=delay, time_to_live=-1)
