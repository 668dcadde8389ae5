"""`./studio doctor`: checks everything the app depends on; one line each, with a remedy for what is wrong."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from emulators.azurite import Azurite, AzuriteError
from emulators.functions_host.settings import local_values
from emulators.stack import PROVIDERS, ROOT

STORAGE = "Storage"
DEVELOPMENT_STORAGE = "UseDevelopmentStorage=true"
AZURITE_BLOB_PORT = 10000
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;#]+)")
_INDEX = """
import asyncio, json, sys
from pathlib import Path
from emulators.functions_host.worker import index
try:
    found = asyncio.run(index(Path(sys.argv[1])))
except Exception as error:
    sys.exit(str(error))
print(json.dumps({f.name: f.trigger.raw for f in found}, default=str))
"""


@dataclass(frozen=True)
class Check:
    """One line of the report: what was checked, whether it passed, what was found, and what to do if it failed."""

    name: str
    ok: bool
    detail: str
    remedy: str | None = None


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("doctor", help="check this machine and say how to fix what is wrong")
    parser.add_argument("--port", type=int, help="the app's port; by default the one in local.settings.json")
    parser.add_argument("--json", action="store_true", help="print {ok, checks: [{name, ok, detail, remedy}]}")
    parser.add_argument(
        "--infra",
        action="store_true",
        help="check infra/, azure.yaml and the images instead; --json adds {skipped} and {findings: [{kind, file, "
        "line, message}]}",
    )
    parser.add_argument(
        "--types", type=Path, metavar="DIR",
        help="type descriptions for --infra: the folder `generated` of github.com/Azure/bicep-types-az",
    )  # fmt: skip
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Run all checks; 0 only if all pass."""
    if options.infra:
        from cli.infra import report

        return report.handle(ROOT, options.types, as_json=options.json)
    checks: list[Check] = []
    for check in _all(options.port):
        checks.append(check)
        if not options.json:
            print(f"{'ok   ' if check.ok else 'WRONG'}  {check.name:<16} {check.detail}", flush=True)
            if check.remedy and not check.ok:
                print(f"{'':<23} -> {check.remedy}", flush=True)
    ok = all(check.ok for check in checks)
    if options.json:
        print(json.dumps({"ok": ok, "checks": [asdict(check) for check in checks]}))
    elif not ok:
        print(f"studio: {sum(not check.ok for check in checks)} problems found", file=sys.stderr)
    return 0 if ok else 1


def _all(port: int | None) -> Iterator[Check]:
    yield python()
    yield node()
    yield packages()
    yield node_packages()
    local_values(ROOT)
    settled = settings()
    yield settled
    yield listening(port or _local_port())
    yield from indexing()
    if not settled.ok:
        yield Check("connections", False, "not checked because the settings are invalid", "fix the settings above")
        return
    yield from models()
    with ExitStack() as open_until_done:
        yield from connections(open_until_done)


def python() -> Check:
    """Python 3.13, which is what Azure runs the app on."""
    found = ".".join(map(str, sys.version_info[:3]))
    return Check("python", sys.version_info[:2] == (3, 13), found, "install Python 3.13 and delete .venv")


def node() -> Check:
    """Node.js for Azurite and the type checker."""
    remedy = "install Node.js 20 or newer (nodejs.org)"
    path = shutil.which("node")
    if path is None:
        return Check("node", False, "not on PATH", remedy)
    found = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = found.removeprefix("v").partition(".")[0]
    return Check("node", major.isdecimal() and int(major) >= 20, found or "does not start", remedy)


def packages() -> Check:
    """What is installed against what `requirements*.txt` pin."""
    pins: dict[str, str] = {}
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text().splitlines():
            if pin := _PIN.match(line):
                pins[pin[1]] = pin[2]
    wrong: list[str] = []
    for name, wanted in sorted(pins.items()):
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "missing"
        if found != wanted:
            wrong.append(f"{name} {found}, not {wanted}")
    return Check(
        "packages",
        not wrong,
        "; ".join(wrong) or f"{len(pins)} as pinned",
        f"{sys.executable} -m pip install -r requirements-dev.txt",
    )


def node_packages() -> Check:
    """What is in node_modules against `package-lock.json`."""
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    wrong: list[str] = []
    for name in wanted:
        pinned = locked[f"node_modules/{name}"]["version"]
        path = ROOT / "node_modules" / name / "package.json"
        found = json.loads(path.read_text())["version"] if path.is_file() else "missing"
        if found != pinned:
            wrong.append(f"{name} {found}, not {pinned}")
    return Check("node packages", not wrong, "; ".join(wrong) or f"{len(wanted)} as locked", "npm ci")


def settings() -> Check:
    """Whether the settings make sense together; secrets are not shown."""
    from cli.settings import APP, groups
    from shared.errors import ConfigurationError
    from shared.settings import load
    from shared.settings import settings as known

    source = "local.settings.json" if (ROOT / "local.settings.json").is_file() else "local.settings.example.json"
    try:
        conf = known()
        for group in groups(APP):
            load(group)
    except ConfigurationError as error:
        return Check("settings", False, error.message, f"change them in the environment or in {source}")
    from functions.privacy.retention import KINDS
    from functions.privacy.settings import privacy_settings

    unknown = sorted(set(privacy_settings().retention_days) - set(KINDS))
    if unknown:
        remedy = f"use {', '.join(KINDS)}"
        return Check("settings", False, f"RETENTION_DAYS names {', '.join(unknown)}", remedy)
    return Check("settings", True, f"{conf.environment}, documents in {conf.documents.partition(':')[0]}, {source}")


def _local_port() -> int:
    for name in ("local.settings.json", "local.settings.example.json"):
        if (ROOT / name).is_file():
            return int(json.loads((ROOT / name).read_text()).get("Host", {}).get("LocalHttpPort", 7071))
    return 7071


def listening(port: int) -> Check:
    """Whether the app's port is free, or the app itself is on it."""
    if not _in_use(port):
        return Check(f"port {port}", True, "free")
    import requests

    try:
        answer = requests.get(f"http://127.0.0.1:{port}/api/health", timeout=3)
        if answer.ok and answer.json().get("status") == "ok":
            return Check(f"port {port}", True, f"the app, version {answer.json().get('version')}, answers on it")
    except (requests.RequestException, ValueError):
        pass
    return Check(
        f"port {port}", False, "something else listens on it", "stop it, or run on another port: ./studio run --port N"
    )


def _in_use(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def indexing() -> Iterator[Check]:
    """Every function found by Microsoft's worker library, and every `%SETTING%` of their triggers set."""
    done = subprocess.run(
        [sys.executable, "-c", _INDEX, str(ROOT)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        yield Check("indexing", False, why, "python function_app.py shows where it happens")
        return
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.strip().splitlines()[-1])
    missing = sorted(
        {
            name
            for raw in found.values()
            for value in raw.values()
            if isinstance(value, str)
            for name in re.findall(r"%([^%]+)%", value)
            if not os.environ.get(name)
        }
    )
    if missing:
        yield Check("indexing", False, f"triggers need {', '.join(missing)}", "set them as app settings")
        return
    kinds = {kind: sum(raw["type"] == kind for raw in found.values()) for kind in {r["type"] for r in found.values()}}
    counts = ", ".join(f"{count} {kind.removesuffix('Trigger')}" for kind, count in sorted(kinds.items()))
    yield Check("indexing", True, f"{len(found)} functions: {counts}")
    # The index names functions without importing them: this imports every blueprint.
    done = subprocess.run(
        [sys.executable, "-m", "cli.function_index", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        yield Check("function index", False, why, "python -m cli.function_index shows what is wrong, or rewrites it")
        return
    yield Check("function index", True, "every blueprint can be imported, and the index names its functions")


def models() -> Iterator[Check]:
    """Every model of the manifest by its SHA-256."""
    import hashlib

    from shared import onnx
    from shared.errors import ConfigurationError

    try:
        entries = onnx.manifests().values()
    except ConfigurationError as error:
        none = error.code == "no_models"
        yield Check("models", none, error.message, "fetch models_onnx/ again")
        return
    for entry in entries:
        path = onnx.models_dir() / entry.file
        if not path.is_file():
            yield Check(f"model {entry.id}", False, f"{entry.file} is missing", "fetch models_onnx/ again")
            continue
        with path.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256
        detail = entry.version if same else f"{entry.file} does not have the SHA-256 of its manifest"
        yield Check(f"model {entry.id}", same, detail, "fetch models_onnx/ again")


REMEDIES = {
    "documents": "check DOCUMENTS (a folder that can be written), or COSMOS_ENDPOINT and its key or identity",
    "blobs": "check Storage: its key, or the role Storage Blob Data Contributor of the identity",
    "queues": "check Storage: its key, or the role Storage Queue Data Contributor of the identity",
    "vto_container": "start the container, or correct VTO_URL and VTO_TOKEN",
    "gemini": "check GEMINI_API_KEY and GEMINI_MODEL, and that this machine reaches the service",
    "email": "check EMAIL_CONNECTION",
    "sms": "check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN",
    "webpubsub": "check WEBPUBSUB_CONNECTION",
    "paypal": "check PAYPAL_BASE_URL, and that this machine reaches it",
}


def connections(open_until_done: ExitStack) -> Iterator[Check]:
    """Everything the app talks to, as `health?probe=all` asks it; nothing is spent.

    Development storage that does not run is started for the check: that is what `./studio run` would do.
    """
    from functions.observe import probes
    from functions.observe.settings import observe_settings

    started = False
    if os.environ.get(STORAGE) == DEVELOPMENT_STORAGE and not _in_use(AZURITE_BLOB_PORT):
        try:
            azurite = open_until_done.enter_context(Azurite())
        except AzuriteError as error:
            yield Check("storage", False, str(error).splitlines()[0], "npm ci")
            return
        os.environ[STORAGE] = azurite.connection_string
        _forget()
        started = True
    asked = {name: probe for name, probe in probes.PROBES.items() if name != "models"}
    for name, result in probes.ask(asked, observe_settings().probe_timeout_s + 5).items():
        if result.status == "not_configured":
            stand_in = "; ./studio run puts its emulator there" if name in PROVIDERS else ""
            stand_in = "; ./studio run starts it on this machine" if name == "vto_container" else stand_in
            yield Check(name, True, f"not configured{stand_in}")
            continue
        ok = result.status == "ok"
        own = " (Azurite, started for this check)" if started and name in ("blobs", "queues") else ""
        yield Check(name, ok, f"{result.note or 'answers'}, {result.latency_ms:g} ms{own}", REMEDIES.get(name))


def _forget() -> None:
    from shared import blobs, settings
    from shared.jobs import queues

    clients = (blobs._service, blobs._container, queues.client)  # pyright: ignore[reportPrivateUsage]
    caches: tuple[Callable[[], None], ...] = (settings.forget, *(client.cache_clear for client in clients))
    for clear in caches:
        clear()
