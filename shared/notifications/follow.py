"""What becomes of e-mails and text messages after their provider accepted them.

Accepted is not sent. The operation of an e-mail and the status of an SMS are asked until they have ended; delivery
reports of e-mails, which Event Grid puts in the queue `email-reports`, say how the recipient's server answered. One
notification or report never stops the others. Asking needs no address of ours that providers can call.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, Field, TypeAdapter

from shared import clock, telemetry
from shared.accounts.documents import accounts
from shared.documents.fields import Change, assign, item, where
from shared.errors import DocumentNotFound, PreconditionFailed, StudioError
from shared.jobs import queues
from shared.notifications import email_errors, twilio_errors, unreachable
from shared.notifications.admins import notify_admins
from shared.notifications.documents import (
    Channel,
    ChannelState,
    ChannelStatus,
    NotificationDocument,
    notifications,
)
from shared.notifications.email_client import get_operation
from shared.notifications.settings import notification_settings
from shared.notifications.sms_client import get_message
from shared.passes import Pass
from shared.provider_errors import Blame
from shared.providers import circuit

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueMessage

LAST_LOOK_S: Final = 24 * 3600
"""Seconds after which a message whose end is not known is asked about no more."""
MAX_DEQUEUES: Final = 10
"""How often a report is looked at that no notification is found for; it may come before the notification is stored."""
WRITE_ATTEMPTS: Final = 5
REPORT_EVENT: Final = "Microsoft.Communication.EmailDeliveryReportReceived"


def sweep(limit: int = 100) -> int:
    """Ask about the messages that are due and read the delivery reports; returns how many channels changed."""
    conf = notification_settings()
    if conf.email_connection is None and conf.twilio_auth_token is None:
        return 0
    return _ask(limit) + (_read_reports(limit) if conf.email_connection is not None else 0)


def first_look_s(channel: Channel) -> float:
    """Seconds after its acceptance when a message is asked about first."""
    conf = notification_settings()
    return conf.email_follow_s if channel is Channel.EMAIL else conf.sms_follow_s


def _ask(limit: int) -> int:
    changed = asked = 0
    sweep = Pass("notifications.follow")
    for notification in notifications.iterate(where(NotificationDocument.follow_at, "<", clock.now())):
        with sweep.item(notificationId=notification.id), suppress(PreconditionFailed, DocumentNotFound):
            asked += 1
            changed += _ask_about(notification)
        if asked >= limit:
            break
    return changed


def _ask_about(notification: NotificationDocument) -> int:
    due = assign(NotificationDocument.follow_at, _next_look(notification))
    held = notifications.patch(notification.id, notification.user_id, due, etag=notification.etag)
    changed = 0
    for channel in _followed(notification):
        try:
            changed += _QUESTIONS[channel](held, notification.channels[channel])
        except StudioError as error:
            telemetry.log(
                "notification.follow_failed", level="warning", code=error.code, channel=channel,
                notificationId=notification.id,
            )  # fmt: skip
    return changed


def _followed(notification: NotificationDocument) -> list[Channel]:
    states = notification.channels.items()
    return [channel for channel, state in states if channel in _QUESTIONS and state.followed_from is not None]


def _next_look(notification: NotificationDocument) -> float | None:
    """When to ask again: after as long as the message is old already; None if there is nothing to ask."""
    at = clock.now()
    looks = [
        at + max(first_look_s(channel), at - (notification.channels[channel].followed_from or at))
        for channel in _followed(notification)
        if at - (notification.channels[channel].followed_from or at) <= LAST_LOOK_S
    ]
    return min(looks, default=None)


def _ask_about_email(notification: NotificationDocument, state: ChannelState) -> bool:
    with circuit.guarded(email_errors.PROVIDER):
        operation = get_operation(state.operation_id or "")
    if operation.status in ("NotStarted", "Running"):
        return False
    if operation.status not in ("Failed", "Canceled"):
        _store(notification, Channel.EMAIL, state.model_copy(update={"followed_from": None}))
        return False
    row = email_errors.ERRORS.get(operation.code or "", email_errors.UNKNOWN)
    status = ChannelStatus.SUPPRESSED if row.code == "email_suppressed" else ChannelStatus.FAILED
    reason = row.code if row is not email_errors.UNKNOWN else "email_failed"
    _end(notification, Channel.EMAIL, status, reason, row.unreachable)
    return True


def _ask_about_sms(notification: NotificationDocument, state: ChannelState) -> bool:
    with circuit.guarded(twilio_errors.PROVIDER):
        message = get_message(state.sid or "")
    if message.status in twilio_errors.DELIVERED:
        _end(notification, Channel.SMS, ChannelStatus.DELIVERED, None, is_unreachable=False)
        return True
    if message.status == "unknown":
        _store(notification, Channel.SMS, state.model_copy(update={"followed_from": None}))
    if message.status not in twilio_errors.UNDELIVERED:
        return False
    row = twilio_errors.of_delivery(message.error_code)
    if row.blame is Blame.OPERATOR:
        _alert_undelivered(row.reason)
    reason = "sms_undelivered" if row.blame is not Blame.USER else row.code
    _end(notification, Channel.SMS, ChannelStatus.FAILED, reason, row.unreachable)
    return True


_QUESTIONS: Final[Mapping[Channel, Callable[[NotificationDocument, ChannelState], bool]]] = {
    Channel.EMAIL: _ask_about_email,
    Channel.SMS: _ask_about_sms,
}


def _alert_undelivered(code: str) -> None:
    """Tell administrators once a day: messages are accepted, so the circuit would close again with the next one."""
    telemetry.log("provider.does_not_deliver", level="error", provider=twilio_errors.PROVIDER, reason=code)
    data = {"provider": twilio_errors.PROVIDER, "reason": code}
    notify_admins("provider.alert", f"provider-{twilio_errors.PROVIDER}-{code}-{clock.iso()[:10]}", data)


def _end(
    notification: NotificationDocument,
    channel: Channel,
    status: ChannelStatus,
    reason: str | None,
    is_unreachable: bool,
) -> None:
    before = notification.channels[channel]
    ended = {"status": status, "reason": reason, "at": clock.iso(), "followed_from": None}
    _store(notification, channel, before.model_copy(update=ended))
    telemetry.count("studio_messages_ended", channel=channel, status=status)
    if is_unreachable:
        address_hash = before.address_hash or _current_hash(notification.user_id, channel)
        if address_hash is not None:
            unreachable.remember(notification.user_id, channel, address_hash, reason or status.value)


def _store(notification: NotificationDocument, channel: Channel, state: ChannelState) -> None:
    """Store what became of one channel; another one may be followed still, or change meanwhile."""
    for _ in range(WRITE_ATTEMPTS):
        current = notifications.get(notification.id, notification.user_id)
        after = current.model_copy(update={"channels": {**current.channels, channel: state}})
        changes: list[Change] = [assign(item(NotificationDocument.channels, channel), state)]
        if not _followed(after):
            changes.append(assign(NotificationDocument.follow_at, None))
        with suppress(PreconditionFailed):
            notifications.patch(current.id, current.user_id, *changes, etag=current.etag)
            return
    raise PreconditionFailed("the notification changes again and again")


def _current_hash(user_id: str, channel: Channel) -> str | None:
    account = accounts.find(user_id, user_id)
    address = None if account is None else account.email if channel is Channel.EMAIL else account.phone
    return unreachable.hash_of(address) if address else None


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
    _end(found[0], Channel.EMAIL, ended, reason, is_unreachable)
    return True


def _reports() -> QueueClient:
    """The queue of reports, whose messages come as they were written: Event Grid writes base64."""
    return queues.raw_client(queues.EMAIL_REPORTS)
