"""Cold start of the app beside a bare app of one function: process start to the first answer, in one run.

Both are driven by Microsoft's worker library in a fresh process (`bench/_cold_process.py`). In each round every case
runs its bare app and the app, one right after the other; from round to round the case that begins and the app that
runs first change, and a first round is left out. `cpu_ratio` is the median over the rounds of app / bare in processor
time (user and system time of all threads), `wall_ratio` the same by the clock, each with its quartiles. The goals are
held against `cpu_ratio`: the clock also measures what else the machine does. Where the two differ on an idle machine,
the app waits for something; its own documents in SQLite never make it wait (decision 77).

`bytecode` has the app's modules compiled by the hook of the deployment; `no_bytecode`, which is not deployed and has
fewer rounds, has not. Installed packages are compiled in both. With `documents=cosmos` the app talks to the emulator of
Cosmos DB, over plain HTTP, and `bare_read` is a further reference: a bare app that reads one document with the SDK.
No app on that SDK can do with less than its ratio; it has no goal.
"""

from __future__ import annotations

import compileall
import json
import os
import secrets
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from azure.cosmos import CosmosClient

from emulators.launch import launch
from shared.documents.cosmos import connect

ROOT = Path(__file__).resolve().parents[1]
PROCESS = Path(__file__).with_name("_cold_process.py")
ROUNDS = {"bytecode": 21, "no_bytecode": 5}
"""Rounds of each variant; medians of fewer than 15 vary by more than a tenth (decision 77)."""
GOALS = {
    "liveness": 1.35,
    "liveness_deployed": 1.8,
    "authenticated_get": 1.8,
    "json_post": 2.0,
    "queue_message": 1.8,
}
"""Largest `cpu_ratio` that is good enough."""
DEPLOYED = {
    "ENVIRONMENT": "production",
    "FUNCTIONS_WORKER_RUNTIME": "python",
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=00000000-0000-0000-0000-000000000001;"
    "IngestionEndpoint=https://127.0.0.1:9/",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "Authorization=AAD",
    "AzureWebJobsStorage": "",
    "Storage": "",
    "Storage__blobServiceUri": "https://account.blob.core.windows.net",
    "Storage__queueServiceUri": "https://account.queue.core.windows.net",
    "DOCUMENTS": "cosmos",
    "COSMOS_ENDPOINT": "https://account.documents.azure.com",
    "COSMOS_KEY": "",
    "JWT_KEYS": json.dumps({"k1": secrets.token_urlsafe(48)}),
    "APP_URL": "https://shop.fashion-house.eu",
    "ALLOWED_ORIGINS": "https://shop.fashion-house.eu",
    "CONFIRM_EMAIL": "false",
    "EMAIL_SENDER": "studio@fashion-house.eu",
    "VTO_TOKEN": secrets.token_urlsafe(48),
    "VTO_URL": "https://vto.fashion-house.eu",
    "TRYON_ENGINES": "",
    "WEBHOOK_ALLOW_HOSTS": "",
}
"""What is set in Azure and not on one machine: settings are checked, and spans are sent. An empty value counts as none,
so that nothing of one machine is left. The call that is measured calls none of these addresses."""

BARE_HTTP = """
import azure.functions as func
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="bare")
def bare(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse('{"status": "ok"}', mimetype="application/json")
"""
BARE_READ = """
import os
import azure.functions as func
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="bare")
def bare(req: func.HttpRequest) -> func.HttpResponse:
    from azure.cosmos import CosmosClient

    client = CosmosClient(os.environ["COSMOS_ENDPOINT"], os.environ["COSMOS_KEY"])
    accounts = client.get_database_client(os.environ["COSMOS_DATABASE"]).get_container_client("accounts")
    id = "00000000000000000000000000"
    return func.HttpResponse(accounts.read_item(id, id)["email"])
"""
BARE_QUEUE = """
import azure.functions as func
app = func.FunctionApp()

@app.queue_trigger(arg_name="message", queue_name="bare", connection="Storage")
def bare(message: func.QueueMessage) -> None:
    message.get_body()
"""
PREPARE = """
from shared.accounts import lifecycle
from shared.accounts.roles import Role
from shared.http import tokens
account = lifecycle.create_account("00000000000000000000000000", "cold@example.com", "no hash", Role.SHOPPER)
print(tokens.issue(account.id, Role.SHOPPER, account.token_version)[0])
"""


@dataclass(frozen=True)
class Case:
    """One first call; `bare` is the directory of the app it is compared with, `settings` are the app's own.

    `app` is the directory of another app than ours that is called.
    """

    name: str
    bare: Path
    bare_call: Path
    call: Path
    status: int
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    app: Path | None = None


class Round(NamedTuple):
    """What two processes reported that ran one right after the other."""

    bare: Mapping[str, Any]
    ours: Mapping[str, Any]


def main(*, quick: bool = False, documents: str = "sqlite") -> dict[str, Any]:
    """Measure all first calls with and without bytecode; the figures, the goals and whether each is met."""
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="studio-cold-")))
        environment = _environment(folder) | (_cosmos(running) if documents == "cosmos" else {})
        cases = _cases(folder, environment)
        rounds = dict.fromkeys(ROUNDS, 2) if quick else ROUNDS
        result: dict[str, Any] = {"ok": True, "rounds": rounds, "documents": documents, "goals": GOALS}
        for name, number in rounds.items():
            app = _app(folder / name, compiled=name == "bytecode")
            result[name] = _measure(app, cases, environment, number)
        return result


def _environment(folder: Path) -> dict[str, str]:
    """Settings of the app with its own store; no service is called."""
    values = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
    own = {"DOCUMENTS": f"sqlite:{folder / 'documents.sqlite'}", "PYTHONDONTWRITEBYTECODE": "1"}
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "SYSTEMROOT") if name in os.environ}
    return {**kept, **values, **own}


def _cosmos(running: ExitStack) -> dict[str, str]:
    """Settings of a database in an emulator that has all the request units it wants."""
    facts = running.enter_context(launch("cosmos", "--throughput", "0"))
    return {
        "DOCUMENTS": "cosmos",
        "COSMOS_ENDPOINT": facts["endpoint"],
        "COSMOS_KEY": facts["key"],
        "COSMOS_DATABASE": "cold",
    }


def _app(folder: Path, *, compiled: bool) -> Path:
    """A copy of what is deployed, models aside."""
    for package in ("functions", "shared"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("function_app.py", "host.json"):
        shutil.copy(ROOT / name, folder)
    if compiled:
        environment = {**os.environ, "PYTHON": sys.executable}
        subprocess.run([ROOT / "infra/hooks/bytecode.sh", folder], env=environment, check=True)
    return folder


def _cases(folder: Path, environment: dict[str, str]) -> list[Case]:
    http, queue, read = folder / "bare_http", folder / "bare_queue", folder / "bare_read"
    for bare, code in ((http, BARE_HTTP), (queue, BARE_QUEUE), (read, BARE_READ)):
        bare.mkdir()
        (bare / "function_app.py").write_text(code)
        compileall.compile_dir(bare, quiet=1)
    token = _prepare(environment)
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.7"}
    posted = {**headers, "Content-Type": "application/json"}
    pointer = {"v": 1, "jobId": "job:cold", "userId": "cold", "generation": 1, "attempt": 1}
    calls = {
        "bare_http": {"function": "bare", "http": _http("GET", "bare", {})},
        "bare_queue": {"function": "bare", "message": "{}"},
        "liveness": {"function": "health", "http": _http("GET", "health", {})},
        "authenticated_get": {"function": "auth_me", "http": _http("GET", "auth/me", headers)},
        "json_post": {
            "function": "webhooks_create",
            "http": _http("POST", "webhooks", posted, {"url": "https://127.0.0.1:9/hook", "events": ["job.completed"]}),
        },
        "queue_message": {"function": "interactive_worker", "message": json.dumps(pointer)},
    }
    files: dict[str, Path] = {}
    for name, call in calls.items():
        files[name] = folder / f"{name}.json"
        files[name].write_text(json.dumps(call))
    references = [Case("bare_read", http, files["bare_http"], files["bare_http"], 200, app=read)]
    return [
        *(references if environment["DOCUMENTS"] == "cosmos" else []),
        Case("liveness", http, files["bare_http"], files["liveness"], 200),
        Case("liveness_deployed", http, files["bare_http"], files["liveness"], 200, DEPLOYED),
        Case("authenticated_get", http, files["bare_http"], files["authenticated_get"], 200),
        Case("json_post", http, files["bare_http"], files["json_post"], 201),
        Case("queue_message", queue, files["bare_queue"], files["queue_message"], 0),
    ]


def _prepare(environment: dict[str, str]) -> str:
    """Make the account that calls, in an empty store; its access token."""
    if environment["DOCUMENTS"] == "cosmos":
        endpoint, key, name = (environment[f"COSMOS_{part}"] for part in ("ENDPOINT", "KEY", "DATABASE"))
        client = CosmosClient(endpoint, key)
        if name in [database["id"] for database in client.list_databases()]:
            client.delete_database(name)
        connect(endpoint, key, database=name, create=True).close()
    # All rounds use one token; on a busy machine they take longer than the quarter of an hour that one lives.
    own = {"PYTHONPATH": str(ROOT), "ACCESS_TOKEN_MINUTES": "60"}
    prepared = subprocess.run(
        [sys.executable, "-c", PREPARE],
        cwd=ROOT, env={**environment, **own}, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return prepared.stdout.strip()


def _http(method: str, path: str, headers: dict[str, str], body: Any = None) -> dict[str, Any]:
    url = f"http://127.0.0.1/api/{path}"
    return {"method": method, "url": url, "headers": headers, "body": json.dumps(body) if body else ""}


def _measure(app: Path, cases: list[Case], environment: dict[str, str], rounds: int) -> dict[str, Any]:
    found: dict[str, list[Round]] = {case.name: [] for case in cases}
    for number in range(rounds + 1):
        first = number % len(cases)
        for case in cases[first:] + cases[:first]:
            measured = _round(case, app, environment, bare_first=number % 2 == 0)
            # The first round fills the disk cache.
            if number:
                found[case.name].append(measured)
    return {case.name: figures(found[case.name], GOALS.get(case.name)) for case in cases}


def _round(case: Case, app: Path, environment: dict[str, str], *, bare_first: bool) -> Round:
    bare = _run(case.bare, case.bare_call, environment) if bare_first else None
    _restore(environment)
    ours = _run(case.app or app, case.call, {**environment, **case.settings})
    if ours["status"] != case.status:
        raise RuntimeError(f"{case.name} was answered {ours['status']}: {ours['body']}")
    return Round(bare or _run(case.bare, case.bare_call, environment), ours)


def _run(app: Path, call: Path, environment: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, str(PROCESS), str(app), str(call)]
    started = {"STARTED": str(time.monotonic())}
    done = subprocess.run(command, env={**environment, **started}, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    return json.loads(done.stdout.splitlines()[-1])


def _restore(environment: dict[str, str]) -> None:
    """Give every process the same documents; the first call keeps a copy of what was prepared."""
    if environment["DOCUMENTS"] == "cosmos":
        _prepare(environment)
        return
    documents = Path(environment["DOCUMENTS"].removeprefix("sqlite:"))
    kept = documents.with_suffix(".prepared")
    if not kept.exists():
        # What was prepared may still be in the log beside the file.
        with closing(sqlite3.connect(documents)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(documents, kept)
    for file in documents.parent.glob(f"{documents.name}*"):
        file.unlink()
    shutil.copy(kept, documents)


def figures(rounds: list[Round], goal: float | None) -> dict[str, Any]:
    """Medians of one case, ratios with their quartiles, and whether the goal is met."""

    def median(of: str, name: str) -> float:
        return round(statistics.median(getattr(found, of)[name] for found in rounds), 1)

    def ratio(name: str) -> tuple[float, list[float]]:
        paired = [found.ours[name] / found.bare[name] for found in rounds]
        lower, middle, upper = statistics.quantiles(paired, n=4, method="inclusive")
        return round(middle, 3), [round(lower, 2), round(upper, 2)]

    (cpu, cpu_quartiles), (wall, wall_quartiles) = ratio("cpu_ms"), ratio("answered_ms")
    return {
        "bare_cpu_ms": median("bare", "cpu_ms"),
        "app_cpu_ms": median("ours", "cpu_ms"),
        "cpu_ratio": cpu,
        "cpu_quartiles": cpu_quartiles,
        "met": None if goal is None else cpu <= goal,
        "bare_wall_ms": median("bare", "answered_ms"),
        "app_wall_ms": median("ours", "answered_ms"),
        "wall_ratio": wall,
        "wall_quartiles": wall_quartiles,
        "indexed_wall_ms": median("ours", "indexed_ms"),
        "modules": int(median("ours", "modules")),
    }
