"""From the edit of a source file to its effect, beside a start from nothing in the same run.

A copy of the app runs on the local host with `--watch`; a line of its code is changed, and the answer asked for until
it is the new one. A copy of the studio page is served by Vite's development server, as by `./studio run`; a text of a
view is changed, and the module asked for until it has the new text; its baseline is a build. Each `ratio` is the median
of the edits / the median of the starts or builds.
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
from emulators.vite import PROGRAM as VITE
from emulators.vite import free_port, serving
from emulators.with_parent import node, parent_pipe, python

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 5
BETWEEN_EDITS_S = 0.5
GIVE_UP_S = 120
FILE = "functions/observe/blueprint.py"
LINE = "        return Reply(content=ALIVE)\n"
EDITED = "        return Reply(content=b'edited %d')\n"
VIEW = "src/views/shop.tsx"
TEXT = "<h1>Shop</h1>"


def main(*, quick: bool = False) -> dict[str, Any]:
    """Measure seconds (median) of a start and of an edit of this repository's own app and page, and their ratios."""
    rounds = 2 if quick else ROUNDS
    return {"ok": True, "rounds": rounds, **_of_app(rounds), **_of_page(rounds)}


def _of_app(rounds: int) -> dict[str, float]:
    starts: list[float] = []
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
            # Before it answers it may not watch its files yet.
            _until(f"{url}/api/health", "version")
            edits = _edit(app / FILE, LINE, EDITED, f"{url}/api/health", "edited %d", rounds)
    start, edit = statistics.median(starts), statistics.median(edits)
    return {"edit_to_effect_s": round(edit, 2), "start_s": round(start, 2), "ratio": round(edit / start, 2)}


def _of_page(rounds: int) -> dict[str, float]:
    builds: list[float] = []
    with tempfile.TemporaryDirectory(prefix="studio-page-", dir=ROOT / "web") as folder:
        page = Path(folder)
        for name in ("src", "public"):
            shutil.copytree(ROOT / "web" / name, page / name)
        # With package.json the folder has a separate cache of dependencies, and that of a running stack stays valid.
        for name in ("index.html", "vite.config.ts", "tsconfig.json", "package.json"):
            shutil.copy(ROOT / "web" / name, page)
        for _ in range(rounds):
            began = time.perf_counter()
            subprocess.run(node(str(VITE), "build", str(page), "--logLevel", "error"), cwd=ROOT, check=True)
            builds.append(time.perf_counter() - began)
        with serving(page, "http://127.0.0.1:9", free_port()) as url:
            _until(f"{url}/{VIEW}", "Shop")
            edits = _edit(page / VIEW, TEXT, "<h1>Edited %d</h1>", f"{url}/{VIEW}", "Edited %d", rounds)
    build, edit = statistics.median(builds), statistics.median(edits)
    figures = {"edit_to_effect_s": round(edit, 2), "build_s": round(build, 2), "ratio": round(edit / build, 3)}
    return {f"page_{name}": value for name, value in figures.items()}


def _edit(file: Path, text: str, edited: str, url: str, shown: str, rounds: int) -> list[float]:
    """Seconds from each edit of a file until its effect is seen.

    Args:
        text: what is replaced each time, by `edited`.
        shown: what the answer of `url` has then; both hold the number of the round.
    """
    code, edits = file.read_text(), list[float]()
    if text not in code:
        raise RuntimeError(f"{file} has no {text.strip()!r}")
    for number in range(rounds):
        # A watcher may take two writes within milliseconds for one, and the answer be that of the first.
        time.sleep(BETWEEN_EDITS_S)
        began = time.perf_counter()
        file.write_text(code.replace(text, edited % number))
        _until(url, shown % number)
        edits.append(time.perf_counter() - began)
    return edits


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
    until = time.monotonic() + GIVE_UP_S
    while wanted not in requests.get(url, timeout=60).text:
        if time.monotonic() > until:
            raise RuntimeError(f"{url} has no {wanted!r} after {GIVE_UP_S} s")
        time.sleep(0.005)
