"""Operations on the items of a container, each one transaction."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from emulators.cosmos import charges, partitioning, patch, rids
from emulators.cosmos.containers import Container
from emulators.cosmos.database import Database, Row, dump
from emulators.cosmos.errors import (
    BadRequest,
    Conflict,
    CosmosError,
    NotFound,
    NotModified,
    PreconditionFailed,
    TooLarge,
)
from emulators.cosmos.item_fields import check_id, expiry_of, matching_key, without_system
from emulators.cosmos.json_types import is_array, is_object
from emulators.cosmos.sql import evaluate, parser
from emulators.cosmos.sql.values import UNDEFINED

MAX_BYTES: Final = 2 * 1024 * 1024
MAX_BATCH: Final = 100


@dataclass(frozen=True)
class Answer:
    """What an operation gives: HTTP status, the item (None: none), its cost in request units."""

    status: int
    item: dict[str, Any] | None
    charge: float
    lsn: int = 0
    etag: str | None = None


@dataclass(frozen=True)
class Conditions:
    """`If-Match` and `If-None-Match`."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check(self, row: Row | None) -> None:
        """Raises `PreconditionFailed`."""
        if self.if_match is not None and (row is None or self.if_match not in ("*", f'"{row.etag}"', row.etag)):
            raise PreconditionFailed(
                "Operation cannot be performed because one of the specified precondition is not met."
            )


class Items:
    """Operations on items; the caller gives the container and the components of the partition key."""

    def __init__(self, data: Database) -> None:
        self._data = data

    def create(
        self, container: Container, item: Mapping[str, Any], given: Sequence[Any] | None, *, upsert: bool = False,
        conditions: Conditions = Conditions(), generate_id: bool = False,
    ) -> Answer:  # fmt: skip
        """Write a new item, with `upsert` over the one that may be there.

        Raises:
            BadRequest, Conflict, PreconditionFailed, TooLarge.
        """
        clean = without_system(item)
        if "id" not in clean and generate_id:
            clean["id"] = str(uuid.uuid4())
        id = check_id(clean.get("id"))
        components = matching_key(container, clean, given)
        with self._data.transaction():
            known = self._data.find(container.rid, partitioning.logical(components), id)
            if known is not None and not upsert:
                raise Conflict("Entity with the specified id already exists in the system.")
            if known is not None:
                # An upsert that finds nothing creates, whatever its condition.
                conditions.check(known)
            row = self._write(container, clean, components, known)
        cost = _cost(container, known, row)
        return Answer(200 if known else 201, row.document(), cost, row.lsn, row.etag)

    def read(
        self, container: Container, id: str, given: Sequence[Any], conditions: Conditions = Conditions()
    ) -> Answer:
        """Raises `NotFound`, `NotModified`."""
        row = self._existing(container, partitioning.logical(given), id)
        if conditions.if_none_match in ("*", f'"{row.etag}"', row.etag):
            raise NotModified("The item has not changed.")
        return Answer(200, row.document(), charges.read(len(row.body.encode())), row.lsn, row.etag)

    def replace(
        self,
        container: Container,
        id: str,
        item: Mapping[str, Any],
        given: Sequence[Any] | None,
        conditions: Conditions,
    ) -> Answer:
        """Raises `NotFound`, `BadRequest`, `Conflict`, `PreconditionFailed`, `TooLarge`."""
        clean = without_system(item)
        check_id(clean.get("id"))
        components = matching_key(container, clean, given)
        with self._data.transaction():
            known = self._existing(container, partitioning.logical(components), id)
            conditions.check(known)
            if clean["id"] != id:
                if self._data.find(container.rid, known.partition, clean["id"]) is not None:
                    raise Conflict("Entity with the specified id already exists in the system.")
                self._data.remove(container.rid, known.partition, id)
            row = self._write(container, clean, components, known)
        return Answer(200, row.document(), _cost(container, known, row), row.lsn, row.etag)

    def patch(
        self, container: Container, id: str, body: Mapping[str, Any], given: Sequence[Any], conditions: Conditions
    ) -> Answer:
        """Raises `NotFound`, `BadRequest`, `Conflict`, `PreconditionFailed`, `TooLarge`."""
        operations = body.get("operations")
        if not is_array(operations):
            raise BadRequest("The body of a patch must contain operations.")
        partition = partitioning.logical(given)
        with self._data.transaction():
            known = self._existing(container, partition, id)
            conditions.check(known)
            if body.get("condition") and not _holds(str(body["condition"]), known.document()):
                raise PreconditionFailed("The condition of the patch does not hold.", sub_status=1110)
            changed = patch.apply(json.loads(known.body), operations, container.key.paths)
            row = self._write(container, changed, container.key.components(changed), known)
        return Answer(200, row.document(), _cost(container, known, row), row.lsn, row.etag)

    def delete(self, container: Container, id: str, given: Sequence[Any], conditions: Conditions) -> Answer:
        """Raises `NotFound`, `PreconditionFailed`."""
        partition = partitioning.logical(given)
        with self._data.transaction():
            known = self._existing(container, partition, id)
            conditions.check(known)
            self._data.remove(container.rid, partition, id)
            lsn = self._data.lsn(container.rid)
        return Answer(204, None, _cost(container, known, known), lsn)

    def delete_all(self, container: Container, given: Sequence[Any]) -> None:
        """Delete every item of a logical partition."""
        _check_complete(container, given)
        with self._data.transaction():
            self._data.remove_all(container.rid, partitioning.logical(given))

    def batch(
        self, container: Container, operations: Sequence[Mapping[str, Any]], given: Sequence[Any]
    ) -> tuple[int, list[dict[str, Any]], float]:
        """All operations or none: the status, a result for each operation, the cost.

        Raises:
            BadRequest: none or more than 100 operations, or a malformed one.
            TooLarge: over 2 MB.
        """
        _check_complete(container, given)
        _check_batch(operations)
        results: list[dict[str, Any]] = []
        cost = 0.0
        try:
            with self._data.transaction():
                for operation in operations:
                    try:
                        answer = self._apply(container, operation, given)
                    except CosmosError as error:
                        raise _Failed(len(results), error) from error
                    cost += answer.charge
                    results.append(_result(answer))
        except _Failed as failed:
            results = [dict(_SKIPPED) for _ in operations]
            results[failed.index] = _failure(failed.error)
            return 207, results, round(max(1.0, cost), 2)
        return 200, results, round(cost, 2)

    def bulk(
        self, container: Container, operations: Sequence[Mapping[str, Any]], *, after_errors: bool
    ) -> tuple[int, list[dict[str, Any]], float]:
        """Operations on any partition keys, each for itself: the status, a result for each, the cost.

        Args:
            after_errors: go on after an operation that fails.

        Raises:
            BadRequest: none or more than 100 operations, or a malformed one.
            TooLarge: over 2 MB.
        """
        _check_batch(operations)
        results: list[dict[str, Any]] = []
        cost = 0.0
        failed = False
        for operation in operations:
            if failed and not after_errors:
                results.append(dict(_SKIPPED))
                continue
            try:
                given = _given(operation)
                _check_complete(container, given)
                answer = self._apply(container, operation, given)
            except CosmosError as error:
                failed = True
                cost += 1.0
                results.append(_failure(error))
            else:
                cost += answer.charge
                results.append(_result(answer))
        return 207 if failed else 200, results, round(cost, 2)

    def _apply(self, container: Container, operation: Mapping[str, Any], given: Sequence[Any]) -> Answer:
        conditions = Conditions(operation.get("ifMatch"), operation.get("ifNoneMatch"))
        body, id = operation.get("resourceBody"), operation.get("id")
        kind = operation.get("operationType")
        if kind in ("Read", "Delete", "Replace", "Patch") and not isinstance(id, str):
            raise BadRequest("The operation needs an id.")
        if kind in ("Create", "Upsert", "Replace", "Patch") and not is_object(body):
            raise BadRequest("The operation needs a resourceBody.")
        match kind:
            case "Create" | "Upsert":
                assert is_object(body)
                return self.create(container, body, given, upsert=kind == "Upsert", conditions=conditions)
            case "Read":
                return self.read(container, str(id), given, conditions)
            case "Replace":
                assert is_object(body)
                return self.replace(container, str(id), body, given, conditions)
            case "Delete":
                return self.delete(container, str(id), given, conditions)
            case "Patch":
                assert is_object(body)
                return self.patch(container, str(id), body, given, conditions)
            case other:
                raise BadRequest(f"The operation '{other}' is not supported in a batch.")

    def _existing(self, container: Container, partition: str, id: str) -> Row:
        row = self._data.find(container.rid, partition, id)
        if row is None:
            raise NotFound("Entity with the specified id does not exist in the system.")
        return row

    def _write(self, container: Container, item: dict[str, Any], components: Sequence[Any], known: Row | None) -> Row:
        text = dump(item)
        if len(text.encode(errors="replace")) > MAX_BYTES:
            raise TooLarge("Request size is too large: an item has at most 2 MB.")
        now = time.time()
        row = Row(
            partition=partitioning.logical(components),
            id=item["id"],
            epk=partitioning.effective(components, container.key),
            rid=known.rid if known else rids.item(container.rid, self._data.next(f"items:{container.rid}")),
            lsn=self._data.lsn(container.rid),
            etag=str(uuid.uuid4()),
            written=now,
            expires=expiry_of(container, item, now),
            body=text,
        )
        self._keep_unique(container, item, row)
        self._data.put(container.rid, row)
        return row

    def _keep_unique(self, container: Container, item: Mapping[str, Any], row: Row) -> None:
        if not container.unique:
            return
        data = self._data
        data.execute(
            "DELETE FROM unique_keys WHERE container = ? AND partition = ? AND id = ?",
            container.rid,
            row.partition,
            row.id,
        )
        for number, paths in enumerate(container.unique):
            value = dump([_at(item, path) for path in paths])
            taken = data.execute(
                "SELECT id FROM unique_keys WHERE container = ? AND partition = ? AND number = ? AND value = ?",
                container.rid, row.partition, number, value,
            ).fetchone()  # fmt: skip
            if taken and data.find(container.rid, row.partition, taken[0]) is not None:
                raise Conflict("Unique index constraint violation.")
            data.execute(
                "INSERT OR REPLACE INTO unique_keys VALUES (?, ?, ?, ?, ?)",
                container.rid,
                row.partition,
                number,
                value,
                row.id,
            )

    def id_of(self, container: Container, name: str, given: Sequence[Any]) -> str:
        """The id of an item that a path names by its id or its resource id."""
        partition = partitioning.logical(given)
        if rids.is_rid(name) and self._data.find(container.rid, partition, name) is None:
            epk = partitioning.effective(given, container.key)
            return self._data.find_by_rid(container.rid, epk, name) or name
        return name


class _Failed(Exception):
    def __init__(self, index: int, error: CosmosError) -> None:
        super().__init__(str(error))
        self.index = index
        self.error = error


_SKIPPED: Final = {"statusCode": 424, "subStatusCode": 0, "requestCharge": 0.0}


def _failure(error: CosmosError) -> dict[str, Any]:
    return {"statusCode": error.status, "subStatusCode": error.sub_status, "requestCharge": 1.0}


def _check_batch(operations: Sequence[Mapping[str, Any]]) -> None:
    if not operations:
        raise BadRequest("Batch request has no operations.")
    if len(operations) > MAX_BATCH:
        raise BadRequest("Batch request has more operations than what is supported.")
    if not all(map(is_object, operations)):
        raise BadRequest("An operation of a batch must be an object.")
    if len(dump(list(operations)).encode()) > MAX_BYTES:
        raise TooLarge("The batch request is too large: 2 MB at most.")


def _check_complete(container: Container, given: Sequence[Any]) -> None:
    if len(given) != len(container.key.paths):
        raise BadRequest(
            "Partition key provided either doesn't correspond to definition in the collection or doesn't match "
            "partition key field values specified in the document.",
            sub_status=1001,
        )


def _given(operation: Mapping[str, Any]) -> list[Any]:
    """The partition key of a bulk operation: JSON in a text, as in the header."""
    key = operation.get("partitionKey")
    if is_array(key):
        return [UNDEFINED if component == {} else component for component in key]
    if not isinstance(key, str):
        raise BadRequest("The operation needs a partition key.")
    return partitioning.from_header(key)


def _result(answer: Answer) -> dict[str, Any]:
    made: dict[str, Any] = {"statusCode": answer.status, "requestCharge": answer.charge}
    if answer.etag is not None:
        made["eTag"] = f'"{answer.etag}"'
    if answer.item is not None:
        made["resourceBody"] = answer.item
    return made


def _at(item: Any, path: Sequence[str]) -> Any:
    for segment in path:
        item = item.get(segment) if is_object(item) else None
    return item


def _holds(condition: str, document: dict[str, Any]) -> bool:
    text = condition.strip()
    if not text.lower().startswith("from"):
        raise BadRequest("The condition of a patch must have the form 'from c where ...'.")
    try:
        query = parser.parse(f"SELECT VALUE true {text}")
        return next(evaluate.run(query, [document], evaluate.Context({})), UNDEFINED) is True
    except ValueError as error:
        raise BadRequest(f"The condition of the patch is invalid: {error}") from None


def _cost(container: Container, before: Row | None, after: Row) -> float:
    size = len(after.body.encode(errors="replace"))
    paths = after.body.count('":')
    if before is None or before is after:
        return charges.write(size, indexed=container.indexed, paths=paths)
    return charges.replace(len(before.body.encode(errors="replace")), size, indexed=container.indexed, paths=paths)
