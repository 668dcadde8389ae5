"""One HTTP exchange with a target that was checked: no redirects, bounded in time and size.

The connection goes to one of the target's addresses, with the name in TLS (SNI and certificate) and `Host`.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

from shared.errors import UpstreamError
from shared.outbound.target import Target

MAX_ANSWER: Final = 64 * 1024
CONNECT_S: Final = 5


class Answer(NamedTuple):
    """The answer: HTTP status, headers by name in lower case, and the first bytes of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> float | None:
        """`Retry-After` in seconds, where it was a number."""
        wait = self.headers.get("retry-after", "")
        return float(wait) if wait.isdecimal() and len(wait) < 7 else None


def post(
    target: Target, body: bytes, headers: Mapping[str, str], *, timeout_s: float, context: ssl.SSLContext | None = None
) -> Answer:
    """POST once and read at most 64 KiB of the answer.

    Args:
        timeout_s: seconds for all of it; the socket is shut when they are over, however slowly the other side sends.
        context: what to trust; the roots of certifi by default.

    Raises:
        UpstreamError: `<purpose>_unreachable`, retryable.
    """
    return _call(target, "POST", body, headers, MAX_ANSWER, timeout_s, context)


def get(
    target: Target,
    headers: Mapping[str, str],
    *,
    max_bytes: int,
    timeout_s: float,
    context: ssl.SSLContext | None = None,
) -> Answer:
    """GET once and read at most `max_bytes` of the answer; otherwise as `post`."""
    return _call(target, "GET", None, headers, max_bytes, timeout_s, context)


def _call(
    target: Target,
    method: str,
    body: bytes | None,
    headers: Mapping[str, str],
    max_bytes: int,
    timeout_s: float,
    context: ssl.SSLContext | None,
) -> Answer:
    sent = {"Host": _host(target), "Connection": "close", **headers}
    try:
        link = _connect(target, timeout_s)
        if target.tls:
            link = (context or _trust()).wrap_socket(link, server_hostname=target.host, do_handshake_on_connect=False)
        late = threading.Event()
        over = threading.Timer(timeout_s, _shut, (link, late))
        over.daemon = True
        over.start()
        try:
            answer = _exchange(link, target, method, body, sent, max_bytes)
        finally:
            over.cancel()
            link.close()
        if late.is_set():
            # What was cut off reads like an answer with fewer headers.
            raise TimeoutError
        return answer
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UpstreamError(_reason(error), code=f"{target.purpose}_unreachable") from error


def _host(target: Target) -> str:
    name = f"[{target.host}]" if ":" in target.host else target.host
    return name if target.port == (443 if target.tls else 80) else f"{name}:{target.port}"


def _connect(target: Target, timeout_s: float) -> socket.socket:
    """A connection to the first address that takes one."""
    failure: OSError = OSError("no address")
    for address in target.addresses[:4]:
        try:
            link = socket.create_connection((address, target.port), timeout=min(CONNECT_S, timeout_s))
        except OSError as error:
            failure = error
            continue
        link.settimeout(timeout_s)
        return link
    raise failure


def _exchange(
    link: socket.socket, target: Target, method: str, body: bytes | None, headers: Mapping[str, str], max_bytes: int
) -> Answer:
    if isinstance(link, ssl.SSLSocket):
        link.do_handshake()
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = link
    connection.request(method, target.path, body, dict(headers))
    with connection.getresponse() as response:
        data = response.read(max_bytes)
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, data)


def _shut(link: socket.socket, late: threading.Event) -> None:
    """Shut the socket below TLS, which ends a read that waits on it."""
    late.set()
    try:
        socket.socket.shutdown(link, socket.SHUT_RDWR)
    except OSError:
        return


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "the certificate of the host is not valid"
    if isinstance(error, ssl.SSLError):
        return "the host does not speak TLS"
    if isinstance(error, TimeoutError):
        return "the host did not answer in time"
    return "the host can't be reached, or closed the connection"


@cache
def _trust() -> ssl.SSLContext:
    import certifi

    context = ssl.create_default_context(cafile=certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
