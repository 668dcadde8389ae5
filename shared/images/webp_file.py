"""WebP files (RFC 9649): RIFF chunks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.images.contents import MAX_PROFILE_BYTES, Animated, Contents, Damaged, TooManyParts
from shared.images.exif import orientation

_METADATA = {b"ICCP": 0x20, b"EXIF": 0x08, b"XMP ": 0x04}
"""Chunks that the decoder does not get, and their flags in `VP8X`."""
_DECODED = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}
_MAX_CHUNKS = 10_000
_CUTS: Final = {b"VP8 ": (4,), b"VP8L": (2, 1, 3, 4), b"ALPH": (4, 2, 1, 3)}
"""How many bytes to take from the end of a chunk so that a decoder misses them. Arithmetic coding writes up to three
more than are asked for; without the end of a lossless picture its last run of pixels may happen to be the right one."""
_CUT_FIRST: Final = 3
_FRAME_HEADER: Final = 10
"""Bytes of a lossy picture before its first partition (RFC 6386, 9.1)."""


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
            kept.append(_chunk(kind, body))
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


def shortened(contents: Contents) -> Iterator[Iterator[bytes]]:
    """For each coded part of the picture, the file without the last bytes of that part, in a few lengths.

    A decoder misses them in a whole picture, one length at least. Where it does not, something in front of them is
    wrong: the codes have no checksum.
    """
    chunks = list(_chunks(bytes(contents.pixels)))
    for number, (kind, body) in enumerate(chunks):
        cuts = _CUTS.get(kind, ())
        if cuts and len(body) > max(cuts):
            yield (_with(chunks, number, body[:-cut]) for cut in cuts)
        shorter = _without_end_of_first(body) if kind == b"VP8 " else None
        if shorter is not None:
            yield iter((_with(chunks, number, shorter),))


def _with(chunks: list[tuple[bytes, bytes]], number: int, body: bytes) -> bytes:
    changed = [*chunks[:number], (chunks[number][0], body), *chunks[number + 1 :]]
    picture = b"WEBP" + b"".join(_chunk(*one) for one in changed)
    return b"RIFF" + len(picture).to_bytes(4, "little") + picture


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], data[at + 8 : at + 8 + size]
        at += 8 + size + (size & 1)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + bytes(len(body) & 1)


def _without_end_of_first(body: bytes) -> bytes | None:
    """A lossy picture without the end of its first partition, which says how each block is predicted."""
    tag = int.from_bytes(body[:3], "little")
    size = (tag >> 5) - _CUT_FIRST
    if size <= 0:
        return None
    short_tag = (tag & 31 | size << 5).to_bytes(3, "little")
    return short_tag + body[3 : _FRAME_HEADER + size] + body[_FRAME_HEADER + size + _CUT_FIRST :]
