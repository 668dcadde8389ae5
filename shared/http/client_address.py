"""The address of a caller behind proxies."""

from __future__ import annotations

import ipaddress
from functools import cache

from shared import telemetry
from shared.http.settings import http_settings

UNKNOWN = "unknown"


def client_address(forwarded: str | None) -> str:
    """The caller's address by the number of trusted proxies, or `unknown`.

    Each trusted proxy appends one entry to `X-Forwarded-For`; entries further left were written by the caller and
    are ignored. Without a trusted proxy callers can not be distinguished, and all share one allowance.
    """
    hops = http_settings().trusted_proxy_hops
    chain = [entry.strip() for entry in (forwarded or "").split(",") if entry.strip()]
    if hops == 0:
        return UNKNOWN
    if len(chain) < hops:
        _report(len(chain), hops)
        return UNKNOWN
    address = chain[-hops]
    if address.startswith("["):
        address = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        address = address.partition(":")[0]
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return UNKNOWN
    # A proxy that listens on IPv6 writes IPv4 addresses this way; as IPv6 all of them would be one network.
    return str((ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None) or ip)


@cache
def _report(seen: int, hops: int) -> None:
    """Log once that fewer proxies forward than are trusted: all these callers share one allowance."""
    telemetry.log("client_address.hops", level="error", seen=seen, trustedProxyHops=hops)


def network_of(ip: str) -> str:
    """The range that one caller can send from: an IPv4 address, or the /64 that an IPv6 customer gets."""
    if ":" not in ip:
        return ip
    return str(ipaddress.ip_network(f"{ip}/64", strict=False).network_address)
