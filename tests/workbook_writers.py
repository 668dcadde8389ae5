"""One table as the workbooks of several programs have it, which write the same cells differently."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final
from xml.sax.saxutils import escape, quoteattr

MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATED: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
FORMATS: Final = ("General", "dd.mm.yyyy", '#,##0.00\\ "\u20ac"', "0%", "00000")
"""By style."""
GENERAL, DAY, EUROS, PERCENT, ZEROS = range(5)

type Cell = tuple[str | float | date, int] | None
"""A value and its style; None: the program writes no cell."""
type Row = Sequence[Cell]


def serial(day: date, *, since_1904: bool = False) -> int:
    """A day as a workbook counts it."""
    return (day - (date(1904, 1, 1) if since_1904 else date(1899, 12, 30))).days


class Writer:
    """A program that writes workbooks."""

    prefix = ""
    since_1904 = False
    text_cells = "shared"
    addresses = True
    numbers_typed = False
    styles_first = True
    blank_cells = False

    def write(self, rows: Sequence[Row]) -> bytes:
        """The table as a file."""
        self._strings: list[str] = []
        sheet = self._sheet(rows)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
            for name, part in self._parts(sheet).items():
                made.writestr(name, part)
        return out.getvalue()

    def _tag(self, name: str) -> str:
        return f"{self.prefix}{name}"

    def _element(self, name: str, content: str, attributes: str = "") -> str:
        return f"<{self._tag(name)}{attributes}>{content}</{self._tag(name)}>"

    def _sheet(self, rows: Sequence[Row]) -> str:
        made: list[str] = []
        for number, row in enumerate(rows, start=1):
            cells = "".join(self._cell(cell, f"{chr(65 + at)}{number}") for at, cell in enumerate(row))
            made.append(self._element("row", cells, f' r="{number}"' if self.addresses else ""))
        return self._element("worksheet", self._element("sheetData", "".join(made)), self._namespace())

    def _cell(self, cell: Cell, address: str) -> str:
        at = f' r="{address}"' if self.addresses else ""
        if cell is None:
            return f'<{self._tag("c")}{at} s="0"/>' if self.blank_cells or not self.addresses else ""
        value, style = cell
        if isinstance(value, str):
            return self._text(value, at)
        number = serial(value, since_1904=self.since_1904) if isinstance(value, date) else value
        attributes = (f' s="{style}"', ' t="n"' if self.numbers_typed else "")
        ordered = "".join(attributes if self.styles_first else reversed(attributes))
        return self._element("c", self._element("v", repr(number)), at + ordered)

    def _text(self, value: str, at: str) -> str:
        if self.text_cells == "inline":
            inner = self._element("t", escape(value), ' xml:space="preserve"')
            return self._element("c", self._element("is", inner), f'{at} t="inlineStr"')
        if self.text_cells == "formula":
            inner = self._element("f", escape(f'"{value}"')) + self._element("v", escape(value))
            return self._element("c", inner, f'{at} t="str"')
        self._strings.append(value)
        return self._element("c", self._element("v", str(len(self._strings) - 1)), f'{at} s="0" t="s"')

    def _namespace(self) -> str:
        return f' xmlns{":" + self.prefix[:-1] if self.prefix else ""}="{MAIN}" xmlns:r="{RELATED}"'

    def _parts(self, sheet: str) -> dict[str, str]:
        kinds = {"worksheet": "worksheets/sheet1.xml", "styles": "styles.xml", "sharedStrings": "sharedStrings.xml"}
        relations = "".join(
            f'<Relationship Id="rId{n}" Type="{RELATED}/{kind}" Target="{target}"/>'
            for n, (kind, target) in enumerate(kinds.items(), start=1)
        )
        codes = "".join(
            f'<{self._tag("numFmt")} numFmtId="{164 + n}" formatCode={quoteattr(code)}/>'
            for n, code in enumerate(FORMATS)
        )
        styles = "".join(f'<{self._tag("xf")} numFmtId="{164 + n}"/>' for n in range(len(FORMATS)))
        properties = f"<{self._tag('workbookPr')}{' date1904=' + quoteattr('1') if self.since_1904 else ''}/>"
        listed = self._element("sheets", f'<{self._tag("sheet")} name="Sales" sheetId="1" r:id="rId1"/>')
        strings = "".join(self._element("si", self._element("t", escape(text))) for text in self._strings)
        return {
            "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
            "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r" '
            f'Type="{RELATED}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": self._element("workbook", properties + listed, self._namespace()),
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">{relations}</Relationships>',
            "xl/styles.xml": self._element(
                "styleSheet",
                self._element("numFmts", codes) + self._element("cellStyleXfs", f'<{self._tag("xf")} numFmtId="9"/>')
                + self._element("cellXfs", styles),
                self._namespace(),
            ),
            "xl/sharedStrings.xml": self._element("sst", strings, self._namespace()),
            "xl/worksheets/sheet1.xml": sheet,
        }  # fmt: skip


class Excel(Writer):
    """Shared strings, a cell only where there is something."""


class MacExcel(Writer):
    """Days counted from 1904."""

    since_1904 = True


class LibreOffice(Writer):
    """The type of every cell is written, those of blank ones, too."""

    numbers_typed = True
    blank_cells = True


class TypeFirst(Writer):
    """The type of a number before its style."""

    numbers_typed = True
    styles_first = False


class GoogleSheets(Writer):
    """Texts as results of formulas."""

    text_cells = "formula"
    blank_cells = True


class Streaming(Writer):
    """Libraries of data warehouses: texts in their cells, and no addresses."""

    text_cells = "inline"
    addresses = False


class Prefixed(Writer):
    """Microsoft's Open XML SDK: every name with its namespace."""

    prefix = "x:"


WRITERS: Final[tuple[Callable[[], Writer], ...]] = (
    Excel, MacExcel, LibreOffice, TypeFirst, GoogleSheets, Streaming, Prefixed,
)  # fmt: skip
