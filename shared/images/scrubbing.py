"""A file that was refused, without its metadata: kept for its sender to look at, it must not say where it was taken.

Damaged files are the rule here, so everything that can be read is walked and the rest is judged by what it may hold.
"""

from __future__ import annotations

from typing import Final

from shared.images import formats, heif_file
from shared.images.contents import Damaged, TooManyParts

_SIGNS: Final = (b"Exif\x00", b"II*\x00", b"MM\x00*", b"ftyp", b"ns.adobe.com", b"<rdf:", b"GPSL", b"IFD0")
"""Of metadata in a file of another kind."""
_PNG_METADATA: Final = frozenset({b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME", b"iCCP"})
_WEBP_METADATA: Final = frozenset({b"EXIF", b"XMP ", b"ICCP"})
_BARE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD9)})


def without_metadata(data: bytes) -> bytes | None:
    """The file without EXIF, XMP, texts and whatever follows its end; None if it may hold some in another place."""
    kind = formats.sniff(data)
    if kind == "JPEG":
        return _jpeg(data)
    if kind == "PNG":
        return _png(data)
    if kind == "WEBP":
        return _webp(data)
    if kind in ("HEIF", "AVIF"):
        return _heif(data)
    return None if any(sign in data for sign in _SIGNS) else data


def _jpeg(data: bytes) -> bytes:
    kept, at = [data[:2]], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        code = data[at + 1]
        if code == 0xFF or code in _BARE_MARKERS:
            at += 1 if code == 0xFF else 2
            continue
        if code == 0xD9:
            break
        end = at + 2 + max(2, int.from_bytes(data[at + 2 : at + 4]))
        if not (0xE1 <= code <= 0xEF or code == 0xFE) or data[at + 4 : at + 9] == b"Adobe":
            kept.append(data[at:end])
        at = end
        if code == 0xDA:
            marker = formats.SCAN_END.search(data, at)
            stop = marker.start() if marker else len(data)
            kept.append(data[at:stop])
            at = stop
    if data[at : at + 2] == b"\xff\xd9":
        kept.append(b"\xff\xd9")
    return b"".join(kept)


def _png(data: bytes) -> bytes:
    kept, at = [data[:8]], 8
    while at + 8 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        kind = data[at + 4 : at + 8]
        if kind not in _PNG_METADATA:
            kept.append(data[at:end])
        at = end
        if kind == b"IEND":
            break
    return b"".join(kept)


def _webp(data: bytes) -> bytes:
    kept, at = [data[12:12]], 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + size + (size & 1)
        if data[at : at + 4] not in _WEBP_METADATA:
            kept.append(data[at:end])
        at = end
    body = b"".join(kept)
    said = int.from_bytes(data[4:8], "little") - (len(data) - 12 - len(body))
    return data[:4] + max(4, said).to_bytes(4, "little") + data[8:12] + body


def _heif(data: bytes) -> bytes | None:
    """Its EXIF and XMP items overwritten with zeros."""
    try:
        places = heif_file.metadata_places(data)
    except (Damaged, TooManyParts):
        return None
    scrubbed = bytearray(data)
    for start, length in places:
        scrubbed[start : start + length] = bytes(length)
    found = bytes(scrubbed)
    return None if any(sign in found for sign in (b"Exif\x00\x00", b"ns.adobe.com", b"moov")) else found
