"""The one command as a newcomer meets it: what is missing is said in one line, help names every command."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests
from quick import eventually

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("sh", "dirname", "cat", "cksum", "sed", "env", "rm")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkout without environment, and a PATH with the tools of any system and nothing else."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("studio", "requirements-dev.lock", "package-lock.json"):
        shutil.copy(ROOT / name, checkout / name)
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (tools / tool).symlink_to(found)
    return checkout


def studio(checkout: Path, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(checkout.parent / "bin"), "HOME": str(home)}
    return subprocess.run(
        [str(checkout / "studio"), "demo"], env=environment, capture_output=True, text=True, check=False, timeout=30
    )


def test_a_missing_python_is_named_in_one_line(bare: Path, tmp_path: Path) -> None:
    done = studio(bare, tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "Python 3.13 is missing" in line


def test_a_missing_node_is_named_in_one_line(bare: Path, tmp_path: Path) -> None:
    (bare.parent / "bin" / "python3.13").symlink_to(sys.executable)
    done = studio(bare, tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "Node.js 20" in line


def test_a_python_of_pyenv_is_found_without_being_selected(bare: Path, tmp_path: Path) -> None:
    versions = tmp_path / ".pyenv" / "versions" / "3.13.9" / "bin"
    versions.mkdir(parents=True)
    (versions / "python").symlink_to(sys.executable)
    assert "Node.js 20" in studio(bare, tmp_path).stderr


def test_help_names_the_commands() -> None:
    done = subprocess.run([sys.executable, "-m", "cli", "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for command in ("demo", "run", "test", "admin"):
        assert command in done.stdout


def test_arguments_of_the_tests_reach_pytest() -> None:
    command = [sys.executable, "-m", "cli", "test", "-k", "nothing_is_called_so", "tests/test_walls.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "deselected" in done.stdout
    assert done.returncode == 1, "no test executed is a failure"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_run_lists_every_function_and_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "cli", "run", "--data", str(tmp_path / "data"), "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "STUDIO_TEST_MARK": tmp_path.name},
    )
    assert running.stdout is not None
    facts = json.loads(running.stdout.readline())
    assert requests.get(facts["url"] + "/api/health", timeout=10).json()["status"] == "ok"
    assert {"conversions_create", "convert_worker", "sweeper"} <= {f["name"] for f in facts["functions"]}
    assert len(marked(tmp_path.name)) > 5
    second = [sys.executable, "-m", "cli", "run", "--data", str(tmp_path / "data")]
    refused = subprocess.run(second, cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "another ./studio run" in refused.stderr
    running.send_signal(number)
    assert running.wait(60) == 0
    eventually(lambda: not marked(tmp_path.name), "the end of every process")


def marked(mark: str) -> list[int]:
    """Processes that were started with the mark in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("STUDIO_TEST_MARK") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found
