"""Every picture is stored upright, whatever else is broken in the metadata that says how it lies."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import pytest
from heif_samples import heic
from image_samples import decode, encode, photo, segment, with_chunk
from PIL import Image

from shared.images import sanitizer
from shared.images.exif import orientation

pytestmark = pytest.mark.processes

LYING = photo().transpose(Image.Transpose.ROTATE_90)
"""`photo()` as a camera stores it with orientation 6."""


def tiff(*entries: tuple[int, int, int, bytes], order: str = "<", next_directory: int = 0, at: int = 8) -> bytes:
    """A TIFF structure with one directory: tag, type, count and four bytes of value or offset."""
    mark = b"II" if order == "<" else b"MM"
    body = struct.pack(f"{order}H", len(entries))
    body += b"".join(struct.pack(f"{order}HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    head = mark + struct.pack(f"{order}HI", 42, at)
    return head + bytes(at - len(head)) + body + struct.pack(f"{order}I", next_directory)


SIX = (0x0112, 3, 1, b"\6\0\0\0")
BROKEN: dict[str, bytes] = {
    "nothing else": tiff(SIX),
    "a signed resolution of -1/0": tiff(SIX, (0x011B, 10, 1, struct.pack("<I", 38))) + struct.pack("<ii", -1, 0),
    "an offset past the end": tiff(SIX, (0x010F, 2, 40, struct.pack("<I", 1 << 30))),
    "a count past everything": tiff(SIX, (0x010F, 2, 0xFFFFFFFF, bytes(4))),
    "an unknown type": tiff(SIX, (0x9999, 99, 1, bytes(4))),
    "a type of nothing": tiff((0x0100, 0, 0, bytes(4)), SIX),
    "tags out of order": tiff((0xFFFF, 1, 1, bytes(4)), SIX, (0x0100, 4, 1, bytes(4))),
    "a GPS directory that is its own": tiff(SIX, (0x8825, 4, 1, struct.pack("<I", 8))),
    "an EXIF directory that is nowhere": tiff(SIX, (0x8769, 4, 1, struct.pack("<I", 0xFFFFFFF0))),
    "a next directory that is this one": tiff(SIX, next_directory=8),
    "more entries named than there are": tiff(SIX).replace(b"\x01\x00\x12\x01", b"\xff\x7f\x12\x01"),
    "a thumbnail that is garbage": tiff(SIX, (0x0201, 4, 1, struct.pack("<I", 20)), (0x0202, 4, 1, b"\xff" * 4)),
    "a maker note of zeros": tiff(SIX, (0x927C, 7, 60_000, struct.pack("<I", 38))) + bytes(40_000),
    "a copyright that is not text": tiff(SIX, (0x8298, 2, 4, b"\xff\xfe\xfd\xfc")),
    "big-endian": tiff((0x0112, 3, 1, b"\0\6\0\0"), order=">"),
    "a long number": tiff((0x0112, 4, 1, b"\6\0\0\0")),
    "a byte": tiff((0x0112, 1, 1, b"\6\0\0\0")),
    "a directory further on": tiff(SIX, at=64),
    "an entry twice": tiff(SIX, (0x0112, 3, 1, b"\1\0\0\0")),
}


def as_jpeg(exif: bytes) -> bytes:
    return segment(encode(LYING, "JPEG", quality=95), 0xE1, b"Exif\0\0" + exif)


def as_png(exif: bytes) -> bytes:
    return with_chunk(encode(LYING, "PNG"), b"eXIf", exif)


def as_png_with_header(exif: bytes) -> bytes:
    return with_chunk(encode(LYING, "PNG"), b"eXIf", b"Exif\0\0" + exif)


def as_png_text(exif: bytes) -> bytes:
    text = f"\nexif\n{len(exif):8}\n{exif.hex()}\n".encode()
    return with_chunk(encode(LYING, "PNG"), b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))


def as_webp(exif: bytes) -> bytes:
    return encode(LYING, "WEBP", quality=95, exif=exif)


def as_webp_with_header(exif: bytes) -> bytes:
    return encode(LYING, "WEBP", quality=95, exif=b"Exif\0\0" + exif)


def upright(data: bytes) -> bool:
    made = decode(sanitizer.sanitize(data).data)
    if made.size != (96, 64):
        return False
    shown, meant = (image.convert("RGB").resize((4, 4)).tobytes() for image in (made, photo()))
    return max(abs(a - b) for a, b in zip(shown, meant, strict=True)) < 12


@pytest.mark.parametrize("carrier", [as_jpeg, as_png, as_png_with_header, as_png_text, as_webp, as_webp_with_header])
def test_one_broken_tag_turns_nothing(carrier: Callable[[bytes], bytes]) -> None:
    lying = [what for what, exif in BROKEN.items() if not upright(carrier(exif))]
    assert not lying


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
XMP_ELEMENT = b"<x:xmpmeta><tiff:Orientation>6</tiff:Orientation></x:xmpmeta>"


@pytest.mark.parametrize("xmp", [XMP, XMP_ELEMENT])
def test_xmp_counts_where_exif_is_silent(xmp: bytes) -> None:
    head = b"http://ns.adobe.com/xap/1.0/\0"
    assert upright(segment(encode(LYING, "JPEG", quality=95), 0xE1, head + xmp))
    itxt = b"XML:com.adobe.xmp\0\0\0\0\0" + xmp
    packed = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)
    assert upright(with_chunk(encode(LYING, "PNG"), b"iTXt", itxt))
    assert upright(with_chunk(encode(LYING, "PNG"), b"iTXt", packed))
    assert upright(encode(LYING, "WEBP", quality=95, xmp=xmp))
    says_upright = segment(encode(photo(), "JPEG", quality=95), 0xE1, head + xmp)
    assert upright(segment(says_upright, 0xE1, b"Exif\0\0" + tiff((0x0112, 3, 1, b"\1\0\0\0"))))


@pytest.mark.parametrize("value", [0, 9, 65_535])
def test_a_number_that_means_nothing_turns_nothing(value: int) -> None:
    exif = tiff((0x0112, 3, 1, struct.pack("<HH", value, 0)))
    assert upright(segment(encode(photo(), "JPEG", quality=95), 0xE1, b"Exif\0\0" + exif))


@pytest.mark.parametrize(
    "data", [b"", b"II", b"XX*\0\0\0\0\0", b"II*\0\xff\xff\xff\xff", tiff()[:9], b"Exif\0\0", bytes(40)]
)
def test_what_is_no_exif_says_nothing(data: bytes) -> None:
    assert orientation(data) == 1


def left_colour(data: bytes) -> tuple[tuple[int, int], bool, bool]:
    """Size, and whether red is at the left, or at the top."""
    made = decode(sanitizer.sanitize(data).data)
    width, height = made.size

    def red(at: tuple[int, int]) -> bool:
        pixel = made.getpixel(at)
        return isinstance(pixel, tuple) and pixel[0] > 120 > pixel[2]

    return made.size, red((4, height // 2)), red((width // 2, 4))


@pytest.mark.parametrize("exif", [None, b"II*\0\x08\0\0\0" + tiff(SIX)[8:]], ids=["no EXIF", "EXIF that repeats it"])
def test_a_heic_is_turned_once(exif: bytes | None) -> None:
    """Its own turn counts (`irot`, `imir`); phones repeat it in EXIF, which is for programs that ignore it."""
    assert left_colour(heic(1, 1, exif=exif)) == ((64, 48), True, False)
    assert left_colour(heic(1, 1, turn=3, exif=exif)) == ((48, 64), False, True)
    assert left_colour(heic(1, 1, turn=2, exif=exif))[:2] == ((64, 48), False)
    assert left_colour(heic(1, 1, mirror=1, exif=exif))[:2] == ((64, 48), False)
    assert left_colour(heic(1, 1, turn=1, mirror=1, exif=exif))[0] == (48, 64)


def test_an_avif_is_turned_once() -> None:
    for turned in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = turned
        made = sanitizer.sanitize(encode(LYING if turned == 6 else photo(), "AVIF", quality=95, exif=exif.tobytes()))
        if turned == 6:
            assert (made.width, made.height) == (96, 64)


def test_every_copy_is_upright() -> None:
    large = photo(2400, 1600).transpose(Image.Transpose.ROTATE_90)
    made = sanitizer.sanitize_with_copies(
        segment(encode(large, "JPEG"), 0xE1, b"Exif\0\0" + BROKEN["a signed resolution of -1/0"]),
        {"small": sanitizer.Resize(300)},
    )
    assert [(one.width, one.height) for one in (made.original, made.copies["small"])] == [(2400, 1600), (300, 200)]
