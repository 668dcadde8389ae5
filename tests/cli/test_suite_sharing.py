"""Test files that are shared out to processes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from emulators.stack import ROOT
from emulators.with_parent import parent_pipe, python

pytestmark = pytest.mark.processes

CONFTEST = """
import os, pytest

@pytest.fixture(scope="session")
def stack():
    with open("stacks", "a") as log:
        print(os.getpid(), file=log)
    yield os.getpid()
    with open("stacks", "a") as log:
        print("closed", file=log)

@pytest.fixture
def number():
    return 7
"""
ON_STACK = "def test_stack(stack):\n    assert stack == __import__('os').getpid()\n"
FAILS = (
    "def test_sum(number):\n    shown = number + 1\n    print('printed')\n    assert shown == 7, 'the sum is wrong'\n"
)
PASSES = "import pytest\n\n@pytest.mark.parametrize('n', range(3))\ndef test_pass(n, number):\n    assert number\n"
DIES = "import os\n\ndef test_well():\n    pass\n\ndef test_end():\n    os._exit(0)\n"


def run(folder: Path, processes: int, files: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """Run these test files, and no plugin but pytest's own and the one under test."""
    for name, text in {"pytest.ini": "[pytest]\ntestpaths = tests\n", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    alone = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": " ".join(options)}
    return subprocess.run(
        python("pytest", "-p", "cli.suite.sharing", "--processes", str(processes)),
        cwd=folder,
        env={**os.environ, **alone},
        stdin=parent_pipe(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_several_processes_report_as_one(tmp_path: Path) -> None:
    files = {
        "tests/conftest.py": CONFTEST,
        "tests/a/test_broken.py": "import nothing_of_this_name\n",
        "tests/a/test_fails.py": FAILS,
        "tests/b/conftest.py": CONFTEST.replace("number", "other"),
        **{f"tests/b/test_passes_{n}.py": PASSES for n in range(4)},
        **{f"tests/{folder}/test_stack_{folder}.py": ON_STACK for folder in "ab"},
    }
    done = run(tmp_path, 2, files, "--durations=3", "-vv")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 failed, 14 passed, 1 error in" in done.stdout
    assert "No module named 'nothing_of_this_name'" in done.stdout
    assert "ERROR tests/a/test_broken.py" in done.stdout
    for part in ("shown = number + 1", "the sum is wrong", "assert 8 == 7", "Captured stdout call", "printed"):
        assert part in done.stdout
    assert "slowest 3 durations" in done.stdout
    stacks = (tmp_path / "stacks").read_text().split()
    assert stacks[2:] == ["closed"] * 2, "a session fixture of each conftest.py, until the end"
    assert stacks[0] == stacks[1], "in one process"


def test_a_process_that_dies_is_a_failure_and_others_go_on(tmp_path: Path) -> None:
    done = run(tmp_path, 2, {"tests/test_dies.py": DIES, **{f"tests/test_passes_{n}.py": PASSES for n in range(4)}})
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "FAILED tests/test_dies.py::test_end - test process" in done.stdout
    assert "ended with status 0; files it had not ended: tests/test_dies.py" in done.stdout
    assert "1 failed, " in done.stdout


def test_files_that_no_process_is_left_for_are_named(tmp_path: Path) -> None:
    kills = "import os\nos.kill(os.getpid(), 9)\n"
    done = run(tmp_path, 1, {"tests/test_a.py": PASSES, "tests/test_b.py": kills, "tests/test_c.py": PASSES})
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "FAILED tests/test_b.py - test process 0 ended with status -9" in done.stdout
    assert "FAILED tests/test_c.py - was not run" in done.stdout


def test_the_first_failure_can_end_the_run(tmp_path: Path) -> None:
    done = run(tmp_path, 1, {"tests/test_a.py": FAILS, "tests/test_b.py": PASSES, "tests/test_c.py": PASSES}, "-x")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "test_pass" not in done.stdout


def test_no_test_executed_is_a_failure(tmp_path: Path) -> None:
    done = run(tmp_path, 2, {"tests/test_a.py": "", "tests/test_b.py": PASSES}, "-k", "another")
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
