"""Effective partition keys of version 1, of containers that are defined with it.

A key is the hash of its components (MurmurHash3 of 32 bits, texts cut to 100 characters) as a number, and then the
components, in a binary form that sorts; the SDK's `partition_key.py` computes the same.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final

import mmh3

from emulators.cosmos.sql.values import UNDEFINED

MAX_TEXT: Final = 100
_SIGN: Final = 1 << 63


def effective(components: Sequence[Any]) -> str:
    """The effective partition key, upper-case hexadecimal."""
    cut = [component[:MAX_TEXT] if isinstance(component, str) else component for component in components]
    digest = mmh3.hash(b"".join(map(_hashed, cut)), 0, signed=False)
    return (_number(digest) + b"".join(map(_sorted, cut))).hex().upper()


def bound(share: float) -> str:
    """The key below which this share of all keys lies."""
    return _number(int(2**32 * share)).hex().upper()


def _hashed(component: Any) -> bytes:
    if isinstance(component, str):
        return b"\x08" + component.encode(errors="surrogatepass") + b"\x00"
    if isinstance(component, int | float) and not isinstance(component, bool):
        return b"\x05" + struct.pack("<d", float(component))
    return _constant(component)


def _sorted(component: Any) -> bytes:
    if isinstance(component, str):
        raw = component.encode(errors="surrogatepass")
        text = bytes(min(byte + 1, 255) for byte in raw[: MAX_TEXT + 1])
        return b"\x08" + text + (b"\x00" if len(raw) <= MAX_TEXT else b"")
    if isinstance(component, int | float) and not isinstance(component, bool):
        return _number(component)
    return _constant(component)


def _constant(component: Any) -> bytes:
    if component is UNDEFINED:
        return b"\x00"
    return b"\x01" if component is None else b"\x03" if component else b"\x02"


def _number(value: float) -> bytes:
    """Its bits, so turned that they sort as numbers do: eight first, then seven a byte with a mark that more follow."""
    (bits,) = struct.unpack("<Q", struct.pack("<d", float(value)))
    payload = bits ^ _SIGN if bits < _SIGN else (~bits + 1) % 2**64
    made = bytearray((0x05, payload >> 56))
    payload = payload << 8 & 0xFFFFFFFFFFFFFFFF
    while payload:
        made.append(payload >> 56 | 1)
        payload = payload << 7 & 0xFFFFFFFFFFFFFFFF
    if len(made) == 2:
        made.append(0)
    made[-1] &= 0xFE
    return bytes(made)
