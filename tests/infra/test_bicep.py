"""The Bicep files: they parse, fit together, agree with the app, and keep our own rules.

Syntax and structure only: no Azure is asked, so a wrong API version would pass.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pycep
import pytest

from cli.settings import groups, variables
from emulators.stack import MALLOC
from shared import blobs
from shared.documents import CONTAINERS
from shared.documents.cosmos import UNINDEXED
from shared.jobs import queues

INFRA = Path(__file__).resolve().parents[2] / "infra"
FILES = sorted(INFRA.rglob("*.bicep"))


def parse(path: Path) -> dict[str, Any]:
    return json.loads(json.dumps(pycep.BicepParser().parse(text=path.read_text()), default=str))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_it_parses(path: Path) -> None:
    assert parse(path)


def test_every_module_gets_the_parameters_it_declares() -> None:
    text = (INFRA / "main.bicep").read_text()
    for name, target, params in re.findall(
        r"module (\w+) '([^']+)' = \{\n.*?params: \{\n(.*?)\n  \}", text, flags=re.DOTALL
    ):
        declared = (INFRA / target).read_text()
        wanted = set(re.findall(r"^param (\w+) [^=\n]+$", declared, flags=re.MULTILINE))
        known = set(re.findall(r"^param (\w+)", declared, flags=re.MULTILINE))
        given = set(re.findall(r"^    (\w+):", params, flags=re.MULTILINE))
        assert wanted <= given <= known, name


def listed(path: str, name: str) -> list[str]:
    found = re.search(rf"param {name} array = \[([^\]]*)\]", (INFRA / path).read_text())
    assert found
    return re.findall(r"'([^']+)'", found.group(1))


def test_containers_and_queues_are_those_of_the_app() -> None:
    assert sorted(listed("app/storage.bicep", "containers")) == sorted(blobs.CONTAINERS)
    assert sorted(listed("app/storage.bicep", "queues")) == sorted(queues.TRIGGERS)


def test_documents_are_those_of_the_app() -> None:
    text = (INFRA / "app/documents.bicep").read_text()
    rows = re.findall(r"\{ name: '(\w+)', partitionKey: '/(\w+)', ttl: (-?\d+), indexed: (\w+) \}", text)
    found = {name: (key, int(ttl), indexed == "true") for name, key, ttl, indexed in rows}
    kept = {c.name: (c.partition_key, c.ttl if c.ttl is not None else -1, c.indexed) for c in CONTAINERS.values()}
    assert found == kept
    (unindexed,) = UNINDEXED["excludedPaths"]
    assert "includedPaths: container.indexed ? [{ path: '/*' }] : []" in text
    assert f": [{{ path: '{unindexed['path']}' }}]" in text


def test_the_container_of_vectors_is_the_one_the_app_would_make() -> None:
    from functions.search.engine import cosmos_sql as sql

    text = (INFRA / "app/documents.bicep").read_text()
    assert "{ name: 'EnableNoSQLVectorSearch' }" in text
    assert sql.container_name("fashion@0123456789ab") == "vectors-fashion-0123456789ab"
    assert "name: 'vectors-${vectorModel}'" in text and "paths: ['/shop']" in text
    (index,) = sql.INDEXING["vectorIndexes"]
    keys = ", ".join(f"'{key}'" for key in index["vectorIndexShardKey"])
    assert f"{{ path: '{index['path']}', type: '{index['type']}', vectorIndexShardKey: [{keys}] }}" in text
    excluded = re.search(r"excludedPaths: \[(.*vector.*)\]", text)
    assert excluded
    assert re.findall(r"path: '([^']+)'", excluded[1]) == [one["path"] for one in sql.INDEXING["excludedPaths"]]
    (vector,) = sql.embedding_policy(272)["vectorEmbeddings"]
    declared = re.search(r"vectorEmbeddings: \[\s*\{(.*)\}", text)
    assert declared
    assert dict(re.findall(r"(\w+): '?([/\w]+)'?", declared[1])) == {**vector, "dimensions": "vectorDimensions"}
    manifest = re.search(r"vectorDimensions = loadJsonContent\('([^']+)'\)\.dim", text)
    assert manifest
    assert json.loads((INFRA / "app" / manifest[1]).read_text())["dim"] > 0


def test_every_setting_is_one_the_app_reads() -> None:
    text = (INFRA / "app/api.bicep").read_text()
    given = set(re.findall(r"[{,]? *\b([A-Z][A-Z0-9_]{3,}): ", text)) | {"Storage__blobServiceUri"}
    known = {name for group in groups() for name in variables(group)}
    platform = {
        "AZURE_CLIENT_ID", "PYTHON_THREADPOOL_THREAD_COUNT", "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", "SWEEP_SCHEDULE",
        "MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_",
    }  # fmt: skip
    assert given - known - platform == set()


def test_processes_take_memory_as_those_on_one_machine_do() -> None:
    text = (INFRA / "app/api.bicep").read_text()
    assert dict(re.findall(r"\b(MALLOC_\w+): '(\d+)'", text)) == MALLOC


def test_every_schedule_of_the_app_is_set() -> None:
    code = "\n".join(path.read_text() for path in INFRA.parent.glob("functions/*/*blueprint.py"))
    text = (INFRA / "app/api.bicep").read_text()
    for name in set(re.findall(r'schedule="%(\w+)%"', code)):
        assert f"{name}: '" in text


def test_our_own_rules_hold() -> None:
    text = "\n".join(path.read_text() for path in FILES)
    for rule in ("allowSharedKeyAccess: false", "allowBlobPublicAccess: false", "disableLocalAuth: true",
                 "httpsOnly: true", "enableRbacAuthorization: true"):  # fmt: skip
        assert rule in text
    for forbidden in ("AccountKey=", "FUNCTIONS_WORKER_RUNTIME", "WEBSITE_RUN_FROM_PACKAGE", "SCM_DO_BUILD"):
        assert forbidden not in text


def test_nothing_of_this_machine_is_deployed() -> None:
    ignored = (INFRA.parent / ".funcignore").read_text().split()
    for beside in ("emulators", "tests", "training", "demo", "wardrobe", "local.settings*.json"):
        assert beside in ignored
