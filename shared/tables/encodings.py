"""The encoding of a table as text: its sender's word, its bytes, or the letters of a Western language."""

from __future__ import annotations

from shared import text as texts
from shared.errors import Unprocessable
from shared.tables.format import ReadAs
from shared.tables.western import is_western


def decode(data: bytes, charset: str | None) -> tuple[str, ReadAs]:
    """The text of a file, and how it was decoded.

    Args:
        charset: that its sender names.

    Raises:
        Unprocessable: `csv_encoding`.
    """
    try:
        text = texts.decode(data, declared=charset)
        because = "the content type says so" if charset else "its bytes are"
        how = ReadAs("encoding", charset or "Unicode", because)
    except ValueError as error:
        text = texts.decode(data, fallback="cp1252") if _is_single_byte(data, charset) else ""
        line = data.count(b"\n", 0, _first_beyond_ascii(data)) + 1
        if not text or not is_western(text):
            byte = _first_beyond_ascii(data)
            raise Unprocessable(
                f"{error} (line {line} has the byte 0x{data[byte]:02x}), or name its encoding in the content type, for "
                "example `text/csv; charset=windows-1251`",
                code="csv_encoding", details={"line": line, "byte": byte},
            ) from None  # fmt: skip
        how = ReadAs("encoding", "windows-1252", f"line {line} is not UTF-8 and has letters of Western languages", line)
    text = text.removeprefix("\ufeff").removesuffix("\x1a")  # the end of a file for CP/M and DOS
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Unprocessable(
            f"the file has a zero byte in line {line}: save it as `CSV UTF-8`", code="csv_encoding",
            details={"line": line},
        )  # fmt: skip
    return text, how


def _is_single_byte(data: bytes, charset: str | None) -> bool:
    return charset is None and not data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"))


def _first_beyond_ascii(data: bytes) -> int:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return next((at for at, byte in enumerate(data) if byte > 127), 0)
