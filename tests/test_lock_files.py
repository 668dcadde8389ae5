"""The lock files pin what `requirements*.txt` and `package.json` ask for, by content and without addresses."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements-dev.lock"
SOURCES = ("requirements.txt", "requirements-dev.txt")
PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required() -> dict[str, str]:
    lines = [line for source in SOURCES for line in (ROOT / source).read_text().splitlines()]
    pins = [PIN.match(line) for line in lines if line and not line.startswith(("#", "-r"))]
    assert all(pins), "every requirement is pinned to one version"
    return {normalized(pin[1]): pin[2] for pin in pins if pin}


def entries() -> dict[str, str]:
    """The lock's text for every package, by its normalized name: version, hashes and the comment that says why."""
    found: dict[str, str] = {}
    name = ""
    for line in LOCK.read_text().splitlines():
        if pin := PIN.match(line):
            name = normalized(pin[1])
            assert name not in found, f"{name} is locked twice"
            found[name] = line
        elif name:
            found[name] += "\n" + line
    return found


def test_the_lock_matches_the_requirements() -> None:
    locked = {}
    for name, text in entries().items():
        if re.search(r"-r requirements(-dev)?\.txt", text):
            pin = PIN.match(text)
            assert pin
            locked[name] = pin[2]
    assert locked == required(), "the lock is stale: run the command at its top"


def test_every_locked_package_has_hashes() -> None:
    assert not [name for name, text in entries().items() if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", text)]


def test_the_locks_name_no_download_address() -> None:
    assert "://" not in LOCK.read_text() and "--index" not in LOCK.read_text()
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert not [name for name, package in packages.items() if "resolved" in package]


def test_the_npm_lock_matches_the_package_file() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for key in ("devDependencies", "engines", "license"):
        assert packages[""][key] == wanted[key]
    for name, version in wanted["devDependencies"].items():
        assert packages[f"node_modules/{name}"]["version"] == version
    assert not [name for name, package in packages.items() if name and not package.get("integrity")]
