"""The documented errors of Twilio's Messages resource. Each code has a page: twilio.com/docs/api/errors/CODE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.provider_errors import FEW_TRIES, Blame, ProviderError, by_reason

PROVIDER: Final = "twilio"
_ERRORS: Final = "https://www.twilio.com/docs/api/errors"
_DELIVERY: Final = "https://www.twilio.com/docs/messaging/guides/track-outbound-message-status"
_HTTP: Final = "https://www.twilio.com/docs/usage/twilios-response"

CANT_RECEIVE: Final = {
    21211: "is not a phone number",
    21214: "can't be reached",
    21217: "is not a phone number",
    21265: "is a short code",
    21266: "is our own",
    21268: "is a premium or information number",
    21401: "is not a phone number that receives text messages",
    21421: "is not a phone number",
    21612: "can't be reached by text message",
    21614: "is not a mobile number",
    21635: "is a landline",
    30004: "refuses our messages",
    30005: "is unknown or not in service",
    30006: "is a landline, or its carrier can't be reached",
}
"""Codes of a number that can't receive text messages, and what the user reads of it."""
OPTED_OUT: Final = 21610
OPERATOR: Final = (
    10001, 20003, 20005, 20006, 20008, 20010, 20403, 20404, 21212, 21219, 21267, 21601, 21603, 21606, 21607, 21608,
    21609, 21659, 21660, 21661, 21701, 21703, 21704, 21705, 21712, 30002, 30022, 30024, 30032, 30033, 30034, 30037,
    30042, 30044, 63038, 90010,
)  # fmt: skip
"""Codes of the account, its credentials, its sender or its registration with the carriers."""
TRANSIENT: Final = (
    14107,
    20409,
    20429,
    20500,
    20503,
    20504,
    21611,
    30001,
    30003,
    30008,
    30017,
    30023,
    30027,
    30036,
    30410,
    30500,
)
MESSAGE: Final = (21602, 21604, 21605, 21617, 21618, 21619, 21620, 21623, 30007, 30019)
"""Codes of a message that can't be sent as it is."""
REGION: Final = (21408, 21215, 30018, 30040, 30041, 30450)
"""Codes of a region that the account or its sender may not send to. It depends on the number, so it does not open the
circuit."""


def _rows() -> Iterator[ProviderError]:
    for code, why in CANT_RECEIVE.items():
        message = f"the phone number {why}: change it to get text messages"
        yield ProviderError(str(code), Blame.USER, "sms_refused", message, f"{_ERRORS}/{code}", unreachable=True)
    yield ProviderError(
        str(OPTED_OUT), Blame.USER, "sms_opted_out", "the phone number has unsubscribed by replying STOP",
        f"{_ERRORS}/{OPTED_OUT}", unreachable=True,
    )  # fmt: skip
    for code in OPERATOR:
        yield ProviderError(str(code), Blame.OPERATOR, "temporarily_unavailable", "", f"{_ERRORS}/{code}")
    for code in MESSAGE:
        message = "the text message was refused"
        yield ProviderError(str(code), Blame.USER, "sms_refused", message, f"{_ERRORS}/{code}")
    for code in REGION:
        message = "text messages to this country are not offered"
        yield ProviderError(str(code), Blame.USER, "sms_region", message, f"{_ERRORS}/{code}")
    busy = "the SMS provider is busy or failing"
    for code in TRANSIENT:
        yield ProviderError(str(code), Blame.TRANSIENT, "sms_failed", busy, f"{_ERRORS}/{code}")
    for status in ("HTTP 401", "HTTP 403", "HTTP 404", "HTTP 405"):
        yield ProviderError(status, Blame.OPERATOR, "temporarily_unavailable", "", _HTTP)
    for status in ("HTTP 408", "HTTP 409", "HTTP 425", "HTTP 429", "HTTP 5xx"):
        yield ProviderError(status, Blame.TRANSIENT, "sms_failed", busy, _HTTP)


ERRORS: Final = by_reason(_rows())
"""By Twilio's code, else by HTTP status."""
UNKNOWN: Final = ProviderError(
    "unknown", Blame.TRANSIENT, "sms_failed", "the SMS provider did not accept the message", _ERRORS, FEW_TRIES
)

UNDELIVERABLE: Final = ProviderError(
    "undelivered", Blame.TRANSIENT, "sms_failed", "the text message could not be delivered", _DELIVERY, FEW_TRIES
)
UNDELIVERED: Final = ("undelivered", "failed", "canceled")
"""Statuses of a message that did not arrive; `error_code` says why."""
DELIVERED: Final = ("delivered", "read")
"""Statuses of a message that the handset has, twilio.com/docs/messaging/api/message-resource#message-status-values.
Every other status is on the way; some carriers never say more than `sent`."""


def of_delivery(code: int | None) -> ProviderError:
    """The row of an accepted message that did not arrive."""
    return ERRORS.get(str(code)) or UNDELIVERABLE


def of_response(http_status: int, code: int | None) -> ProviderError:
    """The row of a refused request."""
    family = "HTTP 5xx" if 500 <= http_status < 600 else f"HTTP {http_status}"
    return ERRORS.get(str(code)) or ERRORS.get(family) or UNKNOWN
