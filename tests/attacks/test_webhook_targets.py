"""Sending webhooks to addresses that are not of the public internet, however they are written."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import StudioError
from shared.outbound import target
from shared.outbound.target import Purpose

NOT_PUBLIC_V4 = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
    "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "255.255.255.255/32",
]  # fmt: skip
NOT_PUBLIC_V6 = [
    "::/128", "::1/128", "::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/32", "2001:2::/48",
    "2001:10::/28", "2001:20::/28", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "4000::/3",
    "5f00::/16", "fc00::/7", "fd00:ec2::254/128", "fe80::/10", "fec0::/10", "ff00::/8",
]  # fmt: skip
"""IANA's registries of special-purpose addresses (RFC 6890 and later), what is reserved, and Azure's platform."""
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "168.63.129.17",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "64:ff9b::808:808",
    "::ffff:8.8.8.8",
]


def within(networks: list[str]) -> st.SearchStrategy[str]:
    """Any address of these networks, the first and the last among them."""

    def of(text: str) -> st.SearchStrategy[str]:
        network = ipaddress.ip_network(text)
        last = network.num_addresses - 1
        return st.integers(0, last).map(lambda n: str(network[n]))

    return st.sampled_from(networks).flatmap(of)


@given(within(NOT_PUBLIC_V4))
def test_no_special_ipv4_address_is_public_in_any_form(address: str) -> None:
    number = int(ipaddress.IPv4Address(address))
    forms = [
        address, f"::ffff:{address}", f"::{address}", str(ipaddress.IPv6Address((0x64FF9B << 96) + number)),
        str(ipaddress.IPv6Address((0x2002 << 112) + (number << 80))),
        str(ipaddress.IPv6Address((0x20010000 << 96) + (number ^ 0xFFFFFFFF))),
    ]  # fmt: skip
    assert [form for form in forms if target.is_public(form)] == []


@given(within(NOT_PUBLIC_V6))
def test_no_special_ipv6_address_is_public(address: str) -> None:
    assert not target.is_public(address)
    assert not target.is_public(f"{address}%eth0")


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert target.is_public(address)


@given(st.ip_addresses())
def test_python_s_own_opinion_is_never_stricter(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """What `ipaddress` calls private, reserved, multicast or link-local is never public to us."""
    special = address.is_private or address.is_reserved or address.is_multicast or address.is_link_local
    inner = getattr(address, "ipv4_mapped", None)
    assert not (special and inner is None and target.is_public(str(address)) and address not in target._NAT64)


@pytest.mark.parametrize(
    "host", ["168.63.129.16", "[fec0::1]", "[64:ff9b::a83f:8110]", "[::ffff:168.63.129.16]", "[2002:a83f:8110::]"]
)
def test_a_webhook_can_not_be_registered_for_them(local: dict[str, str], host: str) -> None:
    with pytest.raises(StudioError) as refused:
        target.resolve(f"https://{host}/", Purpose("webhook"))
    assert refused.value.code == "webhook_url"
