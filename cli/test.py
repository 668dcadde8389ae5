"""`./studio test`: format, lint, import rules, types, and every test.

With `--json` the last line of the output is `{ok, steps: [{name, ok, ms}]}`. The steps are `clients`, `format`, `lint`,
`imports`, `types`, `export environment` (with `--models`) and `tests`; those that did not run are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cli.changed import files_to_check
from cli.checked import Checked
from emulators.stack import ROOT
from emulators.with_parent import node, parent_pipe, program, python

IMPORTS = program(str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo")
CHECKS: tuple[tuple[str, list[str]], ...] = (
    ("format", python("ruff", "format", "--check", ".")),
    ("lint", python("ruff", "check", ".")),
    ("imports", IMPORTS),
)
TYPES = node("--max-semi-space-size=64", "node_modules/pyright/index.js")
"""A larger nursery (MB) of the garbage collector takes a seventh off pyright's time."""
PROCESSORS = os.cpu_count() or 1
TEST_PROCESSES = PROCESSORS + 3
"""Most tests wait for processes, those on the shared stack for a browser as well."""
NO_PYTHON = 3
"""Status of `cli.models_env` where there is no Python to make the environment of the export with."""
OPTIONS = {
    "--json": "print {ok, steps} as the last line",
    "--quick": "only tests that start no process (no storage, no app), and types of what changed since origin",
    "--long": "also the tests of a minute or more; a deployment runs them",
    "--only-checks": "leave the tests out",
    "--models": "make the environment of `models export` (1 GB), whose tests need it",
}


@dataclass(frozen=True)
class Step:
    """What came of one step: `ms` is its time by the clock in milliseconds."""

    name: str
    ok: bool
    ms: int


type Wait = Callable[[], Step]
"""Waits for the end of a step that runs beside others."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("test", help="checks and tests; arguments go to pytest")
    for name, text in OPTIONS.items():
        parser.add_argument(name, action="store_true", help=text)
    parser.set_defaults(handler=handle)


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Our own arguments, after the command, and those that go to pytest: a path, `-k NAME`, ..."""
    ours = {*OPTIONS, "-h", "--help"}
    own = [argument for argument in arguments[1:] if argument in ours]
    return [arguments[0], *own], [argument for argument in arguments[1:] if argument not in ours and argument != "--"]


def handle(options: argparse.Namespace) -> int:
    """Run the checks, then the tests; no test executed is a failure, as pytest says with status 5."""
    steps = _named_tests(options) if options.arguments else _everything(options)
    ok = all(step.ok for step in steps)
    if options.json:
        print(json.dumps({"ok": ok, "steps": [asdict(step) for step in steps]}))
    elif not ok:
        print("studio: failed: " + ", ".join(step.name for step in steps if not step.ok), file=sys.stderr)
    return 0 if ok else 1


def _named_tests(options: argparse.Namespace) -> list[Step]:
    """Tests alone, in one process: what they need is started when the first one needs it."""
    with ExitStack() as running:
        steps = [_export_environment(running)()] if options.models else []
        quick = ["-m", "not processes"] if options.quick else []
        return [*steps, _step("tests", python("pytest", *quick, *options.arguments))]


def _everything(options: argparse.Namespace) -> list[Step]:
    """The checks and all tests; pyright, which takes longest of the checks, runs beside them."""
    with ExitStack() as running:
        # The types of the API clients are generated; pyright reads them.
        generated = _step("clients", python("cli", "clients", "--only-models"))
        types = _types(running, of_changes=options.quick)
        environment = _export_environment(running) if options.models else None
        steps = [generated, *(_step(name, command) for name, command in CHECKS)]
        steps += [environment()] if environment else []
        if not options.only_checks:
            steps.append(_tests(options))
        return [*steps, *([types()] if types else [])]


def _types(running: ExitStack, *, of_changes: bool) -> Wait | None:
    """Start pyright; None if nothing is to be checked."""
    checked = None if of_changes else Checked(ROOT, Path(sys.prefix) / "types-checked")
    files = files_to_check() if checked is None else checked.left()
    if files == []:
        print("studio: types: no file changed")
        return None
    wait = running.enter_context(_beside("types", [*TYPES, *(files or [])]))

    def ended() -> Step:
        step = wait()
        if checked is not None and step.ok:
            checked.remember()
        return step

    return ended


def _tests(options: argparse.Namespace) -> Step:
    """All tests of a kind, by processes that take file after file."""
    marks = "not processes" if options.quick else "" if options.long else "not long"
    processes = PROCESSORS if options.quick else TEST_PROCESSES
    how = ("-p", "cli.suite.sharing", "--noconftest", "--processes", str(processes))
    # Their number is not known before the end, and with it no share of what is done.
    return _step("tests", python("pytest", *how, "-o", "console_output_style=classic", "-m", marks))


def _export_environment(running: ExitStack) -> Wait:
    """Make it beside the checks; without a Python for it its tests are skipped."""
    return running.enter_context(_beside("export environment", python("cli.models_env"), (0, NO_PYTHON)))


def _step(name: str, command: list[str]) -> Step:
    print(f"studio: {name}", flush=True)
    started = time.monotonic()
    status = subprocess.run(command, cwd=ROOT, stdin=parent_pipe(), check=False).returncode
    return Step(name, status == 0, _ms_since(started))


@contextmanager
def _beside(name: str, command: list[str], good: tuple[int, ...] = (0,)) -> Generator[Wait]:
    """Run a step beside others; its output is shown when it has been waited for."""
    started = time.monotonic()
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdin=parent_pipe(), stdout=log, stderr=log)
        ms: list[int] = []

        def follow() -> None:
            process.wait()
            ms.append(_ms_since(started))

        follower = threading.Thread(target=follow)
        follower.start()

        def wait() -> Step:
            follower.join()
            log.seek(0)
            print(f"studio: {name}\n{log.read()}", end="", flush=True)
            return Step(name, process.returncode in good, ms[0])

        try:
            yield wait
        finally:
            process.terminate()
            follower.join()


def _ms_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
