"""Where a call to an address that a customer gave may go: the public internet only.

The name is resolved once, every address it has must be public, and the connection goes to an address that was checked
(`shared.outbound.exchange`); so DNS rebinding gains nothing (OWASP Server-Side Request Forgery Prevention Cheat Sheet).
"""

import ipaddress
import socket
from collections.abc import Collection
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from shared.errors import StudioError, Unprocessable, UpstreamError

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


class Purpose(NamedTuple):
    """What calls are made for.

    Args:
        name: begins the codes of their errors: `webhook` makes `webhook_url`, `webhook_unresolved` and
            `webhook_unreachable`.
        field: the field of the request that holds the address, in errors.
        allow_hosts: `HOST:PORT` (port may be `*`) that may be called although not public, and without TLS.
    """

    name: str
    field: str = "url"
    allow_hosts: Collection[str] = ()


class Target(NamedTuple):
    """Where a call goes: the name for TLS and `Host`, and the addresses to connect to, in order.

    Args:
        purpose: name of the call's purpose, which begins the codes of its errors.
    """

    host: str
    port: int
    path: str
    addresses: tuple[str, ...]
    tls: bool = True
    purpose: str = "webhook"


def resolve(url: str, purpose: Purpose) -> Target:
    """The target of a URL.

    Raises:
        Unprocessable: `<purpose>_url`, it is not one we call: not https, not well-formed, or an address is not public.
        UpstreamError: `<purpose>_unresolved`, its name has no address now; retryable.
    """
    host, port, path, tls = _parse(url, purpose)
    allowed = bool({f"{host}:{port}", f"{host}:*"} & set(purpose.allow_hosts))
    if not allowed and (not tls or (port < 1024 and port != 443)):
        raise _refused("calls go over https, to port 443 or one above 1023", purpose)
    try:
        # As bytes: a text would be encoded by IDNA, which is for names that `_parse` refuses.
        found = socket.getaddrinfo(host.encode(), port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        code = f"{purpose.name}_unresolved"
        raise UpstreamError("the name of the host has no address", code=code, field=purpose.field) from None
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allowed and not all(is_public(address) for address in addresses):
        raise _refused("the host has an address that is not public", purpose)
    return Target(host, port, path, addresses, tls, purpose.name)


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


def _parse(url: str, purpose: Purpose) -> tuple[str, int, str, bool]:
    if not url.isascii() or any(c <= " " or c in '\\<>"{}|^`\x7f' for c in url):
        raise _refused("it contains characters that a URL can't have", purpose)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _refused("it is not a URL", purpose) from None
    if parts.scheme not in ("https", "http") or not host or "@" in parts.netloc or parts.fragment or "#" in url:
        raise _refused("send `https://host/path`, without user name and fragment", purpose)
    tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return host.rstrip("."), (443 if tls else 80) if port is None else port, path, tls


def _refused(why: str, purpose: Purpose) -> StudioError:
    return Unprocessable(f"the URL can't be called: {why}", code=f"{purpose.name}_url", field=purpose.field)
