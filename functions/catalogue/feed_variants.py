"""The rows of a file as the variants of its products.

A product here is one photo, so the sizes of a colour are one product and each colour is one of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from functions.catalogue.feed_kinds import Cells, Feed, option_names, options
from shared.tables.files import IS_TOTAL, Value, is_total, shown

_STATUS: Final = {
    "active": "active", "true": "active", "1": "active", "yes": "active", "wahr": "active", "vrai": "active",
    "draft": "draft", "archived": "draft", "unlisted": "draft", "false": "draft", "0": "draft", "-1": "draft",
    "no": "draft", "falsch": "draft", "faux": "draft",
}  # fmt: skip
ALONE: Final = "\0"
"""Begins the key of a row that names no group."""


@dataclass(frozen=True)
class Finding:
    """Something about a cell: the line of the file, the column, what was read, and what is wrong or to do."""

    line: int
    column: str
    read: str
    message: str


@dataclass(frozen=True)
class Entry:
    """A row: its cells by field, each with the column it is from."""

    line: int
    fields: Mapping[str, tuple[str, Value]]

    def text(self, name: str) -> str:
        """A field's text; empty without one."""
        return shown(self.fields[name][1]) if name in self.fields else ""


type Merged = dict[str, tuple[int, str, Value]]
"""The values of a product by field, each with its line and column."""


@dataclass(frozen=True)
class Variants:
    """The rows that are one product, and its fields: the first value among them, else of the product above them."""

    rows: tuple[Entry, ...]
    fields: Merged


def variants_of(feed: Feed) -> tuple[list[Variants], list[Finding]]:
    """The products of a file, and the rows that can't be read."""
    entries, broken = _entries(feed)
    return list(_gathered(feed, entries)), broken


def _entries(feed: Feed) -> tuple[list[tuple[Entry, Cells]], list[Finding]]:
    entries: list[tuple[Entry, Cells]] = []
    broken: list[Finding] = []
    names: dict[str, str] = {}
    group = ""
    for row in feed.grid.rows:
        line, values = row
        if len(values) != len(feed.grid.columns):
            message = f"has {len(values)} cells, the header has {len(feed.grid.columns)}"
            broken.append(Finding(line, "row", "", message))
            continue
        cells = feed.cells(row)
        if is_total(values, _named(feed, cells)):
            broken.append(Finding(line, "row", shown(next(v for v in values if v != "")), IS_TOTAL))
            continue
        key = _key(feed, cells)
        names = option_names(cells) or (names if key == group else {})
        group = key
        found: dict[str, tuple[str, Value]] = {}
        for name, columns in feed.kind.columns.items():
            column = next((c for c in columns if cells.get(c, "") != ""), None)
            if name == "status":
                # A product is on sale where everything says so: Shopify's status and its being published.
                column = next((c for c in columns if status_of(cells.get(c, "")) == "draft"), column)
            if column is not None:
                found[name] = (column, cells[column])
        for name, column, value in options(cells, names):
            found.setdefault(name, (column, value))
        entries.append((Entry(line, found), cells))
    return entries, broken


def _named(feed: Feed, cells: Cells) -> Value:
    """What names a row's product; a row without it may have sums."""
    names = (*feed.kind.columns["sku"], *feed.kind.columns.get("file", ()), *feed.kind.group)
    return next((cells[name] for name in names if cells.get(name, "") != ""), "")


def _key(feed: Feed, cells: Cells) -> str:
    return next((shown(cells[c]) for c in feed.kind.group if cells.get(c, "") != ""), "")


def _gathered(feed: Feed, entries: Iterable[tuple[Entry, Cells]]) -> Iterator[Variants]:
    groups: dict[str, list[Entry]] = {}
    heads = _parents(entries) if feed.kind.name == "woocommerce" else {}
    for entry, cells in entries:
        key = _key(feed, cells) or f"{ALONE}{entry.line}"
        parent = heads.get(key)
        if parent is not None:
            # The parent first, wherever its row is.
            groups.setdefault(f"{ALONE}{parent.line}", [parent])
            key = f"{ALONE}{parent.line}"
        rows = groups.setdefault(key, [])
        if entry not in rows:
            rows.append(entry)
    for key, rows in groups.items():
        yield from _variants(feed, key, rows)


def _parents(entries: Iterable[tuple[Entry, Cells]]) -> dict[str, Entry]:
    """WooCommerce's products by what their variations call them: a SKU, or `id:` and a number."""
    found: dict[str, Entry] = {}
    for entry, cells in entries:
        if not shown(cells["type"]).lower().startswith("variation"):
            for name in (entry.text("sku"), f"id:{shown(cells.get('id', ''))}"):
                found.setdefault(name, entry)
    found.pop("", None)
    return found


def _variants(feed: Feed, key: str, rows: list[Entry]) -> Iterator[Variants]:
    head, sold = rows[0], rows
    if feed.kind.name == "woocommerce" and key.startswith(ALONE) and len(rows) > 1:
        sold = rows[1:]
    if feed.kind.name == "shopify":
        # Rows below with nothing but a picture are further pictures of the product.
        sold = [row for row in rows if row is head or any(n in row.fields for n in ("sku", "price", "colour", "size"))]
    by_colour: dict[str, list[Entry]] = {}
    # Shopify's field of the colour is in the first row alone.
    common = head.text("colour") if feed.kind.name == "shopify" else ""
    for row in sold:
        by_colour.setdefault((row.text("colour") or common).lower(), []).append(row)
    for colour, variants in by_colour.items():
        apart = len(by_colour) > 1
        inherits = feed.kind.name in ("shopify", "woocommerce")
        merged = _merged(variants, head if inherits else None)
        name = key if feed.kind.name == "shopify" else head.text("sku") if feed.kind.name == "woocommerce" else ""
        if "sku" not in merged and name:
            merged["sku"] = (variants[0].line, feed.kind.group[0], f"{name}-{colour}" if apart and colour else name)
        if apart and colour and inherits and "title" in merged:
            line, column, title = merged["title"]
            merged["title"] = (line, column, f"{shown(title)}, {variants[0].text('colour')}")
        yield Variants(tuple(variants), merged)


def _merged(variants: list[Entry], head: Entry | None) -> Merged:
    """The first value of each field among the variants, and what they have from the product above them, whose title and
    status count for all."""
    merged: Merged = {}
    if head is not None:
        merged |= {name: (head.line, *head.fields[name]) for name in ("title", "status") if name in head.fields}
    for row in (*variants, *((head,) if head is not None and head not in variants else ())):
        for name, (column, value) in row.fields.items():
            from_above = row is head and row not in variants
            if not (from_above and name in ("sku", "price", "colour", "size")):
                merged.setdefault(name, (row.line, column, value))
    return merged


def status_of(cell: Value) -> str | None:
    """`active` or `draft` as shops and spreadsheets write it; None for anything else."""
    return _STATUS.get(shown(cell).lower())
