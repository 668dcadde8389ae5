"""A product feed in XML (RSS 2.0 or Atom, with Google Merchant Center's `g:` names) as a table.

The parser is expat without a document type: a feed needs none, and with none there are no entities to expand and
nothing outside the file to read.
"""

from __future__ import annotations

import re
from typing import Any, Final
from xml.parsers import expat

from shared.errors import TooLarge, Unprocessable
from shared.tables.files import MAX_COLUMNS, Grid, check_cells
from shared.tables.format import ReadAs

GOOGLE: Final = "http://base.google.com/ns/1.0"
ATOM: Final = "http://www.w3.org/2005/Atom"
ROOTS: Final = ("rss", "feed", "RDF")
ITEMS: Final = ("item", "entry")
MAX_ITEMS: Final = 100_000
MAX_DEPTH: Final = 20
_BEGIN = re.compile(rb"^(?:\xef\xbb\xbf)?\s*<(?:\?xml|rss|feed|!--|!DOCTYPE|[A-Za-z])", re.IGNORECASE)
_WIDE = (b"\xff\xfe<\0", b"\xfe\xff\0<")


def is_xml(data: bytes) -> bool:
    """Whether a file is XML by its first bytes."""
    return _BEGIN.match(data[:512]) is not None or data.startswith(_WIDE)


def read_feed(data: bytes) -> Grid:
    """The items of a feed, one a row, with its line.

    Raises:
        TooLarge: more than 100,000 items, or `too_many_cells`.
        Unprocessable: `xml_malformed`, `xml_doctype`, `import_unknown`.
    """
    return _Reader().read(data)


class _Reader:
    def __init__(self) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._depth = 0
        self._item_depth: int | None = None
        self._line = 0
        self._item: dict[str, str] = {}
        self._own: set[str] = set()
        self._pieces: list[str] = []
        self._rows: list[tuple[int, dict[str, str]]] = []

    def read(self, data: bytes) -> Grid:
        try:
            self._parser.Parse(data, True)
        except (expat.ExpatError, LookupError, ValueError) as error:
            line = self._parser.ErrorLineNumber
            raise Unprocessable(
                f"the feed is not valid XML in line {line}: {error}", code="xml_malformed", details={"line": line}
            ) from None
        if not self._rows:
            raise Unprocessable("the feed has no <item> and no <entry>", code="csv_empty")
        columns = tuple(dict.fromkeys(name for _, item in self._rows for name in item))
        if len(columns) > MAX_COLUMNS:
            raise TooLarge(f"a feed may have up to {MAX_COLUMNS} names", code="too_many_columns")
        check_cells(len(self._rows), len(columns))
        rows = tuple((line, tuple(item.get(name, "") for name in columns)) for line, item in self._rows)
        return Grid(columns, rows, (ReadAs("encoding", "XML", "its bytes are"),))

    def _refuse_doctype(self, *_: Any) -> None:
        raise Unprocessable("the feed has a document type (<!DOCTYPE>): remove it", code="xml_doctype")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unprocessable(f"the feed is nested more than {MAX_DEPTH} deep", code="xml_malformed")
        if self._depth == 1 and local not in ROOTS:
            raise Unprocessable(
                f"the file is XML with the root <{local[:40]}>: send an RSS or Atom feed, or a table",
                code="import_unknown",
            )
        if self._item_depth is None and local in ITEMS:
            if len(self._rows) >= MAX_ITEMS:
                raise TooLarge(f"a feed may have up to {MAX_ITEMS} items: split it", code="too_many_rows")
            self._item_depth, self._line = self._depth, self._parser.CurrentLineNumber
            self._item, self._own = {}, set()
        self._pieces = []

    def _text(self, text: str) -> None:
        if self._item_depth is not None:
            self._pieces.append(text)

    def _end(self, name: str) -> None:
        if self._item_depth is not None and self._depth == self._item_depth + 1:
            self._keep(name)
        elif self._depth == self._item_depth:
            self._rows.append((self._line, self._item))
            self._item_depth = None
        self._depth -= 1
        self._pieces = []

    def _keep(self, name: str) -> None:
        """The first of several elements of one name; Google's before those of RSS and Atom."""
        space, _, local = name.rpartition(" ")
        text = "".join(self._pieces).strip()
        local = {"summary": "description", "content": "description"}.get(local, local) if space == ATOM else local
        local = local.lower()
        if text and (local not in self._item or (space == GOOGLE and local not in self._own)):
            self._item[local] = text
            if space == GOOGLE:
                self._own.add(local)
