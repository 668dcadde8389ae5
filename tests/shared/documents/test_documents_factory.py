"""`store()` follows the settings and loads no more than it needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from shared.documents import store
from shared.errors import ConfigurationError
from shared.settings import forget

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    monkeypatch.setenv("ENVIRONMENT", "development")
    monkeypatch.setenv("JWT_KEYS", json.dumps({"k1": "k" * 32}))
    monkeypatch.setenv("Storage", "UseDevelopmentStorage=true")
    for name in ("COSMOS_ENDPOINT", "COSMOS_KEY", "COSMOS_CREATE"):
        monkeypatch.delenv(name, raising=False)
    forget()
    store.cache_clear()
    yield
    forget()
    store.cache_clear()


def test_sqlite(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCUMENTS", f"sqlite:{tmp_path / 'x.db'}")
    store().create("studio", {"id": "a", "userId": "u"})
    assert store() is store()
    assert (tmp_path / "x.db").exists()
    store().close()


@pytest.mark.parametrize("documents", ["sqlite:", "postgres:x", "cosmos"])
def test_refused(monkeypatch: pytest.MonkeyPatch, documents: str) -> None:
    monkeypatch.setenv("DOCUMENTS", documents)
    with pytest.raises(ConfigurationError):
        store()


@pytest.mark.processes
def test_importing_the_port_loads_no_sdk() -> None:
    code = "import sys; from shared.documents import store; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "shared.documents.store" in loaded
    assert not {name for name in loaded if name.split(".")[0] in ("azure", "sqlite3", "pydantic", "requests")}
