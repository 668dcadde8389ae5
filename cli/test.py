"""`./studio test`: format, lint, types, and every test."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emulators.stack import ROOT
from emulators.with_parent import node, parent_pipe, program, python

IMPORTS = program(str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo")
CHECKS: tuple[tuple[str, list[str]], ...] = (
    ("format", python("ruff", "format", "--check", ".")),
    ("lint", python("ruff", "check", ".")),
    ("imports", IMPORTS),
    ("types", node("node_modules/pyright/index.js")),
)
WORKERS = 2
NO_PYTHON = 3
"""Status of `cli.models_env` where there is no Python to make the environment of the export with."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("test", help="format, lint, types and tests; arguments go to pytest")
    parser.add_argument("--json", action="store_true", help="print {ok, steps} at the end of the output")
    parser.add_argument("--only-checks", action="store_true", help="leave the tests out")
    parser.add_argument(
        "--models",
        action="store_true",
        help="make the environment of `models export` (1 GB), whose tests need it",
    )
    parser.set_defaults(handler=handle)


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Our own arguments, and of `test` those that go to pytest: a path, `-k NAME`, ..."""
    if arguments[:1] != ["test"]:
        return arguments, []
    ours = {"--json", "--only-checks", "--models", "-h", "--help"}
    own = [argument for argument in arguments[1:] if argument in ours]
    return ["test", *own], [argument for argument in arguments[1:] if argument not in ours and argument != "--"]


def handle(options: argparse.Namespace) -> int:
    """Run the checks, then the tests; no test executed is a failure, as pytest says with status 5."""
    arguments: list[str] = options.arguments
    everything = not arguments and not options.only_checks
    with _export_environment(options.models) as made:
        report = [] if arguments else [_step(name, command) for name, command in CHECKS]
        report += made()
    if arguments:
        report.append(_step("tests", python("pytest", *arguments)))
    elif everything:
        report += _all_tests()
    ok = all(step["ok"] for step in report)
    if options.json:
        print(json.dumps({"ok": ok, "steps": report}))
    elif not ok:
        print("studio: failed: " + ", ".join(step["name"] for step in report if not step["ok"]), file=sys.stderr)
    return 0 if ok else 1


@contextmanager
def _export_environment(wanted: bool) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Make it beside the checks; what is yielded waits for it. Without a Python for it its tests are skipped."""
    if not wanted:
        yield list
        return
    started = time.monotonic()
    making = subprocess.Popen(python("cli.models_env"), cwd=ROOT, stdin=parent_pipe())

    def wait() -> list[dict[str, Any]]:
        ok = making.wait() in (0, NO_PYTHON)
        return [{"name": "export environment", "ok": ok, "ms": round((time.monotonic() - started) * 1000)}]

    try:
        yield wait
    finally:
        making.terminate()
        making.wait()


def _all_tests() -> list[dict[str, Any]]:
    """Most tests wait for processes, so they run side by side. Those that talk to the shared stack are one process with
    one stack, since an idle one asks its queues all the time; of the others whole files are shared out."""
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        talking = subprocess.Popen(
            python("pytest", "-m", "on_stack"), cwd=ROOT, stdin=parent_pipe(), stdout=log, stderr=log
        )
        try:
            spread = ("-m", "not on_stack", "-n", str(WORKERS), "--dist", "loadfile", "--no-loadscope-reorder")
            tests = _step("tests", python("pytest", *spread))
            ok = talking.wait() == 0
        finally:
            talking.terminate()
        log.seek(0)
        print(f"studio: tests on the stack\n{log.read()}", flush=True)
    return [tests, {"name": "tests on the stack", "ok": ok, "ms": round((time.monotonic() - started) * 1000)}]


def _step(name: str, command: list[str]) -> dict[str, Any]:
    print(f"studio: {name}", flush=True)
    started = time.monotonic()
    status = subprocess.run(command, cwd=ROOT, stdin=parent_pipe(), check=False).returncode
    return {"name": name, "ok": status == 0, "ms": round((time.monotonic() - started) * 1000)}
