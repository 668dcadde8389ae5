"""The index in Cosmos DB: DiskANN over the vectors, filters in the query, scores computed here from stored vectors.

For shops that outgrow one machine. Cosmos DB fuses by rank, which knows no `alpha`; so it is asked for the nearest
products to the one vector that a query folds into, and score and parts are computed as the other engine does. A vector
policy is fixed when a container is made, so every model has a container of its own. The process that wrote sees its
write when it returns, others within milliseconds (session consistency); there are no versions of the data and so none
to go back to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine import build as builds
from functions.search.engine import cosmos_sql as sql
from functions.search.engine import cosmos_words, versions
from functions.search.engine.cosmos_scores import Folded, shown
from functions.search.engine.cosmos_words import NO_WORDS, ShopWords
from functions.search.engine.cursor import Cursor, fingerprint, opened
from functions.search.engine.errors import IndexModelMismatch, PublishConflict, VersionNotFound
from functions.search.engine.items import Item, Model, Removal
from functions.search.engine.letters import ANALYSIS
from functions.search.engine.local import MAX_AGE_S, validate
from functions.search.engine.manifest import Manifest
from functions.search.engine.port import Build, Caps, Progress
from functions.search.engine.query import MAX_K, VectorQuery
from functions.search.engine.results import Page, Stats, Watermark
from functions.search.engine.suggest import suggested
from functions.search.engine.versions import Kept, Pointer
from functions.search.engine.words import Term
from shared import blobs, clock
from shared.documents.cosmos_client import ensured, make_client, patiently
from shared.documents.cosmos_errors import port_errors
from shared.errors import DocumentConflict, DocumentNotFound, PreconditionFailed, Unavailable
from shared.settings import settings

if TYPE_CHECKING:
    from azure.cosmos import ContainerProxy, DatabaseProxy
    from numpy.typing import NDArray

MAX_CANDIDATES: Final = 2000
"""Candidates of one query; a scan ends there."""
WORDED: Final = 256
"""Candidates at least where words count."""
MAX_SHOPS: Final = 64
"""Shops whose words are remembered."""
TRIES: Final = 5
TOMBSTONE_S: Final = builds.TOMBSTONE_S


@dataclass
class CosmosBuild:
    """See `port.Build`: products are written at once, those that were not given go when it is published."""

    shop: str
    version: str
    model: Model
    parent: str | None
    parent_etag: str | None
    write: Callable[[Item], None]
    given: set[str] = field(default_factory=set[str])

    def add(self, items: Iterable[Item]) -> None:
        """See `port.Build.add`."""
        for item in items:
            builds.check(item, self.model.dim)
            self.write(item)
            self.given.add(item.id)

    def abandon(self) -> None:
        """What was written is what the products are: it stays."""


class CosmosIndex:
    """`VectorIndex` by Cosmos DB for NoSQL.

    Args:
        database: where containers of vectors are, one a model.
        model: tells of the encoder that runs here.
    """

    def __init__(self, database: DatabaseProxy, model: Callable[[], Model]) -> None:
        self._database = database
        self._model = model
        self._containers: dict[str, ContainerProxy] = {}
        self._words: dict[tuple[str, str], ShopWords] = {}
        self.caps = Caps(exact=False, words=True, pinned=False, read_your_writes=True, max_dim=4096, max_k=MAX_K)

    def _container(self, model: Model) -> ContainerProxy:
        found = self._containers.get(model.id)
        if found is None:
            from azure.cosmos import PartitionKey

            with port_errors():
                found = self._containers[model.id] = ensured(
                    lambda: self._database.create_container_if_not_exists(
                        sql.container_name(model.id),
                        PartitionKey(path="/shop"),
                        default_ttl=-1,
                        indexing_policy=sql.INDEXING,
                        vector_embedding_policy=sql.embedding_policy(model.dim),
                    )
                )
        return found

    def search(self, query: VectorQuery) -> Page:
        """See `VectorIndex.search`."""
        model = self._model()
        validate(query, model, self.caps)
        asked = fingerprint(query, model.id)
        cursor = opened(query.cursor, asked) if query.cursor else None
        pointer = self._pointer(query.shop, model)
        folded = Folded.of(query, model)
        shop_words = self._shop_words(query.shop, pointer)
        lookup = None
        if query.words and query.weights.words:
            lookup = shop_words.lookup(query.words, lambda term: self._is_there(model, query, term))
        condition = cosmos_words.condition(
            query, shop_words, lookup, folded.near(), lambda found: self._total(model, query, found)
        )
        ranked = (cursor.ranked if cursor else 0) + query.k + 1
        wanted = ranked if not (query.fold or query.per_vendor) else 4 * ranked
        if lookup is not None:
            # Words may bring forward what is not among the nearest.
            wanted = max(4 * wanted, WORDED)
        direction = folded.direction.tolist() if folded.direction.any() else None
        if direction is None:
            wanted = MAX_CANDIDATES
        rows = self._ask(model, query.shop, sql.nearest(query, condition, direction, min(MAX_CANDIDATES, wanted)))
        found = folded.hits(rows, lookup)
        found.sort(key=lambda one: (-one[0].score, one[0].id))
        found_hits = shown(found, query)
        if cursor:
            found_hits = [hit for hit in found_hits if (-hit.score, hit.id) > (-cursor.score, cursor.id)]
        page, following = found_hits[: query.k], None
        version = pointer.current.version if pointer else ""
        if len(found_hits) > query.k:
            before = (cursor.ranked if cursor else 0) + len(page)
            following = Cursor(version, 0, asked, page[-1].score, page[-1].id, before).seal()
        return Page(
            hits=page,
            index_version=version,
            seq=0,
            model_id=model.id,
            total=self._total(model, query, condition),
            facets={facet: self._count(model, query, condition, facet) for facet in query.facets},
            next=following,
            suggestion=None if cursor or lookup is None else suggested(lookup, shop_words.vocabulary, shop_words.often),
        )

    def _shop_words(self, shop: str, pointer: Pointer | None) -> ShopWords:
        """The words noted with the version in use; those of the latest shops are remembered."""
        if pointer is None:
            return NO_WORDS
        key = (shop, pointer.current.version)
        found = self._words.get(key)
        if found is None:
            if len(self._words) >= MAX_SHOPS:
                self._words.clear()
            found = self._words[key] = ShopWords.load(*key)
        return found

    def _is_there(self, model: Model, query: VectorQuery, term: Term) -> bool:
        every = sql.Condition(NO_WORDS.vocabulary, ((NO_WORDS.meant(term, loose=False),),))
        return bool(self._total(model, VectorQuery(query.shop), every))

    def _total(self, model: Model, query: VectorQuery, condition: sql.Condition) -> int:
        return int(sum(self._ask(model, query.shop, sql.count(query, condition))))

    def _count(self, model: Model, query: VectorQuery, condition: sql.Condition, facet: str) -> dict[str, int]:
        counted: Counter[str] = Counter()
        for value in self._ask(model, query.shop, sql.facet(query, condition, facet)):
            counted.update(value if isinstance(value, list) else [value])
        return dict(sorted(counted.items(), key=lambda one: (-one[1], one[0])))

    def _ask(self, model: Model, shop: str, statement: sql.Statement) -> list[Any]:
        container = self._container(model)
        with port_errors():
            return patiently(
                lambda: list(container.query_items(statement.text, parameters=statement.parameters, partition_key=shop))
            )

    def _pointer(self, shop: str, model: Model) -> Pointer | None:
        found = versions.read_pointer(shop)
        if found is not None and found[0].current.model_id != model.id:
            raise IndexModelMismatch(f"the index is of {found[0].current.model_id}, here runs {model.id}")
        return found[0] if found else None

    def vectors(self, shop: str, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
        """See `VectorIndex.vectors`."""
        import numpy as np

        rows = self._ask(self._model(), shop, sql.stored(ids))
        return {row["id"]: np.asarray(row["vector"], np.float32) for row in rows}

    def upsert(self, shop: str, items: Sequence[Item]) -> Watermark:
        """See `VectorIndex.upsert`."""
        model = self._model()
        for item in builds.writes(items, model.dim):
            self._write(model, shop, sql.document(shop, item))
        return Watermark(0)

    def delete(self, shop: str, removals: Sequence[Removal]) -> Watermark:
        """See `VectorIndex.delete`."""
        model = self._model()
        for removal in removals:
            self._write(model, shop, sql.tombstone(shop, removal, TOMBSTONE_S))
        return Watermark(0)

    def _write(self, model: Model, shop: str, document: dict[str, Any]) -> None:
        """Write unless something newer is there, whatever else is written meanwhile."""
        from azure.core import MatchConditions

        container = self._container(model)
        for _ in range(TRIES):
            try:
                with port_errors():
                    patiently(lambda: container.create_item(document))
                return
            except DocumentConflict:
                pass
            try:
                with port_errors():
                    there: Mapping[str, Any] = patiently(lambda: container.read_item(document["id"], shop))
                if sql.age(there) >= sql.age(document):
                    return
                unchanged = {"etag": there["_etag"], "match_condition": MatchConditions.IfNotModified}
                with port_errors():
                    patiently(partial(container.replace_item, document["id"], document, **unchanged))
                return
            except (DocumentNotFound, PreconditionFailed):
                continue
        raise Unavailable("too many are writing to the index: try again", code="index_busy")

    def begin(self, shop: str) -> CosmosBuild:
        """See `VectorIndex.begin`."""
        model = self._model()
        found = versions.read_pointer(shop)
        parent, etag = (found[0].current.version, found[1]) if found else (None, None)

        def write(item: Item) -> None:
            self._write(model, shop, sql.document(shop, item))

        return CosmosBuild(shop, clock.new_id(), model, parent, etag, write)

    def publish(self, build: Build, progress: Progress | None = None) -> Manifest:
        """See `VectorIndex.publish`; there are no files to test."""
        assert isinstance(build, CosmosBuild)
        before = clock.now()
        kept: list[Mapping[str, Any]] = []
        for row in self._ask(build.model, build.shop, sql.listing()):
            if row["id"] in build.given:
                kept.append(row)
            elif row["_ts"] < before - TOMBSTONE_S:
                # Younger ones may have been written beside the build; deletions are reported anyway.
                self._write(
                    build.model, build.shop, sql.tombstone(build.shop, Removal(row["id"], row["revision"]), TOMBSTONE_S)
                )
        manifest = Manifest(
            version=build.version,
            parent=build.parent,
            shop=build.shop,
            engine="cosmos",
            model_id=build.model.id,
            model_sha256=build.model.sha256,
            dim=build.model.dim,
            standardise={**build.model.standardise},
            count=len(kept),
            seq=0,
            analysis=ANALYSIS,
            built_at=clock.iso(),
        )
        ShopWords.of(kept).store(build.shop, build.version)
        versions.record(build.shop, manifest)
        found = versions.read_pointer(build.shop)
        if (found[1] if found else None) != build.parent_etag:
            raise PublishConflict("another version was published meanwhile")
        now = Kept(version=manifest.version, model_id=manifest.model_id, seq=0)
        versions.write_pointer(build.shop, Pointer(kept=(now,)), build.parent_etag)
        if build.parent is not None:
            blobs.delete(blobs.INDEXES, f"{build.shop}/{build.parent}/{cosmos_words.FILE}")
        if progress:
            progress("tidying", 0.9)
        return manifest

    def merge(self, shop: str, progress: Progress | None = None) -> Manifest:
        """See `VectorIndex.merge`: nothing waits to be merged; the version is a mark in time."""
        build = self.begin(shop)
        self._pointer(shop, build.model)
        if any(manifest.analysis < ANALYSIS for manifest in self.versions(shop)):
            raise IndexModelMismatch("the words of the products were read otherwise: products must be given")
        build.given = {row["id"] for row in self._ask(build.model, shop, sql.listing())}
        return self.publish(build, progress)

    def rollback(self, shop: str, version: str) -> Manifest:
        """See `VectorIndex.rollback`: only the version in use is there."""
        for manifest in self.versions(shop):
            if manifest.version == version:
                return manifest
        raise VersionNotFound("this engine keeps no older versions")

    def versions(self, shop: str) -> list[Manifest]:
        """See `VectorIndex.versions`."""
        found = versions.read_pointer(shop)
        manifest = versions.recorded(shop, found[0].current.version) if found else None
        return [manifest] if manifest else []

    def stats(self, shop: str) -> Stats:
        """See `VectorIndex.stats`."""
        model = self._model()
        kept = self.versions(shop)
        foreign = bool(kept) and kept[0].model_id != model.id
        everything = sql.Condition(NO_WORDS.vocabulary)
        rows = 0 if foreign else self._total(model, VectorQuery(shop), everything)
        due = "model" if foreign else "first" if rows and not kept else self._is_old(model, shop, kept)
        return Stats(
            shop=shop,
            engine="cosmos",
            current=kept[0] if kept else None,
            kept=tuple(one.version for one in kept),
            seq=0,
            main=rows,
            delta=0,
            hidden=0,
            rebuild_due=due,
        )

    def _is_old(self, model: Model, shop: str, kept: Sequence[Manifest]) -> str | None:
        """`analysis` where words are read otherwise now, `age` where products were written since a version of an hour
        ago: their words are to be noted."""
        if kept and kept[0].analysis < ANALYSIS:
            return "analysis"
        if not kept or kept[0].built_at >= clock.iso(clock.now() - MAX_AGE_S):
            return None
        built = datetime.fromisoformat(kept[0].built_at).timestamp()
        return "age" if sum(self._ask(model, shop, sql.written_after(built))) else None


def connect(model: Callable[[], Model]) -> CosmosIndex:
    """The engine on the account of the documents, `COSMOS_ENDPOINT`."""
    conf = settings()
    key = conf.cosmos_key.get_secret_value() if conf.cosmos_key is not None else None
    with port_errors():
        client = make_client(str(conf.cosmos_endpoint), key, verify_tls=conf.cosmos_verify_tls)
    return CosmosIndex(client.get_database_client(conf.cosmos_database), model)
