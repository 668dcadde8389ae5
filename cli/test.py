"""`./studio test`: format, lint, types, and every test."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from typing import Any

from emulators.stack import ROOT

CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("format", (sys.executable, "-m", "ruff", "format", "--check", ".")),
    ("lint", (sys.executable, "-m", "ruff", "check", ".")),
    ("types", ("node", "node_modules/pyright/index.js")),
)


WORKERS = 3


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("test", help="format, lint, types and tests; arguments go to pytest")
    parser.add_argument("--json", action="store_true", help="print {ok, steps} at the end of the output")
    parser.add_argument("--only-checks", action="store_true", help="leave the tests out")
    parser.set_defaults(handler=handle)


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Our own arguments, and of `test` those that go to pytest: a path, `-k NAME`, ..."""
    if arguments[:1] != ["test"]:
        return arguments, []
    ours = {"--json", "--only-checks", "-h", "--help"}
    own = [argument for argument in arguments[1:] if argument in ours]
    return ["test", *own], [argument for argument in arguments[1:] if argument not in ours and argument != "--"]


def handle(options: argparse.Namespace) -> int:
    """Run the checks, then the tests; no test executed is a failure, as pytest says with status 5."""
    arguments: list[str] = options.arguments
    steps = list(CHECKS) if not arguments else []
    if not options.only_checks:
        # Most tests wait for processes: workers of their own, each with its own stack, share out whole files.
        spread = () if arguments else ("-n", str(WORKERS), "--dist", "loadfile")
        steps.append(("tests", (sys.executable, "-m", "pytest", *spread, *arguments)))
    report: list[dict[str, Any]] = []
    for name, command in steps:
        started = time.monotonic()
        if name != "tests":
            print(f"studio: {name}", flush=True)
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        report.append({"name": name, "ok": status == 0, "ms": round((time.monotonic() - started) * 1000)})
    ok = all(step["ok"] for step in report)
    if options.json:
        print(json.dumps({"ok": ok, "steps": report}))
    elif not ok:
        print("studio: failed: " + ", ".join(step["name"] for step in report if not step["ok"]), file=sys.stderr)
    return 0 if ok else 1
