"""The one command as a newcomer meets it: what is missing is said in one line, help names every command."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from processes import started
from studio_command import studio

from cli import run

pytestmark = pytest.mark.processes

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


def bare_studio(checkout: Path, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(checkout.parent / "bin"), "HOME": str(home)}
    return subprocess.run(
        [str(checkout / "studio"), "demo"], env=environment, capture_output=True, text=True, check=False
    )


def test_a_missing_python_is_named_in_one_line(bare: Path, tmp_path: Path) -> None:
    done = bare_studio(bare, tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "Python 3.13 is missing" in line


def test_a_missing_node_is_named_in_one_line(bare: Path, tmp_path: Path) -> None:
    (bare.parent / "bin" / "python3.13").symlink_to(sys.executable)
    done = bare_studio(bare, tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "Node.js 20" in line


def test_a_python_of_pyenv_is_found_without_being_selected(bare: Path, tmp_path: Path) -> None:
    versions = tmp_path / ".pyenv" / "versions" / "3.13.9" / "bin"
    versions.mkdir(parents=True)
    (versions / "python").symlink_to(sys.executable)
    assert "Node.js 20" in bare_studio(bare, tmp_path).stderr


def test_help_names_the_commands() -> None:
    done = studio("--help")
    assert done.returncode == 0
    for command in ("demo", "run", "test", "admin"):
        assert command in done.stdout


def test_arguments_of_the_tests_reach_pytest() -> None:
    done = studio("test", "-k", "nothing_is_called_so", "tests/test_layer_rules.py")
    assert "deselected" in done.stdout
    assert done.returncode == 1, "no test executed is a failure"


def test_run_lists_every_function_and_leaves_no_process_behind(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    with started("run", "--data", data, "--json") as family:
        assert family.process.stdout is not None
        facts = json.loads(family.process.stdout.readline())
        assert requests.get(facts["url"] + "/api/health", timeout=10).json()["status"] == "ok"
        assert {"create_conversion", "interactive_worker", "sweeper"} <= {f["name"] for f in facts["functions"]}
        assert len(family.alive()) > 5
        refused = studio("run", "--data", data)
        assert refused.returncode == 1
        assert "another ./studio run" in refused.stderr
        assert requests.get(facts["docs"], timeout=10).ok
        credentials = {"email": facts["logins"]["emails"][0], "password": facts["logins"]["password"]}
        assert requests.post(facts["url"] + "/api/auth/login", json=credentials, timeout=30).ok
        port = facts["url"].rpartition(":")[2]
        refused = studio("run", "--data", str(tmp_path / "other"), "--port", port)
        assert refused.returncode == 1
        (line,) = refused.stderr.strip().splitlines()
        assert f"port {port}" in line and "--port" in line
        family.process.send_signal(signal.SIGTERM)
        assert family.process.wait() == 0
        family.wait_for_end()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_run_stops_with_each_of_these_signals(number: signal.Signals) -> None:
    """All set the one event that the run above has ended by."""
    known = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {one: signal.signal(one, signal.SIG_IGN) for one in known}
    try:
        over = run.set_by_signals()
        assert not over.is_set()
        signal.raise_signal(number)
        assert over.is_set()
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_commands_end_with_these_signals_as_with_ctrl_c(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "functions.log").write_text("[2026-11-29 01:02:03,456] INFO studio: a line\n")
    with started("logs", "--follow", "--data", str(tmp_path)) as family:
        assert family.process.stdout is not None
        assert "a line" in family.process.stdout.readline()
        family.process.send_signal(number)
        assert family.process.wait() == 130
