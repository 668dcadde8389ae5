"""HTTP calls to an address that a customer gave, which may lead to the public internet only.

The name is resolved once, every address it has must be public, and the connection goes to the address that was
checked, with the name in TLS (SNI and certificate) and `Host`; so DNS rebinding gains nothing. Redirects are
not followed, and time and size of the answer are bounded (OWASP Server-Side Request Forgery Prevention Cheat Sheet).
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final
from urllib.parse import urlsplit

from shared.errors import StudioError, Unprocessable, UpstreamError
from shared.webhooks.settings import webhook_settings

MAX_ANSWER = 64 * 1024
CONNECT_S = 5
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_SPECIAL_V6: Final = tuple(
    ipaddress.IPv6Network(network)
    # IETF protocols with Teredo, documentation, 6to4, AS112: none of them is a customer's server.
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
_SPECIAL_V4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        # Azure's own services answer every virtual machine there: DNS, DHCP, the guest agent.
        "168.63.129.16/32",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """Where a delivery goes: the name for TLS and `Host`, and the addresses to connect to, in order."""

    host: str
    port: int
    path: str
    addresses: tuple[str, ...]
    tls: bool = True


@dataclass(frozen=True)
class Answer:
    """The answer: HTTP status, and `Retry-After` in seconds where it was a number."""

    status: int
    retry_after: float | None


def resolve(url: str) -> Target:
    """The target of a URL.

    Raises:
        Unprocessable: `webhook_url`, it is not one we call: not https, not well-formed, or an address is not public.
        UpstreamError: `webhook_unresolved`, its name has no address now; retryable.
    """
    host, port, path, tls = _parse(url)
    allowed = _allowed(host, port)
    if not allowed and (not tls or (port < 1024 and port != 443)):
        raise _refused("webhooks go over https, to port 443 or one above 1023")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        raise UpstreamError("the name of the endpoint has no address", code="webhook_unresolved") from None
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allowed and not all(is_public(address) for address in addresses):
        raise _refused("the host has an address that is not public")
    return Target(host, port, path, addresses, tls)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, by the registries of special-purpose addresses (RFC 6890).

    An IPv6 address that carries an IPv4 one inside is judged by that.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or (ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
        if inner is None:
            return ip in _GLOBAL_UNICAST and not any(ip in network for network in _SPECIAL_V6)
        ip = inner
    return not any(ip in network for network in _SPECIAL_V4)


def _parse(url: str) -> tuple[str, int, str, bool]:
    if not url.isascii() or any(c <= " " or c in '\\<>"{}|^`\x7f' for c in url):
        raise _refused("it contains characters that a URL can't have")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _refused("it is not a URL") from None
    if parts.scheme not in ("https", "http") or not host or "@" in parts.netloc or parts.fragment or "#" in url:
        raise _refused("send `https://host/path`, without user name and fragment")
    tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return host.rstrip("."), (443 if tls else 80) if port is None else port, path, tls


def _allowed(host: str, port: int) -> bool:
    """Whether the settings name it; never in production, see `WebhookSettings`."""
    return bool({f"{host}:{port}", f"{host}:*"} & set(webhook_settings().webhook_allow_hosts))


def _refused(why: str) -> StudioError:
    return Unprocessable(f"the URL can't be called: {why}", code="webhook_url", field="url")


def post(
    target: Target, body: bytes, headers: Mapping[str, str], *, timeout_s: float, context: ssl.SSLContext | None = None
) -> Answer:
    """POST once and read at most 64 KiB of the answer.

    Args:
        timeout_s: seconds for all of it; the socket is shut when they are over, however slowly the other side sends.
        context: what to trust; the roots of certifi by default.

    Raises:
        UpstreamError: `webhook_unreachable`, retryable.
    """
    name = f"[{target.host}]" if ":" in target.host else target.host
    host = name if target.port == (443 if target.tls else 80) else f"{name}:{target.port}"
    try:
        link = _connect(target, timeout_s)
        if target.tls:
            link = (context or _trust()).wrap_socket(link, server_hostname=target.host, do_handshake_on_connect=False)
        late = threading.Event()
        over = threading.Timer(timeout_s, _shut, (link, late))
        over.daemon = True
        over.start()
        try:
            answer = _exchange(link, target, body, {"Host": host, "Connection": "close", **headers})
        finally:
            over.cancel()
            link.close()
        if late.is_set():
            # What was cut off reads like an answer with fewer headers.
            raise TimeoutError
        return answer
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UpstreamError(_reason(error), code="webhook_unreachable") from error


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


def _exchange(link: socket.socket, target: Target, body: bytes, headers: Mapping[str, str]) -> Answer:
    if isinstance(link, ssl.SSLSocket):
        link.do_handshake()
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = link
    connection.request("POST", target.path, body, dict(headers))
    with connection.getresponse() as response:
        response.read(MAX_ANSWER)
        wait = response.getheader("Retry-After") or ""
        return Answer(response.status, float(wait) if wait.isdecimal() and len(wait) < 7 else None)


def _shut(link: socket.socket, late: threading.Event) -> None:
    """Shut the socket below TLS, which ends a read that waits on it."""
    late.set()
    try:
        socket.socket.shutdown(link, socket.SHUT_RDWR)
    except OSError:
        return


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "the certificate of the endpoint is not valid"
    if isinstance(error, ssl.SSLError):
        return "the endpoint does not speak TLS"
    if isinstance(error, TimeoutError):
        return "the endpoint did not answer in time"
    return "the endpoint can't be reached, or closed the connection"


@cache
def _trust() -> ssl.SSLContext:
    import certifi

    context = ssl.create_default_context(cafile=certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
