"""The providers of the three channels: each sends one message once, or raises the reason why not."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final, Protocol

from shared.errors import ProviderAway, Unprocessable
from shared.notifications import email_errors, twilio_errors, webpubsub_errors
from shared.notifications.documents import Channel, NotificationDocument
from shared.notifications.email_client import OutcomeUnknown, azure_error, email_client
from shared.notifications.push import audience, hub
from shared.notifications.settings import notification_settings
from shared.notifications.sms_client import twilio_client
from shared.notifications.templates import html_body
from shared.provider_errors import UNREADABLE

NAMESPACE = uuid.UUID("6f0a9a2e-7d0c-5b1e-9d0e-3c1f2a5b7c4d")


@dataclass(frozen=True)
class Recipient:
    """Who a message goes to.

    Args:
        email_confirmed, phone_confirmed: without it nothing is sent there: it may be a stranger's.
        connection_version: of the account, see `push.audience`.
    """

    user_id: str
    email: str | None
    phone: str | None
    email_confirmed: bool = True
    phone_confirmed: bool = True
    connection_version: int = 0


@dataclass(frozen=True)
class EmailText:
    """What an e-mail says."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Receipt:
    """What the provider answered when it accepted a message."""

    operation_id: str | None = None
    sid: str | None = None


class Sender(Protocol):
    """The provider of one channel.

    `repeatable_s` is for how many seconds after the first send the provider drops a repetition; after that, a send
    whose outcome is unknown is never repeated.
    """

    provider: str
    """As its circuit is named."""
    repeatable_s: float

    def send(self, to: Recipient, notification: NotificationDocument, key: str, first_sent: float) -> Receipt:
        """Send a notification.

        Args:
            key: the same for every attempt at this message.
            first_sent: epoch seconds of the first of those attempts that the provider may still remember.

        Raises:
            OutcomeUnknown: it may have been sent.
            StudioError: it was not sent.
            Skipped: there is no address, or the channel is not configured.
        """
        ...


class Skipped(Exception):
    """There is no address, or the channel is not configured."""


class Unreachable(Unprocessable):
    """The address can't receive: it is not tried again until it is changed."""


class EmailSender:
    """Azure Communication Services (REST 2025-09-01), deduplicated by `Repeatability-Request-ID` for five minutes
    (learn.microsoft.com, "Repeatability of requests")."""

    provider = email_errors.PROVIDER
    repeatable_s: float = 270

    def send(self, to: Recipient, notification: NotificationDocument, key: str, first_sent: float) -> Receipt:
        """Send the e-mail; accepted is not delivered, the operation id is kept to follow it."""
        if not to.email:
            raise Skipped("no e-mail address")
        if not to.email_confirmed:
            raise Skipped("the e-mail address is not confirmed")
        text = EmailText(notification.subject, f"{notification.text}\n\n{notification.link}\n", html_body(notification))
        return send_email(to.email, text, key, first_sent)


class SmsSender:
    """Twilio. It has no idempotency header: at most one send per attempt, none after an unknown outcome."""

    provider = twilio_errors.PROVIDER
    repeatable_s: float = 0

    def send(self, to: Recipient, notification: NotificationDocument, key: str, first_sent: float) -> Receipt:
        """Send the SMS."""
        if not to.phone:
            raise Skipped("no phone number")
        if not to.phone_confirmed:
            raise Skipped("the phone number is not confirmed")
        return send_sms(to.phone, notification.sms)


class WebSocketSender:
    """Web PubSub. The message id is the key, a page drops one it has seen."""

    provider = webpubsub_errors.PROVIDER
    repeatable_s: float = math.inf

    def send(self, to: Recipient, notification: NotificationDocument, key: str, first_sent: float) -> Receipt:
        """Push to all open pages of the user; there may be none."""
        client = hub()
        if client is None:
            raise Skipped("no WebSocket service is configured")
        message = {
            "v": 1,
            "type": "notification",
            "id": key,
            "notificationId": notification.id.public,
            "event": notification.event,
            "subject": notification.subject,
            "text": notification.text,
            "data": notification.data,
        }
        try:
            client.send_to_user(audience(to.user_id, to.connection_version), message, content_type="application/json")
        except Exception as error:
            raise azure_error(error, self.provider) from error
        return Receipt()


SENDERS: Final[Mapping[Channel, Sender]] = {
    Channel.EMAIL: EmailSender(),
    Channel.SMS: SmsSender(),
    Channel.WEBSOCKET: WebSocketSender(),
}


def send_email(address: str, said: EmailText, key: str, first_sent: float) -> Receipt:
    """Send one e-mail; see `Sender.send` for `key`, `first_sent` and errors."""
    client = email_client()
    if client is None:
        raise Skipped("no e-mail service is configured")
    # One id has one time of first sending; a time outside the window is refused with 412.
    operation = str(uuid.uuid5(NAMESPACE, f"{key}:{int(first_sent)}"))
    message = {
        "senderAddress": notification_settings().email_sender,
        "recipients": {"to": [{"address": address}]},
        "content": {"subject": said.subject, "plainText": said.text, "html": said.html},
    }
    headers = {
        "Repeatability-Request-ID": operation,
        "Repeatability-First-Sent": format_datetime(datetime.fromtimestamp(int(first_sent), UTC), usegmt=True),
        # The service's logs name the message as ours do.
        "x-ms-client-request-id": key,
    }
    try:
        client.begin_send(message, operation_id=operation, headers=headers, polling=False)
    except Exception as error:
        raise azure_error(error, EmailSender.provider) from error
    return Receipt(operation_id=operation)


def send_sms(number: str, text: str) -> Receipt:
    """Send one SMS; see `Sender.send` for errors."""
    from requests.exceptions import RequestException
    from twilio.base.exceptions import TwilioRestException, TwilioServiceException

    if notification_settings().twilio_auth_token is None or notification_settings().twilio_account_sid is None:
        raise Skipped("no SMS service is configured")
    client = twilio_client()
    try:
        sent = client.messages.create(to=number, from_=notification_settings().sms_sender, body=text)
        if not isinstance(sent.sid, str) or not sent.sid:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError("the answer names no message")
    except (TwilioRestException, TwilioServiceException) as error:
        row = twilio_errors.of_response(error.status, error.code)
        if row.unreachable:
            raise Unreachable(row.message, code=row.code) from error
        raise row.to_error(SmsSender.provider) from error
    except (RequestException, *UNREADABLE) as error:
        if _never_connected(error):
            raise ProviderAway("the SMS provider can't be reached", code="sms_unreachable") from error
        raise OutcomeUnknown(
            "the SMS provider did not answer; it is not sent twice", code="sms_unknown", retryable=False
        ) from error
    return Receipt(sid=sent.sid)


def _never_connected(error: Exception) -> bool:
    """Whether a `requests` error happened before anything was sent."""
    from requests.exceptions import ConnectTimeout
    from urllib3.exceptions import MaxRetryError, NewConnectionError

    cause = error.args[0] if error.args else None
    refused = isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
    return refused or isinstance(error, ConnectTimeout)
