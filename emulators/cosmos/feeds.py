"""Where a query or a feed looks, by the headers of its request; and the change feed."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from emulators.cosmos import partitioning, queries
from emulators.cosmos.containers import Container
from emulators.cosmos.database import Database
from emulators.cosmos.errors import BadRequest, Gone
from emulators.cosmos.sql import plan


def scope(
    headers: Mapping[str, str], container: Container, key: list[Any] | None, statement: queries.Statement | None
) -> queries.Scope:
    """The scope of a request.

    Raises:
        BadRequest: a query over all partitions that was not allowed, or that a client must plan (sub-status 1004).
        Gone: the physical partition does not exist.
    """
    low, high = headers.get("x-ms-start-epk"), headers.get("x-ms-end-epk")
    range_id = headers.get("x-ms-documentdb-partitionkeyrangeid")
    if range_id is not None:
        found = next((one for one in container.ranges if one.id == range_id.rpartition(",")[2]), None)
        if found is None:
            raise Gone("The physical partition does not exist.", sub_status=1002)
        return queries.Scope(max(low or "", found.low), min(high or found.high, found.high))
    if low is not None or high is not None:
        return queries.Scope(low or partitioning.MIN, high or partitioning.MAX)
    if key is not None:
        return queries.scope_of(container, key)
    if statement is not None:
        key = queries.pinned_key(container, statement)
        if key is not None:
            return queries.scope_of(container, key)
        if headers.get("x-ms-documentdb-query-enablecrosspartition", "").lower() != "true":
            raise BadRequest(
                "Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition "
                "to true, specify x-ms-documentdb-partitionkey, or revise your query to avoid this exception."
            )
        if plan.needs_plan(statement.query):
            raise BadRequest(
                "The provided cross partition query can not be directly served by the gateway.", sub_status=1004
            )
    return queries.Scope(partitioning.MIN, partitioning.MAX, partitions=len(container.ranges))


def changes(
    data: Database, container: Container, headers: Mapping[str, str], key: list[Any] | None, limit: int
) -> tuple[list[dict[str, Any]], str]:
    """Items that changed since `If-None-Match`, or since `If-Modified-Since`, and the etag to go on from."""
    place = scope(headers, container, key, None)
    token = headers.get("If-None-Match", "").strip('"')
    latest = data.current(f"lsn:{container.rid}")
    if token == "*":
        return [], f'"{latest}"'
    start = int(token) if token.isdigit() else 0
    since = headers.get("If-Modified-Since")
    high = place.high if place.partition is None else place.low + "G"
    rows = data.changes(container.rid, place.low, high, start, limit)
    if place.partition is not None:
        rows = [row for row in rows if row.partition == place.partition]
    if since and not token:
        moment = parsedate_to_datetime(since).timestamp()
        rows = [row for row in rows if row.written >= moment]
    documents, end = queries.changes(rows, start)
    return documents, f'"{end or start}"'


def metrics(returned: int) -> str:
    """Query metrics in the service's form, of which this service knows the count of results alone."""
    return (
        f"totalExecutionTimeInMs=0.50;queryCompileTimeInMs=0.10;retrievedDocumentCount={returned};"
        f"retrievedDocumentSize=0;outputDocumentCount={returned};outputDocumentSize=0;indexUtilizationRatio=1.00"
    )


def index_metrics() -> str:
    """Index metrics in the service's form: none."""
    return base64.b64encode(b'{"UtilizedIndexes":{"SingleIndexes":[],"CompositeIndexes":[]}}').decode()
