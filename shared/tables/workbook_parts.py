"""The parts of a workbook, before the library that reads them sees them.

The library makes a table as large as the highest cell address before it fills it, and ends the process where memory for
that is lacking. So it never sees what was sent, but an archive written here: only parts in XML, each as large as was
measured, and only cells whose addresses were read here. A sheet whose tags are written in a way that is not understood
here is refused. What the library leaves out without a word is written into the cells: errors, formulas that no
program has calculated, and the style of a number whose format says more than the number.
"""

from __future__ import annotations

import io
import re
import secrets
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import Final

from shared.errors import TooLarge, Unprocessable
from shared.tables.files import MAX_COLUMNS, MAX_ROWS
from shared.tables.number_formats import Styles
from shared.tables.workbook_index import Book

MAX_UNPACKED: Final = 256 * 1024 * 1024
MAX_PARTS: Final = 2_000
MAX_MERGED: Final = 100_000
MAX_DESCRIPTION: Final = 8 * 1024 * 1024
_BOOK: Final = "xl/workbook.xml"
_STYLES: Final = "xl/styles.xml"
_STRINGS: Final = "xl/sharedstrings.xml"
_RELATIONS: Final = "xl/_rels/workbook.xml.rels"
_SMALL: Final = frozenset((_BOOK, _STYLES, _RELATIONS))
MAX_SHEET_ROWS: Final = MAX_ROWS + 10_000
MAX_PLACES: Final = 4_000_000
"""Cells of the rectangles from the first cell of each sheet to its last; each takes 60 bytes, empty or not."""
MAX_TEXT: Final = 256 * 1024 * 1024
"""Bytes of the texts of all cells: the library copies a shared text for each cell that shows it."""
PIECE: Final = 1 << 20
_PREFIX = rb"(?:[^\s<>/:=]*:)?"
_TAG = re.compile(
    rb"<" + _PREFIX + rb"(?:"
    rb'(c|row)(?:\sr="([A-Z]{0,3})([0-9]{1,7})")?((?:\s+[^\s<>/="\']+="[^"<&]*")*)\s*/?>'
    rb"|(?:c|row)(?=[\s/>]))"
)  # fmt: skip
"""The start of a cell or a row: its name, its address if that is its first attribute, its other attributes. One that is
not understood has no name."""
_LATER_ADDRESS = re.compile(rb'\sr="([^"]*)"')
_ADDRESS = re.compile(rb"([A-Z]{0,3})([0-9]{1,7})")
_ERROR = re.compile(rb"(<" + _PREFIX + rb'c\s[^<>]*?\st=)"e"')
_UNCALCULATED = re.compile(
    rb"<("
    + _PREFIX
    + rb")c(\s[^<>]*?)?>\s*<\1f(?:\s[^<>]*?)?(?:/>|>([^<]*)</\1f>)\s*(?:<\1v\s*/>|<\1v></\1v>)?\s*</\1c>"
)


_SHARED = re.compile(rb'\st="s"(?:\s[^<>]*)?>\s*<' + _PREFIX + rb"v(?:\s[^<>]*)?>([0-9]{1,9})</")
"""Which of the shared texts a cell shows."""
_ITEM = re.compile(rb"<(/?)" + _PREFIX + rb"si(?:\s[^<>]*)?>")
_MARKUP = re.compile(rb"<[^<>]*>")
_HIDDEN = re.compile(rb'\shidden="(?:1|true)"')


@dataclass(frozen=True)
class Hidden:
    """Rows of a sheet that its program does not show."""

    rows: int
    first: int


@dataclass(frozen=True)
class Checked:
    """A workbook as it may be read.

    Args:
        archive: of the parts that are read.
        hidden: by the name of the part.
        mark: around the number of the style before a number whose format is read; no text of the workbook can have it.
    """

    archive: bytes
    styles: Styles
    book: Book
    hidden: Mapping[str, Hidden]
    mark: str


def checked(data: bytes) -> Checked:
    """The parts of a workbook that are read.

    Raises:
        TooLarge: it would be far larger unpacked, or its cells are too many or too far apart.
        Unprocessable: `xlsx_malformed`.
    """
    made, mark = io.BytesIO(), f"\ue000{secrets.token_hex(8)}\ue000"
    try:
        with (
            zipfile.ZipFile(io.BytesIO(data)) as sent,
            zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as checked,
        ):
            styles, book, hidden = _copy(sent, checked, mark)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, ValueError, EOFError) as error:
        raise _malformed(str(error)) from None
    return Checked(made.getvalue(), styles, book, hidden, mark)


def _copy(sent: zipfile.ZipFile, checked: zipfile.ZipFile, mark: str) -> tuple[Styles, Book, dict[str, Hidden]]:
    if len(sent.infolist()) > MAX_PARTS:
        raise TooLarge(f"the workbook has more than {MAX_PARTS} parts", code="xlsx_too_large")
    parts = {part.filename.replace("\\", "/"): part for part in sent.infolist()}
    if len({name.lower() for name in parts}) < len(sent.infolist()):
        raise _malformed("two of its parts have the same name")
    if not any(name.lower() == _BOOK for name in parts):
        raise _malformed("it has no part `xl/workbook.xml`")
    left, places = MAX_UNPACKED, MAX_PLACES
    small = {name.lower(): _beginning(sent, part) for name, part in parts.items() if name.lower() in _SMALL}
    styles, book = Styles.read(small.get(_STYLES, b"")), Book.read(small[_BOOK], small.get(_RELATIONS, b""))
    texts = next((_Texts.read(sent, part) for name, part in parts.items() if name.lower() == _STRINGS), _Texts())
    hidden: dict[str, Hidden] = {}
    for name, part in parts.items():
        if not name.lower().endswith((".xml", ".rels")) or name.lower() == "content.xml":
            # Pictures, macros, other formats: nothing that is read.
            continue
        if part.flag_bits & 1:
            raise _malformed("it is protected by a password")
        if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _malformed("it is not compressed as workbooks are")
        sheet = _Sheet(styles, mark, texts)
        with sent.open(part) as source, checked.open(name, "w") as target:
            for piece in sheet.checked(iter(lambda source=source: source.read(PIECE), b"")):
                left -= len(piece)
                if left < 0:
                    raise _too_much()
                target.write(piece)
        places -= sheet.rows * sheet.columns
        if places < 0:
            raise TooLarge(
                f"the workbook spans more than {MAX_PLACES:,} cells: delete what is far from the table, split it, or "
                "save it as CSV",
                code="xlsx_too_large",
            )
        if sheet.hidden_rows:
            hidden[name.lower()] = Hidden(sheet.hidden_rows, sheet.first_hidden)
    return styles, book, hidden


def _beginning(sent: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    """A part that describes others; cut where it is larger than any is, and then not understood."""
    if part.flag_bits & 1 or part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return b""
    with sent.open(part) as source:
        return source.read(MAX_DESCRIPTION)


class _Texts:
    """The texts that cells share, and how many bytes of them the cells of all sheets show."""

    def __init__(self, xml: bytes = b"") -> None:
        lengths = list(_lengths(xml))
        self._longest = max(lengths, default=len(xml))
        # Whether an empty one counts depends on the program that reads: the longer of both.
        self._lengths = [max(both) for both in zip_longest(lengths, filter(None, lengths), fillvalue=0)]
        if b"<!" in xml or b"<?" in xml[1:]:
            # What looks like a text may be none.
            self._lengths = [self._longest] * len(lengths)
        self._left = MAX_TEXT

    @classmethod
    def read(cls, sent: zipfile.ZipFile, part: zipfile.ZipInfo) -> _Texts:
        """Of the part that holds them. Raises as `checked`."""
        if part.flag_bits & 1 or part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            return cls()  # refused where parts are copied
        with sent.open(part) as source:
            xml = source.read(MAX_UNPACKED + 1)
        if len(xml) > MAX_UNPACKED:
            raise _too_much()
        return cls(xml)

    def show(self, indices: Sequence[bytes], others: int) -> None:
        """Count what cells show.

        Args:
            others: cells of which is not known which text they show; each counts as the longest.

        Raises:
            TooLarge: `xlsx_too_large`.
        """
        known, last = self._lengths, len(self._lengths)
        self._left -= others * self._longest + sum(
            known[at] if at < last else self._longest for at in map(int, indices)
        )
        if self._left < 0:
            raise TooLarge(
                f"the cells of the workbook have more than {MAX_TEXT // 2**20} MiB of text: split it, or save as CSV",
                code="xlsx_too_large",
            )


def _lengths(xml: bytes) -> Iterator[int]:
    """Bytes of each shared text, at most."""
    began: int | None = None
    for tag in _ITEM.finditer(xml):
        if tag[1]:
            yield 0 if began is None else len(_MARKUP.sub(b"", xml[began : tag.start()]))
            began = None
        elif tag[0].endswith(b"/>"):
            yield 0
        else:
            began = tag.end()


class _Sheet:
    """The rectangle that the cells of a part span."""

    def __init__(self, styles: Styles, mark: str, texts: _Texts) -> None:
        self.rows = 0
        self.columns = 0
        self.hidden_rows = 0
        self.first_hidden = 0
        self._mark = mark.encode()
        self._texts = texts
        self._marked = _marked(styles)
        self._merged = 0
        self._row = 0
        self._column = 0

    def checked(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The part with what the library leaves out, in pieces that end before a cell or row."""
        rest = b""
        for piece in pieces:
            rest += piece
            end = max(rest.rfind(b"<c"), rest.rfind(b"<row"))
            if len(rest) - end > PIECE:
                end = rest.rfind(b"<")
            if len(rest) - end > 4 * PIECE:
                raise TooLarge("the workbook has a text of more than 4 MiB", code="xlsx_too_large")
            if end > 0:
                yield self._piece(rest[:end])
                rest = rest[end:]
        yield self._piece(rest)

    def _piece(self, xml: bytes) -> bytes:
        sharing = 0
        for name, letters, digits, others in _TAG.findall(xml):
            sharing += b't="s"' in others
            if not name:
                raise _malformed("its sheets are written in a way that is not understood")
            if b"r=" in others and (later := _LATER_ADDRESS.findall(others)):
                if digits or len(later) > 1 or not (found := _ADDRESS.fullmatch(later[0])):
                    raise _malformed(f"`{later[-1].decode('latin-1')[:20]}` is no address of a cell or row")
                letters, digits = found.groups()
            self._place(name, letters, digits)
            if name == b"row" and b"hidden" in others and _HIDDEN.search(others):
                self.hidden_rows += 1
                self.first_hidden = self.first_hidden or self._row
        if sharing:
            shown = _SHARED.findall(xml)
            self._texts.show(shown, max(0, sharing - len(shown)))
        if self._row > MAX_SHEET_ROWS or self.rows > MAX_SHEET_ROWS:
            raise TooLarge(
                f"a table may have up to {MAX_ROWS} rows: split it, or delete what is far below it",
                code="too_many_rows",
            )
        if self.columns > MAX_COLUMNS:
            raise TooLarge(
                f"a table may have up to {MAX_COLUMNS} columns: delete what is far beside it", code="too_many_columns"
            )
        self._merged += xml.count(b"mergeCell ")
        if self._merged > MAX_MERGED:
            raise TooLarge(f"a sheet may have up to {MAX_MERGED} merged areas: unmerge them", code="xlsx_too_large")
        if b't="e"' in xml:
            xml = _ERROR.sub(rb'\1"str"', xml)
        if b"<f" in xml or b":f" in xml:
            xml = _UNCALCULATED.sub(_with_formula, xml)
        return xml if self._marked is None else self._marked.sub(self._with_style, xml)

    def _with_style(self, cell: re.Match[bytes]) -> bytes:
        """A number as text, behind the number of its style."""
        prefix, before, style, after, value = cell.groups()
        before, after = (attributes.replace(b' t="n"', b"") for attributes in (before, after))
        return b'<%sc%s%s t="str"><%sv>%s%s%s%s</%sv></%sc>' % (
            prefix, before, after, prefix, self._mark, style, self._mark, value, prefix, prefix
        )  # fmt: skip

    def _place(self, name: bytes, letters: bytes, digits: bytes) -> None:
        """Follow the addresses; a row or cell without one is beside the last."""
        if bool(letters) != (name == b"c" and digits != b""):
            raise _malformed(f"`{(letters + digits).decode()}` is no address of a cell or row")
        if name == b"row":
            self._row = int(digits) if digits else self._row + 1
            self._column = 0
            return
        self._column = _column(letters) if letters else self._column + 1
        self.columns = max(self.columns, self._column)
        self.rows = max(self.rows, int(digits) if digits else self._row)


def _with_formula(cell: re.Match[bytes]) -> bytes:
    """A cell without a result, with its formula as its text. The empty text that a formula gave stays one."""
    prefix, attributes, formula = cell[1], cell[2] or b"", cell[3] or b""
    if b't="str"' in attributes:
        return cell[0]
    attributes = re.sub(rb'\st="[^"]*"', b"", attributes)
    return b'<%sc%s t="str"><%sv>=%s</%sv></%sc>' % (prefix, attributes, prefix, formula, prefix, prefix)


def _marked(styles: Styles) -> re.Pattern[bytes] | None:
    """Numbers with one of the styles whose format says more than the number."""
    if not styles.formats:
        return None
    numbers = "|".join(map(str, sorted(styles.formats))).encode()
    others = rb'((?:\s+(?:t="n"|(?!t=|s=)[^\s<>/="\']+="[^"<&]*"))*)'
    return re.compile(
        rb"<(" + _PREFIX + rb")c" + others + rb'\s+s="(' + numbers + rb')"' + others + rb"\s*>\s*"
        rb"(?:<\1f(?:\s[^<>]*?)?(?:/>|>[^<]*</\1f>)\s*)?<\1v>([^<]*)</\1v>\s*</\1c>"
    )


def _too_much() -> TooLarge:
    return TooLarge(
        f"the workbook has more than {MAX_UNPACKED // 2**20} MiB unpacked: split it, or save it as CSV",
        code="xlsx_too_large",
    )


@lru_cache(1_024)
def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _malformed(why: str) -> Unprocessable:
    return Unprocessable(f"the workbook can't be read: {why}: save it again as `.xlsx` or CSV", code="xlsx_malformed")
