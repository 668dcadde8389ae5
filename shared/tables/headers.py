"""What the columns of a table are called: names, units behind them, and other names of the same column.

`PRICE (EUR)` is the price, in euros; `Qty sold` are units. A column that has its own name is always preferred; of
several that may be meant none is chosen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from shared import text as texts
from shared.tables import currencies
from shared.tables.format import DateOrder

MAX_NAME: Final = 64
_ALIASES: Final = {"imageid": "image", "image_id": "image", "blob": "image", "blobname": "image", "blob_name": "image"}
PRICE, UNITS, DATE = "price", "units", "date"
_OTHER_NAMES: Final = {
    PRICE: "unit_price selling_price sell_price sale_price sales_price retail_price list_price price_each "
    "preis verkaufspreis einzelpreis st\u00fcckpreis stueckpreis vk-preis prix prix_unitaire prix_de_vente precio "
    "precio_unitario prezzo prezzo_unitario prijs verkoopprijs pre\u00e7o preco fiyat cena pris cena_sprzedaży "
    "цена 価格 単価 价格 單價 单价 가격",
    UNITS: "quantity qty units_sold sold quantity_sold qty_sold pieces menge anzahl st\u00fcckzahl absatz "
    "quantit\u00e9 quantite cantidad unidades quantit\u00e0 aantal quantidade adet antal "
    "ilość liczba_sztuk počet množství количество 数量 販売数 销量 수량",
    DATE: "day sale_date sales_date sold_on order_date datum tag verkaufsdatum jour fecha data dato tarih "
    "datum_prodeje data_sprzedaży дата 日付 販売日 日期 날짜",
    "category": "product_category kategorie warengruppe cat\u00e9gorie categorie categor\u00eda categoria kategori "
    "kategoria категория カテゴリ カテゴリー 类别 類別 카테고리",
    "image": "photo picture image_name file filename file_name bild foto imagen immagine afbeelding imagem "
    "zdjęcie obraz obrázek görsel resim billede фото изображение 画像 商品画像 图片 圖片 이미지",
    "sku": "article_number article_no item_number item_no artikelnummer artikel-nr. artikelnr artikelnr. art.-nr.",
}
OTHER_NAMES: Final = {name: frozenset(others.split()) for name, others in _OTHER_NAMES.items()}
"""In English, German, French, Spanish, Italian, Dutch, Portuguese, Turkish, Polish, Russian, Japanese, Chinese, Korean
and others."""
_PRICES: Final = OTHER_NAMES[PRICE] | {PRICE, "regular_price", "variant_price", "compare_at_price"}
_UNITS: Final = OTHER_NAMES[UNITS] | {UNITS}
_DATES: Final = OTHER_NAMES[DATE] | {DATE}
_PIECE_NAMES = "pcs pc pieces units unit items stk stk. st st. st\u00fcck stueck pz ud uds un nos szt ks db adet"
PIECES: Final = frozenset(_PIECE_NAMES.split())
"""What is counted where units are."""
_ZONES: Final = frozenset(["utc", "gmt", "cet", "cest", "local", "iso"])
_IN_BRACKETS = re.compile(r"(.+?)\s*[(\[]\s*([^()\[\]]{1,16}?)\s*[)\]]")
_MARKS = re.compile(
    r"^['\"*\s]+|(?:['\"*:\s]|[(\[](?:required|optional|mandatory|pflichtfeld|pflicht|erforderlich|obligatoire|"
    r"facultatif|obligatorio|opcional|obbligatorio|verplicht|\u5fc5\u9808|\u5fc5\u586b)[)\]])+$",
    re.IGNORECASE,
)
"""What templates put around a name, which does not belong to it: `sku*`, `price (required)`, `date:`. The
search's time grows with the square of the text's length."""
MAX_MARKED: Final = 200
"""Characters of a header above which nothing around it is a mark."""
_BEHIND = re.compile(r"(.+?)(?:\s*[,/:]\s*|\s+in\s+|\s+|[-_])([^\s,()\[\]/:_-]{1,6})", re.IGNORECASE)
_ORDER = re.compile(r"(?:(?P<y>[yja]{4}|yy|aa)|(?P<d>[dtg]{1,2}|jj)|(?P<m>m{1,4}))[-/. ]?", re.IGNORECASE)
_ORDERS: Final[dict[str, DateOrder]] = {"dmy": "dmy", "mdy": "mdy", "ymd": "ymd"}


@dataclass(frozen=True)
class Heading:
    """A column as it is compared.

    Args:
        currency: that its header says its amounts are in: a code, or a sign of several.
        dates: the order of dates that its header says.
    """

    name: str
    currency: str | None = None
    dates: DateOrder | None = None


@dataclass(frozen=True)
class Header:
    """The header of a table.

    Args:
        names: of its columns, those that are wanted by the name they are wanted by.
        renamed: wanted columns and what they are called.
        open: wanted columns that no name tells, and which columns each of them may be.
    """

    headings: tuple[Heading, ...]
    names: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...] = ()
    open: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def has(self, required: Iterable[str]) -> bool:
        """Whether it has all of some columns, or columns that may be these."""
        return {*self.names, *(name for name, _ in self.open)}.issuperset(required)


@lru_cache(4_096)
def heading(cell: str) -> Heading:
    """A column's header, without the unit behind its name."""
    text = texts.line(cell)
    if len(text) <= MAX_MARKED:
        text = _MARKS.sub("", text) or text
    for pattern in (_IN_BRACKETS, _BEHIND):
        if (found := pattern.fullmatch(text)) and (read := _with_unit(_name(found[1]), found[2], pattern is _BEHIND)):
            return read
    return Heading(_name(text))


def _name(text: str) -> str:
    plain = text.lower().replace(" ", "_")[:MAX_NAME]
    return _ALIASES.get(plain.replace("_", ""), _ALIASES.get(plain, plain))


def _with_unit(name: str, unit: str, bare: bool) -> Heading | None:
    """A column by its name and what is behind it, if that is its unit."""
    if name in _PRICES and (currency := currencies.named(unit)):
        return Heading(name, currency=currency)
    if name in _UNITS and not bare and unit.lower() in PIECES:
        return Heading(name)
    if name in _DATES and not bare:
        if unit.lower() in _ZONES:
            return Heading(name)
        if order := _order(unit):
            return Heading(name, dates=order)
    return None


def _order(unit: str) -> DateOrder | None:
    """The order that `DD/MM/YYYY`, `TT.MM.JJJJ` or `yyyy-mm-dd` says."""
    found, at = "", 0
    while at < len(unit) and (part := _ORDER.match(unit, at)):
        found += next(name for name, value in part.groupdict().items() if value)
        at = part.end()
    return _ORDERS.get(found) if at == len(unit) else None


def header(cells: Sequence[str], wanted: Sequence[str]) -> Header:
    """The columns of a row as a header.

    Args:
        wanted: columns with a meaning; one that no column is called may have another of its names.
    """
    headings = tuple(map(heading, cells))
    names = [one.name for one in headings]
    renamed: list[tuple[str, str]] = []
    several: list[tuple[str, tuple[str, ...]]] = []
    for want in wanted:
        places = [at for at, name in enumerate(names) if name in OTHER_NAMES.get(want, ())]
        if want in names or not places:
            continue
        called = tuple(texts.line(cells[at])[:MAX_NAME] for at in places)
        if len(places) == 1:
            names[places[0]] = want
            renamed.append((want, called[0]))
        else:
            several.append((want, called))
    return Header(headings, tuple(names), tuple(renamed), tuple(several))
