"""HEIC files put together box by box around one coded tile, so that every part of them can be left out or be wrong."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from image_samples import HEIC


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of each box."""
    at, end = start, len(data) if end is None else end
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + size]
        at += size


def inside(data: bytes, *path: bytes) -> bytes:
    """The body of the first box at a path; full boxes lose version and flags."""
    for kind in path:
        data = next(body for name, body in boxes(data) if name == kind)
        data = data[4:] if kind == b"meta" else data
    return data


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind: bytes, version: int, *parts: bytes) -> bytes:
    return box(kind, bytes((version, 0, 0, 0)), *parts)


CONFIGURATION = inside(HEIC, b"meta", b"iprp", b"ipco", b"hvcC")
TILE = next(body for kind, body in boxes(HEIC) if kind == b"mdat")
SIDE = (64, 64)
"""The tile is coded as 64 x 64."""


_GAIN_MAPS = {
    "apple": b"urn:com:apple:photo:2020:aux:hdrgainmap",
    "iso 21496": b"urn:iso:std:iso:ts:21496:-1",
}
"""Kinds of auxiliary pictures."""
GAIN_MAPS = (*_GAIN_MAPS, "tone-mapped", "tone-mapped first")
_AUXILIARIES = _GAIN_MAPS | {
    "alpha": b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha",
    "alpha of HEVC": b"urn:mpeg:hevc:2015:auxid:1",
    "depth": b"urn:mpeg:hevc:2015:auxid:2",
}
ALPHAS = ("alpha", "alpha of HEVC")
UNSEEN = (*GAIN_MAPS, "depth", "thumbnail", "second picture")
"""Pictures in a file that are not shown."""


def heic(
    columns: int = 2,
    rows: int = 2,
    *,
    tiles: Sequence[bytes] | None = None,
    referenced: int | None = None,
    described: int | None = None,
    located: int | None = None,
    turn: int = 0,
    mirror: int | None = None,
    exif: bytes | None = None,
    past_end: int = 0,
    in_idat: bool = False,
    profile: bytes | None = None,
    gain_map: str | None = None,
    gain: bytes = TILE,
) -> bytes:
    """A grid of tiles, each red on its left and blue on its right half.

    Args:
        tiles: coded pictures, by default the same one for every place.
        referenced, described, located: how many tiles `iref`, `iinf` and `iloc` name, by default all.
        turn: quarter turns against the clock (`irot`); mirror: axis of `imir`.
        exif: a TIFF structure, stored as an item.
        past_end: bytes by which the last extent reaches past the file.
        in_idat: store the tiles in `idat` instead of `mdat`.
        profile: ICC profile of the picture.
        gain_map: how the file holds one: "apple" and "iso 21496" as a hidden auxiliary picture, "tone-mapped" beside an
            item `tmap` in a group of alternatives, "tone-mapped first" with that item as the primary one. Or another
            picture beside the grid: of `ALPHAS`, or "depth", "thumbnail", "second picture".
        gain: its coded picture.
    """
    count = columns * rows
    tiles = [TILE] * count if tiles is None else tiles
    described = count if described is None else described
    located = count if located is None else located
    grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, 64 * columns, 48 if rows == 1 else 64 * rows)
    primary, about = count + 1, count + 2
    bodies = {**dict(enumerate(tiles[:located], 1)), primary: grid}
    kinds = {**dict.fromkeys(range(1, described + 1), b"hvc1"), primary: b"grid"}
    if exif is not None:
        bodies[about], kinds[about] = b"\0\0\0\0" + exif, b"Exif"
    extra, tone_mapped = count + 3, count + 4
    if gain_map is not None:
        bodies[extra], kinds[extra] = gain, b"hvc1"
    if gain_map is not None and gain_map.startswith("tone-mapped"):
        bodies[tone_mapped], kinds[tone_mapped] = bytes(62), b"tmap"
    infe = [full(b"infe", 2, struct.pack(">HH4s", id, 0, kind), b"\0") for id, kind in kinds.items()]
    named = range(1, (count if referenced is None else referenced) + 1)
    references = [box(b"dimg", struct.pack(f">HH{len(named)}H", primary, len(named), *named))]
    if exif is not None:
        references.append(box(b"cdsc", struct.pack(">HHH", about, 1, primary)))
    if gain_map in _AUXILIARIES:
        references.append(box(b"auxl", struct.pack(">HHH", extra, 1, primary)))
    elif gain_map == "thumbnail":
        references.append(box(b"thmb", struct.pack(">HHH", extra, 1, primary)))
    elif gain_map in GAIN_MAPS:
        references.append(box(b"dimg", struct.pack(">HHHH", tone_mapped, 2, primary, extra)))
    size = struct.pack(">II", 64 * columns, 48 if rows == 1 else 64 * rows)
    properties = [box(b"hvcC", CONFIGURATION), full(b"ispe", 0, struct.pack(">II", *SIDE)), full(b"ispe", 0, size)]
    of_grid = [3]
    if turn:
        properties.append(box(b"irot", bytes((turn,))))
        of_grid.append(len(properties) | 0x80)
    if mirror is not None:
        properties.append(box(b"imir", bytes((mirror,))))
        of_grid.append(len(properties) | 0x80)
    if profile is not None:
        properties.append(box(b"colr", b"prof" + profile))
        of_grid.append(len(properties))
    of_extra, of_tone_mapped = [0x81, 2], [3]
    if gain_map in _AUXILIARIES:
        properties.append(full(b"auxC", 0, _AUXILIARIES[gain_map] + b"\0"))
        of_extra += [len(properties), *(number for number in of_grid if number & 0x80)]
    elif gain_map in GAIN_MAPS:
        properties.append(box(b"colr", b"nclx" + struct.pack(">HHHB", 9, 16, 9, 0x80)))
        of_tone_mapped.append(len(properties))
    uses = {primary: of_grid} | {id: [0x81, 2] for id in range(1, count + 1)}
    uses |= ({extra: of_extra} if extra in kinds else {}) | (
        {tone_mapped: of_tone_mapped} if tone_mapped in kinds else {}
    )
    ipma = struct.pack(">I", len(uses)) + b"".join(
        struct.pack(">HB", id, len(numbers)) + bytes(numbers) for id, numbers in uses.items()
    )
    alternatives = full(b"altr", 0, struct.pack(">IIII", 9, 2, tone_mapped, primary))
    groups = box(b"grpl", alternatives) if tone_mapped in kinds else b""

    def meta(start: int) -> bytes:
        at, places = start, b""
        for id, body in bodies.items():
            length = len(body) + (past_end if id == max(bodies) else 0)
            places += struct.pack(">HHHHII", id, int(in_idat), 0, 1, at, length)
            at += len(body)
        iloc = full(b"iloc", 1, b"\x44\x00", struct.pack(">H", len(bodies)), places)
        return full(
            b"meta", 0,
            full(b"hdlr", 0, b"\0\0\0\0pict", bytes(13)),
            full(b"pitm", 0, struct.pack(">H", tone_mapped if gain_map == "tone-mapped first" else primary)),
            iloc,
            full(b"iinf", 0, struct.pack(">H", len(infe)), *infe),
            full(b"iref", 0, *references),
            box(b"iprp", box(b"ipco", *properties), full(b"ipma", 0, ipma)),
            groups,
            box(b"idat", *bodies.values()) if in_idat else b"",
        )  # fmt: skip

    front = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    if in_idat:
        return front + meta(0)
    return front + meta(len(front) + len(meta(0)) + 8) + box(b"mdat", *bodies.values())
