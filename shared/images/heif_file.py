"""HEIC and AVIF files (ISO/IEC 14496-12, 23008-12): boxes, items and where their bytes lie.

The decoders fill what is missing with green or black, so completeness is decided here. What is shown must be whole: the
primary picture, the tiles and layers that it is made of, and its transparency. The file must be as long as it says, so
every extent of every item must lie in it. What is not shown (gain maps, depth, thumbnails, further pictures of a
burst) is not decoded, here as by libheif and ISO 21496-1: a picture is as good without it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from shared.images.contents import MAX_PROFILE_BYTES, Animated, Contents, Damaged, TooManyParts

_KNOWN = {b"ftyp", b"meta", b"mdat", b"moov", b"free", b"skip", b"idat", b"uuid", b"styp"}
"""Boxes at the top of a file; anything else behind them is what a phone or a mail program has appended."""
_DERIVED = {b"grid", b"iovl", b"iden", b"tmap"}
_MAX_ITEMS = 20_000
_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0", b"urn:mpeg:hevc:2015:auxid:1\0")
"""What says of an auxiliary picture that it is the transparency of another one (23008-12, 6.6.2.1.1)."""


@dataclass
class _Item:
    kind: bytes = b""
    extents: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Offset in the file and length of each."""
    made_of: list[int] = field(default_factory=list[int])
    auxiliaries: list[int] = field(default_factory=list[int])
    properties: list[int] = field(default_factory=list[int])


@dataclass
class _File:
    data: bytes
    primary: int | None = None
    pitm: tuple[int, int] = (0, 0)
    """Where the number of the primary item stands."""
    sequences: list[int] = field(default_factory=list[int])
    """Where the boxes `moov` begin, by their kind."""
    items: dict[int, _Item] = field(default_factory=dict[int, _Item])
    properties: list[tuple[bytes, bytes]] = field(default_factory=list[tuple[bytes, bytes]])
    idat: tuple[int, int] = (0, 0)
    iloc: tuple[int, int] | None = None
    frames: int = 0

    def item(self, id: int) -> _Item:
        if len(self.items) > _MAX_ITEMS:
            raise TooManyParts
        return self.items.setdefault(id, _Item())

    def bytes_of(self, item: _Item) -> bytes:
        return b"".join(self.data[start : start + length] for start, length in item.extents)

    def properties_of(self, item: _Item, kind: bytes) -> list[bytes]:
        found = [self.properties[number - 1] for number in item.properties if 0 < number <= len(self.properties)]
        return [body for name, body in found if name == kind]


def read(data: bytes) -> Contents:
    """Take a HEIC or AVIF apart. Raises Damaged, Animated, TooManyParts."""
    try:
        file = _parse(data)
    except (struct.error, IndexError):
        raise Damaged("a box is cut off") from None
    # A sequence of one codec: the still picture in front of it is one of its frames; it may also have none.
    if file.frames > 1 and (data[8:12] == b"avis" or file.primary is None):
        raise Animated
    if file.primary is None or file.primary not in file.items:
        raise Damaged("no primary item")
    primary = _base(file, file.primary)
    picture = file.items[primary]
    coded = _coded_items(file, primary, set())
    _transparency(file, primary)
    profile, numbers = _colours(file, [picture, *coded[:1]])
    return Contents(
        pixels=_still(file, primary),
        profile=profile,
        numbers=numbers,
        coarse_colour=bool(coded) and all(_is_coarse(file, item) for item in coded),
    )


def _base(file: _File, primary: int) -> int:
    """The picture that a tone-mapped one is made of, with its gain map (`tmap`, 23008-12, 6.6.2.4): it is for displays
    without HDR. Raises Damaged: it is missing."""
    item = file.items[primary]
    if item.kind != b"tmap":
        return primary
    if not item.made_of or item.made_of[0] not in file.items:
        raise Damaged("a part of the picture is missing")
    return item.made_of[0]


def _still(file: _File, primary: int) -> bytes:
    """The file with this item as its primary one, and without sequences beside it."""
    if primary == file.primary and not file.sequences:
        return file.data
    start, end = file.pitm
    if primary >> 8 * (end - start):
        raise Damaged("the primary item has no number")
    changed = bytearray(file.data)
    changed[start:end] = primary.to_bytes(end - start)
    for at in file.sequences:
        changed[at : at + 4] = b"free"
    return bytes(changed)


def metadata_places(data: bytes) -> list[tuple[int, int]]:
    """Offset and length of what holds EXIF and XMP. Raises Damaged, TooManyParts."""
    try:
        items = _parse(data).items.values()
    except (struct.error, IndexError):
        raise Damaged("a box is cut off") from None
    return [place for item in items if item.kind in (b"Exif", b"mime", b"uri ") for place in item.extents]


def hevc_pictures(data: bytes) -> Iterator[list[bytes]]:
    """The units of each HEVC picture that the picture of a file is made of, the parameter sets first."""
    file = _parse(data)
    if file.primary is None:
        return
    for item in [*_coded_items(file, file.primary, set()), *_transparency(file, file.primary)]:
        configuration = file.properties_of(item, b"hvcC")
        if item.kind == b"hvc1" and configuration and len(configuration[0]) > 22:
            wide = (configuration[0][21] & 3) + 1
            yield [*_parameter_sets(configuration[0]), *_units(file.bytes_of(item), wide)]


def _parameter_sets(configuration: bytes) -> Iterator[bytes]:
    """Those of an `hvcC` (14496-15, 8.3.3)."""
    at = 23
    for _ in range(configuration[22]):
        count = int.from_bytes(configuration[at + 1 : at + 3])
        at += 3
        for _ in range(count):
            length = int.from_bytes(configuration[at : at + 2])
            yield configuration[at + 2 : at + 2 + length]
            at += 2 + length
            if at > len(configuration):
                return


def _units(data: bytes, wide: int) -> Iterator[bytes]:
    at = 0
    while at + wide <= len(data):
        length = int.from_bytes(data[at : at + wide])
        yield data[at + wide : at + wide + length]
        at += wide + length


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start of the body and end of each box."""
    at = start
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        elif size == 0:
            size = end - at
        if size < body - at:
            raise Damaged(f"box {kind!r} has no size")
        yield kind, body, at + size
        at += size


def _parse(data: bytes) -> _File:
    file = _File(data)
    at = 0
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind not in _KNOWN:
            break
        if end > len(data):
            raise Damaged(f"box {kind!r} is cut off")
        if kind == b"meta" and file.iloc is None:
            _read_meta(file, start + 4, end)
        elif kind == b"moov":
            file.sequences.append(data.index(b"moov", at))
            file.frames = max(file.frames, _frames(data, start, end))
        at = end
    if file.iloc is not None:
        _read_locations(file, *file.iloc)
    return file


def _read_meta(file: _File, start: int, end: int) -> None:
    data = file.data
    for kind, at, stop in _boxes(data, start, end):
        if stop > end:
            raise Damaged(f"box {kind!r} is cut off")
        if kind == b"pitm":
            file.pitm = at + 4, at + (6 if data[at] == 0 else 8)
            file.primary = int.from_bytes(data[slice(*file.pitm)])
        elif kind == b"iinf":
            _read_kinds(file, at, stop)
        elif kind == b"iref":
            _read_references(file, at, stop)
        elif kind == b"iprp":
            _read_properties(file, at, stop)
        elif kind == b"idat":
            file.idat = (at, stop)
        elif kind == b"iloc":
            file.iloc = (at, stop)


def _read_kinds(file: _File, at: int, stop: int) -> None:
    first = at + (6 if file.data[at] == 0 else 8)
    for kind, body, _ in _boxes(file.data, first, stop):
        if kind != b"infe":
            continue
        version = file.data[body]
        if version < 2:
            file.item(int.from_bytes(file.data[body + 4 : body + 6]))
            continue
        wide = 2 if version == 2 else 4
        id = int.from_bytes(file.data[body + 4 : body + 4 + wide])
        file.item(id).kind = file.data[body + 6 + wide : body + 10 + wide]


def _read_references(file: _File, at: int, stop: int) -> None:
    wide = 2 if file.data[at] == 0 else 4
    for kind, body, _ in _boxes(file.data, at + 4, stop):
        if kind not in (b"dimg", b"auxl"):
            continue
        source = int.from_bytes(file.data[body : body + wide])
        count = int.from_bytes(file.data[body + wide : body + wide + 2])
        first = body + wide + 2
        if count > _MAX_ITEMS:
            raise TooManyParts
        targets = [file.data[first + wide * i : first + wide * (i + 1)] for i in range(count)]
        if kind == b"dimg":
            file.item(source).made_of.extend(int.from_bytes(target) for target in targets)
        else:
            for target in targets:
                file.item(int.from_bytes(target)).auxiliaries.append(source)


def _read_properties(file: _File, at: int, stop: int) -> None:
    data = file.data
    for kind, body, end in _boxes(data, at, stop):
        if kind == b"ipco":
            file.properties.extend((name, data[first:last]) for name, first, last in _boxes(data, body, end))
        elif kind == b"ipma":
            wide, indexes = (2 if data[body] == 0 else 4), (2 if data[body + 3] & 1 else 1)
            (count,) = struct.unpack_from(">I", data, body + 4)
            place = body + 8
            for _ in range(min(count, _MAX_ITEMS)):
                item = file.item(int.from_bytes(data[place : place + wide]))
                many = data[place + wide]
                place += wide + 1
                mask = (1 << (8 * indexes - 1)) - 1
                item.properties.extend(
                    int.from_bytes(data[place + indexes * i : place + indexes * (i + 1)]) & mask for i in range(many)
                )
                place += indexes * many


def _read_locations(file: _File, at: int, stop: int) -> None:
    """`iloc` (14496-12, 8.11.3). Raises Damaged for an extent outside of the file."""
    data, version = file.data, file.data[at]
    sizes = data[at + 4] >> 4, data[at + 4] & 15, data[at + 5] >> 4, data[at + 5] & 15 if version else 0
    wide = 2 if version < 2 else 4
    count = int.from_bytes(data[at + 6 : at + 6 + wide])
    place = at + 6 + wide

    def number(size: int) -> int:
        nonlocal place
        place += size
        if place > stop:
            raise Damaged("the list of places is cut off")
        return int.from_bytes(data[place - size : place])

    for _ in range(min(count, _MAX_ITEMS)):
        item = file.item(number(wide))
        method = number(2) & 15 if version else 0
        number(2)
        base = number(sizes[2])
        extents = number(2)
        if extents > _MAX_ITEMS:
            raise TooManyParts
        for _ in range(extents):
            number(sizes[3])
            offset, length = base + number(sizes[0]), number(sizes[1])
            if method == 2:
                continue
            first, last = (0, len(data)) if method == 0 else file.idat
            length = length or last - first - offset
            if length <= 0 or first + offset + length > last:
                raise Damaged("a part lies outside of the file")
            item.extents.append((first + offset, length))


def _coded_items(file: _File, id: int, seen: set[int]) -> list[_Item]:
    """The items of coded picture that an item is made of, without those in `seen`.

    Raises:
        Damaged: one of them is not there.
    """
    item = file.items.get(id)
    if id in seen:
        return []
    seen.add(id)
    if item is None or not item.kind:
        raise Damaged("a part of the picture is missing")
    if item.kind not in _DERIVED:
        if not item.extents:
            raise Damaged("a part of the picture is empty")
        _check_units(file, item)
        return [item]
    if item.kind == b"grid":
        header = file.bytes_of(item)
        if len(header) < 8 or len(item.made_of) != (header[2] + 1) * (header[3] + 1):
            raise Damaged("a tile is missing")
    if not item.made_of:
        raise Damaged("a part of the picture is missing")
    return [coded for part in item.made_of for coded in _coded_items(file, part, seen)]


def _transparency(file: _File, id: int) -> list[_Item]:
    """The items of coded picture that the transparency of an item, or of its tiles, is made of. Raises Damaged."""
    found: list[_Item] = []
    seen: set[int] = set()
    for part in [id, *file.items[id].made_of]:
        for number in file.items[part].auxiliaries if part in file.items else ():
            auxiliary = file.items.get(number)
            if auxiliary and any(body[4:].startswith(_ALPHA) for body in file.properties_of(auxiliary, b"auxC")):
                found += _coded_items(file, number, seen)
    return found


def _check_units(file: _File, item: _Item) -> None:
    """HEVC in a file is a row of units, each with its length in front (14496-15, 8.3.2): they must fill the item."""
    configuration = file.properties_of(item, b"hvcC")
    if item.kind != b"hvc1" or not configuration or len(configuration[0]) < 22:
        return
    data, wide = file.bytes_of(item), (configuration[0][21] & 3) + 1
    at = pictures = 0
    while at + wide + 2 <= len(data):
        length = int.from_bytes(data[at : at + wide])
        kind = data[at + wide] >> 1
        if length < 2 or data[at + wide] & 0x80:
            raise Damaged("coded picture was overwritten")
        pictures += kind < 32
        at += wide + length
    if at != len(data) or not pictures:
        raise Damaged("coded picture is cut off")


def _colours(file: _File, items: list[_Item]) -> tuple[bytes | None, tuple[int, int] | None]:
    """The ICC profile, and the numbers of primaries and curve (`colr`, 14496-12, 12.1.5); an item's own first."""
    profile = numbers = None
    for item in items:
        for body in file.properties_of(item, b"colr"):
            if body[:4] in (b"prof", b"rICC") and 128 < len(body) - 4 <= MAX_PROFILE_BYTES:
                profile = profile or body[4:]
            elif body[:4] == b"nclx" and len(body) >= 10:
                numbers = numbers or struct.unpack(">HH", body[4:8])
    return profile, numbers


def _is_coarse(file: _File, item: _Item) -> bool:
    """Whether its codec stores colours at half the width and height."""
    hevc, av1 = file.properties_of(item, b"hvcC"), file.properties_of(item, b"av1C")
    if hevc and len(hevc[0]) > 16:
        return hevc[0][16] & 3 == 1
    return bool(av1) and len(av1[0]) > 2 and av1[0][2] & 0x0C == 0x0C


def _frames(data: bytes, start: int, end: int) -> int:
    """Samples of the longest track of a sequence."""
    path = {b"trak", b"mdia", b"minf", b"stbl"}
    most = 0
    for kind, body, stop in _boxes(data, start, min(end, len(data))):
        if kind in path:
            most = max(most, _frames(data, body, stop))
        elif kind == b"stsz":
            most = max(most, int.from_bytes(data[body + 8 : body + 12]))
    return most
