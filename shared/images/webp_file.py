"""WebP files (RFC 9649): RIFF chunks."""

from __future__ import annotations

from shared.images.contents import MAX_PROFILE_BYTES, Animated, Contents, Damaged, TooManyParts
from shared.images.exif import orientation

_METADATA = {b"ICCP": 0x20, b"EXIF": 0x08, b"XMP ": 0x04}
"""Chunks that the decoder does not get, and their flags in `VP8X`."""
_DECODED = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}
_MAX_CHUNKS = 10_000


def read(data: bytes) -> Contents:
    """Take a WebP apart. Raises Damaged, Animated, TooManyParts."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise Damaged("the file is shorter than it says")
    kept: list[bytes] = []
    noted: dict[bytes, bytes] = {}
    at, frames, parts = 12, 0, 0
    while at + 8 <= min(end, len(data)):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + size]
        if len(body) < size:
            raise Damaged(f"chunk {kind!r} is cut off")
        if kind in _METADATA:
            noted.setdefault(kind, body)
        elif kind in _DECODED:
            if kind == b"VP8X":
                body = bytes((body[0] & ~sum(_METADATA.values()),)) + body[1:] if body else body
            kept.append(kind + size.to_bytes(4, "little") + body + bytes(size & 1))
            frames += kind == b"ANMF"
        at += 8 + size + (size & 1)
        parts += 1
        if parts > _MAX_CHUNKS:
            raise TooManyParts
    if frames > 1:
        raise Animated
    picture = b"WEBP" + b"".join(kept)
    profile = noted.get(b"ICCP", b"")
    return Contents(
        pixels=b"RIFF" + len(picture).to_bytes(4, "little") + picture,
        orientation=orientation(noted.get(b"EXIF"), noted.get(b"XMP ")),
        profile=profile if 128 < len(profile) <= MAX_PROFILE_BYTES else None,
        coarse_colour=any(chunk.startswith(b"VP8 ") for chunk in kept),
    )
