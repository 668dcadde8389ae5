"""What is found only once everything runs: identities, ports, the Python version, alerts on unlogged lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from cli.infra.findings import Finding
from cli.infra.syntax import Array, Expression, File, Literal, Object, objects, text
from emulators.functions_host.schedule import Schedule, ScheduleError

_CRON: Final = re.compile(r"^\S+( \S+){5}$")
CODE: Final = Path(__file__).resolve().parents[2]
"""The checkout that the log lines are looked up in."""
_IDENTITY: Final = re.compile(r"^(\w+?)__(accountName|serviceUri|blobServiceUri|queueServiceUri|tableServiceUri)$")
_EVENTS: Final = re.compile(r'"([a-z_]+\.[a-z_]+)"')
_EXPOSE: Final = re.compile(r"^EXPOSE (\d+)", re.MULTILINE)
_HOOK_PYTHON: Final = re.compile(r"python(3\.\d+)")


def check(root: Path, files: Mapping[str, File], settings: Mapping[str, Expression]) -> Iterator[Finding]:
    """Every such mistake; `settings` are those of the app."""
    yield from _identities(settings)
    yield from _python(root, files)
    yield from _ports(root, files)
    yield from _alerts(files)
    for path, node in objects(files):
        if (value := node.get("cors")) is not None and node.get("corsRules") is None and path == "app/api.bicep":
            message = "the platform would answer for the app, which allows ALLOWED_ORIGINS itself: remove cors"
            yield Finding("app", path, value.line, message)


def _identities(settings: Mapping[str, Expression]) -> Iterator[Finding]:
    """A connection without a key signs in as the identity that is assigned by the user, which it has to name."""
    for connection in sorted({found[1] for name in settings if (found := _IDENTITY.match(name))}):
        if text(settings.get(f"{connection}__credential")) != "managedidentity":
            message = f"{connection}__credential is not 'managedidentity': the connection has no credential"
            yield Finding("app", "app/api.bicep", 1, message)
        if f"{connection}__clientId" not in settings:
            message = f"{connection}__clientId is missing: the app has no identity of its own (system-assigned)"
            yield Finding("app", "app/api.bicep", 1, message)


def _python(root: Path, files: Mapping[str, File]) -> Iterator[Finding]:
    """Bytecode of another version than the one that runs would be packaged for nothing."""
    hook = root / "infra/hooks/bytecode.sh"
    compiled = _HOOK_PYTHON.search(hook.read_text()) if hook.is_file() else None
    for path, node in objects(files):
        runtime = node.get("runtime")
        version = text(runtime.get("version")) if isinstance(runtime, Object) else None
        if version is not None and compiled and compiled[1] != version and runtime is not None:
            message = f"Python {version} runs, but infra/hooks/bytecode.sh compiles for {compiled[1]}"
            yield Finding("app", path, runtime.line, message)


def _ports(root: Path, files: Mapping[str, File]) -> Iterator[Finding]:
    """The ingress, the probes and the image agree on a port."""
    written: list[tuple[str, int, object]] = []
    for path, node in objects(files):
        found = [
            node.get("targetPort"),
            probe.get("port") if isinstance(probe := node.get("httpGet"), Object) else None,
        ]
        written += [(path, one.line, one.value) for one in found if isinstance(one, Literal)]
    exposed = {
        int(port)
        for image in (root / "vto_container").glob("Dockerfile*")
        for port in _EXPOSE.findall(image.read_text())
    }
    for path, line, port in written:
        if exposed and port not in exposed:
            yield Finding("app", path, line, f"port {port}, but the images listen on {', '.join(map(str, exposed))}")


def _alerts(files: Mapping[str, File]) -> Iterator[Finding]:
    """An alert on a line that the code never logs is never raised."""
    named = {
        (path, value.line, event)
        for path, node in objects(files)
        if isinstance(value := node.get("events"), Literal)
        for event in _EVENTS.findall(str(value.value))
    }
    code = "\n".join(
        source.read_text()
        for folder in ("shared", "functions", "vto_container")
        for source in sorted((CODE / folder).rglob("*.py"))
    )
    for path, line, event in sorted(named):
        if f'"{event}"' not in code:
            yield Finding("app", path, line, f"nothing logs {event}: the alert would never be raised")


def prefixes(files: Mapping[str, File], containers: frozenset[str]) -> Iterator[Finding]:
    """Rules of the lifecycle that match no container of the app."""
    for path, node in objects(files):
        value = node.get("prefixMatch")
        for item in value.items if isinstance(value, Array) else ():
            name = (text(item) or "").partition("/")[0]
            if name and name not in containers:
                yield Finding("app", path, item.line, f"prefixMatch: the app has no container {name}")


def not_ncrontab(schedule: str | None) -> str | None:
    """Why a schedule that is written is none; None if it is one. Flex Consumption takes no time span."""
    if schedule is None:
        return None
    try:
        Schedule(schedule)
    except ScheduleError as error:
        return str(error)
    return None if _CRON.match(schedule) else f"{schedule!r} has other fields"
