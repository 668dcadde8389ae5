"""A request as the operations read it, and answers in the service's form."""

from __future__ import annotations

import json
import math
import time
import uuid
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from aiohttp import web

from emulators.cosmos import errors, partitioning, payload, queries
from emulators.cosmos.containers import Container
from emulators.cosmos.items import MAX_BYTES, Conditions
from emulators.cosmos.json_types import is_object
from emulators.cosmos.sql.values import UNDEFINED

QUERY_TYPES: Final = ("application/query+json", "application/sql")
LEVEL: Final = "Session"
"""Consistency level of the account."""
MODES: Final = ("429", "449", "503", "408", "410", "cut-answer")


class Call:
    """One request, read."""

    def __init__(self, request: web.Request, body: bytes) -> None:
        self.method = request.method
        self.headers = request.headers
        self.raw_path = request.rel_url.raw_path
        self.parts = [unquote(part) for part in self.raw_path.strip("/").split("/") if part]
        self.base = f"{request.scheme}://{request.host}/"
        self._body = body

    @property
    def operation(self) -> str:
        """What the request does, for faults and charges: `read`, `create`, `query`, ..."""
        if len(self.parts) < 5 or self.parts[4] != "docs":
            return "metadata"
        if self.flag("x-ms-cosmos-is-batch-request"):
            return "batch"
        if self.flag("x-ms-cosmos-is-query-plan-request"):
            return "plan"
        if self.is_query:
            return "query"
        if self.method == "POST":
            return "upsert" if self.flag("x-ms-documentdb-is-upsert") else "create"
        names = {"GET": "read", "PUT": "replace", "PATCH": "patch", "DELETE": "delete"}
        return "feed" if self.method == "GET" and len(self.parts) == 5 else names.get(self.method, "other")

    @property
    def is_query(self) -> bool:
        """Whether the body is a query."""
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return self.method == "POST" and (kind in QUERY_TYPES or self.flag("x-ms-documentdb-isquery"))

    @property
    def page_size(self) -> int:
        """Results on a page: 1 to 1000, 100 by default."""
        given = self.headers.get("x-ms-max-item-count", "")
        size = int(given) if given.removeprefix("-").isdecimal() else queries.DEFAULT_PAGE
        return queries.MAX_PAGE if size <= 0 else min(size, queries.MAX_PAGE)

    @property
    def conditions(self) -> Conditions:
        """`If-Match` and `If-None-Match`."""
        return Conditions(self.headers.get("If-Match"), self.headers.get("If-None-Match"))

    def flag(self, name: str) -> bool:
        """Whether a header says true."""
        return self.headers.get(name, "").lower() == "true"

    def json(self) -> Any:
        """The body. Raises `BadRequest`."""
        return payload.load(self._body)

    def object(self) -> dict[str, Any]:
        """The body, which must be an object. Raises `BadRequest`."""
        body = self.json()
        if not is_object(body):
            raise errors.BadRequest("The request payload must be a JSON object.")
        return body

    def key(self, container: Container) -> list[Any] | None:
        """The components of the partition key in the header, or None. Raises `BadRequest`."""
        header = self.headers.get("x-ms-documentdb-partitionkey")
        if header is None:
            return None
        components = partitioning.from_header(header)
        if len(components) > len(container.key.paths) or (
            not components and not container.body["partitionKey"].get("systemKey")
        ):
            raise errors.BadRequest(
                "Partition key provided either doesn't correspond to definition in the collection.", sub_status=1001
            )
        return components or [UNDEFINED]

    def allow(self, *methods: str) -> None:
        """Raises `MethodNotAllowed`."""
        if self.method not in methods:
            raise errors.MethodNotAllowed("The requested verb is not supported.")

    def check_match(self, etag: str) -> None:
        """Raises `PreconditionFailed`."""
        if self.headers.get("If-Match") not in (None, "*", etag):
            raise errors.PreconditionFailed("One of the specified pre-condition is not met.")

    def check_changed(self, etag: str) -> None:
        """Raises `NotModified`."""
        if self.headers.get("If-None-Match") == etag:
            raise errors.NotModified("The resource has not changed.")

    def check_size(self) -> None:
        """Raises `TooLarge`: the body as sent, before it is parsed."""
        if len(self._body) > MAX_BYTES:
            raise errors.TooLarge("Request size is too large.")

    def check_consistency(self) -> None:
        """Raises `BadRequest`: a level that is stronger than that of the account."""
        level = self.headers.get("x-ms-consistency-level", LEVEL)
        if level.lower() in ("strong", "boundedstaleness"):
            raise errors.BadRequest(
                f"ConsistencyLevel {level} specified in the request is invalid when service is configured with "
                f"consistency level {LEVEL}. Ensure the request consistency level is not stronger than the service "
                "consistency level."
            )

    def check_container(self, container: Container) -> None:
        """Raises `BadRequest` when the client means a container that was deleted and made again."""
        meant = self.headers.get("x-ms-cosmos-intended-collection-rid")
        if meant and meant != container.rid:
            raise errors.BadRequest("The container was recreated.", sub_status=1024)

    def page(self, name: str, resources: list[Any], rid: str) -> web.Response:
        """A page of resources that are no items."""
        given = self.headers.get("x-ms-continuation") or "0"
        if not given.isdecimal():
            raise errors.BadRequest("The continuation token is malformed.")
        start = int(given)
        size = self.page_size
        chosen = resources[start : start + size]
        response = json_response({"_rid": rid, name: chosen, "_count": len(chosen)}, charge=1.0)
        if start + size < len(resources):
            response.headers["x-ms-continuation"] = str(start + size)
        response.headers["x-ms-item-count"] = str(len(chosen))
        return response


def _headers(etag: str | None, charge: float) -> dict[str, str]:
    made = {
        "x-ms-activity-id": str(uuid.uuid4()),
        "x-ms-request-charge": str(charge),
        "x-ms-version": "2018-12-31",
        "x-ms-schemaversion": "1.17",
        "x-ms-serviceversion": "version=2.14.0.0",
        "x-ms-gatewayversion": "version=2.14.0",
        "Server": "Microsoft-HTTPAPI/2.0",
        "x-ms-last-state-change-utc": time.strftime("%a, %d %b %Y %H:%M:%S.000 GMT", time.gmtime()),
        "Cache-Control": "no-store, no-cache",
    }
    if etag is not None:
        made["etag"] = etag
    return made


def json_response(
    body: Any, status: int = 200, *, etag: str | None = None, charge: float = 1.0, content_path: str | None = None
) -> web.Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")
    headers = _headers(etag, charge)
    if content_path is not None:
        headers["x-ms-alt-content-path"] = content_path
    return web.Response(body=text, status=status, headers=headers, content_type="application/json")


def empty_response(status: int, *, etag: str | None = None, charge: float = 1.0) -> web.Response:
    return web.Response(status=status, headers=_headers(etag, charge))


def error_response(error: errors.CosmosError) -> web.Response:
    if error.status == 304:
        return empty_response(304)
    activity = str(uuid.uuid4())
    message = f"{error.message}\r\nActivityId: {activity}, emulator"
    body = {"code": error.code, "message": message}
    if error.info is not None:
        body["additionalErrorInfo"] = error.info
    response = json_response(body, error.status)
    response.headers["x-ms-activity-id"] = activity
    response.headers["x-ms-substatus"] = str(error.sub_status)
    if error.retry_after_ms is not None:
        response.headers["x-ms-retry-after-ms"] = str(math.ceil(error.retry_after_ms))
    return response


def planned_error(mode: str, delay_s: float | None) -> errors.CosmosError:
    kinds: Mapping[str, type[errors.CosmosError]] = {
        "429": errors.TooManyRequests, "449": errors.RetryWith, "503": errors.ServiceUnavailable,
        "408": errors.RequestTimeout, "410": errors.Gone,
    }  # fmt: skip
    wait = (delay_s if delay_s is not None else 0.05) * 1000 if mode in ("429", "449") else None
    return kinds[mode](f"A planned {mode}.", sub_status=3200 if mode == "429" else 0, retry_after_ms=wait)


def account(call: Call) -> web.Response:
    """The account: one region, session consistency."""
    region = [{"name": "Local", "databaseAccountEndpoint": call.base}]
    policy = {"asyncReplication": False, "minReplicaSetSize": 1, "maxReplicasetSize": 4}
    return json_response(
        {
            "_self": "", "id": "emulator", "_rid": "emulator.documents", "_dbs": "//dbs/",
            "media": "//media/", "addresses": "//addresses/",
            "writableLocations": region, "readableLocations": region, "enableMultipleWriteLocations": False,
            "continuousBackupEnabled": False, "userReplicationPolicy": policy, "systemReplicationPolicy": policy,
            "userConsistencyPolicy": {"defaultConsistencyLevel": LEVEL},
            "readPolicy": {"primaryReadCoefficient": 1, "secondaryReadCoefficient": 1},
            "queryEngineConfiguration": json.dumps({"maxSqlQueryInputLength": 524288, "maxJoinsPerSqlQuery": 10}),
        }
    )  # fmt: skip
