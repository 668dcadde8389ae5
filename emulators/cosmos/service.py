"""The REST service: requests to operations, results and errors to answers."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from aiohttp import web

from emulators.cosmos import (
    certificate,
    charges,
    errors,
    feeds,
    offer_requests,
    offers,
    queries,
    signature,
)
from emulators.cosmos.call import MODES, Call, account, empty_response, error_response, json_response, planned_error
from emulators.cosmos.containers import Catalogue, Container
from emulators.cosmos.control import Control
from emulators.cosmos.database import Database
from emulators.cosmos.items import Answer, Items
from emulators.cosmos.json_types import is_array
from emulators.faults import cut, meet_common
from emulators.server import Emulator

PARTITIONS: Final = 3
"""Physical partitions of a container, so that clients really merge."""
SWEEP_S: Final = 1.0


class Cosmos(Emulator):
    """An account of Azure Cosmos DB for NoSQL.

    Args:
        data: file that keeps the data; None keeps it in memory.
        throughput: request units a second of each container; None for no limit.
        partitions: physical partitions of a new container.
        key: of the account.
        tls: serve HTTPS with a self-signed certificate.
    """

    name: ClassVar[str] = "cosmos"
    modes: ClassVar[tuple[str, ...]] = MODES
    largest_body: ClassVar[int] = 8 * 1024 * 1024

    def __init__(
        self, data: Path | None = None, throughput: float | None = 5000.0, partitions: int = PARTITIONS,
        key: str = signature.KEY, tls: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self._key = key
        self._certificate = tempfile.TemporaryDirectory(prefix="cosmos-tls-") if tls else None
        self._data = Database(data)
        self._catalogue = Catalogue(self._data, partitions)
        self._items = Items(self._data)
        self._offers = offers.Offers(self._data)
        self._budget = charges.Budget(throughput or None)
        self._control = Control(self._budget)
        self._sweeper: asyncio.Task[None] | None = None

    @classmethod
    def arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--data", type=Path, default=None, help="file that keeps the data; in memory without it")
        parser.add_argument("--throughput", type=float, default=5000.0, help="RU/s of each container; 0: no limit")
        parser.add_argument("--tls", action="store_true", help="HTTPS with a self-signed certificate")
        parser.add_argument("--partitions", type=int, default=PARTITIONS, help="physical partitions of a new container")

    def routes(self) -> Iterable[web.RouteDef]:
        """Everything but the control surface is one handler, which reads the path."""
        return (
            *self._control.routes(),
            web.route("*", "/{path:(?!_emulator/).*}", self._handle),
        )

    def tls(self) -> ssl.SSLContext | None:
        """A context with a new certificate, if asked for."""
        return None if self._certificate is None else certificate.server_context(Path(self._certificate.name))

    def facts(self, url: str) -> dict[str, Any]:
        """Endpoint, key and connection string; with TLS the file of the certificate."""
        facts = {
            "endpoint": url,
            "key": self._key,
            "connectionString": f"AccountEndpoint={url}/;AccountKey={self._key};",
        }
        if self._certificate is not None:
            facts["certificate"] = str(Path(self._certificate.name) / certificate.FILE)
        return facts

    def reset(self) -> None:
        """Forget faults, requests, charges and all data."""
        super().reset()
        self._control.reset()
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
        if self._certificate is not None:
            self._certificate.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        call = Call(request, body)
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
            call.check_consistency()
            if fault is not None and fault.mode in MODES and fault.mode != "cut-answer":
                raise planned_error(fault.mode, fault.retry_delay)
            response = self._answer(call)
        except errors.CosmosError as error:
            response = error_response(error)
        if fault is not None and fault.mode == "cut-answer":
            # The work is done, the answer does not arrive.
            return cut(request)
        return response

    def _answer(self, call: Call) -> web.Response:
        match call.parts:
            case []:
                return account(call)
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
            case ["dbs", database, "colls", name, "operations", "partitionkeydelete"]:
                return self._delete_partition(call, self._catalogue.find_container(database, name))
            case ["dbs", database, "colls", name, "conflicts"]:
                # An account with one write region has none.
                self._catalogue.find_container(database, name)
                return call.page("Conflicts", [], "")
            case ["dbs", database, "colls", name, "docs"]:
                return self._documents(call, self._catalogue.find_container(database, name))
            case ["dbs", database, "colls", name, "docs", id]:
                return self._document(call, self._catalogue.find_container(database, name), id)
            case ["offers"]:
                return offer_requests.answer_all(self._offers, call)
            case ["offers", id]:
                return offer_requests.answer_one(self._offers, call, id)
            case ["dbs", database, *_]:
                self._catalogue.find_database(database)
                raise errors.BadRequest("This emulator does not serve this type of resource.")
            case _:
                raise errors.NotFound("Resource Not Found.")

    # Account, databases, containers

    def _databases(self, call: Call) -> web.Response:
        if call.method == "GET":
            return call.page("Databases", self._catalogue.databases(), "")
        call.allow("POST")
        if call.is_query:
            found = queries.run_over(self._catalogue.databases(), queries.Statement.of(call.json()))
            return call.page("Databases", found, "")
        made = self._catalogue.create_database(call.object())
        self._offers.create(call.headers, made["_self"], made["_rid"])
        return json_response(made, 201, etag=made["_etag"])

    def _database(self, call: Call, name: str) -> web.Response:
        if call.method == "DELETE":
            found = self._catalogue.find_database(name)
            call.check_match(found["_etag"])
            self._catalogue.delete_database(name)
            return empty_response(204)
        call.allow("GET")
        found = self._catalogue.find_database(name)
        call.check_changed(found["_etag"])
        return json_response(found, etag=found["_etag"])

    def _containers(self, call: Call, database: str) -> web.Response:
        if call.method == "GET":
            return call.page("DocumentCollections", self._catalogue.containers(database), "")
        call.allow("POST")
        if call.is_query:
            found = queries.run_over(self._catalogue.containers(database), queries.Statement.of(call.json()))
            return call.page("DocumentCollections", found, "")
        made = self._catalogue.create_container(database, call.object(), offers.throughput(call.headers))
        self._offers.create(call.headers, made["_self"], made["_rid"])
        return json_response(made, 201, etag=made["_etag"], content_path=f"dbs/{database}")

    def _container(self, call: Call, container: Container) -> web.Response:
        if call.method == "DELETE":
            call.check_match(str(container.body["_etag"]))
            self._catalogue.delete_container(container)
            return empty_response(204)
        if call.method == "PUT":
            made = self._catalogue.replace_container(container, call.object(), call.headers.get("If-Match"))
            return json_response(made, etag=made["_etag"])
        call.allow("GET")
        call.check_changed(str(container.body["_etag"]))
        statistics = call.headers.get("x-ms-documentdb-populatepartitionstatistics", "").lower() == "true"
        body = dict(container.body)
        if statistics:
            body["statistics"] = [
                {"id": one.id, "sizeInKB": 0, "documentCount": 0, "partitionKeys": []} for one in container.ranges
            ]
        response = json_response(body, etag=str(container.body["_etag"]), charge=1.0)
        response.headers["x-ms-documentdb-collection-index-transformation-progress"] = "100"
        response.headers["x-ms-resource-quota"] = (
            "documentSize=10240;documentsSize=10485760;documentsCount=-1;collectionSize=10485760;"
        )
        response.headers["x-ms-resource-usage"] = "documentSize=0;documentsSize=0;documentsCount=0;collectionSize=0;"
        return response

    def _ranges(self, call: Call, container: Container) -> web.Response:
        call.allow("GET")
        etag = f'"{container.rid}-{len(container.ranges)}"'
        if call.headers.get("If-None-Match") == etag:
            return empty_response(304, etag=etag)
        listed: list[dict[str, Any]] = [
            {
                "id": one.id, "minInclusive": one.low, "maxExclusive": one.high, "_rid": f"{container.rid}pk{one.id}",
                "_etag": etag, "ridPrefix": int(one.id), "throughputFraction": round(1 / len(container.ranges), 4),
                "status": "online", "parents": [], "_ts": int(container.body["_ts"]), "_lsn": 1,
            }
            for one in container.ranges
        ]  # fmt: skip
        body = {"_rid": container.rid, "PartitionKeyRanges": listed, "_count": len(listed)}
        return json_response(body, etag=etag)

    # Items

    def _documents(self, call: Call, container: Container) -> web.Response:
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

    def _document(self, call: Call, container: Container, id: str) -> web.Response:
        call.check_container(container)
        key = call.key(container)
        if key is None:
            raise errors.BadRequest("PartitionKey value must be supplied for this operation.")
        if len(key) < len(container.key.paths):
            raise errors.BadRequest("The partition key has fewer components than its definition.", sub_status=1001)
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

    def _written(self, call: Call, container: Container, answer: Answer) -> web.Response:
        item = answer.item
        if call.headers.get("Prefer", "").lower() == "return=minimal" and call.method != "GET":
            item = None
        etag = f'"{answer.etag}"' if answer.etag else None
        if item is None:
            response = empty_response(answer.status, etag=etag, charge=answer.charge)
        else:
            response = json_response(item, answer.status, etag=etag, charge=answer.charge)
        response.headers["x-ms-content-path"] = container.rid
        self._session(call, container, response)
        return response

    def _batch(self, call: Call, container: Container) -> web.Response:
        operations = call.json()
        if not is_array(operations):
            raise errors.BadRequest("The body of a batch must be an array of operations.")
        key = call.key(container)
        if key is not None:
            status, results, charge = self._items.batch(container, operations, key)
        elif call.headers.get("x-ms-cosmos-batch-atomic", "").lower() == "false":
            feeds.scope(call.headers, container, None, None)
            after_errors = call.flag("x-ms-cosmos-batch-continue-on-error")
            status, results, charge = self._items.bulk(container, operations, after_errors=after_errors)
        else:
            raise errors.BadRequest("A batch needs a partition key.")
        response = json_response(results, status, charge=charge)
        self._session(call, container, response)
        return response

    def _delete_partition(self, call: Call, container: Container) -> web.Response:
        call.allow("POST")
        key = call.key(container)
        if key is None:
            raise errors.BadRequest("PartitionKey value must be supplied for this operation.")
        self._items.delete_all(container, key)
        return empty_response(200)

    def _query(self, call: Call, container: Container) -> web.Response:
        statement = queries.Statement.of(call.json(), container)
        if call.flag("x-ms-cosmos-is-query-plan-request"):
            return json_response(
                queries.query_plan(statement, call.headers.get("x-ms-cosmos-supported-query-features", ""))
            )
        scope = feeds.scope(call.headers, container, call.key(container), statement)
        page = queries.run(
            self._data, container, statement, scope, call.page_size, call.headers.get("x-ms-continuation")
        )
        self._control.asked(container.id, statement, scope, page)
        return self._page(call, container, page)

    def _feed(self, call: Call, container: Container) -> web.Response:
        if call.headers.get("A-IM"):
            return self._changes(call, container)
        scope = feeds.scope(call.headers, container, call.key(container), None)
        after = call.headers.get("x-ms-continuation")
        return self._page(call, container, queries.feed(self._data, container, scope, call.page_size, after))

    def _page(self, call: Call, container: Container, page: queries.Page) -> web.Response:
        body = {"_rid": container.rid, "Documents": page.results, "_count": len(page.results)}
        response = json_response(body, charge=page.charge)
        if page.continuation:
            response.headers["x-ms-continuation"] = page.continuation
        response.headers["x-ms-item-count"] = str(len(page.results))
        if call.flag("x-ms-documentdb-populatequerymetrics"):
            response.headers["x-ms-documentdb-query-metrics"] = feeds.metrics(page.loaded, len(page.results))
        if call.flag("x-ms-cosmos-populateindexmetrics"):
            response.headers["x-ms-cosmos-index-utilization"] = feeds.index_metrics(container)
        self._session(call, container, response)
        return response

    def _changes(self, call: Call, container: Container) -> web.Response:
        documents, etag = feeds.changes(self._data, container, call.headers, call.key(container), call.page_size)
        if not documents:
            response = empty_response(304, etag=etag)
        else:
            body = {"_rid": container.rid, "Documents": documents, "_count": len(documents)}
            response = json_response(body, etag=etag, charge=charges.query(len(documents), 0, 1))
            response.headers["x-ms-item-count"] = str(len(documents))
        self._session(call, container, response)
        return response

    def _session(self, call: Call, container: Container, response: web.Response) -> None:
        where, lsn = call.headers.get("x-ms-documentdb-partitionkeyrangeid"), self._data.current(f"lsn:{container.rid}")
        key = None if where else call.key(container)
        response.headers.update(feeds.session_headers(container, where, key, lsn))

    def _charged(self, call: Call, container: Container, work: Callable[[], web.Response]) -> web.Response:
        self._budget.check(container.rid)
        try:
            response = work()
        except errors.CosmosError:
            self._budget.spend(container.rid, 1.0)
            raise
        charge = float(response.headers["x-ms-request-charge"])
        self._budget.spend(container.rid, charge)
        key = call.headers.get("x-ms-documentdb-partitionkey", "*")
        self._control.charge(container.id, call.operation, key, charge)
        return response
