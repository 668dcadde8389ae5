"""JPEG files (ITU-T T.81): segments and scans."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from shared.images.contents import MAX_PROFILE_BYTES, Contents, Damaged, RareCoding
from shared.images.exif import orientation

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_SOI, _EOI, _SOS, _DHT, _APP0, _APP1, _APP2, _APP14, _COM = 0xD8, 0xD9, 0xDA, 0xC4, 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
_PROGRESSIVE = {0xC2}
_HUFFMAN_SEQUENTIAL = {0xC0, 0xC1}
_COMMON = {0xC0, 0xC1, 0xC2}
"""Baseline, extended and progressive, with Huffman's codes; others are lossless, hierarchical,
arithmetic, or JPEG-LS."""
_BARE = {0x01, _SOI}
_JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
_ICC = b"ICC_PROFILE\x00"
_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_MAX_PADDING = 64
"""Bytes; more than any camera pads with."""
_ZERO_RUN = 64
"""Bytes: as many zeros in a row are coded picture only where zero bits mean that nothing changes, or that brightness
falls evenly."""
_BRIGHTNESS_STEPS = 2048
"""The largest difference between two DC coefficients of 8-bit pictures."""


class _FirstCode(NamedTuple):
    """What zero bits mean in a Huffman table: the symbol of its first code, and how many bits that has."""

    symbol: int = 0
    bits: int = 1

    @property
    def size(self) -> int:
        """Bits of the number that follows; 0 if the symbol means that nothing changes."""
        return self.symbol & 15


class _Walk:
    """What the segments before the current one have said."""

    def __init__(self) -> None:
        self.frame = 0
        self.size: tuple[int, int] = (0, 0)
        self.components: dict[int, tuple[int, int]] = {}
        """Sampling factors by component id."""
        self.sent: dict[int, list[int]] = {}
        """For each component and coefficient the lowest bit that a scan has sent; 0 is complete, 99 never sent."""
        self.first_codes: dict[int, _FirstCode] = {}
        """By class and number of a Huffman table."""
        self.paddings: list[int] = []
        """Bytes of one value at the end of each scan."""
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
            walk.paddings.append(_padding(data, start, at))
            if _check_scan(walk, body, data, start, at):
                kept.append(view[start:at])
            else:
                kept.pop()
    if not walk.sent or any(max(bits) > 0 for bits in walk.sent.values()):
        raise Damaged("scans are missing")
    profile = b"".join(walk.icc[number] for number in sorted(walk.icc))
    factors = list(walk.components.values())
    return Contents(
        # An array, so that `shorten` needs no copy.
        pixels=bytearray().join([kept[0], *_colour_model(walk), *kept[1:], b"\xff\xd9"]),
        size=walk.size,
        orientation=orientation(walk.exif, walk.xmp),
        profile=profile if 128 < len(profile) <= MAX_PROFILE_BYTES else None,
        coarse_colour=len(factors) == 3 and factors[0][0] >= 2 * factors[1][0] and factors[0][1] >= 2 * factors[1][1],
        paddings=tuple(walk.paddings),
    )


def shorten(contents: Contents) -> bool:
    """Take the last byte off the scan of a picture in one Huffman-coded scan, which a decoder then misses; False for
    others. Padding is taken off, too, and the height is whole blocks, because decoders that make the picture
    smaller leave out the rest of a block. What is behind the new end stays and is not read."""
    data, at = contents.pixels, 2
    if len(contents.paddings) != 1 or not isinstance(data, bytearray):
        return False
    while data[at + 1] not in _FRAMES:
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    if data[at + 1] not in _HUFFMAN_SEQUENTIAL:
        return False
    count = data[at + 9]
    rows = 8 * (max(data[at + 11 + 3 * i] & 15 for i in range(count)) if count > 1 else 1)
    height = int.from_bytes(data[at + 5 : at + 7])
    data[at + 5 : at + 7] = min(65_535, -(-height // rows) * rows).to_bytes(2)
    end = len(data) - 2 - contents.paddings[0] - 1
    # A byte 255 is followed by a zero in coded picture, and is a marker without it.
    end -= data[end - 1] == 0xFF
    data[end : end + 2] = b"\xff\xd9"
    return True


def _padding(data: bytes, first: int, last: int) -> int:
    """How many bytes before `last` are the same, up to `_MAX_PADDING`."""
    tail = data[max(first, last - _MAX_PADDING) : last]
    return len(tail) - len(tail.rstrip(tail[-1:]))


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
        walk.first_codes |= dict(_first_codes(body))
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
    if code not in _COMMON or not walk.size[1]:
        # Arithmetic decoders read any bytes to the end; a height that follows the picture is known to no decoder.
        raise RareCoding
    for at in range(6, 6 + 3 * body[5], 3):
        walk.components[body[at]] = (body[at + 1] >> 4, body[at + 1] & 15)
        walk.sent[body[at]] = [99] * 64


def _first_codes(body: bytes) -> Iterator[tuple[int, _FirstCode]]:
    at = 0
    while at + 17 <= len(body):
        counts = body[at + 1 : at + 17]
        if any(counts) and at + 17 < len(body):
            bits = next(length for length, count in enumerate(counts, 1) if count)
            yield body[at], _FirstCode(body[at + 17], bits)
        at += 17 + sum(counts)


def _longest_zeros(dc: list[_FirstCode], ac: list[_FirstCode]) -> int | None:
    """Bytes of zeros from which on they can't be coded picture; None if any number of them can."""
    if any(code.size for code in ac):
        return _ZERO_RUN
    if not any(code.size for code in dc):
        return None
    # Each block is darker than the one before, by the same step, until there is nothing darker.
    step = max((1 << code.size) - 1 for code in dc)
    block = sum(code.bits + code.size for code in dc) + sum(code.bits for code in ac)
    return max(_ZERO_RUN, (_BRIGHTNESS_STEPS // step + 1) * block // 8)


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
    dc: list[_FirstCode] = []
    ac: list[_FirstCode] = []
    new = False
    for at in range(1, 1 + 2 * count, 2):
        sent = walk.sent.get(header[at])
        if sent is None:
            raise Damaged("a scan of no component")
        new = new or any(before > bits & 15 for before in sent[start : end + 1])
        sent[start : end + 1] = [min(before, bits & 15) for before in sent[start : end + 1]]
        if start == 0:
            dc.append(walk.first_codes.get(header[at + 1] >> 4, _FirstCode()))
        if end > 0:
            ac.append(walk.first_codes.get(0x10 | header[at + 1] & 15, _FirstCode()))
    # A refining scan has bits of coefficients that are there already: zeros leave them as they are.
    longest = None if bits >> 4 else _longest_zeros(dc, ac)
    if longest is not None and data.find(bytes(longest), first, last) >= 0:
        raise Damaged("a scan was overwritten with zeros")
    return new
