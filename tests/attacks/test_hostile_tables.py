"""Small tables that grow in memory until the process dies: texts shown by many cells, sheets read many times, rows that
are padded to the width of the header. What is in them is counted before any of it is read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from typing import Final

import pytest

from functions.catalogue.feed_xml import read_feed
from shared.errors import StudioError
from shared.http.classes import class_of
from shared.tables.files import read_grid
from shared.tables.format import TableFormat

MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
LONG: Final = "x" * 1_000_000
CELLS: Final = 300
"""That many show the long text: more than is taken, and little enough for a reader that takes it."""
SHEET: Final = '<sheet name="S{0}" sheetId="{0}" r:id="{1}"/>'
WORK: Final = '<Relationship Id="{0}" Type="' + OFFICE + '/{1}" Target="{2}"/>'


def shown(cell: str, count: int = CELLS) -> str:
    return "".join(f"<row>{cell}</row>" for _ in range(count))


def workbook(
    texts: str = "",
    rows: str = "",
    *,
    sheets: str = SHEET.format(1, "r1"),
    relations: str = "",
    more: Mapping[str, str] | None = None,
) -> bytes:
    """A workbook with a sheet that has the column `sku`, and below it `rows`; text 0 is `sku`, then come `texts`."""
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Override PartName="/xl/workbook.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        + WORK.format("r1", "officeDocument", "xl/workbook.xml")
        + "</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{sheets}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        + WORK.format("r1", "worksheet", "worksheets/sheet1.xml")
        + WORK.format("r2", "sharedStrings", "sharedStrings.xml")
        + relations
        + "</Relationships>",
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}"><si><t>sku</t></si>{texts}</sst>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{MAIN}"><sheetData><row><c t="s"><v>0</v></c></row>{rows}'
        "</sheetData></worksheet>",
        **(more or {}),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return out.getvalue()


TEXT: Final = f"<si><t>{LONG}</t></si>"
TEXTS: Final = {
    "in many cells": workbook(TEXT, shown('<c t="s"><v>1</v></c>')),
    "in cells written over lines": workbook(TEXT, shown('<c\n t="s" >\n<v >1</v></c>')),
    "behind a formula": workbook(TEXT, shown('<c t="s"><f>A1</f><v>1</v></c>')),
    "by a number written in another way": workbook(TEXT, shown('<c t="s"><v>&#49;</v></c>')),
    "by a number behind a comment": workbook(TEXT, shown('<c t="s"><v><!-- 0 -->1</v></c>')),
    "behind one that is empty": workbook(f"<si/>{TEXT}", shown('<c t="s"><v>1</v></c>')),
    "behind one in a comment": workbook(f"<!-- <si><t>a</t></si> -->{TEXT}", shown('<c t="s"><v>1</v></c>')),
    "in pieces": workbook(
        "<si>" + "".join(f"<r><t>{LONG[:1000]}</t></r>" for _ in range(1000)) + "</si>",
        shown('<c t="s"><v>1</v></c>'),
    ),
}
SHEETS: Final = {
    "one relation": workbook(sheets="".join(SHEET.format(n, "r1") for n in range(1, 50))),
    "several relations": workbook(
        sheets="".join(SHEET.format(n, id) for n, id in enumerate(("r1", "r3", "r4"), 1)),
        relations=WORK.format("r3", "worksheet", "/xl/worksheets/sheet1.xml")
        + WORK.format("r4", "worksheet", "xl/worksheets/sheet1.xml"),
    ),
    "among charts that do not exist": workbook(
        sheets="".join(SHEET.format(n, "r1") for n in range(1, 20))
        + "".join(SHEET.format(n, f"c{n}") for n in range(20, 40)),
        relations="".join(WORK.format(f"c{n}", "chartsheet", f"chartsheets/sheet{n}.xml") for n in range(20, 40)),
    ),
    "a part twice": workbook(more={"xl/worksheets/SHEET1.xml": "<worksheet/>"}),
}


def refusal(read: Callable[[], object]) -> StudioError:
    with pytest.raises(StudioError) as refused:
        read()
    return refused.value


@pytest.mark.parametrize("name", TEXTS)
def test_a_long_text_is_not_copied_for_every_cell(name: str) -> None:
    data = TEXTS[name]
    assert len(data) < 20_000
    error = refusal(lambda: read_grid(data, ("sku",), TableFormat()))
    assert (error.status, error.code) == (413, "xlsx_too_large")
    assert "MiB of text" in error.message


def test_texts_of_usual_length_are_shown_by_any_number_of_cells() -> None:
    texts = "<si><t>a shirt</t></si><si/><si><r><t>a </t></r><r><t>dress</t></r></si>"
    grid = read_grid(workbook(texts, shown('<c t="s"><v>1</v></c>', 50_000)), ("sku",), TableFormat())
    assert len(grid.rows) == 50_000
    assert grid.rows[-1][1] == ("a shirt",)


@pytest.mark.parametrize("name", SHEETS)
def test_a_part_is_read_once(name: str) -> None:
    error = refusal(lambda: read_grid(SHEETS[name], ("sku",), TableFormat()))
    assert (error.status, error.code) == (422, "xlsx_malformed")
    assert "are one part" in error.message or "the same name" in error.message


@pytest.mark.parametrize("kind", ["CSV", "feed"])
def test_short_rows_below_a_wide_header_are_counted_as_wide(kind: str) -> None:
    names = ["sku", *(f"c{n}" for n in range(400))]
    wide = "".join(f"<{name}>x</{name}>" for name in names)
    data = {
        "CSV": ",".join(names).encode() + b"\na" * 50_000,
        "feed": f"<rss><channel><item>{wide}</item>{'<item/>' * 50_000}</channel></rss>".encode(),
    }[kind]
    assert len(data) < 500_000
    read = {"CSV": lambda: read_grid(data, ("sku",), TableFormat()), "feed": lambda: read_feed(data)}[kind]
    error = refusal(read)
    assert (error.status, error.code) == (413, "too_many_cells")


def test_one_caller_has_few_tables_read_at_a_time() -> None:
    assert class_of("imports").costly and class_of("analytics").costly
