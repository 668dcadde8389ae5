"""What a file is that is no picture of an accepted format, by its first bytes, and what its sender can do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

HEAD: Final = 1024
"""Bytes that are looked at."""
PICTURE: Final = ""
RAW: Final = "Export it as JPEG from the program that develops it."
VIDEO: Final = "Send a single picture of it."
ARCHIVE: Final = "Unpack it and send the pictures one by one."
DOCUMENT: Final = "Export the picture in it."
SHORTCUT: Final = "Send the picture that it leads to."
TEXT: Final = "The file holds text, not the picture itself."
_TEXT_MODE: Final = "Send it again in binary mode: its line ends were changed on the way."


@dataclass(frozen=True)
class Other:
    """A file that is not accepted.

    Args:
        name: what it is, with its article if it is no format.
        remedy: a sentence; empty where sending another format says it all.
    """

    name: str
    remedy: str = PICTURE


_BY_START: Final = (
    (b"GIF8", Other("GIF")),
    (b"BM", Other("BMP")),
    (b"II*\x00\x10\x00\x00\x00CR", Other("Canon RAW (CR2)", RAW)),
    (b"FUJIFILMCCD-RAW", Other("Fujifilm RAW (RAF)", RAW)),
    (b"IIU\x00", Other("Panasonic RAW (RW2)", RAW)),
    (b"IIRO", Other("Olympus RAW (ORF)", RAW)),
    (b"IIRS", Other("Olympus RAW (ORF)", RAW)),
    (b"MMOR", Other("Olympus RAW (ORF)", RAW)),
    (b"\x00MRM", Other("Minolta RAW (MRW)", RAW)),
    (b"FOVb", Other("Sigma RAW (X3F)", RAW)),
    (b"II*\x00", Other("TIFF")),
    (b"MM\x00*", Other("TIFF")),
    (b"II+\x00", Other("TIFF")),
    (b"MM\x00+", Other("TIFF")),
    (b"II\xbc\x01", Other("JPEG XR")),
    (b"%PDF", Other("PDF", DOCUMENT)),
    (b"%!PS", Other("EPS", DOCUMENT)),
    (b"\xc5\xd0\xd3\xc6", Other("EPS", DOCUMENT)),
    (b"8BPS", Other("PSD")),
    (b"gimp xcf", Other("XCF")),
    (b"\x00\x00\x01\x00", Other("ICO")),
    (b"\x0a\x05\x01", Other("PCX")),
    (b"\x01\xda", Other("SGI")),
    (b"{\\rtf", Other("RTF", DOCUMENT)),
    (b"L\x00\x00\x00\x01\x14\x02\x00", Other("A shortcut of Windows", SHORTCUT)),
    (b"[InternetShortcut]", Other("A shortcut of Windows", SHORTCUT)),
    (b"book\x00\x00\x00\x00mark", Other("An alias of macOS", SHORTCUT)),
    (b"\x00\x00\x00\x01Bud1", Other("A file of macOS beside pictures (`.DS_Store`)", "Send the pictures alone.")),
    (b"icns", Other("ICNS")),
    (b"\xff\x0a", Other("JPEG XL")),
    (b"\x00\x00\x00\x0cJXL ", Other("JPEG XL")),
    (b"\x00\x00\x00\x0cjP  ", Other("JPEG 2000")),
    (b"\xff\x4f\xff\x51", Other("JPEG 2000")),
    (b"\x8aMNG", Other("MNG")),
    (b"\x8bJNG", Other("JNG")),
    (b"v/1\x01", Other("OpenEXR")),
    (b"#?RADIANCE", Other("Radiance HDR")),
    (b"#?RGBE", Other("Radiance HDR")),
    (b"qoif", Other("QOI")),
    (b"FLIF", Other("FLIF")),
    (b"BPG\xfb", Other("BPG")),
    (b"DDS ", Other("DDS")),
    (b"farbfeld", Other("farbfeld")),
    (b"AT&TFORM", Other("DjVu", DOCUMENT)),
    (b"\xd7\xcd\xc6\x9a", Other("WMF", DOCUMENT)),
    (b"\xd0\xcf\x11\xe0", Other("A document of Microsoft Office", DOCUMENT)),
    (b"PK\x03\x04", Other("ZIP", ARCHIVE)),
    (b"PK\x05\x06", Other("ZIP", ARCHIVE)),
    (b"\x1f\x8b", Other("GZIP", ARCHIVE)),
    (b"Rar!", Other("RAR", ARCHIVE)),
    (b"7z\xbc\xaf\x27\x1c", Other("7-Zip", ARCHIVE)),
    (b"\xfd7zXZ", Other("XZ", ARCHIVE)),
    (b"\x28\xb5\x2f\xfd", Other("Zstandard", ARCHIVE)),
    (b"BZh", Other("BZIP2", ARCHIVE)),
    (b"\x1aE\xdf\xa3", Other("A video", VIDEO)),
    (b"FLV\x01", Other("A video", VIDEO)),
    (b"\x00\x00\x01\xba", Other("A video", VIDEO)),
    (b"\x00\x00\x01\xb3", Other("A video", VIDEO)),
    (b"\x00\x05\x16\x07", Other("A file of macOS beside the picture (`._...`)", "Send the picture itself.")),
    (b"version https://git-lfs", Other("A pointer of Git LFS", "Send the picture that it stands for.")),
)
_BY_BRAND: Final = {
    b"crx ": Other("Canon RAW (CR3)", RAW),
    b"avci": Other("HEIF of H.264"), b"avcs": Other("HEIF of H.264"),
    b"vvic": Other("HEIF of H.266"), b"vvis": Other("HEIF of H.266"),
    b"jpeg": Other("HEIF of JPEG"), b"jpgs": Other("HEIF of JPEG"), b"j2ki": Other("HEIF of JPEG 2000"),
    b"mif1": Other("HEIF of an unknown codec"), b"mif2": Other("HEIF of an unknown codec"),
    b"msf1": Other("HEIF of an unknown codec"), b"miaf": Other("HEIF of an unknown codec"),
}  # fmt: skip
"""By the major brand of `ftyp`; of what is no HEIF it is a video."""
_TGA = re.compile(rb".[\x00\x01][\x01-\x03\x09-\x0b].{13}[\x08\x0f\x10\x18\x20][\x00-\x3f]", re.DOTALL)
"""Truevision's header: kind of picture, then bits a pixel. A `CUR` has its number of pictures where this has zeros."""
_JSON = re.compile(rb'(?:\{\s*["}]|\[\s*(?:["\[{\]\d-]|true|false|null))')
_PNM = re.compile(rb"P[1-7]\s+(?:#|\d)")
_PNG_OF_APP = re.compile(rb"\x89PNG\r\n\x1a\n....CgBI", re.DOTALL)
_MANGLED_PNG = re.compile(
    rb"\x89PNG(?:\n\x1a\n|\r\r\n\x1a\r\n|\r\x1a\r|\r\n\x1a\r\n)|\x09PNG|\xef\xbf\xbdPNG|\xc2\x89PNG"
)
_BASE64 = re.compile(rb"(?:data:[^,]{0,100};base64,)?(?:/9j/|iVBORw0KGgo|UklGR|AAAA[A-Za-z0-9+/]{2}ZnR5c)")
_HTML = re.compile(
    rb"(?:<!--(?>.{0,500}?-->)\s*+)*+<(?:!doctype\s+html|html|head|body|script|title|meta)\b", re.I | re.S
)
_PICTURES: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_PICTURES_INSIDE: Final = re.compile(rb"RIFF....WEBP|....ftyp(?:avi[fs]|hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL)
_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def describe(data: bytes) -> Other | None:
    """What a file is; None if its first bytes say nothing."""
    if not data:
        return Other("An empty file", "Send it again.")
    head = data[:HEAD]
    if head[4:8] == b"ftyp":
        return _BY_BRAND.get(head[8:12], Other("A video", VIDEO))
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return Other("A video", VIDEO)
    if _PNG_OF_APP.match(head):
        return Other(
            "A PNG of an iOS app (CgBI)", "Take it from the app's sources, or export it with Preview on a Mac."
        )
    if _MANGLED_PNG.match(head):
        return Other("A PNG that was sent as text", _TEXT_MODE)
    if head[:4] == b"\x00\x00\x02\x00" and head[4:6] != b"\x00\x00":
        return Other("CUR")
    bare = head.lstrip()
    found = next((other for start, other in _BY_START if bare.startswith(start) or head.startswith(start)), None)
    found = found or (Other("PNM") if _PNM.match(bare) else None) or _text(bare) or _behind(head)
    # Last, as few bits of it are fixed.
    return found or (Other("TGA") if _TGA.match(head) else None)


def _text(head: bytes) -> Other | None:
    for mark in _MARKS:
        head = head.removeprefix(mark)
    plain = head.replace(b"\0", b"").lstrip()
    if _BASE64.match(plain):
        return Other("Base64 text", "Decode it and send the bytes.")
    if _HTML.match(plain):
        return Other("A web page", TEXT)
    if plain.startswith((b"<?xml", b"<!--", b"<svg", b"<!DOCTYPE svg")) and b"<svg" in plain:
        return Other("SVG", "Export it as PNG.")
    if plain.startswith(b"<?xml"):
        return Other("XML", TEXT)
    return Other("JSON", TEXT) if _JSON.match(plain) else None


def _behind(head: bytes) -> Other | None:
    """A picture with something in front of it, which other programs would read as something else."""
    at = min((place for start in _PICTURES if (place := head.find(start)) > 0), default=0)
    if not at and (found := _PICTURES_INSIDE.search(head, 1)):
        at = found.start()
    return Other("A picture behind other bytes", f"Remove the {at} bytes in front of it.") if at else None
