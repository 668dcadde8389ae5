"""ICC profiles made by hand (ICC.1:2001-04), so that their curves and their names can disagree."""

from __future__ import annotations

import struct
from collections.abc import Sequence

SRGB_XYZ = ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7139))
"""Colorants of sRGB adapted to D50: red, green, blue."""
P3_XYZ = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
ADOBE_XYZ = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))
D50 = (0.9642, 1.0, 0.8249)


def fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65_536)) for value in values)


def gamma(exponent: float) -> bytes:
    """A curve of one exponent."""
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(exponent * 256)) + bytes(2)


def srgb_curve() -> bytes:
    values = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (i / 1023 for i in range(1024))]
    return b"curv" + bytes(4) + struct.pack(">I1024H", 1024, *(round(v * 65_535) for v in values))


def profile(
    curve: bytes,
    colorants: Sequence[Sequence[float]] | None = SRGB_XYZ,
    *,
    name: bytes = b"no name",
    space: bytes = b"RGB ",
) -> bytes:
    """A display profile of these curves and colorants; grey when it has no colorants."""
    text = b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name + b"\0" + bytes(78)
    tags: list[tuple[bytes, bytes]] = [
        (b"desc", text + bytes(-len(text) % 4)),
        (b"cprt", b"text" + bytes(4) + b"none\0\0\0\0"),
        (b"wtpt", b"XYZ " + bytes(4) + fixed(*D50)),
    ]
    if colorants is None:
        tags.append((b"kTRC", curve))
    else:
        tags += [
            (kind, b"XYZ " + bytes(4) + fixed(*one))
            for kind, one in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True)
        ]
        tags += [(kind, curve) for kind in (b"rTRC", b"gTRC", b"bTRC")]
    at, table, data = 132 + 12 * len(tags), b"", b""
    for kind, body in tags:
        table += kind + struct.pack(">II", at + len(data), len(body))
        data += body
    head = struct.pack(">I4sI4s4s4s", at + len(data), bytes(4), 0x02400000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + fixed(*D50) + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + data
