"""The REST service: requests to operations, results and errors to answers."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import unquote

from aiohttp import web

from emulators.cosmos import charges, errors, feeds, offers, partitioning, queries, signature
from emulators.cosmos.containers import Catalogue, Container
from emulators.cosmos.database import Database
from emulators.cosmos.items import MAX_BYTES, Answer, Conditions, Items
from emulators.cosmos.sql.values import UNDEFINED
from emulators.faults import cut, meet_common
from emulators.server import Emulator

PARTITIONS: Final = 3
"""Physical partitions of a container, so that clients really merge."""
SWEEP_S: Final = 1.0
QUERY_TYPES: Final = ("application/query+json", "application/sql")
MODES: Final = ("429", "449", "503", "408", "410", "cut-answer")


class Cosmos(Emulator):
    """An account of Azure Cosmos DB for NoSQL.

    Args:
        data: file that keeps the data; None keeps it in memory.
        throughput: request units a second of each container; None for no limit.
        partitions: physical partitions of a new container.
        key: of the account.
    """

    name: ClassVar[str] = "cosmos"
    modes: ClassVar[tuple[str, ...]] = MODES
    largest_body: ClassVar[int] = 8 * 1024 * 1024

    def __init__(
        self, data: Path | None = None, throughput: float | None = 5000.0, partitions: int = PARTITIONS,
        key: str = signature.KEY,
    ) -> None:  # fmt: skip
        super().__init__()
        self._key = key
        self._data = Database(data)
        self._catalogue = Catalogue(self._data, partitions)
        self._items = Items(self._data)
        self._offers = offers.Offers(self._data)
        self._budget = charges.Budget(throughput or None)
        self._sweeper: asyncio.Task[None] | None = None
        self._url = ""
        self.charged: dict[tuple[str, str, str], list[float]] = {}

    @classmethod
    def arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--data", type=Path, default=None, help="file that keeps the data; in memory without it")
        parser.add_argument("--throughput", type=float, default=5000.0, help="RU/s of each container; 0: no limit")
        parser.add_argument("--partitions", type=int, default=PARTITIONS, help="physical partitions of a new container")

    def routes(self) -> Iterable[web.RouteDef]:
        """Everything but the control surface is one handler, which reads the path."""
        return (
            web.get("/_emulator/charges", self._list_charges),
            web.route("*", "/{path:(?!_emulator/).*}", self._handle),
        )

    def facts(self, url: str) -> dict[str, Any]:
        """Endpoint, key and connection string."""
        self._url = url
        return {
            "endpoint": url,
            "key": self._key,
            "connectionString": f"AccountEndpoint={url}/;AccountKey={self._key};",
        }

    def reset(self) -> None:
        """Forget faults, requests, charges and all data."""
        super().reset()
        self.charged.clear()
        with self._data.transaction():
            for table in ("databases", "containers", "items", "unique_keys", "offers"):
                self._data.execute(f"DELETE FROM {table}")  # noqa: S608

    async def started(self, url: str) -> None:
        """Begin to delete what expires."""

        async def sweep() -> None:
            while True:
                await asyncio.sleep(SWEEP_S)
                self._data.sweep()

        self._sweeper = asyncio.create_task(sweep())

    async def stopping(self) -> None:
        """Stop and close the file."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
        self._data.close()

    async def _list_charges(self, request: web.Request) -> web.Response:
        listed = [
            {
                "container": container,
                "operation": operation,
                "partition": partition,
                "count": len(found),
                "ru": round(sum(found), 2),
            }
            for (container, operation, partition), found in sorted(self.charged.items())
        ]
        return web.json_response({"charges": listed})

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        call = _Call(request, body)
        fault = self.faults.take(
            call.operation, f"{request.method} {request.path} {request.headers.get('Content-Type', '')}"
        )
        if fault is not None:
            request["entry"]["fault"] = fault.mode
            answered = await meet_common(request, fault)
            if answered is not None:
                return answered
        try:
            signature.check(self._key, request.method, call.raw_path, request.headers)
            if fault is not None and fault.mode in MODES and fault.mode != "cut-answer":
                raise _planned(fault.mode, fault.retry_delay)
            response = self._answer(call)
        except errors.CosmosError as error:
            response = _failure(error)
        if fault is not None and fault.mode == "cut-answer":
            # The work is done, the answer does not arrive.
            return cut(request)
        return response

    def _answer(self, call: _Call) -> web.Response:
        match call.parts:
            case []:
                return self._account(call)
            case ["dbs"]:
                return self._databases(call)
            case ["dbs", database]:
                return self._database(call, database)
            case ["dbs", database, "colls"]:
                return self._containers(call, database)
            case ["dbs", database, "colls", name]:
                return self._container(call, self._catalogue.find_container(database, name))
            case ["dbs", database, "colls", name, "pkranges"]:
                return self._ranges(call, self._catalogue.find_container(database, name))
            case ["dbs", database, "colls", name, "docs"]:
                return self._documents(call, self._catalogue.find_container(database, name))
            case ["dbs", database, "colls", name, "docs", id]:
                return self._document(call, self._catalogue.find_container(database, name), id)
            case ["offers"]:
                return self._all_offers(call)
            case ["offers", id]:
                return self._offer(call, id)
            case ["dbs", database, *_]:
                self._catalogue.find_database(database)
                raise errors.BadRequest("This emulator does not serve this type of resource.")
            case _:
                raise errors.NotFound("Resource Not Found.")

    # Account, databases, containers

    def _account(self, call: _Call) -> web.Response:
        region = [{"name": "Local", "databaseAccountEndpoint": call.base}]
        return _json(
            {
                "_self": "", "id": "emulator", "_rid": "emulator.documents", "media": "//media/",
                "addresses": "//addresses/",
                "_dbs": "//dbs/", "writableLocations": region, "readableLocations": region,
                "enableMultipleWriteLocations": False, "continuousBackupEnabled": False,
                "userReplicationPolicy": {"asyncReplication": False, "minReplicaSetSize": 1, "maxReplicasetSize": 4},
                "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
                "systemReplicationPolicy": {"minReplicaSetSize": 1, "maxReplicasetSize": 4},
                "readPolicy": {"primaryReadCoefficient": 1, "secondaryReadCoefficient": 1},
                "queryEngineConfiguration": json.dumps({"maxSqlQueryInputLength": 524288, "maxJoinsPerSqlQuery": 10}),
            }
        )  # fmt: skip

    def _databases(self, call: _Call) -> web.Response:
        if call.method == "GET":
            return call.page("Databases", self._catalogue.databases(), "")
        call.allow("POST")
        if call.is_query:
            found = queries.run_over(self._catalogue.databases(), queries.Statement.of(call.json()))
            return call.page("Databases", found, "")
        made = self._catalogue.create_database(call.object())
        self._offers.create(call.headers, made["_self"], made["_rid"])
        return _json(made, 201, etag=made["_etag"])

    def _database(self, call: _Call, name: str) -> web.Response:
        if call.method == "DELETE":
            found = self._catalogue.find_database(name)
            call.check_match(found["_etag"])
            self._catalogue.delete_database(name)
            return _empty(204)
        call.allow("GET")
        found = self._catalogue.find_database(name)
        call.check_changed(found["_etag"])
        return _json(found, etag=found["_etag"])

    def _containers(self, call: _Call, database: str) -> web.Response:
        if call.method == "GET":
            return call.page("DocumentCollections", self._catalogue.containers(database), "")
        call.allow("POST")
        if call.is_query:
            found = queries.run_over(self._catalogue.containers(database), queries.Statement.of(call.json()))
            return call.page("DocumentCollections", found, "")
        made = self._catalogue.create_container(database, call.object(), offers.throughput(call.headers))
        self._offers.create(call.headers, made["_self"], made["_rid"])
        return _json(made, 201, etag=made["_etag"], content_path=f"dbs/{database}")

    def _container(self, call: _Call, container: Container) -> web.Response:
        if call.method == "DELETE":
            call.check_match(str(container.body["_etag"]))
            self._catalogue.delete_container(container)
            return _empty(204)
        if call.method == "PUT":
            made = self._catalogue.replace_container(container, call.object(), call.headers.get("If-Match"))
            return _json(made, etag=made["_etag"])
        call.allow("GET")
        call.check_changed(str(container.body["_etag"]))
        statistics = call.headers.get("x-ms-documentdb-populatepartitionstatistics", "").lower() == "true"
        body = dict(container.body)
        if statistics:
            body["statistics"] = [
                {"id": one.id, "sizeInKB": 0, "documentCount": 0, "partitionKeys": []} for one in container.ranges
            ]
        response = _json(body, etag=str(container.body["_etag"]), charge=1.0)
        response.headers["x-ms-documentdb-collection-index-transformation-progress"] = "100"
        response.headers["x-ms-resource-quota"] = (
            "documentSize=10240;documentsSize=10485760;documentsCount=-1;collectionSize=10485760;"
        )
        response.headers["x-ms-resource-usage"] = "documentSize=0;documentsSize=0;documentsCount=0;collectionSize=0;"
        return response

    def _ranges(self, call: _Call, container: Container) -> web.Response:
        call.allow("GET")
        etag = f'"{container.rid}-{len(container.ranges)}"'
        if call.headers.get("If-None-Match") == etag:
            return _empty(304, etag=etag)
        listed = [
            {
                "id": one.id, "minInclusive": one.low, "maxExclusive": one.high, "_rid": f"{container.rid}pk{one.id}",
                "_etag": etag, "ridPrefix": int(one.id), "throughputFraction": round(1 / len(container.ranges), 4),
                "status": "online", "parents": [], "_ts": int(container.body["_ts"]), "_lsn": 1,
            }
            for one in container.ranges
        ]  # fmt: skip
        body = {"_rid": container.rid, "PartitionKeyRanges": listed, "_count": len(listed)}
        return _json(body, etag=etag)

    # Items

    def _documents(self, call: _Call, container: Container) -> web.Response:
        call.check_container(container)
        call.check_size()
        if call.method == "GET":
            return self._charged(call, container, lambda: self._feed(call, container))
        call.allow("POST")
        if call.is_query or call.flag("x-ms-cosmos-is-query-plan-request"):
            return self._charged(call, container, lambda: self._query(call, container))
        if call.flag("x-ms-cosmos-is-batch-request"):
            return self._charged(call, container, lambda: self._batch(call, container))
        upsert = call.flag("x-ms-documentdb-is-upsert")

        def create() -> web.Response:
            item, key = call.object(), call.key(container)
            answer = self._items.create(container, item, key, upsert=upsert, conditions=call.conditions)
            return self._written(call, container, answer)

        return self._charged(call, container, create)

    def _document(self, call: _Call, container: Container, id: str) -> web.Response:
        call.check_container(container)
        key = call.key(container)
        if key is None:
            raise errors.BadRequest("PartitionKey value must be supplied for this operation.")
        items = self._items
        id = items.id_of(container, id, key)
        operations: Mapping[str, Callable[[], Answer]] = {
            "GET": lambda: items.read(container, id, key, call.conditions),
            "PUT": lambda: items.replace(container, id, call.object(), key, call.conditions),
            "PATCH": lambda: items.patch(container, id, call.object(), key, call.conditions),
            "DELETE": lambda: items.delete(container, id, key, call.conditions),
        }
        operation = operations.get(call.method)
        if operation is None:
            raise errors.MethodNotAllowed("The verb is not allowed for an item.")
        return self._charged(call, container, lambda: self._written(call, container, operation()))

    def _written(self, call: _Call, container: Container, answer: Answer) -> web.Response:
        item = answer.item
        if call.headers.get("Prefer", "").lower() == "return=minimal" and call.method != "GET":
            item = None
        etag = f'"{answer.etag}"' if answer.etag else None
        if item is None:
            response = _empty(answer.status, etag=etag, charge=answer.charge)
        else:
            response = _json(item, answer.status, etag=etag, charge=answer.charge)
        response.headers["x-ms-content-path"] = container.rid
        self._session(call, container, response)
        return response

    def _batch(self, call: _Call, container: Container) -> web.Response:
        operations = call.json()
        if not isinstance(operations, list):
            raise errors.BadRequest("The body of a batch must be an array of operations.")
        key = call.key(container)
        if key is None:
            raise errors.BadRequest("A batch needs a partition key.")
        status, results, charge = self._items.batch(container, operations, key)
        response = _json(results, status, charge=charge)
        self._session(call, container, response)
        return response

    def _query(self, call: _Call, container: Container) -> web.Response:
        statement = queries.Statement.of(call.json(), container)
        if call.flag("x-ms-cosmos-is-query-plan-request"):
            return _json(queries.query_plan(statement, call.headers.get("x-ms-cosmos-supported-query-features", "")))
        scope = feeds.scope(call.headers, container, call.key(container), statement)
        page = queries.run(
            self._data, container, statement, scope, call.page_size, call.headers.get("x-ms-continuation")
        )
        return self._page(call, container, page)

    def _feed(self, call: _Call, container: Container) -> web.Response:
        if call.headers.get("A-IM"):
            return self._changes(call, container)
        scope = feeds.scope(call.headers, container, call.key(container), None)
        page = queries.feed(self._data, container, scope, call.page_size, call.headers.get("x-ms-continuation"))
        return self._page(call, container, page)

    def _page(self, call: _Call, container: Container, page: queries.Page) -> web.Response:
        body = {"_rid": container.rid, "Documents": page.results, "_count": len(page.results)}
        response = _json(body, charge=page.charge)
        if page.continuation:
            response.headers["x-ms-continuation"] = page.continuation
        response.headers["x-ms-item-count"] = str(len(page.results))
        if call.flag("x-ms-documentdb-populatequerymetrics"):
            response.headers["x-ms-documentdb-query-metrics"] = feeds.metrics(page.loaded)
        if call.flag("x-ms-cosmos-populateindexmetrics"):
            response.headers["x-ms-cosmos-index-utilization"] = feeds.index_metrics()
        self._session(call, container, response)
        return response

    def _changes(self, call: _Call, container: Container) -> web.Response:
        documents, etag = feeds.changes(self._data, container, call.headers, call.key(container), call.page_size)
        if not documents:
            response = _empty(304, etag=etag)
        else:
            body = {"_rid": container.rid, "Documents": documents, "_count": len(documents)}
            response = _json(body, etag=etag, charge=charges.query(len(documents), 0, 1))
            response.headers["x-ms-item-count"] = str(len(documents))
        self._session(call, container, response)
        return response

    def _session(self, call: _Call, container: Container, response: web.Response) -> None:
        lsn = self._data.current(f"lsn:{container.rid}")
        where = call.headers.get("x-ms-documentdb-partitionkeyrangeid", "")
        if not where:
            key = call.key(container)
            where = container.range_of(partitioning.effective(key, container.key)).id if key else "0"
        response.headers["x-ms-session-token"] = f"{where}:0#{lsn}"
        response.headers["lsn"] = str(lsn)
        response.headers["x-ms-alt-content-path"] = container.link

    def _charged(self, call: _Call, container: Container, work: Callable[[], web.Response]) -> web.Response:
        self._budget.check(container.rid)
        try:
            response = work()
        except errors.CosmosError:
            self._budget.spend(container.rid, 1.0)
            raise
        charge = float(response.headers["x-ms-request-charge"])
        self._budget.spend(container.rid, charge)
        key = call.headers.get("x-ms-documentdb-partitionkey", "*")
        self.charged.setdefault((container.id, call.operation, key), []).append(charge)
        return response

    # Offers

    def _all_offers(self, call: _Call) -> web.Response:
        if call.method == "POST":
            found = queries.run_over(self._offers.all(), queries.Statement.of(call.json()))
            return call.page("Offers", found, "")
        call.allow("GET")
        return call.page("Offers", self._offers.all(), "")

    def _offer(self, call: _Call, id: str) -> web.Response:
        if call.method == "PUT":
            return _json(self._offers.replace(id, call.object()))
        call.allow("GET")
        return _json(self._offers.find(id))


class _Call:
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
        size = int(given) if given.lstrip("-").isdigit() else queries.DEFAULT_PAGE
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
        try:
            return json.loads(self._body)
        except ValueError:
            raise errors.BadRequest("The request payload is not valid JSON.") from None

    def object(self) -> dict[str, Any]:
        """The body, which must be an object. Raises `BadRequest`."""
        body = self.json()
        if not isinstance(body, dict):
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

    def check_container(self, container: Container) -> None:
        """Raises `BadRequest` when the client means a container that was deleted and made again."""
        meant = self.headers.get("x-ms-cosmos-intended-collection-rid")
        if meant and meant != container.rid:
            raise errors.BadRequest("The container was recreated.", sub_status=1024)

    def page(self, name: str, resources: list[Any], rid: str) -> web.Response:
        """A page of resources that are no items."""
        start = int(self.headers.get("x-ms-continuation") or 0)
        size = self.page_size
        chosen = resources[start : start + size]
        response = _json({"_rid": rid, name: chosen, "_count": len(chosen)}, charge=1.0)
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


def _json(
    body: Any, status: int = 200, *, etag: str | None = None, charge: float = 1.0, content_path: str | None = None
) -> web.Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")
    headers = _headers(etag, charge)
    if content_path is not None:
        headers["x-ms-alt-content-path"] = content_path
    return web.Response(body=text, status=status, headers=headers, content_type="application/json")


def _empty(status: int, *, etag: str | None = None, charge: float = 1.0) -> web.Response:
    return web.Response(status=status, headers=_headers(etag, charge))


def _failure(error: errors.CosmosError) -> web.Response:
    if error.status == 304:
        return _empty(304)
    activity = str(uuid.uuid4())
    message = f"{error.message}\r\nActivityId: {activity}, emulator"
    response = _json({"code": error.code, "message": message}, error.status)
    response.headers["x-ms-activity-id"] = activity
    response.headers["x-ms-substatus"] = str(error.sub_status)
    if error.retry_after_ms is not None:
        response.headers["x-ms-retry-after-ms"] = str(math.ceil(error.retry_after_ms))
    return response


def _planned(mode: str, delay_s: float | None) -> errors.CosmosError:
    kinds: Mapping[str, type[errors.CosmosError]] = {
        "429": errors.TooManyRequests, "449": errors.RetryWith, "503": errors.ServiceUnavailable,
        "408": errors.RequestTimeout, "410": errors.Gone,
    }  # fmt: skip
    wait = (delay_s if delay_s is not None else 0.05) * 1000 if mode in ("429", "449") else None
    return kinds[mode](f"A planned {mode}.", sub_status=3200 if mode == "429" else 0, retry_after_ms=wait)
