"""The kinds of files that products are imported from, recognised by columns, and what their columns mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from functions.catalogue import feed_xml
from functions.catalogue.import_schemas import KindName
from shared.errors import Unprocessable
from shared.tables.files import Grid, Row, Value, open_table, shown
from shared.tables.format import TableFormat

type Cells = Mapping[str, Value]


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Args:
        required: columns that only this kind has together.
        columns: the file's columns of each field; the first with a value counts.
        group: columns that the rows of one product have in common.
        optional: columns that may have other names, as those required may.
    """

    name: KindName
    required: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    group: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


_OWN: Final = {
    "sku": ("sku",),
    "file": ("file", "filename", "file_name"),
    "title": ("title", "name", "product_title", "product_name"),
    "description": ("description",),
    "price": ("price",),
    "sale": ("sale_price",),
    "currency": ("currency",),
    "category": ("category",),
    "brand": ("brand", "vendor"),
    "colour": ("colour", "color"),
    "size": ("size", "sizes"),
    "gender": ("gender",),
    "tags": ("tags",),
    "status": ("status",),
    "image": ("image", "image_url", "picture"),
}
_SHOPIFY: Final = {
    "sku": ("variant_sku", "sku"),
    "title": ("title",),
    "description": ("body_(html)", "description"),
    "price": ("variant_price", "price"),
    "category": ("type", "product_category"),
    "brand": ("vendor",),
    "colour": ("color_(product.metafields.shopify.color-pattern)",),
    "size": ("size_(product.metafields.shopify.size)",),
    "gender": ("google_shopping_/_gender", "target_gender_(product.metafields.shopify.target-gender)"),
    "tags": ("tags",),
    "status": ("status", "published", "published_on_online_store"),
    "image": ("variant_image", "variant_image_url", "image_src", "product_image_url"),
}
_WOOCOMMERCE: Final = {
    "sku": ("sku",),
    "title": ("name",),
    "description": ("description", "short_description"),
    "price": ("regular_price",),
    "sale": ("sale_price",),
    "category": ("categories",),
    "brand": ("brands", "brand"),
    "colour": (),
    "size": (),
    "gender": (),
    "tags": ("tags",),
    "status": ("published",),
    "image": ("images",),
}
_GOOGLE: Final = {
    "sku": ("id",),
    "title": ("title",),
    "description": ("description",),
    "price": ("price",),
    "sale": ("sale_price",),
    "category": ("product_type", "google_product_category"),
    "brand": ("brand",),
    "colour": ("color", "colour"),
    "size": ("size",),
    "gender": ("gender",),
    "image": ("image_link",),
}
KINDS: Final = (
    Kind("shopify", ("handle", "variant_price"), _SHOPIFY, ("handle",)),
    Kind("shopify", ("url_handle", "title"), _SHOPIFY, ("url_handle",)),
    Kind("woocommerce", ("type", "sku", "name"), _WOOCOMMERCE, ("parent",)),
    Kind("google", ("id", "title", "image_link"), _GOOGLE, ("item_group_id",)),
    Kind("own", ("sku",), _OWN, optional=("price", "category")),
    Kind("own", ("file",), _OWN, optional=("price", "category")),
)
_COLOUR: Final = ("color", "colour", "colors", "colours", "farbe", "couleur", "colore", "kleur", "cor")
_SIZE: Final = ("size", "sizes", "größe", "grösse", "groesse", "taille", "talla", "taglia", "maat", "tamanho")
_GENDER: Final = ("gender", "geschlecht", "genre")
_OPTION = re.compile(r"option(\d)_name|attribute_(\d{1,2})_name")


@dataclass(frozen=True)
class Feed:
    """A file of products as read: its kind and its table."""

    kind: Kind
    grid: Grid

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns without a meaning here."""
        known = {name for names in self.kind.columns.values() for name in names} | set(self.kind.group)
        known |= {"id", "type"} if self.kind.name == "woocommerce" else set()
        return tuple(dict.fromkeys(n for n in self.grid.columns if n and n not in known and not _is_option(n)))

    def cells(self, row: Row) -> Cells:
        """A row by its columns; of two of one name, which have no meaning, the first."""
        return dict(reversed(list(zip(self.grid.columns, row[1], strict=True))))


def read_feed(data: bytes, said: TableFormat) -> Feed:
    """Read a file and tell its kind.

    Raises:
        TooLarge: more than 100,000 rows.
        Unprocessable: `import_unknown`, and as `read_grid` and `feed_xml.read_feed`.
    """
    if feed_xml.is_xml(data):
        grid = feed_xml.read_feed(data)
        missing = {"id", "title"} - set(grid.columns)
        if missing:
            raise Unprocessable(
                f"the items of the feed have no {' and no '.join(f'<g:{n}>' for n in sorted(missing))}",
                code="import_unknown",
            )
        return Feed(next(kind for kind in KINDS if kind.name == "google"), grid)
    found: list[str] = []
    table = open_table(data, said)
    for kind in KINDS:
        try:
            return _unambiguous(Feed(kind, table(kind.required, kind.optional)))
        except Unprocessable as error:
            details = error.details or {}
            if (
                error.code != "csv_columns"
                or error.field == "sheet"
                or (details.get("twice") and not details["missing"])
            ):
                raise
            found = details.get("found", found)
    raise Unprocessable(
        "the columns are of no kind that is known: our own (`sku`), Shopify (`Handle`, `Variant Price`), WooCommerce "
        "(`Type`, `SKU`, `Name`; export it in English) or Google Merchant (`id`, `title`, `image_link`)",
        code="import_unknown", details={"found": found},
    )  # fmt: skip


def _unambiguous(feed: Feed) -> Feed:
    """Raises Unprocessable for a column with a meaning that is there twice: either may be the right one."""
    known = {name for names in feed.kind.columns.values() for name in names}
    columns = feed.grid.columns
    if twice := sorted({name for name in columns if name in known and columns.count(name) > 1}):
        raise Unprocessable(
            f"the header names {', '.join(twice)} twice: leave one of each", code="csv_columns",
            details={"missing": [], "twice": twice, "found": list(columns)[:50]},
        )  # fmt: skip
    return feed


def options(cells: Cells, names: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Colour, size and gender among the options of a variant: field, column, value.

    Args:
        names: the option's name by its column, from the rows before: Shopify writes it once a product.
    """
    for column in cells:
        if not _OPTION.fullmatch(column):
            continue
        name = (shown(cells[column]) or names.get(column, "")).strip().lower()
        field = next((f for f, n in (("colour", _COLOUR), ("size", _SIZE), ("gender", _GENDER)) if name in n), None)
        base = column.removesuffix("name")
        value = next((c for c in (f"{base}value", f"{base}value(s)") if c in cells), None)
        if field is not None and value is not None and cells[value] != "":
            yield field, value, shown(cells[value])


def option_names(cells: Cells) -> dict[str, str]:
    """The names of a row's options, by their columns."""
    return {column: shown(cell) for column, cell in cells.items() if cell != "" and _OPTION.fullmatch(column)}


def _is_option(column: str) -> bool:
    return re.match(r"option\d_|attribute_\d{1,2}_", column) is not None
