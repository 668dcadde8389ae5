"""JPEG files (ITU-T T.81): segments and scans."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.images.contents import MAX_PROFILE_BYTES, Contents, Damaged
from shared.images.exif import orientation

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_SOI, _EOI, _SOS, _DHT, _APP0, _APP1, _APP2, _APP14, _COM = 0xD8, 0xD9, 0xDA, 0xC4, 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_BARE = {0x01, _SOI}
_JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
_ICC = b"ICC_PROFILE\x00"
_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_ZERO_RUN = bytes(64)
"""512 zero bits in a row are coded picture only where zero bits mean that nothing changes."""


class _Walk:
    """What the segments before the current one have said."""

    def __init__(self) -> None:
        self.frame = 0
        self.size: tuple[int, int] = (0, 0)
        self.components: dict[int, tuple[int, int]] = {}
        """Sampling factors by component id."""
        self.sent: dict[int, list[int]] = {}
        """For each component and coefficient the lowest bit that a scan has sent; 0 is complete, 99 never sent."""
        self.first_symbols: dict[int, int] = {}
        """By class and number of a Huffman table: the symbol that zero bits mean."""
        self.jfif = False
        self.adobe = b""
        self.exif: bytes | None = None
        self.xmp: bytes | None = None
        self.icc: dict[int, bytes] = {}


def read(data: bytes) -> Contents:
    """Take a JPEG apart. Raises Damaged, also for scans that are missing or were overwritten with zeros."""
    walk = _Walk()
    kept: list[bytes | memoryview] = [b"\xff\xd8"]
    view = memoryview(data)
    at = 2
    while True:
        marker = _MARKER.search(data, at)
        if marker is None:
            raise Damaged("no end of image")
        at, code = marker.end(), data[marker.end() - 1]
        if code == _EOI:
            break
        if code in _BARE:
            continue
        length = int.from_bytes(data[at : at + 2])
        body = data[at + 2 : at + length]
        if length < 2 or at + length > len(data):
            raise Damaged(f"segment {code:02x} is cut off")
        at += length
        segment = _kept(walk, code, body)
        if segment is None:
            continue
        kept.append(segment)
        if code == _SOS:
            end = _MARKER.search(data, at)
            if end is None:
                raise Damaged("a scan is cut off")
            start, at = at, end.start()
            if _check_scan(walk, body, data, start, at):
                kept.append(view[start:at])
            else:
                kept.pop()
    if not walk.sent or any(max(bits) > 0 for bits in walk.sent.values()):
        raise Damaged("scans are missing")
    profile = b"".join(walk.icc[number] for number in sorted(walk.icc))
    factors = list(walk.components.values())
    return Contents(
        pixels=b"".join([kept[0], *_colour_model(walk), *kept[1:], b"\xff\xd9"]),
        size=walk.size,
        orientation=orientation(walk.exif, walk.xmp),
        profile=profile if 128 < len(profile) <= MAX_PROFILE_BYTES else None,
        coarse_colour=len(factors) == 3 and factors[0][0] >= 2 * factors[1][0] and factors[0][1] >= 2 * factors[1][1],
    )


def _colour_model(walk: _Walk) -> Iterator[bytes]:
    """The two segments by which decoders tell RGB, YCbCr, CMYK and YCCK apart, in the form that all of them know."""
    if walk.jfif:
        yield _JFIF
    if walk.adobe:
        transform = walk.adobe[11] if walk.adobe[11] <= 2 else 2 if len(walk.components) == 4 else 1
        yield _segment(_APP14, walk.adobe[:11] + bytes((transform,)))


def _kept(walk: _Walk, code: int, body: bytes) -> bytes | None:
    """The segment as the decoder gets it; None for metadata, which is noted."""
    if code == _APP0:
        # Replaced by a standard one: decoders warn of unknown versions.
        walk.jfif = walk.jfif or body[:5] == b"JFIF\x00"
        return None
    if code == _APP1 and body[:4] == b"Exif":
        walk.exif = walk.exif or body
    elif code == _APP1 and body.startswith(_XMP):
        walk.xmp = walk.xmp or body[len(_XMP) :]
    elif code == _APP2 and body.startswith(_ICC) and len(body) > 14:
        walk.icc.setdefault(body[12], body[14:])
    elif code == _APP14 and body[:5] == b"Adobe" and len(body) >= 12:
        walk.adobe = walk.adobe or body[:12]
    if 0xE0 <= code <= 0xEF or code == _COM:
        return None
    if code in _FRAMES:
        _note_frame(walk, code, body)
    elif code == _DHT:
        walk.first_symbols |= dict(_first_symbols(body))
    elif code == _SOS and walk.frame in (0xC0, 0xC1) and body:
        # Some encoders leave the last three bytes, which mean nothing here, at other values.
        count = body[0]
        body = body[: 1 + 2 * count] + b"\x00\x3f\x00"
    return _segment(code, body)


def _segment(code: int, body: bytes) -> bytes:
    return bytes((0xFF, code)) + (len(body) + 2).to_bytes(2) + body


def _note_frame(walk: _Walk, code: int, body: bytes) -> None:
    if walk.frame or len(body) < 6 or len(body) < 6 + 3 * body[5]:
        raise Damaged("bad frame header")
    walk.frame, walk.size = code, (int.from_bytes(body[3:5]), int.from_bytes(body[1:3]))
    for at in range(6, 6 + 3 * body[5], 3):
        walk.components[body[at]] = (body[at + 1] >> 4, body[at + 1] & 15)
        walk.sent[body[at]] = [99] * 64


def _first_symbols(body: bytes) -> Iterator[tuple[int, int]]:
    at = 0
    while at + 17 <= len(body):
        count = sum(body[at + 1 : at + 17])
        if count and at + 17 < len(body):
            yield body[at], body[at + 17]
        at += 17 + count


def _check_scan(walk: _Walk, header: bytes, data: bytes, first: int, last: int) -> bool:
    """Note what a scan completes; False if it completes nothing: a scan sent twice. Raises Damaged if it can't be
    coded picture."""
    if not header or len(header) < 4 + 2 * header[0] or first == last:
        raise Damaged("bad scan")
    count = header[0]
    start, end, bits = header[1 + 2 * count : 4 + 2 * count]
    progressive = walk.frame in _PROGRESSIVE
    if not progressive:
        start, end, bits = 0, 63, 0
    if end > 63 or start > end:
        raise Damaged("bad scan")
    tables: set[int] = set()
    new = False
    for at in range(1, 1 + 2 * count, 2):
        sent = walk.sent.get(header[at])
        if sent is None:
            raise Damaged("a scan of no component")
        new = new or any(before > bits & 15 for before in sent[start : end + 1])
        sent[start : end + 1] = [min(before, bits & 15) for before in sent[start : end + 1]]
        if start == 0:
            tables.add(header[at + 1] >> 4)
        if end > 0:
            tables.add(0x10 | header[at + 1] & 15)
    refines = bits >> 4
    if (
        not refines
        and data.find(_ZERO_RUN, first, last) >= 0
        and any(walk.first_symbols.get(one, 0) & 15 for one in tables)
    ):
        raise Damaged("a scan was overwritten with zeros")
    return new
