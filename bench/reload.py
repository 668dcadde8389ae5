"""From the edit of a source file to its effect on an answer, beside the start of the same host in the same run.

A copy of the app runs on the local host with `--watch`; a line of its code is changed, and the answer asked for until
it is the new one. `ratio` is the median of the edits / the median of the starts.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from emulators.azurite import Azurite
from emulators.stack import WATCHED
from emulators.with_parent import parent_pipe, python

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 5
FILE = "functions/observe/blueprint.py"
LINE = "        return Reply(content=ALIVE)\n"
EDITED = "        return Reply(content=b'edited %d')\n"


def main(*, quick: bool = False) -> dict[str, Any]:
    """Measure seconds (median) of a start and of an edit of this repository's own app, and their ratio."""
    rounds = 2 if quick else ROUNDS
    starts: list[float] = []
    edits: list[float] = []
    with tempfile.TemporaryDirectory(prefix="studio-reload-") as folder, Azurite() as storage:
        app = _copy(Path(folder) / "app")
        values = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
        own = {"Storage": storage.connection_string, "AzureWebJobsStorage": storage.connection_string}
        environment = {**os.environ, **values, **own, "DOCUMENTS": f"sqlite:{folder}/documents.sqlite"}
        for _ in range(rounds):
            began = time.perf_counter()
            with _host(app, environment, storage.events) as url:
                _until(f"{url}/api/health", "version")
                starts.append(time.perf_counter() - began)
        with _host(app, environment, storage.events) as url:
            file = app / FILE
            code = file.read_text()
            for number in range(rounds):
                edited = code.replace(LINE, EDITED % number)
                if edited == code:
                    raise RuntimeError(f"{FILE} has no line {LINE.strip()!r}")
                began = time.perf_counter()
                file.write_text(edited)
                _until(f"{url}/api/health", f"edited {number}")
                edits.append(time.perf_counter() - began)
    start, edit = statistics.median(starts), statistics.median(edits)
    figures = {"edit_to_effect_s": round(edit, 2), "start_s": round(start, 2), "ratio": round(edit / start, 2)}
    return {"ok": True, "rounds": rounds, **figures}


def _copy(app: Path) -> Path:
    app.mkdir()
    for name in ("functions", "shared"):
        shutil.copytree(ROOT / name, app / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("function_app.py", "host.json", "local.settings.example.json"):
        shutil.copy(ROOT / name, app)
    return app


@contextmanager
def _host(app: Path, environment: dict[str, str], events: str) -> Generator[str]:
    command = python("emulators.functions_host", "--app", str(app), "--json", "--storage-events", events)
    command += [part for name in WATCHED for part in ("--watch", name)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=parent_pipe(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        yield str(json.loads(process.stdout.readline())["url"])
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _until(url: str, wanted: str) -> None:
    while wanted not in requests.get(url, timeout=60).text:
        time.sleep(0.005)
