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
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine import build as builds
from functions.search.engine import cosmos_sql as sql
from functions.search.engine import versions
from functions.search.engine.cursor import Cursor, fingerprint, opened
from functions.search.engine.errors import IndexModelMismatch, PublishConflict, VersionNotFound
from functions.search.engine.items import NEAR_BITS, NEAR_COSINE, Item, Model, Removal
from functions.search.engine.local import validate
from functions.search.engine.manifest import Manifest
from functions.search.engine.port import Build, Caps, Progress
from functions.search.engine.query import MAX_K, VectorQuery
from functions.search.engine.results import Hit, Page, Parts, Stats, Watermark
from functions.search.engine.versions import Kept, Pointer
from shared import clock
from shared.documents.cosmos_client import ensured, make_client, patiently
from shared.documents.cosmos_errors import port_errors
from shared.errors import DocumentConflict, DocumentNotFound, PreconditionFailed, Unavailable
from shared.settings import settings

if TYPE_CHECKING:
    from azure.cosmos import ContainerProxy, DatabaseProxy
    from numpy.typing import NDArray

MAX_CANDIDATES: Final = 2000
"""Candidates of one query; a scan ends there."""
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
        self.caps = Caps(exact=False, words=False, pinned=False, read_your_writes=True, max_dim=4096, max_k=MAX_K)

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
        linear = _Folded.of(query, model)
        ranked = (cursor.ranked if cursor else 0) + query.k + 1
        wanted = min(MAX_CANDIDATES, ranked if not (query.fold or query.per_vendor) else 4 * ranked)
        rows = self._ask(model, query.shop, sql.nearest(query, linear.direction.tolist(), wanted))
        found = [linear.hit(row) for row in rows]
        found.sort(key=lambda one: (-one[0].score, one[0].id))
        shown = _shown(found, query)
        if cursor:
            shown = [hit for hit in shown if (-hit.score, hit.id) > (-cursor.score, cursor.id)]
        page, following = shown[: query.k], None
        version = pointer.current.version if pointer else ""
        if len(shown) > query.k:
            before = (cursor.ranked if cursor else 0) + len(page)
            following = Cursor(version, 0, asked, page[-1].score, page[-1].id, before).seal()
        total = self._ask(model, query.shop, sql.count(query))
        return Page(
            hits=page,
            index_version=version,
            seq=0,
            model_id=model.id,
            total=int(sum(total)),
            facets={facet: self._count(model, query, facet) for facet in query.facets},
            next=following,
        )

    def _count(self, model: Model, query: VectorQuery, facet: str) -> dict[str, int]:
        counted: Counter[str] = Counter()
        for value in self._ask(model, query.shop, sql.facet(query, facet)):
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
        """Write unless something newer is there, whoever writes beside."""
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
                if (there["revision"], there["deleted"]) >= (document["revision"], document["deleted"]):
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
        count = 0
        for row in self._ask(build.model, build.shop, sql.listing()):
            if row["id"] in build.given:
                count += 1
            elif row["_ts"] < before - TOMBSTONE_S:
                # Younger ones may have been written beside the build; deletions are told of anyway.
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
            count=count,
            seq=0,
            built_at=clock.iso(),
        )
        versions.record(build.shop, manifest)
        found = versions.read_pointer(build.shop)
        if (found[1] if found else None) != build.parent_etag:
            raise PublishConflict("another version was published meanwhile")
        now = Kept(version=manifest.version, model_id=manifest.model_id, seq=0)
        versions.write_pointer(build.shop, Pointer(kept=(now,)), build.parent_etag)
        if progress:
            progress("tidying", 0.9)
        return manifest

    def merge(self, shop: str, progress: Progress | None = None) -> Manifest:
        """See `VectorIndex.merge`: nothing waits to be merged; the version is a mark in time."""
        build = self.begin(shop)
        self._pointer(shop, build.model)
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
        rows = 0 if foreign else int(sum(self._ask(model, shop, sql.count(VectorQuery(shop)))))
        due = "model" if foreign else "first" if rows and not kept else None
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


@dataclass(frozen=True)
class _Folded:
    """A query as one direction, and its score of a stored vector."""

    query: VectorQuery
    model: Model
    direction: NDArray[Any]

    @staticmethod
    def of(query: VectorQuery, model: Model) -> _Folded:
        import numpy as np

        direction = np.zeros(model.dim)
        for modality, vector, weight in _channels(query):
            direction += np.asarray(vector, np.float64) * (weight / model.standardise[modality][1])
        return _Folded(query, model, direction)

    def hit(self, row: Mapping[str, Any]) -> tuple[Hit, Mapping[str, Any]]:
        import numpy as np

        stored = np.asarray(row["vector"], np.float64)
        parts = {"image": 0.0, "text": 0.0}
        for modality, vector, weight in _channels(self.query):
            mean, deviation = self.model.standardise[modality]
            parts[modality] += weight * (float((stored * np.asarray(vector, np.float64)).sum()) - mean) / deviation
        raw = {
            name: float((stored * np.asarray(vector, np.float64)).sum())
            for name, vector in (("image", self.query.image), ("text", self.query.text))
            if vector is not None
        }
        score = round(parts["image"] + parts["text"], 9) + 0.0
        return Hit(row["id"], score, Parts(parts["image"], parts["text"], 0.0), raw), row


def _channels(query: VectorQuery) -> list[tuple[Any, NDArray[Any], float]]:
    told: list[tuple[Any, NDArray[Any], float]] = []
    if query.image is not None:
        told.append(("image", query.image, query.weights.image))
    if query.text is not None:
        told.append(("text", query.text, query.weights.text))
    return told + [(negative.modality, negative.vector, -negative.weight) for negative in query.negatives]


def _shown(found: Sequence[tuple[Hit, Mapping[str, Any]]], query: VectorQuery) -> list[Hit]:
    import numpy as np

    kept: list[tuple[Hit, Mapping[str, Any]]] = []
    vendors: Counter[str] = Counter()
    for hit, row in found:
        vendor: str | None = row["vendor"]
        if query.per_vendor is not None and vendor is not None and vendors[vendor] >= query.per_vendor:
            continue
        if query.fold and any(_alike(np.asarray(row["vector"]), row, other) for _, other in kept):
            continue
        if vendor is not None:
            vendors[vendor] += 1
        kept.append((hit, row))
    return [hit for hit, _ in kept]


def _alike(vector: NDArray[Any], row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    import numpy as np

    if float(vector @ np.asarray(other["vector"])) >= NEAR_COSINE:
        return True
    a, b = int(row["phash"] or "0", 16), int(other["phash"] or "0", 16)
    return bool(a and b) and (a ^ b).bit_count() <= NEAR_BITS


def connect(model: Callable[[], Model]) -> CosmosIndex:
    """The engine on the account of the documents, `COSMOS_ENDPOINT`."""
    conf = settings()
    key = conf.cosmos_key.get_secret_value() if conf.cosmos_key is not None else None
    with port_errors():
        client = make_client(str(conf.cosmos_endpoint), key, verify_tls=conf.cosmos_verify_tls)
    return CosmosIndex(client.get_database_client(conf.cosmos_database), model)
