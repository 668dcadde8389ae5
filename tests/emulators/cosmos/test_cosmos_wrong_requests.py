"""Wrong requests to the Cosmos DB emulator: the service refuses them with 4xx, nothing ends in a 500."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

import pytest
import requests
from azure.cosmos import ContainerProxy

from emulators.cosmos import signature

pytestmark = pytest.mark.processes

VALUES: list[Any] = [None, True, 1, -1, 1.5, "", "x", [], {}, [1], [None], ["a"], {"a": 1}, [[1]], [{}]]
QUERY = {"Content-Type": "application/query+json"}
BATCH = {"x-ms-cosmos-is-batch-request": "True"}
KEY = {"x-ms-documentdb-partitionkey": '["p"]'}

type Send = Callable[..., requests.Response]


@pytest.fixture
def send(account: dict[str, Any]) -> Iterator[Send]:
    """Sends signed requests as no SDK would: `send(method, path, body, **headers)`."""
    with requests.Session() as session:

        def request(
            method: str, path: str, body: Any = b"", headers: dict[str, str] | None = None
        ) -> requests.Response:
            date = formatdate(usegmt=True)
            kind, link = signature.resource(path)
            text = f"{method.lower()}\n{kind.lower()}\n{link}\n{date.lower()}\n\n".encode()
            sig = base64.b64encode(hmac.digest(base64.b64decode(account["key"]), text, hashlib.sha256)).decode()
            signed = {"x-ms-date": date, "Authorization": quote(f"type=master&ver=1.0&sig={sig}")}
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            return session.request(
                method, account["endpoint"] + path, data=data, headers={**signed, **(headers or {})}, timeout=30
            )

        yield request


@pytest.fixture
def docs(container: ContainerProxy) -> str:
    """The path of a container's items, of which one has the id `a`."""
    container.create_item({"id": "a", "pk": "p", "n": 1, "list": [1, {"x": 2}]})
    return f"/{container.container_link}/docs"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff", b"[" * 500, b'{"a":' * 500, b'{"id":"b","pk":"p","n":NaN}',
        b'{"id":"b","pk":"p","n":-Infinity}', b'{"id":"b","pk":"p","n":1e400}',
        b'{"id":"b","pk":"p","deep":' + b"[" * 128 + b"]" * 128 + b"}",
    ],
)  # fmt: skip
def test_what_is_no_json_of_the_service_is_refused(send: Send, docs: str, body: bytes) -> None:
    for path in ("/dbs", docs.removesuffix("/docs").rpartition("/")[0], docs):
        assert send("POST", path, body, KEY).status_code == 400
    assert send("PUT", f"{docs}/a", body, KEY).status_code == 400


def test_numbers_and_texts_are_kept_as_the_service_keeps_them(send: Send, docs: str) -> None:
    numbers = b'"one":1.0,"half":0.5,"long":9007199254740993,"huge":123456789012345678901'
    made = send("POST", docs, b'{"id":"b","pk":"p",' + numbers + b',"text":"\\ud800 1.0"}', KEY)
    assert made.status_code == 201
    kept = made.json()
    assert (kept["one"], type(kept["one"]), kept["half"]) == (1, int, 0.5)
    assert (kept["long"], kept["huge"]) == (9007199254740993, 1.2345678901234568e20)
    assert kept["text"] == "\ufffd 1.0"


@pytest.mark.parametrize("value", VALUES, ids=json.dumps)
def test_values_of_the_wrong_kind_are_refused(send: Send, docs: str, value: Any) -> None:
    containers = docs.removesuffix("/docs").rpartition("/")[0]
    whole = {"id": "made", "partitionKey": {"paths": ["/pk"]}}
    bodies = [{**whole, name: value} for name in ("partitionKey", "indexingPolicy", "defaultTtl", "uniqueKeyPolicy")]
    for name, inner in (
        ("partitionKey", "paths"), ("partitionKey", "version"), ("indexingPolicy", "includedPaths"),
        ("indexingPolicy", "compositeIndexes"), ("indexingPolicy", "vectorIndexes"), ("uniqueKeyPolicy", "uniqueKeys"),
        ("vectorEmbeddingPolicy", "vectorEmbeddings"),
    ):  # fmt: skip
        bodies.append({**whole, name: {**whole.get(name, {}), inner: value}})
    for body in bodies:
        made = send("POST", containers, body)
        assert made.status_code in (201, 400), body
        if made.status_code == 201:
            send("DELETE", f"{containers}/made")
        assert send("PUT", docs.removesuffix("/docs"), {**body, "id": docs.split("/")[-2]}).status_code in (200, 400)
    patch = {"op": "set", "path": "/n", "value": 1}
    for body in ({"operations": value}, {"operations": [value]}, {"operations": [{**patch, "path": value}]}):
        assert send("PATCH", f"{docs}/a", body, KEY).status_code == 400
    for body in ({"query": value}, {"query": "SELECT TOP @n * FROM c", "parameters": value}):
        refused = send("POST", docs, body, {**KEY, **QUERY})
        assert refused.status_code == 400
    for operation in (
        value,
        {"operationType": value},
        {"operationType": "Create", "resourceBody": value, "partitionKey": "x"},
    ):
        assert send("POST", docs, [operation], {**KEY, **BATCH}).status_code in (207, 400)
        assert send("POST", docs, [operation], {**BATCH, "x-ms-cosmos-batch-atomic": "false"}).status_code in (207, 400)


@pytest.mark.parametrize(
    "value", ["x", "-1", "9" * 30, "[]", '[{"a":1}]', "e30=", "eyJhZnRlciI6MX0=", "eyJza2lwIjoieCJ9"]
)
def test_headers_of_the_wrong_kind_are_refused_or_ignored(send: Send, docs: str, value: str) -> None:
    for name in (
        "x-ms-documentdb-partitionkey", "x-ms-continuation", "x-ms-max-item-count",
        "x-ms-documentdb-partitionkeyrangeid", "x-ms-start-epk", "If-None-Match", "If-Modified-Since",
        "x-ms-offer-throughput", "x-ms-cosmos-offer-autopilot-settings", "x-ms-consistency-level",
    ):  # fmt: skip
        headers = {**KEY, name: value}
        for answer in (
            send("GET", docs, b"", headers),
            send("GET", docs, b"", {"A-IM": "Incremental feed", name: value}),
            send("GET", f"{docs}/a", b"", headers),
            send("POST", docs, {"query": "SELECT * FROM c ORDER BY c.n"}, {**headers, **QUERY}),
            send("POST", docs, {"query": "SELECT * FROM c"}, {**headers, **QUERY}),
            send("GET", "/dbs", b"", headers),
            send("POST", docs.removesuffix("/docs").rpartition("/")[0], {"id": docs.split("/")[-2]}, headers),
        ):
            assert answer.status_code < 500, (name, answer.request.url)


def test_a_level_above_that_of_the_account_is_refused(send: Send, docs: str) -> None:
    assert send("GET", f"{docs}/a", b"", {**KEY, "x-ms-consistency-level": "Strong"}).status_code == 400
    assert send("GET", f"{docs}/a", b"", {**KEY, "x-ms-consistency-level": "Eventual"}).status_code == 200


def test_a_feed_of_all_versions_is_refused(send: Send, docs: str) -> None:
    assert send("GET", docs, b"", {"A-IM": "Full-Fidelity Feed"}).status_code == 400


def test_bulk_operations_stand_each_for_itself(send: Send, docs: str) -> None:
    """As the SDKs for JavaScript, Java and .NET send them: to a physical partition, each with its key."""
    bulk = {**BATCH, "x-ms-cosmos-batch-atomic": "false"}
    operations = [
        {"operationType": "Create", "partitionKey": '["p"]', "resourceBody": {"id": "a", "pk": "p"}},
        {"operationType": "Upsert", "partitionKey": '["q"]', "resourceBody": {"id": "b", "pk": "q"}},
        {"operationType": "Read", "partitionKey": '["p"]', "id": "a"},
    ]
    assert [one["statusCode"] for one in send("POST", docs, operations, bulk).json()] == [409, 424, 424]
    went_on = send("POST", docs, operations, {**bulk, "x-ms-cosmos-batch-continue-on-error": "true"})
    assert [one["statusCode"] for one in went_on.json()] == [409, 201, 200]


@pytest.mark.parametrize("extra", [{}, {"x-ms-documentdb-partitionkeyrangeid": "0"}], ids=["gateway", "one partition"])
def test_a_client_gets_the_plan_of_what_it_must_merge(send: Send, docs: str, extra: dict[str, str]) -> None:
    headers = {**QUERY, "x-ms-documentdb-query-enablecrosspartition": "True", **extra}
    answer = send("POST", docs, {"query": "SELECT * FROM c ORDER BY c.n"}, headers)
    if extra:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.headers["x-ms-substatus"]) == (400, "1004")
        assert json.loads(answer.json()["additionalErrorInfo"])["queryInfo"]["orderBy"] == ["Ascending"]
    bare = send("POST", docs, {"query": "SELECT COUNT(1) AS n FROM c"}, headers)
    assert bare.status_code == 200 if extra else "only supports 'VALUE" in bare.json()["message"]
