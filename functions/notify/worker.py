"""The worker of the `notify` queue: one message over one channel, sent once."""

from __future__ import annotations

import hashlib
import math
from contextlib import suppress
from datetime import UTC, datetime

from functions.notify import preferences
from functions.notify.models import PreferencesChange
from shared import clock, telemetry
from shared.accounts.documents import AccountDocument, accounts
from shared.commerce import ceilings
from shared.commerce.ceilings import Spending
from shared.documents import Where, store
from shared.documents.containers import DAY
from shared.documents.fields import Change, assign, item, where
from shared.errors import (
    DocumentConflict,
    DocumentNotFound,
    PreconditionFailed,
    StudioError,
    TooManyRequests,
    Unprocessable,
)
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import LeaseLost, Outcome
from shared.jobs.step import Step, Task
from shared.notifications import follow, unreachable
from shared.notifications.documents import (
    Channel,
    ChannelState,
    ChannelStatus,
    NotificationDocument,
    NotificationPayload,
    NotifyJob,
    SendAttempt,
    notifications,
    notify_jobs,
)
from shared.notifications.email_client import OutcomeUnknown
from shared.notifications.senders import SENDERS, Receipt, Recipient, Skipped, Unreachable
from shared.notifications.settings import notification_settings
from shared.providers import circuit


class NotifyStep(Step):
    """The step of the `notify` queue."""

    def run(self, task: Task) -> Outcome:
        """Send, unless the user does not want the channel or there is no address.

        Where a provider does not drop repetitions for ever, the attempt is stored before sending: one that is found
        open has an unknown outcome, and is repeated only while the provider would notice.
        """
        payload = task.payload_as(NotificationPayload)
        notification = notifications.get(payload.notification_id, task.user_id)
        channel, sender = payload.channel, SENDERS[payload.channel]
        if not preferences.is_wanted(task.user_id, channel):
            return _outcome(notification, channel, ChannelStatus.SKIPPED, reason="switched off by the user")
        account = accounts.get(task.user_id, task.user_id)
        address = {Channel.EMAIL: account.email, Channel.SMS: account.phone}.get(channel)
        if address and (known := unreachable.find(task.user_id, channel, address)) is not None:
            return _outcome(notification, channel, ChannelStatus.SKIPPED, reason=known)
        if task.job.attempt == 1 and not task.job.error_counts:
            _count_against_daily_cap(task.user_id, channel)
            if channel is Channel.SMS and account.phone and account.phone_confirmed:
                _count_against_daily_cap(hashlib.sha256(account.phone.encode()).hexdigest(), channel)
            _count_against_ceilings(channel, account)
        first_sent = _open_attempt(task, sender.repeatable_s)
        recipient = Recipient(
            user_id=task.user_id,
            email=account.email,
            phone=account.phone,
            email_confirmed=account.email_confirmed,
            phone_confirmed=account.phone_confirmed,
            connection_version=account.connection_version,
        )
        try:
            with telemetry.span(f"notify.{channel}"), circuit.guarded(sender.provider):
                receipt = sender.send(recipient, notification, task.job.id.public, first_sent)
        except Skipped as skipped:
            return _outcome(notification, channel, ChannelStatus.SKIPPED, reason=str(skipped))
        except OutcomeUnknown:
            raise
        except StudioError as error:
            _close_attempt(task, sender.repeatable_s, first_sent)
            if isinstance(error, Unreachable) and address:
                unreachable.remember(task.user_id, channel, unreachable.hash_of(address), error.code)
            if error.code == "sms_opted_out":
                preferences.update_preferences(task.user_id, PreferencesChange(sms=False))
            raise
        telemetry.count("studio_notifications_sent", channel=channel)
        return _sent(notification, channel, receipt, address)

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """Store with the notification that this channel failed."""
        payload = job.payload_as(NotificationPayload)
        notification = notifications.find(payload.notification_id, job.user_id)
        if notification is None:
            return Outcome()
        reason = error.code if error else status.value
        return _outcome(notification, payload.channel, ChannelStatus.FAILED, at=clock.iso(), reason=reason)


def _sent(notification: NotificationDocument, channel: Channel, receipt: Receipt, address: str | None) -> Outcome:
    """The outcome of an accepted message; what its provider can be asked about is followed from here on."""
    state = ChannelState(
        status=ChannelStatus.SENT, at=clock.iso(), operation_id=receipt.operation_id, sid=receipt.sid
    )  # fmt: skip
    if not address or (receipt.operation_id is None and receipt.sid is None):
        return _stored(notification, channel, state)
    state = state.model_copy(update={"address_hash": unreachable.hash_of(address), "followed_from": clock.now()})
    changes: list[Change] = [assign(NotificationDocument.follow_at, clock.now() + follow.first_look_s(channel))]
    if receipt.operation_id is not None:
        changes.append(assign(NotificationDocument.email_operation_id, receipt.operation_id))
    return _stored(notification, channel, state, *changes)


def _stored(
    notification: NotificationDocument, channel: Channel, state: ChannelState, *changes: Change
) -> Outcome:  # fmt: skip
    state_of_channel = assign(item(NotificationDocument.channels, channel), state)
    return Outcome(result=state, operations=[notifications.change(notification.id, state_of_channel, *changes)])


def _outcome(
    notification: NotificationDocument,
    channel: Channel,
    status: ChannelStatus,
    *,
    at: str | None = None,
    reason: str | None = None,
) -> Outcome:
    return _stored(notification, channel, ChannelState(status=status, at=at, reason=reason))


def _open_attempt(task: Task, repeatable_s: float) -> float:
    """Store that a send begins; returns when the first one began that the provider may still remember.

    Raises:
        Unprocessable: an earlier attempt has an unknown outcome, and a repetition would not be noticed.
    """
    at, generation = clock.now(), task.job.generation
    if math.isinf(repeatable_s):
        return at
    last = None if task.job.is_first_claim else notify_jobs.get(task.job.id, task.user_id).sending
    remembered = last is not None and at - last.first < repeatable_s
    # A redrive is an administrator's decision to send again, whatever became of the attempts before it.
    if last is not None and last.open and last.generation == generation and not remembered:
        raise Unprocessable("an earlier attempt stopped while sending; it is not sent twice", code="outcome_unknown")
    first = last.first if last is not None and remembered else at
    _store_attempt(task, SendAttempt(first=first, generation=generation, open=True))
    return first


def _close_attempt(task: Task, repeatable_s: float, first: float) -> None:
    """Store that the provider refused, so that nothing was sent."""
    if not math.isinf(repeatable_s):
        _store_attempt(task, SendAttempt(first=first, generation=task.job.generation, open=False))


def _store_attempt(task: Task, attempt: SendAttempt) -> None:
    held = (where(NotifyJob.fence, "=", task.job.fence),)
    try:
        notify_jobs.patch(task.job.id, task.user_id, assign(NotifyJob.sending, attempt), where=held)
    except PreconditionFailed:
        raise LeaseLost from None


def _count_against_ceilings(channel: Channel, account: AccountDocument) -> None:
    """Count one message against the ceilings of all users. Raises Unavailable."""
    if channel is Channel.EMAIL and account.email_confirmed:
        ceilings.take(Spending.EMAIL)
    elif channel is Channel.SMS and account.phone and account.phone_confirmed:
        ceilings.take(Spending.SMS, account.phone)


def _count_against_daily_cap(subject: str, channel: Channel) -> None:
    """Count one message of today against a cap, against flooding and SMS pumping.

    Args:
        subject: the user; for SMS the number too, by its hash, since many accounts can name one number.

    Raises:
        TooManyRequests: the cap is reached; not retryable for this message.
    """
    conf = notification_settings()
    caps = {Channel.EMAIL: conf.email_daily_cap, Channel.SMS: conf.sms_daily_cap}
    if channel not in caps:
        return
    id = f"{subject}:{channel}:{datetime.fromtimestamp(clock.now(), UTC):%Y-%m-%d}"
    try:
        try:
            _count(id, caps[channel])
        except DocumentNotFound:
            with suppress(DocumentConflict):
                store().create("rate_limits", {"id": id, "n": 0, "ttl": 2 * DAY})
            _count(id, caps[channel])
    except PreconditionFailed:
        raise TooManyRequests(f"today's {channel} messages are used up", code="daily_cap", retryable=False) from None


def _count(id: str, cap: int) -> None:
    store().patch("rate_limits", id, id, incr={"n": 1}, where=(Where("n", "<", cap),))
