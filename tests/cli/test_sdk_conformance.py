"""`./studio conformance cosmos` leaves no process behind, however it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from quick import eventually

from emulators.stack import ROOT

pytestmark = pytest.mark.processes

COMMAND = """
import json, sys
from pathlib import Path
from cli import conformance
from emulators.launch import launch
folder = Path(sys.argv[1])
with launch("cosmos", "--throughput", "0") as facts:
    (folder / "facts.json").write_text(json.dumps(facts))
    conformance._pytest(Path(sys.executable), folder, folder / "report.xml", {}, "test_long.py")
"""
LONG = """
import os, time
from pathlib import Path
def test_long():
    Path("pid").write_text(str(os.getpid()))
    time.sleep(600)
"""


def test_a_killed_run_leaves_neither_emulator_nor_tests(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_long.py").write_text(LONG)
    process = subprocess.Popen([sys.executable, "-c", COMMAND, str(tmp_path)], cwd=ROOT)
    try:
        written = tmp_path / "pid"
        eventually(lambda: written.exists() and written.read_text() != "", "the test that runs long")
        assert json.loads((tmp_path / "facts.json").read_text())["endpoint"]
        children = psutil.Process(process.pid).children(recursive=True)
        commands = [" ".join(child.cmdline()) for child in children]
        assert any("emulators.cosmos" in command for command in commands)
        assert int(written.read_text()) in [child.pid for child in children]
    finally:
        process.kill()
        process.wait()
    eventually(lambda: not any(child.is_running() for child in children), "the end of all processes")
