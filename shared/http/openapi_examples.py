"""Examples in the API's description: of every JSON body that goes in or out, and of every kind of problem.

A model's own example comes first (`shared.http.models.example`). The rest follows from the schema: a value that its
name has everywhere (`VALUES`), else the first one allowed. A request shows what it must have, an answer all it
has. A test holds every example to its schema, and requests to their models.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from shared.http.models import EXAMPLE_ID

type Json = dict[str, Any]

COMPONENTS: Final = "#/components/schemas/"
PROBLEM: Final = "application/problem+json"
ID: Final = EXAMPLE_ID
AT: Final = "2026-11-29T09:30:00.000Z"
MAX_DEPTH: Final = 12

VALUES: Final[Mapping[str, Any]] = {
    "accessToken": "EXAMPLE.ACCESS.TOKEN",
    "action": "LOGIN",
    "amount": "49.90",
    "approvalUrl": "https://www.paypal.com/checkoutnow?token=5O190127TN364715T",
    "attempt": 1,
    "bytes": 184_320,
    "because": "no cell says otherwise",
    "body": '{"type":"tryon.completed","data":{}}',
    "captureId": "3C679366HH908993F",
    "category": "shirt",
    "categories": "shirt",
    "code": "123456",
    "colour": "navy",
    "colours": "navy",
    "column": "price",
    "contentType": "image/webp",
    "currency": "EUR",
    "description": "Linen, made to order.",
    "detail": "there is no such object",
    "deviceToken": "EXAMPLE-DEVICE-TOKEN",
    "displayName": "Ada",
    "email": "ada@example.com",
    "engine": "compact",
    "engineLabel": "the built-in engine",
    "engineVersion": "compact@3",
    "event": "tryon.completed",
    "events": "tryon.completed",
    "expiresIn": 900,
    "garmentClass": "upper",
    "garment_image": "https://shop.example.com/shirt.jpg",
    "generation": 1,
    "height": 1152,
    "hex": "#1f2a44",
    "hint": "3f9c",
    "image": ID,
    "indexVersion": "20261129T093000",
    "instance": "app-1",
    "ip": "203.0.113.9",
    "key": "sk_EXAMPLE",
    "kind": "tryon",
    "language": "en",
    "line": 2,
    "maxAttempts": 5,
    "maxBytes": 15_728_640,
    "message": "no person was found: choose a photo that shows one",
    "method": "PUT",
    "model_image": "https://shop.example.com/model.jpg",
    "modelVersion": "garment_parser@3",
    "ms": 184,
    "name": "Shop server",
    "orderId": "5O190127TN364715T",
    "origins": "https://shop.example.com",
    "output": "https://api.example.com/pictures/result.png",
    "pack": "small",
    "password": "correct horse battery",
    "percent": 100,
    "phone": "+4915112345678",
    "processingMs": 1840,
    "product": "SHIRT-1",
    "product_image": "https://shop.example.com/shirt.jpg",
    "query": "red dress",
    "queue": "tryon",
    "read": "12,50 or so",
    "reason": "asked for by the customer",
    "recoveryCodes": "mzxw-6ytb-oi2g-a5tq-nfsy-4lld",
    "refreshExpiresIn": 2_592_000,
    "refreshToken": "EXAMPLE-REFRESH-TOKEN",
    "responseStatus": 204,
    "revision": 3,
    "secret": "whsec_EXAMPLE",
    "seed": 7,
    "seq": 4,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "shop": "default",
    "size": 184_320,
    "sku": "SHIRT-1",
    "step": "finishing",
    "subprotocol": "json.webpubsub.azure.v1",
    "tag": "linen",
    "tags": "linen",
    "text": "red dress",
    "title": "Linen shirt",
    "token": "4c1f9d7b2a",
    "tookMs": 6.2,
    "type": "about:blank",
    "unit": "units",
    "uri": "otpauth://totp/AI%20Fashion%20Studio:ada@example.com",
    "url": "https://api.example.com/pictures/original.webp",
    "value": "comma",
    "vendor": ID,
    "vendorName": "Ada's shop",
    "version": "20261129T093000",
    "what": "decimal",
    "width": 768,
}
"""Values by the name of their property, the same in all schemas."""
OF_SCHEMA: Final[Mapping[str, Any]] = {
    "Colour.name": "navy",
    "DropRequest.name": "SHIRT-1.jpg",
    "Drop.name": "SHIRT-1.jpg",
    "DropUpload.name": "SHIRT-1.jpg",
    "DropUploadRow.name": "SHIRT-1.jpg",
    "Draft.code": "no_metadata",
    "Draft.message": "upload SKU.json, or set a title",
    "FoundClass.name": "upper",
    "Image.name": "me.jpg",
    "Image.kind": "person",
    "Problem.title": "Not Found",
    "Webhook.url": "https://shop.example.com/hook",
    "WebhookWithSecret.url": "https://shop.example.com/hook",
    "WebhookRequest.url": "https://shop.example.com/hook",
    "Connection.url": "wss://push.example.com/client/hubs/studio",
}
"""Values of properties whose name means something else in other schemas."""
USUAL: Final = ("completed", "ready", "active", "ok", "shopper", "good", "tryon")
"""Members of enumerations that examples show, the first of them that there is."""
SHARES: Final = re.compile(
    r"(coverage|confidence|score|similarity|share|alpha|rate|chance\w*|level|inside)$", re.IGNORECASE
)
MOMENTS: Final = re.compile(r"(At|^at|^since|^until|^date|^expiring|Until|Due)$")
ADDRESSES: Final = re.compile(r"(Url|_url)$")
IDS: Final = re.compile(r"(Ids?|^id|^subject|^receipt|^parent|^cursor|^continuation)$")
EMPTY: Final = frozenset(
    {
        "batchId",
        "continuation",
        "details",
        "didYouMean",
        "disabledReason",
        "discarded",
        "draft",
        "error",
        "field",
        "next",
        "nextAttemptAt",
        "previousSecretUntil",
        "rebuildDue",
        "requestedRole",
    }
)
"""Properties that show null where they may: what a usual answer lacks."""
TABLES: Final[Mapping[str, str]] = {
    "products/imports": "sku,title,price,currency,colour,tags\nSHIRT-1,Linen shirt,49.90,EUR,navy,linen|summer\n",
    "analytics/batches": f"image,price,category\n{ID},49.90,shirt\n",
    "analytics/train": f"image,price,category,date,units\n{ID},49.90,shirt,2026-10-01,12\n",
}
"""Tables that routes take, by path."""
CODES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("bad_request", "the body is not valid JSON"),
    401: ("unauthorized", "sign in, and send `Authorization: Bearer <access token>`"),
    403: ("forbidden", "your role, shopper, may not do this"),
    404: ("not_found", "there is no such object"),
    405: ("method_not_allowed", "use GET"),
    409: ("conflict", "it is being changed: try again"),
    412: ("revision_conflict", "it was changed since you read it"),
    413: ("too_many_bytes", "the body is over 262144 bytes"),
    415: ("unsupported_media", "send the body as `application/json`"),
    422: ("validation_failed", "samples: Input should be less than or equal to 4"),
    429: ("rate_limited", "too many calls: wait 7 s"),
    503: ("unavailable", "temporarily unavailable"),
}
"""A usual problem of each status: its code, and what it says."""


def add_examples(description: Json) -> None:
    """Add examples to every operation of a description, in place."""
    maker = _Maker(description["components"]["schemas"])
    shared: Json = {}
    for path, operations in description["paths"].items():
        for operation in operations.values():
            _add_request(maker, path, operation.get("requestBody", {}).get("content", {}))
            for status, response in operation["responses"].items():
                content = response.get("content", {})
                if schema := content.get("application/json", {}).get("schema"):
                    content["application/json"]["example"] = maker.answer(schema)
                if PROBLEM in content:
                    name = content[PROBLEM]["schema"]["$ref"].removeprefix(COMPONENTS)
                    shared[f"{name}{status}"] = {"value": _problem(maker, name, int(status))}
                    content[PROBLEM]["examples"] = {name: {"$ref": f"#/components/examples/{name}{status}"}}
    description["components"]["examples"] = dict(sorted(shared.items()))


def _add_request(maker: _Maker, path: str, content: Json) -> None:
    if schema := content.get("application/json", {}).get("schema"):
        content["application/json"]["example"] = maker.request(schema)
    table = TABLES.get(path.removeprefix("/api/"))
    if table is not None and "text/csv" in content:
        content["text/csv"]["example"] = table


def _problem(maker: _Maker, name: str, status: int) -> Json:
    code, detail = CODES.get(status, ("internal", "something failed on our side; it has been logged"))
    known = {
        "title": HTTPStatus(status).phrase, "status": status, "detail": detail, "code": code,
        "retryable": status in (409, 429) or status >= 500, "requestId": ID, "message": detail, "error": "BadRequest",
    }  # fmt: skip
    made: Json = maker.answer({"$ref": f"{COMPONENTS}{name}"})
    return {key: known.get(key, value) for key, value in made.items() if value is not None}


class _Maker:
    """Makes the example of a schema."""

    def __init__(self, components: Json) -> None:
        self._components = components

    def request(self, schema: Json) -> Any:
        """What a request must have, or its model's own example."""
        return self._make("", schema, whole=False, depth=0)

    def answer(self, schema: Json) -> Any:
        """An answer with all its fields."""
        return self._make("", schema, whole=True, depth=0)

    def _make(self, name: str, schema: Json, *, whole: bool, depth: int) -> Any:
        if "$ref" in schema:
            schema = self._components[schema["$ref"].removeprefix(COMPONENTS)]
        if examples := schema.get("examples"):
            return examples[0]
        for fixed in ("const", "enum"):
            if fixed in schema:
                return schema[fixed] if fixed == "const" else _choice(schema["enum"])
        for choice in ("anyOf", "oneOf", "allOf"):
            if choice in schema:
                return self._one_of(name, schema[choice], whole=whole, depth=depth)
        match schema.get("type"):
            case "object":
                return self._object(schema, whole=whole, depth=depth)
            case "array":
                return self._array(name, schema, whole=whole, depth=depth)
            case "string":
                return _text(name, schema)
            case "integer" | "number":
                return _number(name, schema)
            case "boolean":
                return False
            case _:
                return None

    def _one_of(self, name: str, options: list[Json], *, whole: bool, depth: int) -> Any:
        nullable = {"type": "null"} in options
        if nullable and (name in EMPTY or depth >= MAX_DEPTH):
            return None
        return self._make(name, next(o for o in options if o != {"type": "null"}), whole=whole, depth=depth)

    def _object(self, schema: Json, *, whole: bool, depth: int) -> Json:
        properties: Json = schema.get("properties", {})
        required = schema.get("required", [])
        shown = [name for name in properties if whole or name in required]
        made: Json = {}
        for name in shown:
            known = OF_SCHEMA.get(f"{schema.get('title')}.{name}")
            made[name] = known or self._make(name, properties[name], whole=whole, depth=depth + 1)
        return made

    def _array(self, name: str, schema: Json, *, whole: bool, depth: int) -> list[Any]:
        if "prefixItems" in schema:
            return [self._make(name, item, whole=whole, depth=depth + 1) for item in schema["prefixItems"]]
        if depth >= MAX_DEPTH or "items" not in schema:
            return []
        return [self._make(name, schema["items"], whole=whole, depth=depth + 1)] * max(schema.get("minItems", 1), 1)


def _choice(values: list[Any]) -> Any:
    return next((usual for usual in USUAL if usual in values), values[0])


def _text(name: str, schema: Json) -> str:
    if MOMENTS.search(name):
        return AT
    if ADDRESSES.search(name):
        return f"https://api.example.com/pictures/{name.lower()}.webp"
    made = ID if IDS.search(name) else str(VALUES.get(name, name or "text"))
    return made[: schema.get("maxLength", len(made))]


def _number(name: str, schema: Json) -> int | float:
    least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    usual = VALUES.get(name, 204 if name == "status" else 12)
    if not isinstance(usual, int | float):
        usual = 12
    if schema["type"] == "number" and SHARES.search(name):
        usual = 0.87
    usual = min(max(usual, least), schema.get("maximum", usual))
    return int(usual) if schema["type"] == "integer" else float(usual)
