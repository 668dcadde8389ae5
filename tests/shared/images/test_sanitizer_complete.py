"""A picture is complete or refused, in every format; what is odd and yet complete passes."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable

import pytest
from heif_samples import TILE, heic
from image_samples import HEIC, decode, encode, ihdr, noise, photo, png, segment, with_chunk
from PIL import Image

from shared.errors import StudioError
from shared.images import heif_file, jpeg_file, png_file, sanitizer, webp_file
from shared.images.contents import TooManyParts

pytestmark = pytest.mark.processes
CUTS = 40
GRAINY = noise(200, 150)


def interlaced() -> bytes:
    """A 16 x 16 PNG in the seven passes of Adam7, which Pillow does not write."""
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = b""
    for left, top, across, down in passes:
        width = len(range(left, 16, across))
        rows += (b"\0" + b"\x80\x20\x20" * width) * len(range(top, 16, down))
    header = b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 1)
    return png(header, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))


WHOLE: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: encode(GRAINY, "JPEG"),
    "JPEG 4:4:4": lambda: encode(GRAINY, "JPEG", subsampling=0),
    "JPEG optimised": lambda: encode(GRAINY, "JPEG", optimize=True),
    "JPEG restarts": lambda: encode(GRAINY, "JPEG", restart_marker_blocks=4),
    "JPEG progressive": lambda: encode(GRAINY, "JPEG", progressive=True),
    "JPEG grey": lambda: encode(GRAINY.convert("L"), "JPEG"),
    "JPEG CMYK": lambda: encode(GRAINY.convert("CMYK"), "JPEG"),
    "PNG": lambda: encode(GRAINY, "PNG"),
    "PNG palette": lambda: encode(GRAINY.convert("P"), "PNG"),
    "PNG interlaced": interlaced,
    "WebP": lambda: encode(GRAINY, "WEBP"),
    "WebP lossless": lambda: encode(GRAINY, "WEBP", lossless=True),
    "WebP alpha": lambda: encode(GRAINY.convert("RGBA"), "WEBP", exif=b"Exif\0\0"),
    "AVIF": lambda: encode(GRAINY, "AVIF"),
    "AVIF alpha": lambda: encode(photo(mode="RGBA"), "AVIF"),
    "HEIC": lambda: HEIC,
    "HEIC grid": heic,
    "HEIC grid in idat": lambda: heic(in_idat=True),
    "HEIC grid with EXIF": lambda: heic(3, 1, exif=b"II*\0\x08\0\0\0\0\0"),
}


def code(data: bytes) -> str | None:
    """Why a file is refused; None if it is not."""
    try:
        sanitizer.sanitize(data)
    except StudioError as error:
        assert error.status in (415, 422), error
        return error.code
    return None


@pytest.mark.parametrize("kind", WHOLE)
def test_a_file_cut_anywhere_is_refused(kind: str) -> None:
    whole = WHOLE[kind]()
    assert code(whole) is None
    places = {round(len(whole) * cut / CUTS) for cut in range(CUTS)} | {len(whole) - 1, round(len(whole) * 0.999)}
    passed = [place for place in sorted(places) if place < len(whole) and code(whole[:place]) is None]
    assert not passed, f"of {len(whole)} bytes"


@pytest.mark.parametrize("kind", WHOLE)
def test_what_is_appended_to_a_whole_file_does_no_harm(kind: str) -> None:
    for tail in (b"\0" * 100, b"\xff" * 9, b"SEFT" + bytes(range(256)), b"\r\n", encode(photo(), "JPEG")):
        assert code(WHOLE[kind]() + tail) is None, tail[:8]


def scans_of(data: bytes) -> list[int]:
    return [found.start() for found in re.finditer(b"\xff\xda", data)]


PROGRESSIVE = encode(GRAINY, "JPEG", progressive=True)


def test_a_progressive_jpeg_needs_every_scan() -> None:
    """Half the scans make a whole picture that is blurred: decoders do not complain."""
    starts = scans_of(PROGRESSIVE)
    assert len(starts) == 10
    for dropped in range(len(starts)):
        until = starts[dropped + 1] if dropped + 1 < len(starts) else len(PROGRESSIVE) - 2
        tables = PROGRESSIVE.rfind(b"\xff\xc4", 0, starts[dropped])
        for start in (starts[dropped], tables):
            assert code(PROGRESSIVE[:start] + PROGRESSIVE[until:]) == "corrupt", dropped
        assert code(PROGRESSIVE[: starts[dropped]] + b"\xff\xd9") == "corrupt", dropped


@pytest.mark.parametrize("kind", [kind for kind in WHOLE if kind.startswith("JPEG")])
@pytest.mark.parametrize("filling", [0x00, 0xFF, 0xAA])
def test_a_jpeg_that_was_only_half_written_is_refused(kind: str, filling: int) -> None:
    """A download that was interrupted, or a card that was full: the file has its length, but not its bytes."""
    whole = WHOLE[kind]()
    start = len(whole) // 2
    rest = len(whole) - start
    assert code(whole[:start] + bytes([filling]) * rest) == "corrupt"
    if filling == 0:
        assert code(whole[:start] + bytes(rest - 2) + b"\xff\xd9") == "corrupt"
        assert code(whole[:start] + bytes(rest // 2) + whole[start + rest // 2 :]) == "corrupt"


@pytest.mark.parametrize("frame", [0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF])
def test_a_coding_that_tells_nothing_of_its_end_is_refused(frame: int) -> None:
    """Arithmetic decoders make a picture of any bytes; cameras and programs write none of these."""
    whole = encode(GRAINY, "JPEG")
    at = whole.index(b"\xff\xc0")
    assert code(whole[: at + 1] + bytes((frame,)) + whole[at + 2 :]) == "rare_coding"
    assert code(whole[: at + 5] + b"\0\0" + whole[at + 7 :]) == "rare_coding", "the height follows the picture"


def test_a_flat_picture_is_not_taken_for_zeros() -> None:
    """Where one bit means that nothing changes, long zeros are picture."""
    half_white = Image.new("RGB", (1600, 1600), "white")
    half_white.paste(noise(200, 200), (0, 0))
    for options in ({}, {"optimize": True}, {"progressive": True}):
        for flat in (half_white, Image.new("RGB", (1600, 1600), "white"), Image.new("L", (900, 900), 0)):
            assert code(encode(flat, "JPEG", **options)) is None


HEIC_DAMAGE: dict[str, Callable[[], bytes]] = {
    "the last tile is not described": lambda: heic(described=3),
    "the last tile is nowhere": lambda: heic(located=3),
    "the grid names too few tiles": lambda: heic(referenced=3),
    "the grid names none": lambda: heic(referenced=0),
    "a tile is empty": lambda: heic(tiles=[TILE, TILE, TILE, b""]),
    "a tile is cut": lambda: heic(tiles=[TILE, TILE, TILE, TILE[:-5]]),
    "a tile is zeros": lambda: heic(tiles=[TILE, bytes(len(TILE)), TILE, TILE]),
    "the last extent reaches past the end": lambda: heic(past_end=1),
    "an extent of EXIF reaches past the end": lambda: heic(exif=b"II*\0", past_end=100_000),
    "the list of items is gone": lambda: heic().replace(b"iinf", b"free"),
    "the places are gone": lambda: heic().replace(b"iloc", b"free"),
    "the primary item is gone": lambda: heic().replace(b"pitm", b"free"),
    "the references are gone": lambda: heic().replace(b"iref", b"free"),
    "a single picture without places": lambda: HEIC.replace(b"iloc", b"free"),
}


@pytest.mark.parametrize("damage", HEIC_DAMAGE)
def test_a_heic_needs_every_tile(damage: str) -> None:
    assert code(HEIC_DAMAGE[damage]()) == "corrupt"


def quirks() -> dict[str, bytes]:
    jpeg, whole_png, webp = encode(photo(), "JPEG"), encode(photo(), "PNG"), encode(photo(), "WEBP")
    progressive = encode(photo(), "JPEG", progressive=True)
    first = scans_of(progressive)[1]
    padded = encode(photo(), "WEBP", lossless=True)
    assert padded[16] % 2 == 1
    unpadded = padded[:4] + struct.pack("<I", len(padded) - 9) + padded[8:-1]
    return {
        "JPEG: an unknown JFIF version": jpeg.replace(b"JFIF\0\x01\x01", b"JFIF\0\x03\x07"),
        "JPEG: an unknown colour transform": segment(jpeg, 0xEE, b"Adobe\0\x64\0\0\0\0\x09"),
        "JPEG: fill bytes between segments": jpeg.replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1),
        "JPEG: junk between segments": jpeg.replace(b"\xff\xdb", b"\0\0junk\xff\xdb", 1),
        "JPEG: odd parameters of a sequential scan": jpeg.replace(b"\x00\x3f\x00", b"\x00\x00\x00", 1),
        "JPEG: padding in front of the end": jpeg[:-2] + bytes(20) + jpeg[-2:],
        "JPEG: padding between scans": progressive[:first] + bytes(16) + progressive[first:],
        "JPEG: no JFIF header": jpeg[:2] + jpeg[20:],
        "JPEG: EXIF that is garbage": segment(jpeg, 0xE1, b"Exif\0\0" + b"\xff" * 300),
        "JPEG: an empty comment": segment(jpeg, 0xFE, b""),
        "JPEG: a chapter of an ICC profile alone": segment(jpeg, 0xE2, b"ICC_PROFILE\0\x02\x03" + bytes(200)),
        "JPEG: a second end": jpeg + b"\xff\xd9",
        "PNG: a wrong checksum of a text": with_chunk(whole_png, b"tEXt", b"a\0b").replace(b"a\0b", b"a\0c"),
        "PNG: a profile that does not unpack": with_chunk(whole_png, b"iCCP", b"x\0\0garbage"),
        "PNG: a private chunk": with_chunk(whole_png, b"vpAg", bytes(9)),
        "PNG: a gamma of nothing": with_chunk(whole_png, b"gAMA", bytes(4)),
        "PNG: an animation of one frame": with_chunk(whole_png, b"acTL", struct.pack(">II", 1, 0)),
        "WebP: no padding behind an odd last chunk": unpadded,
        "WebP: an unknown chunk": webp[:4] + struct.pack("<I", len(webp) + 4) + webp[8:] + b"JUNK\x04\0\0\0abcd",
    }


QUIRKS = quirks()


@pytest.mark.parametrize("quirk", QUIRKS)
def test_what_is_odd_and_complete_passes(quirk: str) -> None:
    made = sanitizer.sanitize(QUIRKS[quirk])
    assert (made.width, made.height) == (96, 64)
    shown, meant = (image.convert("RGB").resize((4, 4)) for image in (decode(made.data), photo()))
    assert max(abs(a - b) for a, b in zip(shown.tobytes(), meant.tobytes(), strict=True)) < 8


def test_floods_of_parts_stop_early() -> None:
    text = struct.pack(">I", 3) + b"tEXta\0b" + struct.pack(">I", zlib.crc32(b"tEXta\0b"))
    whole = encode(photo(), "PNG")
    assert code(whole[:33] + text * 900_000 + whole[33:]) == "too_many_parts"
    assert code(whole[:33] + text * 50_000 + whole[33:]) is None
    webp = encode(photo(), "WEBP")
    flood = webp[12:] + b"JUNK\0\0\0\0" * 20_000
    assert code(b"RIFF" + struct.pack("<I", len(flood) + 4) + b"WEBP" + flood) == "too_many_parts"
    with pytest.raises(TooManyParts):
        heif_file.read(heic(columns=150, rows=150, described=1, located=1, referenced=22_500))


def test_metadata_never_reaches_the_decoder() -> None:
    exif = b"Exif\0\0SECRET"
    files = {
        jpeg_file: segment(segment(encode(photo(), "JPEG"), 0xE1, exif), 0xFE, b"SECRET"),
        png_file: with_chunk(with_chunk(encode(photo(), "PNG"), b"tEXt", b"a\0SECRET"), b"eXIf", b"SECRET"),
        webp_file: encode(photo(), "WEBP", exif=exif, xmp=b"SECRET"),
    }
    for reader, data in files.items():
        assert b"SECRET" in data
        assert b"SECRET" not in reader.read(data).pixels


def test_a_picture_without_pixels_is_refused() -> None:
    for chunks in ([(b"IEND", b"")], [(b"IDAT", zlib.compress(bytes(99))), (b"IEND", b"")], [ihdr(90, 90)]):
        assert code(png(*chunks) + bytes(64)) == "corrupt"
