"""PNG files (PNG specification, third edition): chunks."""

from __future__ import annotations

import re
import zlib

from shared.images.contents import MAX_PROFILE_BYTES, Animated, Contents, Damaged, TooManyParts
from shared.images.exif import orientation

_SIGNATURE = 8
_DECODED = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_NOTED = {b"iCCP", b"sRGB", b"gAMA", b"cICP", b"eXIf", b"acTL", b"tEXt", b"zTXt", b"iTXt"}
_TEXTS = (b"Raw profile type exif\x00", b"Raw profile type APP1\x00", b"XML:com.adobe.xmp\x00")
MAX_CHUNKS = 100_000
_LEAST_GAMMA, _MOST_GAMMA = 0.1, 10
"""Exponents that pictures are stored with; others are a mistake of a program, and leave only black or white."""
_MAX_TEXT_BYTES = 1 << 20
_HEX_LENGTH = re.compile(rb"\s*\w+\s+\d+\s+([0-9a-fA-F\s]*)")


def read(data: bytes) -> Contents:
    """Take a PNG apart. Raises Damaged, Animated, TooManyParts."""
    kept, noted = _chunks(data)
    if int.from_bytes(noted.get(b"acTL", b"")[:4]) > 1:
        raise Animated
    profile = gamma = None
    cicp = noted.get(b"cICP", b"")
    # In this order by the specification, 4.3: cICP, iCCP, sRGB, gAMA.
    if not cicp and b"iCCP" in noted:
        profile = _inflate(noted[b"iCCP"].partition(b"\x00")[2][1:], MAX_PROFILE_BYTES)
    elif not cicp and b"sRGB" not in noted and len(noted.get(b"gAMA", b"")) == 4:
        said = int.from_bytes(noted[b"gAMA"]) / 100_000
        gamma = said if _LEAST_GAMMA <= said <= _MOST_GAMMA else None
    if data[12:16] != b"IHDR":
        raise Damaged("no header")
    return Contents(
        pixels=data[:_SIGNATURE] + b"".join(kept),
        size=(int.from_bytes(data[16:20]), int.from_bytes(data[20:24])),
        orientation=orientation(noted.get(b"eXIf") or _raw_exif(noted), _xmp(noted)),
        profile=profile,
        gamma=gamma,
        numbers=(cicp[0], cicp[1]) if len(cicp) == 4 else None,
    )


def without_metadata(data: bytes) -> bytes:
    """A PNG of ours with the chunks of its picture alone."""
    return data[:_SIGNATURE] + b"".join(_chunks(data)[0])


def _chunks(data: bytes) -> tuple[list[bytes], dict[bytes, bytes]]:
    """The chunks that the decoder gets, and the bodies of those that say how to show the picture."""
    kept: list[bytes] = []
    noted: dict[bytes, bytes] = {}
    at, count, view = _SIGNATURE, 0, memoryview(data)
    while True:
        if at + 12 > len(data):
            raise Damaged("no end chunk")
        size, kind = int.from_bytes(view[at : at + 4]), data[at + 4 : at + 8]
        end = at + 12 + size
        if end > len(data):
            raise Damaged(f"chunk {kind!r} is cut off")
        if kind in _DECODED:
            kept.append(data[at:end])
        elif kind in _NOTED:
            _note(noted, kind, data[at + 8 : end - 4])
        at, count = end, count + 1
        if count > MAX_CHUNKS:
            raise TooManyParts
        if kind == b"IEND":
            return kept, noted


def _note(noted: dict[bytes, bytes], kind: bytes, body: bytes) -> None:
    if kind in (b"tEXt", b"zTXt", b"iTXt"):
        keyword = next((one for one in _TEXTS if body.startswith(one)), None)
        if keyword is not None:
            noted.setdefault(kind + keyword, body[len(keyword) :])
    else:
        noted.setdefault(kind, body)


def _raw_exif(noted: dict[bytes, bytes]) -> bytes | None:
    """EXIF as ImageMagick and others stored it before there was a chunk for it: hexadecimal, in a text."""
    for keyword in _TEXTS[:2]:
        text = noted.get(b"tEXt" + keyword)
        if text is None and (packed := noted.get(b"zTXt" + keyword)):
            text = _inflate(packed[1:], _MAX_TEXT_BYTES)
        if text and (written := _HEX_LENGTH.match(text)):
            digits = b"".join(written[1].split())
            return bytes.fromhex(digits[: len(digits) & ~1].decode())
    return None


def _xmp(noted: dict[bytes, bytes]) -> bytes | None:
    body = noted.get(b"iTXt" + _TEXTS[2])
    if body is None or len(body) < 4:
        return None
    text = body[2:].split(b"\x00", 2)[-1]
    return _inflate(text, _MAX_TEXT_BYTES) if body[0] else text[:_MAX_TEXT_BYTES]


def _inflate(packed: bytes, longest: int) -> bytes | None:
    """What a few bytes unpack to; None if that is damaged, or implausibly large."""
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(packed, longest)
    except zlib.error:
        return None
    return unpacked if unpacker.eof else None
