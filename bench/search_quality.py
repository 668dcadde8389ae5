"""The ranking of judged queries, next to Tantivy's on the same products: see bench/judged/README.md."""

from __future__ import annotations

import csv
import io
import math
import statistics
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.search import environment
from emulators.azurite import Azurite

if TYPE_CHECKING:
    from functions.search.engine.items import Item
    from functions.search.engine.local import LocalIndex

JUDGED = Path(__file__).parent / "judged"
SHOPS = {"en": "english", "de": "german", "fr": "french", "zh": None}
"""Languages of the shops, with Tantivy's stemmer for each."""
DRAWN = "drawn"
GARMENTS = 120
TOP = 10
PAGE = 100

type Search = Callable[[str], list[str]]
"""Ids found for a query, best first: all that the engine calls results."""


@dataclass(frozen=True)
class Product:
    """A product with what it is, as its judge sees it."""

    id: str
    title: str
    tags: str
    description: str
    facts: frozenset[str]
    sku: str


@dataclass(frozen=True)
class Query:
    """What is searched for, and the grades of products; none of them for what no product is right for."""

    text: str
    rules: tuple[tuple[int, tuple[tuple[str, ...], ...]], ...]

    def grade(self, product: Product) -> int:
        """0 to 3."""
        for grade, alternatives in self.rules:
            if any(all(_has(product, fact) for fact in facts) for facts in alternatives):
                return grade
        return 0

    @property
    def reported(self) -> bool:
        """Whether it is in the half that figures are reported on."""
        return zlib.crc32(self.text.encode()) % 2 == 1


def _has(product: Product, fact: str) -> bool:
    return fact[1:] not in product.facts if fact.startswith("!") else fact in product.facts


def products(language: str) -> list[Product]:
    """Of a shop."""
    rows = _rows(f"products.{language}.tsv")
    return [Product(sku, title, tags, about, frozenset(facts.split()), sku) for sku, title, tags, about, facts in rows]


def queries(name: str) -> list[Query]:
    """Of a shop, or for the drawn garments."""
    return [Query(text, _rules(grades)) for text, grades in _rows(f"queries.{name}.tsv")]


def _rows(name: str) -> list[list[str]]:
    text = (JUDGED / name).read_text("utf-8")
    return list(csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))


def _rules(text: str) -> tuple[tuple[int, tuple[tuple[str, ...], ...]], ...]:
    if text == "none":
        return ()
    rules = [rule.split("=") for rule in text.split(";")]
    return tuple((int(grade), tuple(tuple(one.split("+")) for one in wanted.split("|"))) for grade, wanted in rules)


def main() -> dict[str, Any]:
    """Measure every shop and the drawn garments, both halves."""
    figures: dict[str, Any] = {"ok": True, "queries": 0, "report": {}, "tune": {}}
    with tempfile.TemporaryDirectory() as folder, Azurite() as storage:
        environment(storage, Path(folder))
        for name in (*SHOPS, DRAWN):
            asked = queries(name)
            known, engines = _drawn() if name == DRAWN else _shop(name)
            figures["queries"] += len(asked)
            for half in ("report", "tune"):
                some = [query for query in asked if query.reported is (half == "report")]
                figures[half][name] = {engine: measure(some, known, search) for engine, search in engines.items()}
    for half in ("report", "tune"):
        figures[half]["mean"] = _mean(figures[half])
    return figures


def _mean(shops: Mapping[str, Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    engines = ("ours", "tantivy")
    names = next(iter(shops.values()))["ours"]
    return {
        engine: {name: round(statistics.mean(shop[engine][name] for shop in shops.values()), 4) for name in names}
        for engine in engines
    }


def measure(asked: Sequence[Query], known: Sequence[Product], search: Search) -> dict[str, float]:
    """Figures of one engine over some queries."""
    by_id = {product.id: product for product in known}
    ndcg: list[float] = []
    right: list[float] = []
    recalled: list[float] = []
    empty: list[bool] = []
    answered: list[bool] = []
    for query in asked:
        grades = {product.id: query.grade(product) for product in known}
        found = search(query.text)
        if not any(grades.values()):
            answered.append(bool(found))
            continue
        empty.append(not found)
        best = sorted(grades.values(), reverse=True)[:TOP]
        ndcg.append(_gain([grades[id] for id in found[:TOP]]) / _gain(best))
        wanted = {id for id, grade in grades.items() if grade >= 2} or {id for id, grade in grades.items() if grade}
        recalled.append(len(wanted & set(found)) / len(wanted))
        if found:
            right.append(sum(query.grade(by_id[id]) > 0 for id in found) / len(found))
    return {
        "ndcg10": _round(ndcg),
        "zero_results": _round(empty),
        "precision": _round(right),
        "recall": _round(recalled),
        "answered_wrongly": _round(answered),
    }


def _gain(grades: Sequence[int]) -> float:
    return sum((2**grade - 1) / math.log2(at + 2) for at, grade in enumerate(grades))


def _round(values: Sequence[float]) -> float:
    return round(statistics.mean(values), 4) if values else 0.0


def _shop(language: str) -> tuple[list[Product], dict[str, Search]]:
    from functions.search.engine.items import Item

    known = products(language)
    vector = np.zeros(4, np.float32)
    vector[0] = 1
    items = [
        Item(one.id, 1, vector, words=f"{one.title}\n{one.tags}\nExample", description=one.description, sku=one.sku)
        for one in known
    ]
    return known, {"ours": _ours(f"shop-{language}", items, 4), "tantivy": _tantivy(known, SHOPS[language])}


def _drawn() -> tuple[list[Product], dict[str, Search]]:
    """Drawn garments with their vectors, searched as `POST search/text` does."""
    from functions.search.engine.items import Item
    from shared.vision import embedding
    from wardrobe import draw_garment, garment_specs

    known: list[Product] = []
    items: list[Item] = []
    for number, spec in enumerate(garment_specs(GARMENTS, 3)):
        drawn = draw_garment(spec, (192, 240))
        said: dict[str, Any] = drawn.attributes
        facts = {str(said[name]) for name in ("category", "colour", "pattern", "style", "sleeve") if said[name]}
        facts |= set(str(said["title"]).lower().replace(",", "").split()) & {"pencil", "pleated", "wide", "midi"}
        id = f"g{number:03}"
        mask = np.asarray(drawn.mask.convert("L")) > 127
        vector = embedding.embed_image(np.asarray(drawn.image.convert("RGB")), mask).vector
        known.append(Product(id, said["title"], said["category"], "", frozenset(facts), said["sku"]))
        words = "\n".join((said["title"], said["category"], said["colour"], "Example"))
        item = Item(id, 1, vector, category=said["category"], colours=(said["colour"],), words=words, sku=said["sku"])
        items.append(item)
    return known, {"ours": _ours(DRAWN, items, len(items[0].vector)), "tantivy": _tantivy(known, "english")}


def _ours(shop: str, items: Sequence[Item], dim: int) -> Search:
    from functions.search import queries as plans
    from functions.search.engine.phrases import QueryText
    from functions.search.engine.query import Match, VectorQuery, Weights
    from functions.search.models import TextSearch

    index = _index(dim)
    build = index.begin(shop)
    build.add(items)
    index.publish(build)

    def search(text: str) -> list[str]:
        if shop == DRAWN:
            query = plans.plan_text(shop, TextSearch(query=text, top_k=PAGE)).query
        else:
            read, match = QueryText.of(text), Match(plans.COVERAGE)
            query = VectorQuery(
                shop,
                words=read.words,
                phrases=read.phrases,
                minus=read.minus,
                match=match,
                weights=Weights(0, 0, 1),
                k=PAGE,
            )
        return [hit.id for hit in index.search(query).hits]

    return search


@cache
def _index(dim: int) -> LocalIndex:
    from functions.search.engine import running_model
    from functions.search.engine.items import Model
    from functions.search.engine.local import LocalIndex

    if dim == running_model().dim:
        return LocalIndex(running_model)
    return LocalIndex(lambda: Model("words@000000000000", "0" * 64, dim, {"image": (0, 1), "text": (0, 1)}))


def _tantivy(known: Sequence[Product], stemmer: str | None) -> Search:
    """Tantivy as its documentation sets up a shop: words in lower case without accents, stemmed (pairs of letters for
    Chinese), BM25 with the title three times as heavy, any word enough."""
    import tantivy

    tokenizer = tantivy.Tokenizer.simple() if stemmer else tantivy.Tokenizer.ngram(1, 2)
    analyser = tantivy.TextAnalyzerBuilder(tokenizer).filter(tantivy.Filter.lowercase())
    analyser = analyser.filter(tantivy.Filter.ascii_fold())
    if stemmer:
        analyser = analyser.filter(tantivy.Filter.stemmer(stemmer))
    schema = tantivy.SchemaBuilder()
    schema.add_text_field("id", stored=True, tokenizer_name="raw")
    fields = ["title", "tags", "description", "sku"]
    for field in fields:
        schema.add_text_field(field, tokenizer_name="shop")
    index = tantivy.Index(schema.build())
    index.register_tokenizer("shop", analyser.build())
    writer = index.writer()
    for one in known:
        document = {"id": one.id, "title": one.title, "tags": one.tags, "description": one.description, "sku": one.sku}
        writer.add_document(tantivy.Document(**document))
    writer.commit()
    index.reload()

    def search(text: str) -> list[str]:
        query, _ = index.parse_query_lenient(text, fields, field_boosts={"title": 3.0})
        searcher = index.searcher()
        return [str(searcher.doc(address)["id"][0]) for _, address in searcher.search(query, PAGE).hits]

    return search
