"""Databases and containers: their properties, checked and completed as the service does."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from emulators.cosmos import rids, shapes
from emulators.cosmos.database import Database, dump
from emulators.cosmos.errors import BadRequest, Conflict, NotFound, PreconditionFailed
from emulators.cosmos.json_types import is_array
from emulators.cosmos.partitioning import PartitionKeyDefinition, Range, ranges, split_path

MAX_NAME: Final = 255
DEFAULT_INDEXING: Final[dict[str, Any]] = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": '/"_etag"/?'}],
}
MUTABLE: Final = frozenset({
    "indexingPolicy", "defaultTtl", "conflictResolutionPolicy", "analyticalStorageTtl", "computedProperties",
    "fullTextPolicy", "vectorEmbeddingPolicy", "changeFeedPolicy",
})  # fmt: skip


@dataclass(frozen=True)
class Container:
    """A container as the other modules need it."""

    database: str
    id: str
    rid: str
    body: Mapping[str, Any]
    key: PartitionKeyDefinition
    ranges: tuple[Range, ...]
    unique: tuple[tuple[tuple[str, ...], ...], ...]
    default_ttl: int | None
    distances: Mapping[str, str]
    indexed: bool

    @property
    def link(self) -> str:
        """The full name: `dbs/<id>/colls/<id>`."""
        return f"dbs/{self.database}/colls/{self.id}"

    def range_of(self, epk: str) -> Range:
        """The physical partition of an effective key."""
        return next(one for one in self.ranges if one.low <= epk < one.high)


class Catalogue:
    """The databases and containers of an account."""

    def __init__(self, data: Database, partitions: int) -> None:
        self._data = data
        self._partitions = partitions
        self._cache: dict[tuple[str, str], Container] = {}

    # Databases

    def create_database(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Raises `BadRequest`, `Conflict`."""
        id = check_name(body.get("id"))
        with self._data.transaction():
            if self._data.execute("SELECT 1 FROM databases WHERE id = ?", id).fetchone():
                raise Conflict("Resource with specified id or name already exists.")
            rid = rids.database(self._data.next("databases"))
            made = {"id": id, **_system(rid, f"dbs/{rid}/"), "_colls": "colls/", "_users": "users/"}
            self._data.execute("INSERT INTO databases VALUES (?, ?, ?)", id, rid, dump(made))
        return made

    def find_database(self, name: str) -> dict[str, Any]:
        """By id or resource id. Raises `NotFound`."""
        row = self._data.execute("SELECT body FROM databases WHERE id = ? OR rid = ?", name, name).fetchone()
        if row is None:
            raise NotFound("Resource Not Found. The database does not exist.")
        return json.loads(row[0])

    def databases(self) -> list[dict[str, Any]]:
        """All of them."""
        return [json.loads(body) for (body,) in self._data.execute("SELECT body FROM databases ORDER BY rowid")]

    def delete_database(self, name: str) -> None:
        """With all its containers. Raises `NotFound`."""
        found = self.find_database(name)
        with self._data.transaction():
            for container in self.containers(found["id"]):
                self._drop(found["id"], container["id"], container["_rid"])
            self._data.execute("DELETE FROM databases WHERE id = ?", found["id"])
            self._data.execute("DELETE FROM offers WHERE resource = ?", found["_self"])

    # Containers

    def create_container(self, database: str, body: Mapping[str, Any], throughput: int | None = None) -> dict[str, Any]:
        """Make a container.

        Args:
            throughput: RU/s that were asked for; each 10,000 of them need a physical partition.

        Raises:
            NotFound, BadRequest, Conflict.
        """
        parent = self.find_database(database)
        id = check_name(body.get("id"))
        made = _completed(_defined(body))
        with self._data.transaction():
            known = self._data.execute("SELECT 1 FROM containers WHERE database = ? AND id = ?", parent["id"], id)
            if known.fetchone():
                raise Conflict("Resource with specified id or name already exists.")
            rid = rids.container(parent["_rid"], self._data.next("containers"))
            made |= {"id": id, **_system(rid, rids.prefix(rid)), **_CHILDREN}
            partitions = self._partitions if throughput is None else -(-throughput // 10_000)
            row = (parent["id"], id, rid, dump(made), partitions)
            self._data.execute("INSERT INTO containers VALUES (?, ?, ?, ?, ?)", *row)
        return made

    def containers(self, database: str) -> list[dict[str, Any]]:
        """Of a database. Raises `NotFound`."""
        parent = self.find_database(database)
        rows = self._data.execute("SELECT body FROM containers WHERE database = ? ORDER BY rowid", parent["id"])
        return [json.loads(body) for (body,) in rows]

    def find_container(self, database: str, name: str) -> Container:
        """By ids or resource ids. Raises `NotFound`."""
        row = self._data.execute(
            "SELECT c.database, c.id, c.rid, c.body, c.partitions "
            "FROM containers c JOIN databases d ON d.id = c.database "
            "WHERE (d.id = ? OR d.rid = ?) AND (c.id = ? OR c.rid = ?)",
            database, database, name, name,
        ).fetchone()  # fmt: skip
        if row is None:
            raise NotFound("Resource Not Found. The container does not exist.", sub_status=1003)
        key = (row[2], row[3])
        known = self._cache.get(key)
        if known is None:
            if len(self._cache) > 1000:
                self._cache.clear()
            known = self._cache[key] = _container(*row)
        return known

    def replace_container(self, container: Container, body: Mapping[str, Any], if_match: str | None) -> dict[str, Any]:
        """Raises `BadRequest`, `PreconditionFailed`."""
        body = _defined(body)
        if body.get("id") != container.id:
            raise BadRequest("The id of the body differs from the id of the resource.")
        if (
            body.get("partitionKey", container.body["partitionKey"]).get("paths")
            != container.body["partitionKey"]["paths"]
        ):
            raise BadRequest("Document collection partition key cannot be changed.")
        if if_match not in (None, "*", container.body["_etag"]):
            raise PreconditionFailed("One of the specified pre-condition is not met.")
        kept = {name: value for name, value in container.body.items() if name not in MUTABLE}
        changed = {
            name: value
            for name, value in _completed({**body, "partitionKey": kept["partitionKey"]}).items()
            if name in MUTABLE
        }
        _check_vectors_kept(container.body, body)
        if "uniqueKeyPolicy" in body and body["uniqueKeyPolicy"] != container.body.get("uniqueKeyPolicy"):
            raise BadRequest("The unique index cannot be modified.")
        made = {**kept, **changed, **_system(container.rid, rids.prefix(container.rid))}
        with self._data.transaction():
            self._data.execute("UPDATE containers SET body = ? WHERE rid = ?", dump(made), container.rid)
        return made

    def delete_container(self, container: Container) -> None:
        """With all its items."""
        with self._data.transaction():
            self._drop(container.database, container.id, container.rid)

    def _drop(self, database: str, id: str, rid: str) -> None:
        self._data.execute("DELETE FROM items WHERE container = ?", rid)
        self._data.execute("DELETE FROM unique_keys WHERE container = ?", rid)
        self._data.execute("DELETE FROM containers WHERE database = ? AND id = ?", database, id)
        self._data.execute("DELETE FROM offers WHERE resource = ?", rids.prefix(rid))


_CHILDREN: Final = {
    "_docs": "docs/", "_sprocs": "sprocs/", "_triggers": "triggers/", "_udfs": "udfs/", "_conflicts": "conflicts/",
}  # fmt: skip


def _system(rid: str, link: str) -> dict[str, Any]:
    return {"_rid": rid, "_self": link, "_etag": f'"{uuid.uuid4()}"', "_ts": int(time.time())}


def check_name(name: object) -> str:
    """An id of a database or container. Raises `BadRequest`."""
    if not isinstance(name, str) or not name or len(name) > MAX_NAME:
        raise BadRequest(
            "The input name is invalid. Ensure to provide a unique non-empty string less than '255' characters."
        )
    if any(character in name for character in "/\\#?") or name.endswith(" "):
        raise BadRequest(
            f"The input name '{name}' is invalid. It can't contain '/', '\\', '#' or '?' or end with a space."
        )
    return name


def _defined(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a client defines; null is as good as nothing. Raises `BadRequest`."""
    made = {name: value for name, value in body.items() if not name.startswith("_") and value is not None}
    shapes.check(made, shapes.CONTAINER, "container")
    return made


def _completed(defined: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(defined)
    key: dict[str, Any] = dict(
        made.get("partitionKey") or {"paths": ["/_partitionKey"], "kind": "Hash", "systemKey": True}
    )
    PartitionKeyDefinition.of(key)
    key.setdefault("kind", "Hash")
    key.setdefault("version", 2)
    made["partitionKey"] = key
    given = _policy(made, "indexingPolicy")
    policy: dict[str, Any] = {**DEFAULT_INDEXING, **given}
    if policy["indexingMode"] == "none":
        if policy["automatic"] is True and "automatic" in given:
            raise BadRequest("The indexing mode none can't be automatic.")
        policy |= {"automatic": False, "includedPaths": [], "excludedPaths": []}
    if policy["indexingMode"] not in ("consistent", "lazy", "none"):
        raise BadRequest(f"The indexing mode '{policy['indexingMode']}' is not valid.")
    policy["includedPaths"] = [{"path": entry.get("path")} for entry in policy["includedPaths"]]
    made["indexingPolicy"] = _with_etag(policy)
    ttl = made.get("defaultTtl")
    if ttl is not None and (ttl == 0 or not -1 <= ttl < 2**31):
        raise BadRequest("The defaultTtl must be -1 or a positive number of seconds.")
    for keys in _unique_keys(made):
        if not keys.get("paths") or not all(path.startswith("/") for path in keys["paths"]):
            raise BadRequest("The unique key path must start with '/'.")
    made.setdefault(
        "conflictResolutionPolicy",
        {"mode": "LastWriterWins", "conflictResolutionPath": "/_ts", "conflictResolutionProcedure": ""},
    )
    made.setdefault("geospatialConfig", {"type": "Geography"})
    _check_vectors(made)
    return made


def _with_etag(policy: dict[str, Any]) -> dict[str, Any]:
    if policy["indexingMode"] == "none":
        return policy
    paths = [entry.get("path") for entry in (*policy["includedPaths"], *policy["excludedPaths"])]
    if "/*" not in paths and "/" not in paths:
        raise BadRequest('The special mandatory indexing path "/*" is not provided in any of the path type sets.')
    if '/"_etag"/?' not in paths and "/*" not in [entry.get("path") for entry in policy["excludedPaths"]]:
        policy["excludedPaths"] = [*policy["excludedPaths"], {"path": '/"_etag"/?'}]
    return policy


MAX_DIMENSIONS: Final = 4096
DISTANCES: Final = ("cosine", "dotproduct", "euclidean")
DATA_TYPES: Final = ("float16", "float32", "int8", "uint8")


def _policy(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A policy of a container, empty without one."""
    return body.get(name, {})


def _unique_keys(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return _policy(body, "uniqueKeyPolicy").get("uniqueKeys", ())


def _vector_embeddings(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return _policy(body, "vectorEmbeddingPolicy").get("vectorEmbeddings", ())


def _vector_indexes(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return _policy(body, "indexingPolicy").get("vectorIndexes", ())


def _check_vectors(body: Mapping[str, Any]) -> None:
    embeddings = _vector_embeddings(body)
    paths: set[str] = set()
    for embedding in embeddings:
        path, dimensions = embedding.get("path"), embedding.get("dimensions")
        if not isinstance(path, str) or not path.startswith("/"):
            raise BadRequest("The Vector Embedding Policy has an invalid path.")
        if path in paths:
            raise BadRequest(f"The Vector Embedding Policy contains the path '{path}' more than once.")
        paths.add(path)
        if embedding.get("dataType") not in DATA_TYPES:
            raise BadRequest(f"The Vector Embedding Policy has an invalid DataType:{embedding.get('dataType')}.")
        if str(embedding.get("distanceFunction")).lower() not in DISTANCES:
            raise BadRequest(
                f"The Vector Embedding Policy has an invalid DistanceFunction:{embedding.get('distanceFunction')}."
            )
        if isinstance(dimensions, bool) or not isinstance(dimensions, int) or dimensions < 1:
            raise BadRequest(f"The Vector Embedding Policy has Dimensions:{dimensions} which is not positive.")
        if dimensions > MAX_DIMENSIONS:
            raise BadRequest(
                f"The Vector Embedding Policy has Dimensions:{dimensions} which is more than the maximum "
                f"supported value of {MAX_DIMENSIONS}."
            )
    for index in _vector_indexes(body):
        _check_vector_index(index, paths)


def _check_vectors_kept(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """What a replace may not change. Raises `BadRequest`."""
    old = {one["path"]: one for one in _vector_embeddings(before)}
    for one in _vector_embeddings(after):
        known = old.get(one.get("path"))
        if known is not None and any(known.get(name) != value for name, value in one.items()):
            raise BadRequest("Paths in existing embedding policy cannot be modified in Collection Replace.")
    indexes = {one["path"]: one for one in _vector_indexes(before)}
    for one in _vector_indexes(after):
        known = indexes.get(one.get("path"))
        if known is not None and known.get("type") != one.get("type"):
            raise BadRequest("Paths in existing vector indexing policy cannot be modified in Collection Replace.")


def _check_vector_index(index: Mapping[str, Any], paths: set[str]) -> None:
    if index.get("path") not in paths:
        raise BadRequest(f"The Vector Indexing Policy's path::{index.get('path')} not matching in Embedding's path.")
    if index.get("type") not in ("flat", "quantizedFlat", "diskANN"):
        raise BadRequest(f"The Vector Indexing Policy's Index Type::{index.get('type')} is invalid.")
    for name, (low, high) in {"quantizationByteSize": (1, 256), "indexingSearchListSize": (25, 500)}.items():
        value = index.get(name)
        if value is not None and not low <= value <= high:
            raise BadRequest(
                f"The Vector Indexing Policy parameter {name[0].upper()}{name[1:]} value :: {value} is out of range. "
                f"The allowed range is between {low} and {high}."
            )
    shards = index.get("vectorIndexShardKey", [])
    if not is_array(shards):
        raise BadRequest("One of the specified inputs is invalid: vectorIndexShardKey must be an array.")
    if len(shards) > 1:
        raise BadRequest(
            f"The number of shard paths defined in the Vector Indexing Policy: {len(shards)} exceeds the maximum: 1."
        )
    for shard in shards:
        if not str(shard).startswith("/"):
            raise BadRequest(f"The Vector Indexing Policy has an invalid Shard Path: {shard}.")


def _container(database: str, id: str, rid: str, text: str, partitions: int) -> Container:
    body: dict[str, Any] = json.loads(text)
    unique = tuple(tuple(split_path(path) for path in keys["paths"]) for keys in _unique_keys(body))
    embeddings = _vector_embeddings(body)
    key = PartitionKeyDefinition.of(body["partitionKey"])
    return Container(
        database, id, rid, body, key, tuple(ranges(partitions, key.version)), unique,
        body.get("defaultTtl"), {one["path"]: one["distanceFunction"] for one in embeddings},
        bool(body["indexingPolicy"]["includedPaths"]),
    )  # fmt: skip
