"""The orientation of a picture, read from EXIF or XMP alone: nothing else in them is looked at, so no other tag, broken
as it may be, changes how the picture is turned."""

from __future__ import annotations

import re
import struct

_ORIENTATION = 0x0112
_INTEGERS = {1: "B", 3: "H", 4: "I"}
"""TIFF types that writers use for it: BYTE, SHORT (the standard's), LONG."""
_XMP = re.compile(rb"""(?:tiff:Orientation\s*=\s*["']|<tiff:Orientation[^>]*>)\s*([1-8])\s*["'<]""")


def orientation(exif: bytes | None, xmp: bytes | None = None) -> int:
    """How to turn the picture, 1 to 8 (EXIF 2.32, 4.6.4); 1 when neither says.

    Args:
        exif: a TIFF structure, with or without the `Exif` header in front of it.
        xmp: an XMP packet, which counts only when EXIF does not say.
    """
    found = _from_tiff(exif) if exif else None
    if found is None and xmp and (written := _XMP.search(xmp)):
        found = int(written[1])
    return found if found is not None else 1


def _from_tiff(data: bytes) -> int | None:
    """TIFF 6.0: byte order, offset of the first directory, its entries of 12 bytes."""
    if data[:4].lower() == b"exif":
        data = data[6:]
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        return None
    (directory,) = struct.unpack_from(f"{order}I", data, 4)
    if directory + 2 > len(data):
        return None
    (count,) = struct.unpack_from(f"{order}H", data, directory)
    for at in range(directory + 2, min(directory + 2 + 12 * count, len(data) - 11), 12):
        tag, kind, values = struct.unpack_from(f"{order}HHI", data, at)
        if tag == _ORIENTATION and kind in _INTEGERS and values == 1:
            (value,) = struct.unpack_from(order + _INTEGERS[kind], data, at + 8)
            return value if 1 <= value <= 8 else None
    return None
