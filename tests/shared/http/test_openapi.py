"""The API's description: valid OpenAPI 3.1, one operation for every route, every status named."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from retired_words import RETIRED
from routes import declared, http_functions

from shared.http import openapi
from shared.http.openapi_examples import TABLES
from shared.http.routes import Route

ROOT = Path(__file__).resolve().parents[3]


@cache
def spec() -> dict[str, Any]:
    return openapi.document(declared())


def operations() -> dict[tuple[str, str], Any]:
    return {(m.upper(), p): operation for p, item in spec()["paths"].items() for m, operation in item.items()}


def test_it_is_valid() -> None:
    assert [str(error) for error in OpenAPIV31SpecValidator(spec()).iter_errors()] == []


def test_it_has_the_routes_of_the_app_and_no_others() -> None:
    registered = {(method, f"/api/{path}") for method, path in http_functions().values()}
    assert set(operations()) == registered
    ids = [operation["operationId"] for operation in operations().values()]
    assert sorted(ids) == sorted(http_functions())


@pytest.mark.parametrize("route", declared(), ids=lambda route: route.name)
def test_a_route_names_its_policy_and_every_status(route: Route) -> None:
    operation = operations()[route.method, f"/api/{route.path}"]
    answers = {int(status): answer for status, answer in operation["responses"].items()}
    assert route.status in answers and 500 in answers
    assert (401 in answers) >= (not route.access.public)
    signed_in = [] if route.access.public else [{"bearer": []}]
    assert operation["security"] == ([{route.scheme: []}] if route.scheme else signed_in)
    assert operation["x-access"] == ("public" if route.access.public else sorted(route.access.roles))
    assert (429 in answers) == (route.limit is not None or 429 in route.errors)
    for status, answer in answers.items():
        if status >= 400 and status not in route.answers:
            assert list(answer["content"]) == ["application/problem+json"]
        assert "X-Request-Id" in answer["headers"]
    if route.limit is not None:
        assert {"RateLimit-Limit", "Retry-After"} <= set(answers[429]["headers"])
    if route.body is not None and route.refusals is None:
        assert {400, 413, 415, 422} <= set(answers)
    names = {parameter["name"] for parameter in operation["parameters"]}
    assert ("Idempotency-Key" in names) == route.idempotent
    assert operation["summary"]


def checker(schema: Any) -> Draft202012Validator:
    """Of a schema that refers to the components."""
    return Draft202012Validator({**schema, "components": spec()["components"]})


@pytest.mark.parametrize("route", declared(), ids=lambda route: route.name)
def test_every_json_body_has_an_example_that_its_schema_allows(route: Route) -> None:
    operation = operations()[route.method, f"/api/{route.path}"]
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for content in (body.get("content", {}) for body in bodies):
        for media, described in content.items():
            if media == "application/problem+json":
                ((name, found),) = described["examples"].items()
                example = spec()["components"]["examples"][found["$ref"].rpartition("/")[2]]["value"]
                assert described["schema"]["$ref"].endswith(f"/{name}")
            elif media == "application/json":
                example = described["example"]
            else:
                continue
            assert [error.message for error in checker(described["schema"]).iter_errors(example)] == []
    if route.body is not None:
        sent = operation["requestBody"]["content"]["application/json"]["example"]
        route.body.model_validate_json(json.dumps(sent))


def test_tables_have_examples() -> None:
    for path in TABLES:
        content = spec()["paths"][f"/api/{path}"]["post"]["requestBody"]["content"]
        assert content["text/csv"]["example"] == TABLES[path]


def test_names_on_the_wire_are_in_camel_case() -> None:
    conversion = spec()["components"]["schemas"]["ConversionRequest"]
    former = {"userImageId", "clothImageId"}
    assert set(conversion["properties"]) == {"personImageId", "garmentImageId", "options", "engine", *former}
    assert all(conversion["properties"][name]["deprecated"] for name in former)
    assert conversion["additionalProperties"] is False


def test_no_component_is_named_after_a_module() -> None:
    assert not [name for name in spec()["components"]["schemas"] if "__" in name]
    assert "functions__" not in json.dumps(spec())


def test_titles_of_components_are_their_names_and_identifiers() -> None:
    components = spec()["components"]["schemas"]
    assert {name: schema["title"] for name, schema in components.items()} == {name: name for name in components}
    assert [name for name in components if not name.isidentifier()] == []


def test_no_property_has_a_default_that_makes_it_required() -> None:
    """Generators make a property with a default required, in requests, too."""
    found = [
        (name, key)
        for name, schema in spec()["components"]["schemas"].items()
        for key, value in schema.get("properties", {}).items()
        if "default" in value
    ]
    assert found == []
    request = spec()["components"]["schemas"]["TryOnRequest"]
    assert request.get("required", []) == []
    assert request["properties"]["samples"]["description"].endswith("(default: 1)")


def test_answers_have_all_their_fields() -> None:
    answer = spec()["components"]["schemas"]["TryOn"]
    assert answer["required"] == list(answer["properties"])
    assert "field" not in spec()["components"]["schemas"]["Problem"]["required"]


def test_what_a_widget_sends_is_described() -> None:
    security = {key: operation["security"] for key, operation in operations().items() if "/widget/" in key[1]}
    visit = [{"visit": []}]
    assert security == {
        ("GET", "/api/widget/terms"): [],
        ("POST", "/api/widget/visit"): [{"publishableKey": []}],
        ("GET", "/api/widget/visit"): visit,
        ("DELETE", "/api/widget/visit"): visit,
        ("POST", "/api/widget/photo"): visit,
        ("POST", "/api/widget/tryon"): visit,
    }
    assert spec()["components"]["securitySchemes"]["publishableKey"]["name"] == "X-Publishable-Key"


def test_csv_bodies_are_text() -> None:
    for path in ("/api/analytics/train", "/api/analytics/batches"):
        content = spec()["paths"][path]["post"]["requestBody"]["content"]
        assert content["text/csv"]["schema"] == {"type": "string", "contentMediaType": "text/csv"}


@pytest.mark.processes
def test_generated_types_compile_strictly_without_options(tmp_path: Path) -> None:
    """A request needs only what it must have: with the generator's own options, and every strict check of tsc."""
    description, types, use = tmp_path / "openapi.json", tmp_path / "schema.ts", tmp_path / "use.ts"
    description.write_text(json.dumps(spec()))
    use.write_text(
        'import type { components } from "./schema";\ntype S = components["schemas"];\n'
        'export const tryon: S["TryOnRequest"] = { personImageId: "a", garmentImageId: "b" };\n'
        'export const account: S["RegisterRequest"] = { email: "ada@example.com", password: "correct horse" };\n'
        'export const words: S["TextSearch"] = { query: "red dress" };\n'
        'export function urlOf(made: S["TryOn"]): string | null { return made.outputUrl; }\n'
    )
    modules = ROOT / "node_modules"
    for command in (
        [modules / "openapi-typescript/bin/cli.js", description, "-o", types],
        # The types name nothing of a browser, whose declarations take longer than they do.
        [modules / "typescript/bin/tsc", "--strict", "--exactOptionalPropertyTypes", "--noEmit", "--skipLibCheck",
         "--lib", "es2022", use],
    ):  # fmt: skip
        done = subprocess.run(["node", *map(str, command)], capture_output=True, text=True, cwd=tmp_path, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_an_upload_is_described_as_a_form_and_as_bytes() -> None:
    content = spec()["paths"]["/api/images/upload"]["post"]["requestBody"]["content"]
    form = content["multipart/form-data"]["schema"]
    assert form["required"] == ["file"] and {"file", "kind", "visibility", "name"} <= set(form["properties"])
    assert {"image/jpeg", "image/png", "image/webp", "image/avif"} <= set(content)


VERBS = {
    "Accept", "Activate", "Begin", "Cancel", "Capture", "Change", "Complete", "Confirm", "Count", "Create",
    "Delete", "Discard", "End", "Evaluate", "Find", "Get", "Import", "Invite", "List", "Pause", "Ping", "Predict",
    "Presign", "Read", "Rebuild", "Receive", "Record", "Redrive", "Refresh", "Refund", "Register", "Remove", "Replay",
    "Report", "Request", "Reset", "Retry", "Revoke", "Roll", "Rollback", "Rotate", "Search", "Segment", "Send", "Sign",
    "Start", "Train", "Try", "Update", "Upload",
}  # fmt: skip


def texts(node: Any) -> Iterator[str]:
    """Every summary and description in the API description."""
    if isinstance(node, dict):
        yield from (
            value for key, value in node.items() if key in ("summary", "description") and isinstance(value, str)
        )
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)


@pytest.mark.parametrize("route", declared(), ids=lambda route: route.name)
def test_a_summary_is_one_imperative_line(route: Route) -> None:
    summary = operations()[route.method, f"/api/{route.path}"]["summary"]
    assert summary.split()[0] in VERBS, summary
    assert len(summary) <= 60 and not summary.endswith((".", ",", ";")), summary
    assert not RETIRED.search(summary)


def test_descriptions_are_in_plain_english() -> None:
    assert [text for text in texts(spec()) if RETIRED.search(text)] == []


@pytest.mark.processes
def test_redocly_finds_nothing(tmp_path: Path) -> None:
    description = tmp_path / "openapi.json"
    description.write_text(json.dumps(spec()))
    command = ["node", str(ROOT / "node_modules/@redocly/cli/bin/cli.js"), "lint", str(description)]
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    done = subprocess.run(
        [*command, "--config", str(ROOT / "redocly.yaml"), "--format", "json", "--max-problems", "1000"],
        capture_output=True, text=True, env={**os.environ, **quiet}, timeout=120,
    )  # fmt: skip
    report = json.loads(done.stdout[done.stdout.index("{") :])
    assert [problem["message"] for problem in report["problems"]] == []
    assert done.returncode == 0


def test_paths_of_one_method_are_unambiguous() -> None:
    def overlap(one: str, other: str) -> bool:
        pairs = list(zip(one.split("/"), other.split("/"), strict=True))
        differ = [(a, b) for a, b in pairs if a != b and not (a.startswith("{") and b.startswith("{"))]
        firsts, seconds = {a.startswith("{") for a, _ in differ}, {b.startswith("{") for _, b in differ}
        literals_differ = any(not a.startswith("{") and not b.startswith("{") for a, b in differ)
        # One may be the more specific everywhere: `jobs/counts` beside `jobs/{id}`.
        return not literals_differ and len(firsts) > 1 and len(seconds) > 1

    for method in {method for method, _ in operations()}:
        paths = sorted(path for m, path in operations() if m == method)
        found = [(a, b) for a in paths for b in paths if a < b and a.count("/") == b.count("/") and overlap(a, b)]
        assert found == [], method
