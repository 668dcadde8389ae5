"""Files that are no accepted picture: the refusal says what they are and what to do."""

from __future__ import annotations

import base64
import gzip
import struct

import pytest
from heif_samples import box, full, heic
from image_samples import decode, encode, photo, with_chunk
from PIL import Image

from shared.errors import Unprocessable, UnsupportedMedia
from shared.images import sanitizer

pytestmark = pytest.mark.processes

JPEG, PNG = encode(photo(), "JPEG"), encode(photo(), "PNG")
REST = bytes(200)


def brand(name: bytes) -> bytes:
    return box(b"ftyp", name, bytes(4), b"isom") + REST


FILES = [
    (b"", "An empty file"),
    (brand(b"isom"), "A video"), (brand(b"mp42"), "A video"), (brand(b"qt  "), "A video"), (brand(b"3gp5"), "A video"),
    (b"RIFF\x10\0\0\0AVI LIST" + REST, "A video"), (b"\x1aE\xdf\xa3" + REST, "A video"),
    (brand(b"crx "), "Canon RAW"), (b"II*\0\x10\0\0\0CR\x02\0" + REST, "Canon RAW"),
    (b"FUJIFILMCCD-RAW 0201" + REST, "Fujifilm RAW"), (b"IIU\0" + REST, "Panasonic RAW"),
    (b"IIRO" + REST, "Olympus RAW"), (b"FOVb" + REST, "Sigma RAW"), (b"\0MRM" + REST, "Minolta RAW"),
    (b"II+\0" + REST, "TIFF"), (b"II\xbc\x01" + REST, "JPEG XR"), (brand(b"avci"), "HEIF of H.264"),
    (brand(b"vvic"), "HEIF of H.266"), (box(b"ftyp", b"mif1\0\0\0\0mif1") + REST, "HEIF of an unknown codec"),
    (encode(photo(), "TGA"), "TGA"), (encode(photo(), "PCX"), "PCX"), (encode(photo(), "SGI"), "SGI"),
    (encode(photo(mode="L"), "TGA", compression="tga_rle"), "TGA"), (encode(photo(mode="P"), "TGA"), "TGA"),
    (b"\0\0\2\0\1\0\x20\x20" + REST, "CUR"), (b"{\\rtf1\\ansi x}", "RTF"),
    (b"L\0\0\0\1\x14\2\0\0\0" + REST, "A shortcut of Windows"), (b"[InternetShortcut]\r\nURL=x", "A shortcut"),
    (b"book\0\0\0\0mark\0" + REST, "An alias of macOS"), (b"\0\0\0\1Bud1" + REST, "A file of macOS"),
    (b"[.ShellClassInfo]\r\n", "Not a picture"), (b"{not json}", "Not a picture"), (b"[1, 2]", "JSON"),
    (encode(photo(), "PPM"), "PNM"), (encode(photo(), "DDS"), "DDS"), (b"gimp xcf file\0" + REST, "XCF"),
    (b"\xff\x4f\xff\x51" + REST, "JPEG 2000"), (b"v/1\x01" + REST, "OpenEXR"), (b"qoif" + REST, "QOI"),
    (gzip.compress(JPEG), "GZIP"), (b"Rar!\x1a\x07" + REST, "RAR"), (b"7z\xbc\xaf\x27\x1c" + REST, "7-Zip"),
    (b"PK\x05\x06" + bytes(18), "ZIP"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + REST, "A document of Microsoft Office"),
    (b"<!DOCTYPE html><html><body>404</body></html>", "A web page"),
    (b"\xef\xbb\xbf \n<!-- x --><HTML lang='de'>", "A web page"),
    ("<html>".encode("utf-16"), "A web page"),
    (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "XML"),
    (b'<?xml version="1.0"?><!DOCTYPE svg><svg/>', "SVG"), (b"<!-- made by hand --><svg/>", "SVG"),
    (b'{"error": {"code": 404}}', "JSON"), (base64.b64encode(JPEG), "Base64 text"),
    (b"data:image/png;base64," + base64.b64encode(PNG), "Base64 text"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", "A pointer of Git LFS"),
    (b"\0\x05\x16\x07\0\2\0\0Mac OS X        " + REST, "A file of macOS"),
    (PNG[:8] + b"\0\0\0\4CgBI\x50\0\x20\2\x2b\xd5\xb3\x7f" + PNG[8:], "A PNG of an iOS app (CgBI)"),
    (PNG.replace(b"\r\n", b"\n"), "A PNG that was sent as text"),
    (PNG.replace(b"\n", b"\r\n"), "A PNG that was sent as text"),
    (PNG.decode("utf-8", "replace").encode(), "A PNG that was sent as text"),
    (b"\r\n" + JPEG, "A picture behind other bytes"),
    (b"\r\n" + encode(photo(), "WEBP"), "A picture behind other bytes"),
    (b"\xef\xbb\xbf" + encode(photo(), "AVIF"), "A picture behind other bytes"),
    (b"\n" + heic(), "A picture behind other bytes"),
    (b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n" + PNG, "A picture behind other bytes"),
    (bytes(5000), "Not a picture"), (b"once upon a time", "Not a picture"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "named"), FILES, ids=[f"{n} {name}" for n, (_, name) in enumerate(FILES)])
def test_what_is_no_accepted_picture_is_called_by_its_name(data: bytes, named: str) -> None:
    with pytest.raises(UnsupportedMedia) as refused:
        sanitizer.sanitize(data)
    assert refused.value.message.startswith(named), refused.value.message
    assert refused.value.message.endswith("Send a JPEG, PNG, WebP, AVIF or HEIC picture.")


def test_a_sequence_without_a_still_picture_is_an_animation() -> None:
    table = box(b"stbl", full(b"stsz", 0, struct.pack(">II", 0, 12)))
    moov = box(b"moov", box(b"trak", box(b"mdia", box(b"minf", table))))
    with pytest.raises(Unprocessable) as refused:
        sanitizer.sanitize(box(b"ftyp", b"hevc\0\0\0\0msf1hevc") + moov + REST)
    assert refused.value.code == "animated"
    assert sanitizer.sanitize(heic() + moov).width == 128


@pytest.mark.parametrize("gamma", [0, 1, 15, 9_999, 1_000_001, 2**32 - 1])
def test_an_exponent_that_leaves_only_black_or_white_says_nothing(gamma: int) -> None:
    flat = encode(Image.new("RGB", (40, 40), (128, 128, 128)), "PNG")
    made = sanitizer.sanitize(with_chunk(flat, b"gAMA", struct.pack(">I", gamma)))
    assert decode(made.data).getpixel((9, 9)) == (128, 128, 128)


def test_jpeg_ls_is_a_rare_coding() -> None:
    data = b"\xff\xd8\xff\xf7\0\x0b\x08\0\x40\0\x60\1\1\x11\0\xff\xda\0\x08\1\1\0\0\0\0" + REST + b"\xff\xd9"
    with pytest.raises(Unprocessable) as refused:
        sanitizer.sanitize(data)
    assert refused.value.code == "rare_coding"
