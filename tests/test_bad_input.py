"""Every route under malformed requests: each answers 4xx as a problem with a stable form, and nothing is written.

Of each kind of request, those to some of the routes are sent over HTTP; the functions of the others are called here, on
the documents of the same stack.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from leaks import leaks
from prober import Prober, Request
from pydantic import ValidationError

from demo.accounts import create_account
from demo.client import Client
from emulators.stack import Stack
from shared.documents.containers import CONTAINERS
from shared.documents.sqlite import SqliteStore
from shared.errors import StudioError
from shared.http.json_body import parse_json
from shared.http.routes import Route

pytestmark = [pytest.mark.on_stack, pytest.mark.usefixtures("inside")]
"""All are on the stack, so that no other test process reads this file."""
JSON = {"Content-Type": "application/json"}
BODIES = {
    "no body": b"",
    "array": b"[]",
    "null": b"null",
    "string": b'"x"',
    "number": b"1",
    "truncated": b'{"a": 1',
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "NaN": b'{"a": NaN}',
    "infinite": b'{"a": 1e999}',
    "endless digits": b'{"a": ' + b"1" * 5000 + b"}",
    "duplicate key": b'{"a": 1, "a": 2}',
    "deep": b'{"a": ' + b"[" * 30 + b"]" * 30 + b"}",
    "bottomless": b"[" * 100_000,
    "huge": b'{"a": "' + b"x" * 300_000 + b'"}',
    "unknown field": b'{"zz_unknown": 1}',
    "lone surrogate": rb'{"\ud800": "\udfff"}',
    "comment": b"{} // {}",
}
WRONG = [
    b"null", b"true", b"-1", b"1.5", b"1e400", b"1" * 400, b"[]", b"{}", b'""', rb'"\ud800"', rb'"a\u0000b"', b'"\xff"',
    b'"' + b"x" * 10_000 + b'"', rb'"\u202e\u0007"', b"[[[]]]", b'{"$ne": 1}',
]  # fmt: skip
IDS = [
    "%2e%2e", "..%2f..%2fetc", "a%2Fb", "%00", "a%00b", "%ff", "%ED%A0%80", "x" * 1000, quote("ünï-🐈"), "%20", "a%20b",
    "%27%20OR%201%3D1", "%23", "%3F", "%5C", "%25", "%252e", "*", "{id}", "-1", "null", "missing",
]  # fmt: skip
VALUES = [
    "%00",
    "-1",
    "0",
    "1e3",
    "101",
    "99999999999999999999",
    "x" * 5000,
    "%ff",
    "%F0%9F%90%88",
    "%20",
    "null",
    "1,2",
]


@pytest.fixture(scope="module")
def users(stack: Stack, admin: Client) -> dict[str, Client]:
    """One user of each role."""
    made = {role: create_account(stack, role, admin=admin) for role in ("shopper", "vendor", "merchant")}
    return {**made, "admin": admin}


@pytest.fixture(scope="module")
def prober(stack: Stack, users: dict[str, Client]) -> Prober:
    """Speaks to the shared stack, with a token of every role."""
    from shared import function_index
    from shared.http.routes import ROUTES

    function_index.load_all()
    served = {function["name"] for function in stack.functions}
    tokens = {
        role: str(client.session.headers["Authorization"]).removeprefix("Bearer ") for role, client in users.items()
    }
    return Prober(stack, [route for route in ROUTES if route.name in served], tokens)


@pytest.fixture(autouse=True)
def nothing_written(stack: Stack, users: dict[str, Client], caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Compares the documents of the users, and the number of those that belong to no user, before and after; nothing
    secret may be in the log of the functions that were called here."""
    documents = SqliteStore(stack.settings["DOCUMENTS"].removeprefix("sqlite:"))

    def counted() -> dict[str, int]:
        return {
            f"{name} {user}": documents.count(name, partition=user)
            for name, container in CONTAINERS.items()
            if container.partition_key == "userId"
            for user in (client.user["id"] for client in users.values())
        }

    def alone() -> dict[str, int]:
        # What expires while the test runs may go.
        loose = ("accounts", "webhook_events", "idempotency")
        return {name: documents.count(name) for name in loose if name in CONTAINERS}

    before, loose = counted(), alone()
    yield
    after = counted()
    assert after == before
    assert all(count <= loose[name] for name, count in alone().items())
    documents.close()
    assert not leaks(caplog.text)


def filled(route: Route, id: str = "missing") -> str:
    return "/api/" + re.sub(r"\{[^}]*\}", lambda _: id, route.path)


def sample(schema: dict[str, Any], definitions: dict[str, Any], depth: int = 0) -> Any:
    """Some value that fits a JSON schema, roughly."""
    if "$ref" in schema:
        return sample(definitions[schema["$ref"].rpartition("/")[2]], definitions, depth + 1)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            # A part may add to the rest of the schema: one of two names of a field is required.
            rest = {name: value for name, value in schema.items() if name != key}
            for part in schema[key] if key == "allOf" else schema[key][:1]:
                part = {**part, **part.get("anyOf", [{}])[0]}
                part.pop("anyOf", None)
                rest = {**rest, **part, "required": [*rest.get("required", ()), *part.get("required", ())]}
            return sample(rest, definitions, depth + 1)
    match schema.get("type"):
        case "object":
            inner = schema.get("properties", {})
            return {name: sample(inner[name], definitions, depth + 1) for name in schema.get("required", ())}
        case "array":
            return [sample(schema.get("items", {}), definitions, depth + 1)] * schema.get("minItems", 1)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return "missing"


def accepted(route: Route, body: bytes) -> bool:
    """Whether a body is what the route asks for, so that it is no malformed one."""
    assert route.body
    if not body and getattr(route.body, "may_be_missing", False):
        return True
    try:
        route.body.model_validate_json(json.dumps(parse_json(body)))
    except (ValueError, StudioError):
        return False
    return True


@cache
def schema_of(name: str) -> dict[str, Any]:
    """Of the body of the route with that name."""
    from shared.http.routes import ROUTES

    body = next(route.body for route in ROUTES if route.name == name)
    assert body
    return body.model_json_schema(by_alias=True)


def whole(route: Route) -> Any:
    """A body of the right form."""
    schema = schema_of(route.name)
    return sample(schema, schema.get("$defs", {}))


def bent(route: Route) -> Iterator[tuple[str, bytes]]:
    """Bodies in which one field of a sample is missing, is of a wrong type, or too many."""
    right = whole(route)
    yield "one field too many", json.dumps({**right, "zzUnknown": 1}).encode()
    for name in schema_of(route.name).get("properties", {}):
        rest = {key: value for key, value in right.items() if key != name}
        yield f"without {name}", json.dumps(rest).encode()
        for value in WRONG:
            text = json.dumps({**rest, name: "@"}).encode().replace(b'"@"', value)
            yield f"{name} = {value[:20]!r}", text


def test_bodies_that_are_not_what_was_asked_for(prober: Prober) -> None:
    def requests() -> Iterator[Request]:
        for route in prober.routes:
            if route.body is None:
                continue
            for wrong, body in [*BODIES.items(), *bent(route)]:
                if not accepted(route, body):
                    yield Request(route, wrong, filled(route), body, JSON)
            right = json.dumps(whole(route)).encode()
            for kind in ("text/plain", "multipart/form-data; boundary=x", "application/xml", "x" * 200, "\xff"):
                yield Request(route, f"as {kind[:20]}", filled(route), right, {"Content-Type": kind})

    prober.all(requests())


def test_raw_uploads_that_are_none(prober: Prober) -> None:
    bodies = [b"", b"garbage", b"{}", b"null", b"<html>" * 50, b"\xff\xd8\xff" + b"x" * 500, b"[" * 50_000]
    kinds = [
        "",
        "text/plain",
        "application/json",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "image/jpeg",
    ]

    def requests() -> Iterator[Request]:
        for route in (route for route in prober.routes if route.upload):
            for body in bodies:
                for kind in kinds:
                    yield Request(
                        route, f"{body[:12]!r} as {kind}", filled(route), body, {"Content-Type": kind} if kind else {}
                    )

    prober.all(requests())


def test_queries_that_no_route_takes(prober: Prober) -> None:
    def requests() -> Iterator[Request]:
        for route in prober.routes:
            path = filled(route)
            for query in ("zz=1", "zz=%00", "%ff=%ff", f"{'x' * 3000}=1", "__class__=1", "limit[]=1"):
                yield Request(route, f"?{query[:20]}", f"{path}?{query}", headers=JSON if route.body else {})
            for name, about in (
                route.query.model_json_schema(by_alias=True)["properties"] if route.query else {}
            ).items():
                for value in VALUES:
                    if name != "continuation" and _valid(route, name, value):
                        continue
                    label = f"{name} = {value[:12]}"
                    assert about
                    yield Request(route, label, f"{path}?{name}={value}", headers=JSON if route.body else {})

    prober.all(requests())


def _valid(route: Route, name: str, value: str) -> bool:
    from urllib.parse import unquote

    assert route.query
    try:
        route.query.model_validate({name: unquote(value, errors="replace")})
    except ValidationError as error:
        return all(problem["type"] == "missing" for problem in error.errors())
    return True


def test_ids_that_nothing_can_have(prober: Prober) -> None:
    def requests() -> Iterator[Request]:
        for route in (route for route in prober.routes if "{" in route.path):
            body = b""
            if route.body:
                body = json.dumps(whole(route)).encode()
            for id in IDS:
                yield Request(route, f"id {id[:20]}", filled(route, id), body, JSON if body else {})

    prober.all(requests())


def test_tokens_that_open_nothing(prober: Prober, stack: Stack) -> None:
    route = next(route for route in prober.routes if not route.access.public)
    token = prober.token(route)
    assert token
    head, claims, signature = token.split(".")
    body = jwt.decode(token, options={"verify_signature": False})
    key = "development-only-key-that-no-production-will-take"
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"k1"}').decode().rstrip("=")

    def signed(**changed: Any) -> str:
        return "Bearer " + jwt.encode({**body, **changed}, key, "HS256", {"kid": "k1"})

    bad: dict[str, str | None] = {
        "no token": None,
        "empty": "Bearer ",
        "other scheme": f"Basic {token}",
        "garbage": "Bearer garbage",
        "dots": "Bearer ..",
        "not base64": "Bearer \xff.\xff.\xff",
        "alg none": f"Bearer {none}.{claims}.",
        "cut": f"Bearer {token[:-4]}",
        "no signature": f"Bearer {head}.{claims}",
        "long": "Bearer " + "x" * 5000,
        "twice": f"Bearer {token}, Bearer {token}",
        "expired": signed(exp=1),
        "not yet": signed(nbf=int(time.time()) + 3600),
        "other audience": signed(aud="x"),
        "other issuer": signed(iss="x"),
        "refresh": signed(typ="refresh"),
        "no such user": signed(sub="unknown"),
        "odd user": signed(sub="../\x00#?"),
        "old version": signed(ver=-1),
        "odd version": signed(ver=[1]),
        "odd jti": signed(jti={"a": 1}),
        "wrong key": "Bearer " + jwt.encode(body, "x" * 40, "HS256", {"kid": "k1"}),
        "wrong kid": "Bearer " + jwt.encode(body, key, "HS256", {"kid": "../../k1"}),
    }

    def requests() -> Iterator[Request]:
        for place, route in enumerate(r for r in prober.routes if not r.access.public):
            for wrong, header in bad.items():
                if place < 3 or wrong in ("no token", "garbage", "expired"):
                    given = {} if header is None else {"Authorization": header}
                    yield Request(route, wrong, filled(route), headers=given, signed_in=False)

    assert signature
    everything = list(requests())
    prober.all(iter(everything))
    assert {prober.send(request).status for request in everything[: len(bad)]} == {401}


def test_headers_beyond_reason(prober: Prober) -> None:
    absurd = {
        "X-Request-Id": ["x" * 5000, "\xff", "<script>", "a b"],
        "traceparent": ["garbage", "00-0-0-00", "\xff", "x" * 3000],
        "tracestate": ["\xff=\xff", "x" * 3000],
        "X-Forwarded-For": ["garbage", "1.2.3.4, " * 200, "[::1", "\xff", "::1%eth0"],
        "Accept": ["\xff", "x" * 3000],
        "Accept-Language": ["\xff"],
        "If-Match": ["\xff"],
        "Cookie": ["a=\xff; =; ;;"],
        "Idempotency-Key": ["x" * 256, "\xff\xfe", "a\tb"],
        "Content-Encoding": ["gzip"],
        "Range": ["bytes=-1"],
    }

    def requests() -> Iterator[Request]:
        for route in prober.routes[::4]:
            body = b'{"zz_unknown": 1}' if route.body else b""
            path = filled(route) if route.body else f"{filled(route)}?zz=1"
            for name, values in absurd.items():
                for value in values:
                    yield Request(route, f"{name}: {value[:12]!r}", path, body, {**JSON, name: value})

    prober.all(requests())


def test_keys_that_are_none(prober: Prober) -> None:
    def requests() -> Iterator[Request]:
        for route in (route for route in prober.routes if route.idempotent):
            body = b"x" * 100
            if route.body:
                body = json.dumps(whole(route)).encode()
            for key in ("x" * 256, "\xff\xfe", "a\tb", "\x80"):
                yield Request(route, f"key {key[:8]!r}", filled(route), body, {**JSON, "Idempotency-Key": key})

    prober.all(requests())


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


def test_any_json_at_all(prober: Prober) -> None:
    routes = [route for route in prober.routes if route.body]

    @st.composite
    def requests(draw: Callable[..., Any]) -> Request:
        route = draw(st.sampled_from(routes))
        names = sorted(schema_of(route.name).get("properties", {}))
        content = draw(st.dictionaries(st.sampled_from(names) if names else st.text(), values) | values)
        if isinstance(content, dict) and draw(st.booleans()):
            content = {**whole(route), **content}
        return Request(route, f"{content!r:.200}", filled(route), json.dumps(content).encode(), JSON)

    @settings(
        max_examples=250, deadline=None, derandomize=True, database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
    )  # fmt: skip
    @given(requests())
    def probe(request: Request) -> None:
        if not accepted(request.route, request.body):
            assert prober.complaint(request) is None

    probe()
