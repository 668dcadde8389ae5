"""A stand-in for Cosmos DB's vector search: the wire of containers, items and queries, with exhaustive distances.

It understands the statements of `cosmos_sql` and no others: a statement it can't read is an error 400, as a wrong one
is in Azure. Every request is kept, for tests to look at.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

SELECT = re.compile(
    r"SELECT (?P<top>TOP \d+ )?(?P<value>VALUE )?(?P<what>.+?) FROM c WHERE (?P<where>.+?)"
    r"(?: ORDER BY (?:VectorDistance\(c\.vector, @p(?P<by>\d+)\)|(?P<id>c\.id)))?$"
)


class StandIn(ThreadingHTTPServer):
    """One account with one database."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.containers: dict[str, dict[str, Any]] = {}
        self.items: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self.clock = 0
        self.guard = threading.Lock()

    def query(self, container: str, shop: str, body: dict[str, Any]) -> list[Any]:
        given = [parameter["value"] for parameter in body.get("parameters") or []]
        found = SELECT.fullmatch(body["query"])
        if found is None:
            raise ValueError(body["query"])
        test = eval(f"lambda d: {python(found['where'])}", functions(given))
        rows = [item for key, item in self.items.items() if key[:2] == (container, shop) and test(item)]
        if found["by"] is not None:
            at = np.asarray(given[int(found["by"])])
            rows.sort(key=lambda item: -float(np.asarray(item["vector"]) @ at))
        elif found["id"]:
            rows.sort(key=lambda item: item["id"])
        if found["top"]:
            rows = rows[: int(found["top"].split()[1])]
        if found["what"] == "COUNT(1)":
            return [len(rows)]
        names = [name.strip().removeprefix("c.") for name in found["what"].split(",")]
        return (
            [row.get(names[0]) for row in rows] if found["value"] else [{n: row.get(n) for n in names} for row in rows]
        )


def python(where: str) -> str:
    told = re.sub(r"@p(\d+)", r"p[\1]", where)
    told = re.sub(r"c\.price", "number(d)", told)
    told = re.sub(r"c\.([a-z]+)", r'd.get("\1")', told)
    told = re.sub(r"(?<![<>])= false", "== False", re.sub(r"(?<![<>=])= p", "== p", told))
    for name, word in (("AND NOT", "and not"), ("AND", "and"), ("OR", "or"), ("NOT", "not")):
        told = re.sub(rf"\b{name}\b", word, told)
    return told.replace("ARRAY_CONTAINS", "contains").replace("IS_NULL", "null")


def functions(given: list[Any]) -> dict[str, Any]:
    return {
        "p": given,
        "false": False,
        "VectorDistance": lambda stored, at: float(np.asarray(stored) @ np.asarray(at)) / float(np.linalg.norm(at)),
        "contains": lambda values, value: value in (values or []),
        "null": lambda value: value is None,
        "number": lambda item: math.nan if item.get("price") is None else item["price"],
    }


class Handler(BaseHTTPRequestHandler):
    server: StandIn
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: Any = None, **headers: str) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        parts = self.path.strip("/").split("/")
        if parts == [""]:
            place = [{"name": "here", "databaseAccountEndpoint": f"http://127.0.0.1:{self.server.server_port}/"}]
            self.answer(200, {"id": "a", "writableLocations": place, "readableLocations": place,
                              "userConsistencyPolicy": {"defaultConsistencyLevel": "Strong"}})  # fmt: skip
        elif len(parts) == 4:
            found = self.server.containers.get(parts[3])
            self.answer(200 if found else 404, found or {"code": "NotFound", "message": "none"})
        else:
            key = json.loads(self.headers["x-ms-documentdb-partitionkey"])[0]
            item = self.server.items.get((parts[3], key, parts[5]))
            self.answer(200 if item else 404, item or {"code": "NotFound", "message": "none"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        parts = self.path.strip("/").split("/")
        self.server.asked.append(("POST", self.path, body))
        if len(parts) == 3:
            made = {**body, "_rid": f"rid{len(self.server.containers)}", "_self": f"{self.path}/{body['id']}/"}
            self.server.containers[body["id"]] = made
            self.answer(201, made)
        elif self.headers.get("x-ms-documentdb-isquery", "").lower() == "true":
            shop = json.loads(self.headers["x-ms-documentdb-partitionkey"])[0]
            try:
                rows = self.server.query(parts[3], shop, body)
            except (ValueError, SyntaxError, NameError, TypeError) as error:
                self.answer(400, {"code": "BadRequest", "message": str(error)})
                return
            self.answer(200, {"_rid": "r", "Documents": rows, "_count": len(rows)})
        else:
            self.write(parts[3], body, create=True)

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.write(self.path.strip("/").split("/")[3], body, create=False)

    def write(self, container: str, body: dict[str, Any], *, create: bool) -> None:
        key = (container, body["shop"], body["id"])
        with self.server.guard:
            there = self.server.items.get(key)
            if create and there:
                self.answer(409, {"code": "Conflict", "message": "there"})
                return
            if not create and (there is None or self.headers.get("If-Match", there["_etag"]) != there["_etag"]):
                self.answer(412 if there else 404, {"code": "x", "message": "changed"})
                return
            self.server.clock += 1
            made = {**body, "_etag": f'"{self.server.clock}"', "_ts": 1, "_rid": "r", "_self": "s"}
            self.server.items[key] = made
        self.answer(201 if create else 200, made, ETag=made["_etag"])


@contextmanager
def running() -> Iterator[StandIn]:
    """A stand-in on a free port."""
    server = StandIn()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
