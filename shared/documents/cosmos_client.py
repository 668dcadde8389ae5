"""The client of the `azure-cosmos` SDK as every adapter uses it: session consistency, bounded waits, many threads.

By default the SDK sleeps through 429 as long as the service says, up to nine times, and does not repeat 449 at all: a
thread is held long after its client has gone. So here the SDK repeats neither, and `patiently` repeats both within
`patience`.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from azure.cosmos import CosmosClient
from azure.cosmos import __version__ as VERSION
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError, CosmosResourceExistsError

from shared.connections import pooled_transport
from shared.documents.patience import patience
from shared.identity import azure_credential

CONNECT_S: Final = 3
"""Longest time for a connection."""
READ_S: Final = 6
"""Longest time for an answer: the service itself ends every request after 5 s. A read is repeated once."""
_REPEATED: Final = (429, 449)
COMPACT: Final[dict[str, Any]] = (
    {"enable_compact_utf8_item_writes": True} if tuple(map(int, VERSION.split(".")[:2])) >= (4, 17) else {}
)
"""Escaped, a letter beyond ASCII takes 6 bytes or 12, and the service counts bytes as sent: 2 MB. Before 4.17 the SDK
escapes all of them, and would hand the argument on to its transport."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.5


def make_client(endpoint: str, key: str | None, *, verify_tls: bool = True) -> CosmosClient:
    """A client of an account.

    Reads have session consistency, half the price of strong: what this process wrote it reads, and nothing older than
    it has read. What another process has just written may be missed for some milliseconds; every write is conditional
    (ETag, predicate, unique id), so nothing is decided by a read alone.

    Args:
        endpoint: of the account.
        key: of the account; None signs in as this process (`azure_credential`).
        verify_tls: False for an emulator with a self-signed certificate, which then is also taken for the only
            region.

    Raises:
        AzureError: if the account can't be reached or refuses.
    """
    client = CosmosClient(
        endpoint,
        azure_credential() if key is None else key,
        consistency_level="Session",
        connection_verify=verify_tls,
        enable_endpoint_discovery=verify_tls,
        connection_timeout=CONNECT_S,
        read_timeout=READ_S,
        # 0 would be taken for the default, 9.
        retry_throttle_total=-1,
        retry_total=1,
        retry_connect=1,
        retry_read=1,
        retry_backoff_factor=0.2,
        transport=pooled_transport(),
        **COMPACT,
    )
    _keep_headers_of_threads_apart(client)
    return client


class _HeadersOfThread:
    """The headers of a thread's last answer, as an attribute."""

    def __init__(self) -> None:
        self._local = threading.local()

    def __get__(self, connection: object, owner: type | None = None) -> Any:
        return getattr(self._local, "headers", None)

    def __set__(self, connection: object, headers: Any) -> None:
        self._local.headers = headers


def _keep_headers_of_threads_apart(client: CosmosClient) -> None:
    """Give each thread a `last_response_headers` of its own.

    The SDK (4.17) has one for all threads. It is the very mapping that the query of one thread copies while another
    adds to it at the end of its call, so that queries failed with `OrderedDict mutated during iteration`.
    """
    connection = client.client_connection
    made = type(connection)
    connection.__class__ = type(made.__name__, (made,), {"last_response_headers": _HeadersOfThread()})


def patiently[T](attempt: Callable[[], T]) -> T:
    """Do it again while the service is busy (429, 449) and less than `patience` has passed.

    Neither has done anything. A wait that would end too late is not begun.
    """
    until = time.monotonic() + patience()
    pause = _FIRST_PAUSE_S
    while True:
        try:
            return attempt()
        except (CosmosHttpResponseError, CosmosBatchOperationError) as error:
            if error.status_code not in _REPEATED:
                raise
            wait = max(retry_after(error) or 0.0, pause * random.uniform(0.5, 1))
            if time.monotonic() + wait > until:
                raise
        time.sleep(wait)
        pause = min(2 * pause, _LONGEST_PAUSE_S)


def ensured[T](make: Callable[[], T]) -> T:
    """Make what may exist. The SDK looks, then creates: of two concurrent calls one is refused, and looks again."""
    try:
        return patiently(make)
    except CosmosResourceExistsError:
        return patiently(make)


def retry_after(error: CosmosHttpResponseError | CosmosBatchOperationError) -> float | None:
    """Seconds that the service asks to wait; None if it does not say."""
    given = (error.headers or {}).get("x-ms-retry-after-ms")
    return float(given) / 1000 if given else None
