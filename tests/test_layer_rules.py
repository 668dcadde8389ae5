"""Rules of the packages that import-linter and ruff can't express, and that those two find what they are to find."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.test import IMPORTS
from emulators.with_parent import parent_pipe

ROOT = Path(__file__).resolve().parents[1]
TRIGGER_LINES = 15
FUNCTION_APP_LINES = 25
FILE_LINES = 400
VIOLATIONS = {
    "functions/convert/service.py": "from emulators import stack",
    "functions/jobs/models.py": "def late():\n    from functions.auth import models",
    "functions/files/service.py": "from vto_container import runs",
    "shared/documents/port.py": "from shared import jobs",
    "emulators/pages.py": "import shared.errors",
}
"""One import for each contract of pyproject.toml."""


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


@pytest.mark.processes
def test_a_forbidden_import_breaks_its_contract(tmp_path: Path) -> None:
    for package in ("shared", "functions", "vto_container", "emulators"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, line in VIOLATIONS.items():
        with (tmp_path / name).open("a") as file:
            file.write(f"\n{line}\n")
    # The copy has the launcher as well, so that nothing of this checkout is read.
    done = subprocess.run(IMPORTS, cwd=tmp_path, stdin=parent_pipe(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"0 kept, {len(VIOLATIONS)} broken" in done.stdout


@pytest.mark.processes
def test_a_heavy_import_at_module_level_and_a_trigger_in_a_use_case_are_refused() -> None:
    code = "import azure.functions\nimport azure.storage.blob\n\n\ndef lazy():\n    import azure.storage.blob\n"
    command = [sys.executable, "-m", "ruff", "check", "--output-format", "concise", "--select", "TID"]
    done = subprocess.run(
        [*command, "--stdin-filename", "functions/convert/service.py", "-"],
        cwd=ROOT, input=code, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert [line.split()[1] for line in done.stdout.splitlines() if "TID" in line] == ["TID251", "TID253"]


def test_triggers_parse_call_and_return() -> None:
    long = [
        f"{path.parent.name}.{node.name}"
        for path in ROOT.glob("functions/*/*blueprint.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and (node.body[-1].end_lineno or 0) - node.lineno >= TRIGGER_LINES
    ]
    assert not long


def test_function_app_registers_and_nothing_else() -> None:
    assert lines(ROOT / "function_app.py") <= FUNCTION_APP_LINES


def test_no_file_has_more_than_400_lines() -> None:
    patterns = ("shared/**/*.py", "functions/**/*.py", "emulators/**/*.py", "demo/*.py")
    assert not [str(path) for pattern in patterns for path in ROOT.glob(pattern) if lines(path) > FILE_LINES]
