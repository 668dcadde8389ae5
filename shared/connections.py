"""The HTTP transport of Azure's SDK clients, with as many connections as the app has threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from azure.core.pipeline.transport import HttpTransport

CONNECTIONS: Final = 32
"""Connections kept for each client: `PYTHON_THREADPOOL_THREAD_COUNT` of a deployment. The SDK keeps 10, and closes what
more threads have opened: the next call of each then begins with a TLS handshake."""


def pooled_transport(**options: Any) -> HttpTransport[Any, Any]:
    """A transport that keeps `CONNECTIONS` connections to each host.

    Args:
        options: of the transport, such as `connection_timeout` and `read_timeout` in seconds.
    """
    import requests
    from azure.core.pipeline.transport import RequestsTransport
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    adapter = HTTPAdapter(pool_maxsize=CONNECTIONS)
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    return RequestsTransport(session=session, **options)
