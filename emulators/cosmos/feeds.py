"""Where a query or a feed looks, by the headers of its request; and the change feed."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final

from emulators.cosmos import partitioning, queries
from emulators.cosmos.containers import Container
from emulators.cosmos.database import Database
from emulators.cosmos.errors import BadRequest, Gone
from emulators.cosmos.sql import plan

HEX: Final = frozenset("0123456789ABCDEF")


def scope(
    headers: Mapping[str, str], container: Container, key: list[Any] | None, statement: queries.Statement | None
) -> queries.Scope:
    """The scope of a request.

    Raises:
        BadRequest: a query over all partitions that was not allowed, or that a client must plan (sub-status 1004).
        Gone: the physical partition does not exist.
    """
    low, high = headers.get("x-ms-start-epk", "").upper(), headers.get("x-ms-end-epk", "").upper()
    if not set(low + high) <= HEX:
        raise BadRequest("An effective partition key must be hexadecimal.")
    range_id = headers.get("x-ms-documentdb-partitionkeyrangeid")
    if range_id is not None:
        found = next((one for one in container.ranges if one.id == range_id.rpartition(",")[2]), None)
        if found is None:
            raise Gone("The physical partition does not exist.", sub_status=1002)
        return queries.Scope(max(low, found.low), min(high or found.high, found.high))
    if low or high:
        return queries.Scope(low or partitioning.MIN, high or partitioning.MAX)
    if key is not None:
        return queries.scope_of(container, key)
    if statement is not None:
        allowed = headers.get("x-ms-documentdb-query-enablecrosspartition", "").lower() == "true"
        if allowed and plan.has_bare_aggregate(statement.query):
            raise BadRequest("Cross partition query only supports 'VALUE <AggregateFunc>' for aggregates.")
        key = queries.pinned_key(container, statement)
        if key is not None:
            return queries.scope_of(container, key)
        if not allowed:
            raise BadRequest(
                "Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition "
                "to true, specify x-ms-documentdb-partitionkey, or revise your query to avoid this exception."
            )
        if plan.needs_plan(statement.query):
            raise BadRequest(
                "The provided cross partition query can not be directly served by the gateway.",
                sub_status=1004,
                info=json.dumps(queries.query_plan(statement)),
            )
    return queries.Scope(partitioning.MIN, partitioning.MAX, partitions=len(container.ranges))


def changes(
    data: Database, container: Container, headers: Mapping[str, str], key: list[Any] | None, limit: int
) -> tuple[list[dict[str, Any]], str]:
    """Items that changed since `If-None-Match`, or since `If-Modified-Since`, and the etag to go on from."""
    if headers.get("A-IM", "").lower().startswith("full"):
        raise BadRequest("This account keeps no continuous backup: its change feed has the latest versions alone.")
    place = scope(headers, container, key, None)
    token = headers.get("If-None-Match", "").strip('"')
    latest = data.current(f"lsn:{container.rid}")
    if token == "*":
        return [], f'"{latest}"'
    start = min(int(token), latest) if token.isdecimal() else 0
    since = headers.get("If-Modified-Since")
    high = place.high if place.partition is None else place.low + "G"
    moment = _moment(since) if since and not token else 0.0
    rows = data.changes(container.rid, place.low, high, start, limit, partition=place.partition, since=moment)
    documents, end = queries.changes(rows, start)
    # Without rows, none up to the latest change is of this range, or none is from then on.
    return documents, f'"{end if rows else latest}"'


def _moment(header: str) -> float:
    try:
        return parsedate_to_datetime(header).timestamp()
    except ValueError:
        raise BadRequest("The If-Modified-Since header is not a date.") from None


def metrics(loaded: int, returned: int) -> str:
    """Query metrics in the service's form, of which this service knows the counts alone."""
    return (
        f"totalExecutionTimeInMs=0.50;queryCompileTimeInMs=0.10;retrievedDocumentCount={loaded};"
        f"retrievedDocumentSize=0;outputDocumentCount={returned};outputDocumentSize=0;indexUtilizationRatio=1.00"
    )


def index_metrics(container: Container) -> str:
    """Index metrics in the service's form: the index of the partition key, which every query uses."""
    used = [
        {
            "FilterExpression": "", "IndexSpec": f"/{'/'.join(path)}/?", "FilterPreciseSet": True,
            "IndexPreciseSet": True, "IndexImpactScore": "High",
        }
        for path in container.key.paths
    ]  # fmt: skip
    kinds = ("PotentialSingleIndexes", "UtilizedCompositeIndexes", "PotentialCompositeIndexes")
    return base64.b64encode(
        json.dumps({"UtilizedSingleIndexes": used, **{kind: [] for kind in kinds}}).encode()
    ).decode()


def session_headers(container: Container, where: str | None, key: Sequence[Any] | None, lsn: int) -> dict[str, str]:
    """The state of a partition after an answer: named in the request (`where`), or that of its key."""
    if not where:
        where = container.range_of(partitioning.effective(key, container.key)).id if key else "0"
    return {
        "x-ms-session-token": f"{where}:0#{lsn}",
        # Without it the SDK takes the partition for new, and reads all ranges again with every request.
        "x-ms-documentdb-partitionkeyrangeid": where.rpartition(",")[2],
        "lsn": str(lsn),
        "x-ms-alt-content-path": container.link,
    }
