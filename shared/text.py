"""Text from outside: decoded, unescaped and normalised once, where it enters.

Vendors' JSON, merchants' tables, file names and search words all pass through here, so that equal words are equal
strings everywhere behind it.
"""

from __future__ import annotations

import codecs
import html
import re
import unicodedata
from typing import Annotated, Final

from pydantic import BeforeValidator

_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MARK_READ_AS_LATIN: Final = codecs.BOM_UTF8.decode("cp1252")
"""What a program leaves that has read UTF-8 as Windows-1252 and written it as UTF-8."""
_SAMPLE_BYTES: Final = 4096

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
"""Only with its semicolon: without one, HTML reads `&copy2` in a name as a sign."""
_UNESCAPE_PASSES: Final = 3
"""Feeds that were exported twice carry `&amp;amp;`."""
_ESCAPE = re.compile(r"%(?:[uU]([0-9a-fA-F]{4})|([0-9a-fA-F]{2}))")
"""Of an address; the first form is that of JavaScript's `escape`."""

_C1 = {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}
"""What these control characters were before Windows-1252 was read as Latin-1 (WHATWG Encoding, windows-1252)."""
_LINE_BREAK = re.compile("\r\n?|[\u0085\u2028\u2029\v\f]")
_SPACES = re.compile(r"[^\S\n]+")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
)
"""Soft hyphens, zero-width spaces, marks of direction. Joiners and variation selectors stay: scripts use them."""
_TAGS = re.compile("(\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f)|[\U000e0000-\U000e007f]+")
"""Tag characters, which hide text from people and not from language models; flags of regions are made of them."""
_ALIKE = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "COPTIC", "CHEROKEE", "GEORGIAN"})
"""Scripts with letters that look like those of another one (Unicode TR 39)."""
_WORDS = re.compile(r"[^\W\d_]+")
_NO_TEXT = re.compile("[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""Lone surrogates and noncharacters, which are not text in any encoding."""


def decode(data: bytes, *, declared: str | None = None, fallback: str | None = None) -> str:
    """The text of a file.

    A byte order mark decides; without one, UTF-16 and UTF-32 show by their zero bytes, and everything else is UTF-8.

    Args:
        data: the whole file.
        declared: encoding that the sender named, for example the `charset` of a media type; used when no mark decides.
        fallback: encoding of what is not UTF-8; None refuses it. `cp1252` never fails: its five gaps are read as
            browsers do.

    Raises:
        ValueError: the bytes are not text in that encoding; the message names it and what to send.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _strictly(data, encoding)
    if declared is not None:
        try:
            name = codecs.lookup(declared.strip()).name
        except LookupError:
            name = None
        if name not in (None, "utf-8", "ascii"):
            return _strictly(data, declared.strip())
    wide = _wide_encoding(data[:_SAMPLE_BYTES])
    if wide is not None:
        return _strictly(data, wide)
    try:
        return data.decode().removeprefix(_MARK_READ_AS_LATIN)
    except UnicodeDecodeError:
        if fallback is None:
            raise ValueError("the text is not UTF-8: save it as UTF-8") from None
    if codecs.lookup(fallback).name == "cp1252":
        return data.decode("latin-1").translate(_C1 | {code: chr(code) for code, char in _C1.items() if not char})
    return _strictly(data, fallback)


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise ValueError(f"the text is not {encoding.upper().removesuffix('-SIG')}: save it as UTF-8") from None


def _wide_encoding(sample: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark: its ASCII characters have zero bytes at the same place of every unit.

    Files almost always begin with one (RFC 4627, section 3); for others one byte in ten must be such a zero.
    """
    if len(sample) >= 4 and sample[:4].count(0) == 3:
        return "utf-32-le" if sample[0] else "utf-32-be" if sample[3] else None
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if len(sample) < 2 or min(even, odd) * 4 > max(even, odd):
        return None
    begins_wide = sample[:2].count(0) == 1
    if not begins_wide and max(even, odd) * 10 < len(sample):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def unescape(text: str) -> str:
    """Text with its HTML entities resolved, those of text that was escaped twice, too."""
    for _ in range(_UNESCAPE_PASSES):
        resolved = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
        if resolved == text:
            break
        text = resolved
    return text


def unquote(text: str) -> str:
    """Text that was made for an address once too often, `red%20dress`, as it was before.

    Such text has no spaces, and nothing in it is escaped that need not be (RFC 3986, 2.3): `80%baumwolle`, `20%50` and
    addresses themselves stay.
    """
    for _ in range(_UNESCAPE_PASSES):
        escapes = _ESCAPE.findall(text)
        if not escapes or "://" in text or not text.isprintable() or any(char.isspace() for char in text):
            break
        plain = text if "%20" in text else text.replace("+", " ")
        resolved = _unquoted(plain)
        if resolved is None:
            break
        text = resolved
    return text


def _unquoted(text: str) -> str | None:
    """None if the escapes are none."""
    pieces: list[bytes] = []
    at = 0
    for found in _ESCAPE.finditer(text):
        char = chr(int(found[1], 16)) if found[1] else chr(int(found[2], 16))
        if (char.isascii() and (char.isalnum() or char in "-._~")) or ord(char) < 0x20 or ord(char) == 0x7F:
            return None
        pieces += [text[at : found.start()].encode("utf-8", "surrogatepass")]
        pieces += [bytes((ord(char),)) if found[2] else char.encode("utf-8", "surrogatepass")]
        at = found.end()
    whole = b"".join([*pieces, text[at:].encode("utf-8", "surrogatepass")])
    try:
        return whole.decode()
    except UnicodeDecodeError:
        # An old program's `caf%E9%20noir`; without a space, `50%acryl` may be meant.
        return whole.decode("cp1252", "replace") if "%20" in text and text.isascii() else None


def _resolve(text: str) -> str:
    for _ in range(_UNESCAPE_PASSES):
        before, text = text, unescape(unquote(text))
        if text == before:
            break
    return text


def block(text: str) -> str:
    """Text of several lines as it is stored: entities and escapes of addresses resolved, NFC, `\\n` for every line
    break, single spaces, no control or invisible characters, nothing but text at both ends. Applying it again changes
    nothing."""
    text = _LINE_BREAK.sub("\n", _resolve(text)).translate(_C1)
    text = _NO_TEXT.sub("", _TAGS.sub(r"\1", _INVISIBLE.sub("", _CONTROL.sub("", text))))
    text = _SPACES.sub(" ", unicodedata.normalize("NFC", text))
    return "\n".join(line.strip() for line in text.split("\n")).strip()


def line(text: str) -> str:
    """Text of one line as it is stored: as `block`, with a space for every line break."""
    return _SPACES.sub(" ", block(text).replace("\n", " ")).strip()


def _readable(value: object) -> object:
    """Refuse what only a program writes into a text: dropping it could join what it kept apart."""
    if isinstance(value, str) and _CONTROL.search(value):
        raise ValueError("has control characters: remove them")
    return value


def _as_line(value: object) -> object:
    return line(value) if isinstance(value, str) else value


def _as_block(value: object) -> object:
    return block(value) if isinstance(value, str) else value


def mixes_scripts(text: str) -> bool:
    """Whether a text is made to look like another one: a word has letters of scripts that look alike, as `paypal` with
    a Cyrillic a, or there are forms of letters, as wide ones."""
    if unicodedata.normalize("NFKC", text) != unicodedata.normalize("NFC", text):
        return True
    for word in _WORDS.findall(text):
        if len({script for letter in word if (script := unicodedata.name(letter, "").partition(" ")[0]) in _ALIKE}) > 1:
            return True
    return False


type LineText = Annotated[str, BeforeValidator(_as_line), BeforeValidator(_readable)]
"""A field of a document from outside: one line, as `line` gives it; control characters are refused."""
type BlockText = Annotated[str, BeforeValidator(_as_block), BeforeValidator(_readable)]
"""A field of a document from outside: several lines, as `block` gives them; control characters are refused."""
