"""What the bytes of an image file say without decoding them: the type by its magic, the number of JPEG scans,
and whether a file that the sanitizer wrote holds pixels and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator

ACCEPTED = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF")
CONTENT_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "HEIF": "image/heic",
}

_PNG = b"\x89PNG\r\n\x1a\n"
_OF_XCODE = b"CgBI"
"""First chunk of what Xcode makes of a PNG for iOS: its compression has no header and its colours another order, so
that only Apple's programs decode it."""
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_NEUTRAL_BRANDS = {b"mif1", b"msf1", b"mif2", b"miaf"}


def sniff(data: bytes) -> str | None:
    """The format by magic bytes at offset 0: one of `ACCEPTED`, or None."""
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if data[:8] == _PNG and data[12:16] != _OF_XCODE:
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return _sniff_isobmff(data)
    return None


def _sniff_isobmff(data: bytes) -> str | None:
    """ISO/IEC 14496-12 `ftyp`: the major brand decides; a neutral one leaves it to the compatible brands."""
    size = min(int.from_bytes(data[:4]), 256)
    brands = [data[at : at + 4] for at in (8, *range(16, size - 3, 4))]
    if brands[0] not in _AVIF_BRANDS | _HEIC_BRANDS | _NEUTRAL_BRANDS:
        return None
    for brand in brands:
        if brand in _AVIF_BRANDS:
            return "AVIF"
        if brand in _HEIC_BRANDS:
            return "HEIF"
    return None


SCAN_END = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def scans(data: bytes, limit: int) -> int:
    """Number of scans (SOS markers) in a JPEG before its EOI; the count stops once it is past `limit`.

    Each progressive scan costs a pass over all coefficients however few bytes it has, so thousands of empty
    ones burn seconds without any pixel limit noticing. Walks the segments as libjpeg does: payloads of
    APPn (thumbnails) and what follows EOI (gain maps, motion video) do not count.
    """
    if (upper_bound := data.count(b"\xff\xda")) <= limit:
        return upper_bound
    found, at = 0, 2
    while found <= limit and (marker := SCAN_END.search(data, at)):
        at, code = marker.end(), data[marker.end() - 1]
        if code == 0xD9:
            break
        if code in (0x01, 0xD8):
            continue
        found += code == 0xDA
        at += max(2, int.from_bytes(data[at : at + 2]))
    return found


def only_pixels(data: bytes, format: str) -> bool:
    """Whether an encoded file has no part but the picture: no EXIF, XMP, ICC, text or bytes after its end.

    Args:
        data: a file written by the sanitizer.
        format: "JPEG", "PNG" or "WEBP"; others are never written, so they answer False.
    """
    if sniff(data) != format:
        return False
    parts = {"JPEG": _jpeg_parts, "PNG": _png_parts, "WEBP": _webp_parts}.get(format)
    return parts is not None and all(parts(data))


def _jpeg_parts(data: bytes) -> Iterator[bool]:
    tables_and_frames = {0xDB, 0xC4, 0xDD, 0xDA, 0xC0, 0xC1, 0xC2}
    at = 2
    while marker := SCAN_END.search(data, at):
        at, code = marker.end(), data[marker.end() - 1]
        if code == 0xD9:
            yield at == len(data)
            return
        length = int.from_bytes(data[at : at + 2])
        if code == 0xE0:
            yield length == 16 and data[at + 2 : at + 7] == b"JFIF\x00"
        else:
            yield code in tables_and_frames and length >= 2
        at += max(2, length)
    yield False


def _png_parts(data: bytes) -> Iterator[bool]:
    at, kind = 8, b""
    while at + 12 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        yield kind in {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
        at += 12 + size
        if kind == b"IEND":
            break
    yield kind == b"IEND" and at == len(data)


def _webp_parts(data: bytes) -> Iterator[bool]:
    yield int.from_bytes(data[4:8], "little") + 8 == len(data)
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4] in {b"VP8 ", b"VP8L", b"VP8X", b"ALPH"}
        at += 8 + size + (size & 1)
    yield at == len(data)
