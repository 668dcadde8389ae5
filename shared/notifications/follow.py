"""What becomes of e-mails after the service accepted them: delivered, bounced, suppressed or failed.

Accepted is not sent: the operation of an e-mail is asked until it has ended, and delivery reports, which Event Grid
puts in the queue `email-reports`, say how the recipient's server answered. One notification or report never stops the
others.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, Field, TypeAdapter

from shared import clock, telemetry
from shared.accounts.documents import accounts
from shared.documents.fields import Change, assign, item, where
from shared.errors import DocumentNotFound, PreconditionFailed, StudioError
from shared.jobs import queues
from shared.notifications import email_errors, unreachable
from shared.notifications.documents import (
    Channel,
    ChannelState,
    ChannelStatus,
    NotificationDocument,
    notifications,
)
from shared.notifications.email_client import get_operation
from shared.notifications.settings import notification_settings
from shared.passes import Pass
from shared.providers import circuit

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueMessage

LAST_LOOK_S: Final = 24 * 3600
"""Seconds after which an operation that does not end is asked no more."""
MAX_DEQUEUES: Final = 10
"""How often a report is looked at that no notification is found for; it may come before the notification is stored."""
REPORT_EVENT: Final = "Microsoft.Communication.EmailDeliveryReportReceived"


def sweep(limit: int = 100) -> int:
    """Ask for the operations that are due and read the delivery reports; returns how many channels changed."""
    if notification_settings().email_connection is None:
        return 0
    return _ask(limit) + _read_reports(limit)


def _ask(limit: int) -> int:
    changed = asked = 0
    sweep = Pass("email.follow")
    for notification in notifications.iterate(where(NotificationDocument.follow_at, "<", clock.now())):
        with sweep.item(notificationId=notification.id), suppress(PreconditionFailed, DocumentNotFound):
            asked += 1
            changed += _ask_for(notification)
        if asked >= limit:
            break
    return changed


def _ask_for(notification: NotificationDocument) -> bool:
    state = notification.channels.get(Channel.EMAIL)
    age = clock.now() - (notification.followed_from or clock.now())
    later = (
        None if state is None or age > LAST_LOOK_S else clock.now() + max(notification_settings().email_follow_s, age)
    )
    held = notifications.patch(
        notification.id, notification.user_id, assign(NotificationDocument.follow_at, later), etag=notification.etag
    )
    if state is None or state.operation_id is None:
        return False
    try:
        return _follow(held, state.operation_id)
    except StudioError as error:
        telemetry.log("email.follow_failed", level="warning", code=error.code, notificationId=notification.id)
        return False


def _follow(notification: NotificationDocument, operation_id: str) -> bool:
    with circuit.guarded(email_errors.PROVIDER):
        operation = get_operation(operation_id)
    if operation.status in ("NotStarted", "Running"):
        return False
    if operation.status not in ("Failed", "Canceled"):
        _store(notification, None)
        return False
    row = email_errors.ERRORS.get(operation.code or "", email_errors.UNKNOWN)
    status = ChannelStatus.SUPPRESSED if row.code == "email_suppressed" else ChannelStatus.FAILED
    _end(notification, status, row.code if row is not email_errors.UNKNOWN else "email_failed", row.unreachable)
    return True


def _end(notification: NotificationDocument, status: ChannelStatus, reason: str | None, is_unreachable: bool) -> None:
    before = notification.channels[Channel.EMAIL]
    _store(notification, before.model_copy(update={"status": status, "reason": reason, "at": clock.iso()}))
    telemetry.count("studio_emails_ended", status=status)
    if is_unreachable:
        address_hash = notification.email_hash or _current_hash(notification.user_id)
        if address_hash is not None:
            unreachable.remember(notification.user_id, Channel.EMAIL, address_hash, reason or status.value)


def _store(notification: NotificationDocument, state: ChannelState | None) -> None:
    changes: list[Change] = [assign(NotificationDocument.follow_at, None)]
    if state is not None:
        changes.append(assign(item(NotificationDocument.channels, Channel.EMAIL), state))
    notifications.patch(notification.id, notification.user_id, *changes)


def _current_hash(user_id: str) -> str | None:
    account = accounts.find(user_id, user_id)
    return unreachable.hash_of(account.email) if account is not None and account.email else None


def _read_reports(limit: int) -> int:
    changed = 0
    reports = Pass("email.reports")
    queue = _reports()
    for message in queue.receive_messages(max_messages=limit, visibility_timeout=60):
        unknown = True
        with reports.item(messageId=message.id):
            results = [_apply(report) for report in _reports_in(message.content)]
            changed += results.count(True)
            unknown = None in results
        if not unknown or _dequeues(message) >= MAX_DEQUEUES:
            queue.delete_message(message)
    return changed


def _dequeues(message: QueueMessage) -> int:
    return message.dequeue_count or 0


class Report(BaseModel):
    """A delivery report, as far as it is read."""

    message_id: str = Field(alias="messageId", min_length=1, description="id of the e-mail's operation")
    status: str


class _Event(BaseModel):
    """An event in Event Grid's schema or that of CloudEvents."""

    event_type: str | None = Field(default=None, alias="eventType")
    type: str | None = None
    data: Any = None


_EVENTS: Final = TypeAdapter(list[_Event])


def _reports_in(content: str) -> Iterator[Report]:
    """The reports in a message, base64 or plain; what is none is left out."""
    try:
        text = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        text = content.encode()
    try:
        posted: object = json.loads(text)
        events = _EVENTS.validate_python(posted if isinstance(posted, list) else [posted])
        for event in events:
            if REPORT_EVENT in (event.event_type, event.type):
                yield Report.model_validate(event.data)
    except ValueError:
        telemetry.log("email.report_unreadable", level="warning", size=len(content))


def _apply(report: Report) -> bool | None:
    """Store what a report says; None if its notification is not found."""
    if report.status not in email_errors.REPORTS:
        telemetry.log("email.report_unknown", level="warning", status=report.status[:40])
        return False
    found = notifications.list(where(NotificationDocument.email_operation_id, "=", report.message_id), limit=1).items
    if not found:
        return None
    ended, is_unreachable = email_errors.REPORTS[report.status]
    reason = None if ended is ChannelStatus.DELIVERED else f"email_{report.status.lower()}"
    _end(found[0], ended, reason, is_unreachable)
    return True


def _reports() -> QueueClient:
    """The queue of reports, whose messages come as they were written: Event Grid writes base64."""
    return queues.raw_client(queues.EMAIL_REPORTS)
