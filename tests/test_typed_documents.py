"""Stored documents are read by attribute: string keys are counted, and a renamed field is found by the type checker."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).resolve().parents[1]

KEPT: Final = {
    ("*", "Literal"): "a type, not a read",
    ("*", "call.path"): "route parameters",
    ("*", "*headers*"): "HTTP headers",
    ("*", "problem"): "an error of pydantic's",
    ("shared/http/*", "*"): "JSON of requests, responses, tokens and the API description",
    ("shared/function_index.py", "arguments"): "arguments of a function, of the committed index",
    ("shared/tracing.py", "os.environ"): "environment variables",
    ("shared/telemetry.py", "*"): "log lines and trace headers",
    ("shared/gemini/*", "*"): "errors of the provider",
    ("shared/tables/*", "attributes"): "attributes of XML",
    ("shared/engines/fashn_api.py", "*"): "errors of the provider",
    ("shared/onnx/*", "*"): "golden values of a model by the name of its output",
    ("shared/vision/embedding.py", "*"): "golden values of a model by the name of its output",
    ("shared/images/sanitizer*.py", "*"): "messages between the app and the sanitizer's process",
    ("shared/images/frames.py", "head"): "head of a message with pictures",
    ("shared/blob_reference.py", "*"): "what the trigger is given instead of the blob",
    ("shared/blobs.py", "answer"): "answer of the storage service",
    ("shared/commerce/paypal*.py", "*"): "JSON of the provider",
    ("shared/commerce/capture.py", "details"): "details of an error",
    ("functions/paypal_webhook/signature.py", "*"): "headers of a delivery",
    ("functions/analytics/*", "arrays"): "arrays of a file by name",
    ("functions/analytics/*", "cells"): "columns of a table that a user uploads",
    ("functions/analytics/head.py", "*"): "golden values of a model by the name of its output",
    ("functions/search/engine/*", "*"): "columns of the index, and rows of its files",
    ("functions/convert/models.py", "schema"): "a JSON schema",
    ("shared/notifications/email_client.py", "parts"): "parts of a connection string",
    ("functions/observe/probes.py", "parts"): "parts of a connection string",
    ("functions/observe/process.py", "sample.labels"): "labels of a metric",
    ("functions/observe/docs.py", "*"): "HTTP headers",
    ("functions/privacy/personal_data.py", "item"): "documents of every kind, also of those without a model",
    ("functions/privacy/export.py", "image.renditions"): "renditions by name",
    ("functions/search/pictures.py", "segments.CLASSES_OF"): "a table of classes",
    ("functions/auth/devices.py", "*"): "header and claims of a JWT",
    ("functions/notify/service.py", "token"): "answer of the Web PubSub SDK",
    ("functions/analytics/image_features.py", "stored"): "arrays of a file by name",
    ("functions/analytics/training_job.py", "figures.baselines"): "figures by the name of the baseline",
    ("functions/catalogue/feed_*.py", "*"): "columns of a table, and fields by name",
    ("functions/catalogue/metadata.py", "*"): "fields of a vendor's JSON",
    ("functions/catalogue/imports.py", "counts"): "counts by outcome",
    ("functions/tryon/orphans.py", "parts"): "groups of a regular expression",
    ("functions/tryon/batches.py", "shown.counts"): "counts by state",
    ("functions/segment/results.py", "urls"): "URLs by form",
    ("shared/vision/stored.py", "parts"): "groups of a regular expression",
    ("shared/vision/stored.py", "forms"): "pictures by form",
    ("shared/webhooks/publish.py", "result"): "JSON of a job's result, sent as it is",
    ("shared/jobs/protocol.py", "operation.item"): "kind of a created document",
}
"""(file, variable) as patterns, and what is read there, which is no stored document."""


def product_code() -> Iterator[Path]:
    for folder in ("shared", "functions"):
        yield from sorted(path for path in (ROOT / folder).rglob("*.py") if "shared/documents" not in str(path))


def reads_by_key(path: Path) -> Iterator[str]:
    """What is read by a constant string key, `x["key"]` or `x.get("key")`, as it is written."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Subscript(value=value, slice=ast.Constant(value=str())):
                yield ast.unparse(value)
            case ast.Call(func=ast.Attribute(value=value, attr="get"), args=[ast.Constant(value=str()), *_]):
                yield ast.unparse(value)
            case _:
                pass


def is_kept(path: str, variable: str) -> bool:
    return any(fnmatch(path, file) and fnmatch(variable, name) for file, name in KEPT)


def test_stored_documents_are_not_read_by_string_keys() -> None:
    found = Counter[str]()
    for path in product_code():
        name = str(path.relative_to(ROOT))
        found[name] += sum(not is_kept(name, variable) for variable in reads_by_key(path))
    count = found.total()
    print(f"{count} reads by a string key: {dict(found.most_common(12))}")
    assert count == 0, found.most_common(12)


@pytest.mark.processes
@pytest.mark.timeout(600)
def test_a_renamed_field_of_a_document_fails_the_type_check_where_it_is_read(tmp_path: Path) -> None:
    for folder in ("shared", "functions"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "assets"))
    reader = "functions/search/product_lookup.py"
    settings = {"include": [reader], "venvPath": str(ROOT), "venv": ".venv", "pythonVersion": "3.13"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    documents = tmp_path / "shared/catalogue/documents.py"
    text, renamed = re.subn(r"^(    )category: ", r"\1garment_category: ", documents.read_text(), flags=re.MULTILINE)
    assert renamed
    documents.write_text(text)
    pyright = str(ROOT / "node_modules/.bin/pyright")
    done = subprocess.run([pyright], cwd=tmp_path, capture_output=True, text=True)
    errors = [line for line in done.stdout.splitlines() if "error:" in line]
    assert done.returncode != 0
    assert any(reader in line and "category" in line for line in errors), done.stdout[-2000:]
