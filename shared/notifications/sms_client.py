"""Twilio's client: sends an SMS, and asks what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from shared.errors import ConfigurationError, UpstreamError
from shared.notifications import twilio_errors
from shared.notifications.settings import notification_settings
from shared.provider_errors import UNREADABLE

if TYPE_CHECKING:
    from twilio.rest import Client as TwilioClient


@dataclass(frozen=True)
class Message:
    """What became of an SMS.

    Args:
        status: as Twilio names it: `queued`, `sent`, `delivered`, `undelivered` and others; `unknown` if Twilio
            does not have the message any more.
        error_code: why it was not delivered.
    """

    status: str
    error_code: int | None = None


@cache
def twilio_client() -> TwilioClient:
    """The client. Raises ConfigurationError: no SMS service is configured."""
    from twilio.http.http_client import TwilioHttpClient
    from twilio.rest import Client

    conf = notification_settings()
    if conf.twilio_account_sid is None or conf.twilio_auth_token is None:
        raise ConfigurationError("no SMS service is configured", code="sms_unconfigured")
    client = Client(
        conf.twilio_account_sid,
        conf.twilio_auth_token.get_secret_value(),
        # A pooled connection that the other side has dropped looks like a lost answer.
        http_client=TwilioHttpClient(timeout=10, pool_connections=False),
    )
    if conf.twilio_base_url:
        client.api.base_url = conf.twilio_base_url
    return client


def get_message(sid: str) -> Message:
    """An SMS that was accepted.

    Raises:
        OperatorActionNeeded: the account is refused.
        StudioError: it can't be asked now.
    """
    from requests.exceptions import RequestException
    from twilio.base.exceptions import TwilioRestException, TwilioServiceException

    try:
        found = twilio_client().messages(sid).fetch()
        if not found.status:
            raise ValueError("the answer names no status")
    except (TwilioRestException, TwilioServiceException) as error:
        if error.status == 404:
            return Message("unknown")
        row = twilio_errors.of_response(error.status, error.code)
        raise row.to_error(twilio_errors.PROVIDER) from error
    except (RequestException, *UNREADABLE) as error:
        raise UpstreamError("the SMS provider can't be reached", code="sms_unreachable") from error
    return Message(str(found.status), found.error_code)
