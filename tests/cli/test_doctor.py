"""`./studio doctor`: reports that everything is all right, or names each problem with its remedy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from studio_command import studio

from cli import doctor as command
from emulators.azurite import Azurite


def doctor(*arguments: str, **settings: str) -> tuple[int, dict[str, Any]]:
    done = studio("doctor", "--json", "--port", "1", *arguments, **settings)
    found = json.loads(done.stdout)
    assert found["ok"] == (done.returncode == 0), done.stderr
    return done.returncode, {check["name"]: check for check in found["checks"]}


@pytest.fixture
def well(azurite: Azurite, tmp_path: Path) -> dict[str, str]:
    return {"Storage": azurite.connection_string, "DOCUMENTS": f"sqlite:{tmp_path / 'documents.sqlite'}"}


def test_all_is_well(well: dict[str, str]) -> None:
    status, checks = doctor(**well)
    assert status == 0, [check for check in checks.values() if not check["ok"]]
    assert {
        "python",
        "node",
        "packages",
        "settings",
        "indexing",
        "function index",
        "documents",
        "blobs",
        "queues",
    } <= set(checks)
    assert "functions" in checks["indexing"]["detail"]


def test_what_is_wrong_is_named_with_its_cure(well: dict[str, str], azurite: Azurite) -> None:
    gone = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=Yg==;BlobEndpoint=http://127.0.0.1:9/a;"
    status, checks = doctor(
        "--port",
        str(azurite.blob_port),
        **{**well, "Storage": gone + "QueueEndpoint=http://127.0.0.1:9/a;"},
        GEMINI_API_KEY="an-unknown-key",
        GEMINI_BASE_URL="http://127.0.0.1:9",
    )
    assert status == 1
    taken = (f"port {azurite.blob_port}", "--port")
    for name, word in (("blobs", "Storage"), ("queues", "Storage"), ("gemini", "GEMINI_API_KEY"), taken):
        assert not checks[name]["ok"], name
        assert word in checks[name]["remedy"]
    assert checks["documents"]["ok"]
    assert "an-unknown-key" not in json.dumps(checks)


def test_invalid_settings_are_reported_and_stop_the_rest(well: dict[str, str]) -> None:
    status, checks = doctor(**well, JWT_KEYS='{"k1": "short"}')
    assert status == 1
    assert "32 bytes" in checks["settings"]["detail"]
    assert not checks["connections"]["ok"]


def test_a_retention_of_an_unknown_kind_is_reported(change: Callable[..., None]) -> None:
    assert command.settings().ok
    change(RETENTION_DAYS='{"selfies": 3}')
    found = command.settings()
    assert not found.ok and "selfies" in found.detail
