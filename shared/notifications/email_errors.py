"""The documented errors of e-mail by Azure Communication Services, and what its delivery reports mean.

Sources: SEND: learn.microsoft.com/rest/api/communication/email/email/send and /errorcodes; LIMITS:
learn.microsoft.com/azure/communication-services/concepts/service-limits; SUPPRESSION:
.../concepts/email/sender-reputation-managed-suppression-list; REPORTS:
learn.microsoft.com/azure/event-grid/communication-services-email-events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from shared.notifications.documents import ChannelStatus
from shared.provider_errors import FEW_TRIES, Blame, ProviderError, by_reason

PROVIDER: Final = "acs-email"
_SEND: Final = "https://learn.microsoft.com/rest/api/communication/email/email/send"
_HTTP: Final = "https://learn.microsoft.com/rest/api/communication/errorcodes"
_LIMITS: Final = "https://learn.microsoft.com/azure/communication-services/concepts/service-limits"
_SUPPRESSION: Final = (
    "https://learn.microsoft.com/azure/communication-services/concepts/email/sender-reputation-managed-suppression-list"
)
_BUSY = "the e-mail service is busy or failing"


def _rows() -> Iterator[ProviderError]:
    for reason in ("EmailDroppedAllRecipientsSuppressed", "EmailDropped", "RecipientSuppressed"):
        message = "mail to this address has bounced before: change the address to get e-mails"
        yield ProviderError(reason, Blame.USER, "email_suppressed", message, _SUPPRESSION, unreachable=True)
    for reason in ("InvalidEmailAddress", "InvalidRecipientAddress", "InvalidRecipients"):
        message = "the e-mail address can't receive mail: change it to get e-mails"
        yield ProviderError(reason, Blame.USER, "email_refused", message, _SEND, unreachable=True)
    for reason in ("BadRequest", "InvalidAttachmentContent", "RequestBodyTooLarge", "HTTP 413"):
        yield ProviderError(reason, Blame.USER, "email_refused", "the e-mail was refused", _SEND)
    for reason in (
        "Denied", "Unauthorized", "Forbidden", "InvalidAuthenticationToken", "AuthorizationFailed", "DomainNotLinked",
        "DomainNotVerified", "InvalidSenderUserName", "InvalidSenderDomain", "SubscriptionBlocked", "ResourceDisabled",
        "MissingApiVersionParameter", "UnsupportedApiVersion",
    ):  # fmt: skip
        yield ProviderError(reason, Blame.OPERATOR, "temporarily_unavailable", "", _SEND)
    for reason in ("HTTP 401", "HTTP 403", "HTTP 404", "HTTP 405"):
        yield ProviderError(reason, Blame.OPERATOR, "temporarily_unavailable", "", _HTTP)
    for reason in ("TooManyRequests", "QuotaExceeded", "HTTP 429"):
        yield ProviderError(reason, Blame.TRANSIENT, "email_failed", _BUSY, _LIMITS)
    for reason in ("InternalServerError", "ServiceUnavailable", "HTTP 408", "HTTP 409", "HTTP 5xx"):
        yield ProviderError(reason, Blame.TRANSIENT, "email_failed", _BUSY, _HTTP)


ERRORS: Final = by_reason(_rows())
"""By the code in the body, of a refused request or of a failed operation; else by HTTP status."""
UNKNOWN: Final = ProviderError(
    "unknown", Blame.TRANSIENT, "email_failed", "the e-mail service did not accept the message", _HTTP, FEW_TRIES
)

REPORTS: Final[Mapping[str, tuple[ChannelStatus, bool]]] = {
    "Delivered": (ChannelStatus.DELIVERED, False),
    "Expanded": (ChannelStatus.DELIVERED, False),
    "Bounced": (ChannelStatus.BOUNCED, True),
    "Suppressed": (ChannelStatus.SUPPRESSED, True),
    "Quarantined": (ChannelStatus.FAILED, False),
    "FilteredSpam": (ChannelStatus.FAILED, False),
    "Failed": (ChannelStatus.FAILED, False),
}
"""`status` of a delivery report: the state of the channel, and whether the address can't receive.

learn.microsoft.com/azure/event-grid/communication-services-email-events
"""


def of_response(http_status: int, code: str | None) -> ProviderError:
    """The row of a refused request."""
    family = "HTTP 5xx" if 500 <= http_status < 600 else f"HTTP {http_status}"
    return ERRORS.get(code or "") or ERRORS.get(family) or UNKNOWN
