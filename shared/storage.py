"""How long a call of Blob or Queue Storage may take, and what its errors are here.

The SDK waits a minute for each answer and asks four times; a storage that accepts connections and never answers would
hold a thread of the app for minutes after its caller has gone.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

from shared.errors import Unavailable

CONNECT_S: Final = 3
"""Longest time for a connection, and for sending a part of a body."""
READ_S: Final = 10
"""Longest silence before an answer, and between two parts of it."""
BYTES_A_SECOND: Final = 4_000_000
"""What the service stores in a second at least: a body adds to the time in which it has to answer."""
AWAY_S: Final = 5.0
"""Seconds after which a caller may try again when the storage did not answer."""
OPTIONS: Final[dict[str, Any]] = {
    "connection_timeout": CONNECT_S,
    "read_timeout": READ_S,
    # Three times where the service was busy (500, 503), once where it could not be reached or did not answer.
    "retry_total": 3,
    "retry_connect": 1,
    "retry_read": 1,
    # The SDK's own pauses begin at 15 seconds.
    "initial_backoff": 1,
    "increment_base": 2,
    "random_jitter_range": 1,
}
"""Of every client. Silence ends after twice `READ_S` and a pause."""


def read_s(size: int) -> int:
    """Seconds in which the service has to answer after a body of this number of bytes."""
    return READ_S + size // BYTES_A_SECOND


@contextmanager
def storage_errors() -> Generator[None]:
    """What the SDK raises for a service that is down, busy or refuses us, as an error of the one tree.

    Raises:
        Unavailable: `storage_down`.
        ResourceExistsError, ResourceModifiedError, ResourceNotFoundError: as they are; callers ask for them.
    """
    from azure.core.exceptions import AzureError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError

    try:
        yield
    except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
        raise
    except AzureError as error:
        message = "the storage can't be reached right now: try again"
        raise Unavailable(message, code="storage_down", retry_after=AWAY_S) from error
