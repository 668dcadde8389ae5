"""What a command has started ends with it, also when it is killed with SIGKILL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from processes import Family, started
from quick import eventually

pytestmark = pytest.mark.processes

ON_STACK = "tests/functions/admin/test_admin_http.py"
"""A file whose tests need the whole stack."""


def kill(family: Family) -> None:
    family.process.kill()
    family.process.wait()
    family.wait_for_end()


def runs_instances(family: Family) -> bool:
    return any("functions_host.instance" in line for line in family.command_lines())


def test_run(tmp_path: Path) -> None:
    with started("run", "--data", str(tmp_path / "data"), "--json") as family:
        assert family.process.stdout is not None
        assert json.loads(family.process.stdout.readline())["functions"]
        assert len(family.alive()) > 8
        kill(family)


def test_demo(tmp_path: Path) -> None:
    with started("demo", "--json", "--out", str(tmp_path)) as family:
        eventually(lambda: runs_instances(family), "the start of the stack")
        kill(family)


@pytest.mark.parametrize("how", [(), ("-p", "cli.suite.sharing")], ids=["one", "several"])
def test_test(how: tuple[str, ...]) -> None:
    with started("test", *how, ON_STACK) as family:
        eventually(lambda: runs_instances(family), "the start of the stack")
        kill(family)
