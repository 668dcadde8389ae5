"""The documented errors of Web PubSub's data plane: it has HTTP statuses only.

Source: learn.microsoft.com/rest/api/webpubsub/dataplane/web-pub-sub.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.provider_errors import FEW_TRIES, Blame, ProviderError, by_reason

PROVIDER: Final = "webpubsub"
_SOURCE: Final = "https://learn.microsoft.com/rest/api/webpubsub/dataplane/web-pub-sub"


def _rows() -> Iterator[ProviderError]:
    for status in ("400", "413"):
        yield ProviderError(status, Blame.USER, "websocket_refused", "the message was refused", _SOURCE)
    for status in ("401", "403", "404", "405"):
        yield ProviderError(status, Blame.OPERATOR, "temporarily_unavailable", "", _SOURCE)
    for status in ("408", "409", "429", "5xx"):
        message = "the WebSocket service is busy or failing"
        yield ProviderError(status, Blame.TRANSIENT, "websocket_failed", message, _SOURCE)


ERRORS: Final = by_reason(_rows())
"""By HTTP status."""
UNKNOWN: Final = ProviderError(
    "unknown", Blame.TRANSIENT, "websocket_failed", "the WebSocket service did not accept it", _SOURCE, FEW_TRIES
)


def of_response(http_status: int) -> ProviderError:
    """The row of a refused request."""
    return ERRORS.get("5xx" if 500 <= http_status < 600 else str(http_status), UNKNOWN)
