"""The API's description (OpenAPI 3.1), made from the declared routes and the models that validate them.

Nothing is written twice: what a route takes, answers and refuses follows from its declaration (`Route`), and every
status a caller can see is named. `x-access` says who may call, `x-rate-limit` against which class it counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from shared.http import openapi_examples, openapi_schemas
from shared.http.models import Body
from shared.http.problem_models import Problem
from shared.http.routes import PREFIX, Route
from shared.http.version import VERSION

REF: Final = "#/components/schemas/{model}"
PROBLEM: Final = "application/problem+json"

type Json = dict[str, Any]
type Schemas = Mapping[tuple[type[BaseModel], str], Any]

ABOUT: Final = (
    "Errors are RFC 9457 problems with a stable `code`. Ids are opaque and sort by time. Lists are paged by "
    "`continuation`. An object of another user answers as a missing one does."
)
HEADERS: Final[Json] = {
    "RequestId": (
        "X-Request-Id",
        "names this request in our logs; as sent, if it is 8 to 64 characters of `A-Za-z0-9._-`",
    ),
    "RateLimitLimit": ("RateLimit-Limit", "calls allowed in the window"),
    "RateLimitRemaining": ("RateLimit-Remaining", "calls left in it"),
    "RateLimitReset": ("RateLimit-Reset", "seconds until it ends"),
    "RateLimitPolicy": ("RateLimit-Policy", "`<calls>;w=<seconds>`"),
    "RetryAfter": ("Retry-After", "seconds to wait"),
    "ETag": (
        "ETag",
        "version of the answer; sent back as `If-None-Match`, an unchanged answer is a 304 without a body",
    ),
    "Location": ("Location", "URL of the new object"),
    "IdempotencyReplayed": ("Idempotency-Replayed", "`true` on the answer of an earlier request"),
}
SCHEMES: Final[Json] = {
    "bearer": {
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
        "description": "an access token (`POST auth/login`), or a secret API key",
    },
    "publishableKey": {
        "type": "apiKey", "in": "header", "name": "X-Publishable-Key",
        "description": "a publishable key, sent by a page at one of the key's origins (`Origin`)",
    },
    "visit": {
        "type": "http", "scheme": "bearer",
        "description": "the token of a visit (`POST widget/visit`), sent by the page that started it",
    },
}  # fmt: skip
TAGS: Final = {
    "admin": "Administration: users, jobs, dead letters, the audit log, metrics",
    "analytics": "Sales predictions and the models that make them",
    "api-keys": "API keys, for servers and for shop pages",
    "auth": "Accounts, sign-in, tokens and data export",
    "conversions": "Conversions: a photo of a person in another garment",
    "cv": "Segmentation and virtual try-on",
    "docs": "The API reference",
    "drops": "Files that vendors upload",
    "files": "Presigned uploads",
    "health": "Health probes",
    "images": "Images of a user",
    "jobs": "Background jobs",
    "notifications": "Notifications and their preferences",
    "openapi": "The API description",
    "paypal": "Payments and credits",
    "privacy": "Account deletion",
    "products": "Products of a vendor",
    "shops": "Shop windows: products on sale, without sign-in",
    "search": "Product search and its index",
    "shop": "Members of a shop",
    "v1": "The wire of FASHN's API, for its clients",
    "webhooks": "Outbound webhooks",
    "widget": "Visits to shops' pages, by a publishable key and without an account",
}
INTEGERS: Final = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After"}


def document(routes: Iterable[Route]) -> Json:
    """The description of `routes` as JSON-serialisable data."""
    routes = sorted(routes, key=lambda route: (route.path, route.method))
    schemas, components = _schemas(routes)
    paths: Json = {}
    for route in routes:
        operation = _operation(route, schemas)
        paths.setdefault(f"/{PREFIX}{route.path}", {})[route.method.lower()] = operation
    made: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "AI Fashion Studio",
            "version": VERSION,
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": TAGS[name]} for name in sorted({_tag(route) for route in routes})],
        "paths": paths,
        "components": {
            "schemas": components,
            "headers": {key: _header(name, description) for key, (name, description) in HEADERS.items()},
            "securitySchemes": SCHEMES,
        },
    }
    made = json.loads(openapi_schemas.readable(json.dumps(made)))
    bodies = [operation for item in made["paths"].values() for operation in item.values()]
    openapi_schemas.finish(
        made["components"]["schemas"],
        requests=openapi_schemas.references([operation.get("requestBody", {}) for operation in bodies]),
        answers=openapi_schemas.references([operation["responses"] for operation in bodies]),
    )
    openapi_examples.add_examples(made)
    return made


def _schemas(routes: Sequence[Route]) -> tuple[Schemas, Json]:
    taken = {route.body for route in routes if route.body}
    refusals = {route.refusals.model() for route in routes if route.refusals}
    given = {
        Problem,
        *refusals,
        *(model for route in routes for model in (route.answer, *route.answers.values()) if model),
    }
    modes: tuple[tuple[set[type[BaseModel]], JsonSchemaMode], ...] = ((taken, "validation"), (given, "serialization"))
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]]
    wanted = [(m, mode) for models, mode in modes for m in sorted(models, key=lambda m: (m.__name__, m.__module__))]
    schemas, definitions = models_json_schema(wanted, ref_template=REF)
    return {(model, mode): schemas[model, mode] for model, mode in wanted}, definitions.get("$defs", {})


def _header(name: str, description: str) -> Json:
    return {"description": description, "schema": {"type": "integer" if name in INTEGERS else "string"}}


def _tag(route: Route) -> str:
    return route.path.partition("/")[0].partition(".")[0]


def _operation(route: Route, schemas: Schemas) -> Json:
    summary, _, description = route.doc.partition("\n\n")
    operation: Json = {
        "operationId": route.name,
        "summary": " ".join(summary.split()).rstrip("."),
        "tags": [_tag(route)],
        "parameters": [*_path(route), *_query(route), *_request_headers(route)],
        "responses": _responses(route, schemas),
        "security": _security(route),
        "x-access": "public" if route.access.public else sorted(role.value for role in route.access.roles),
        "x-rate-limit": route.limit,
    }
    if description.strip():
        operation["description"] = "\n".join(line.strip() for line in description.strip().splitlines())
    body = _request_body(route, schemas)
    if body:
        operation["requestBody"] = body
    return operation


def _security(route: Route) -> list[Json]:
    if route.scheme is not None:
        return [{route.scheme: []}]
    return [] if route.access.public else [{"bearer": []}]


def _path(route: Route) -> list[Json]:
    names = re.findall(r"\{(\w+)\??(?::[^}]*)?\}", route.path)
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}} for name in names
    ]


def _query(route: Route) -> list[Json]:
    if route.query is None:
        return []
    schema = _inlined(route.query)
    required = schema.get("required", [])
    parameters: list[Json] = []
    for name, found in schema["properties"].items():
        limits = {key: value for key, value in found.items() if key not in ("description", "title")}
        options = [option for option in limits.get("anyOf", ()) if option != {"type": "null"}]
        if len(options) == 1:
            # null is what is left out; it can't be written in a query.
            limits = {**options[0], **{key: value for key, value in limits.items() if key not in ("anyOf", "default")}}
        parameter: Json = {"name": name, "in": "query", "required": name in required, "schema": limits}
        if "description" in found:
            parameter["description"] = found["description"]
        parameters.append(parameter)
    return parameters


def _inlined(model: type[BaseModel]) -> Json:
    schema = model.model_json_schema(mode="validation")
    definitions: Json = schema.pop("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, dict):
            reference = str(node.get("$ref", ""))
            if reference:
                return resolve(definitions[reference.rpartition("/")[2]])
            return {key: resolve(value) for key, value in node.items()}
        return [resolve(item) for item in node] if isinstance(node, list) else node

    return resolve(schema)


def _request_headers(route: Route) -> list[Json]:
    headers = dict(route.headers)
    if route.idempotent:
        headers["Idempotency-Key"] = "makes the request safe to repeat: the same key gives the same answer for a day"
    schema = {"type": "string", "maxLength": 255}
    return [
        {"name": name, "in": "header", "required": False, "description": description, "schema": schema}
        for name, description in headers.items()
    ]


def _request_body(route: Route, schemas: Schemas) -> Json | None:
    if route.body is not None:
        content: Json = {"application/json": {"schema": schemas[route.body, "validation"]}}
        if issubclass(route.body, Body) and route.body.may_be_missing:
            return {"required": False, "content": content}
    elif route.upload:
        content = {kind: _upload(route, kind) for kind in route.upload}
    else:
        return None
    return {"required": True, "content": content}


def _upload(route: Route, kind: str) -> Json:
    if kind == "application/json":
        return {"schema": {"type": "object"}}
    if kind != "multipart/form-data":
        return {"schema": {"type": "string", "contentMediaType": kind}}
    fields = _inlined(route.query)["properties"] if route.query else {}
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    for field in fields.values():
        openapi_schemas.plain(field)
    return {"schema": {"type": "object", "required": ["file"], "properties": {"file": file, **fields}}}


def statuses(route: Route) -> list[int]:
    """Every status an answer of this route can have."""
    found = {route.status, 400, 500, *route.errors, *route.answers}
    takes_body = route.body is not None or bool(route.upload)
    if route.limit is not None:
        found.add(429)
    if route.revalidates:
        found.add(304)
    if not route.access.public:
        # 403 of a role, or of an API key's scopes.
        found |= {401, 403}
    if "{" in route.path:
        found.add(404)
    if takes_body:
        found |= {413, 415, 422}
    if route.query is not None:
        found.add(422)
    if route.idempotent:
        found |= {409, 422}
    if route.refusals is not None:
        found = {status if status < 400 else route.refusals.status(status) for status in found}
    return sorted(found)


def _responses(route: Route, schemas: Schemas) -> Json:
    return {str(status): _response(route, status, schemas) for status in statuses(route)}


def _response(route: Route, status: int, schemas: Schemas) -> Json:
    response: Json = {"description": HTTPStatus(status).phrase, "headers": _response_headers(route, status)}
    model = route.answers.get(status) or (route.answer if status < 400 else _problem_model(route))
    schema = schemas[model, "serialization"] if model else None
    if status < 400 and status not in (204, 304):
        response["content"] = {kind: _content(kind, schema) for kind in route.media}
    elif status in route.answers:
        response["content"] = {"application/json": _content("application/json", schema)}
    elif status >= 400:
        response["content"] = {PROBLEM: {"schema": schema}}
    return response


def _problem_model(route: Route) -> type[BaseModel]:
    return Problem if route.refusals is None else route.refusals.model()


def _content(kind: str, schema: Any) -> Json:
    if kind != "application/json":
        return {"schema": {"type": "string"}}
    return {"schema": schema or {"type": "object"}}


def _response_headers(route: Route, status: int) -> Json:
    names = ["RequestId"]
    if route.limit is not None and status not in (400, 401, 403, 500):
        names += ["RateLimitLimit", "RateLimitRemaining", "RateLimitReset", "RateLimitPolicy"]
    if status in (202, 429, 503):
        names.append("RetryAfter")
    if route.revalidates and status in (200, 304):
        names.append("ETag")
    if status in (201, 202):
        names.append("Location")
    if route.idempotent and status < 400:
        names.append("IdempotencyReplayed")
    return {HEADERS[name][0]: {"$ref": f"#/components/headers/{name}"} for name in names}
