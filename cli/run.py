"""`./studio run`: the whole stack, until ^C."""

from __future__ import annotations

import argparse
import fcntl
import json
import signal
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emulators.stack import DOCUMENTS, ROOT, Stack

RUNNING = "running.json"
"""Where, while it runs, other commands find the stack: in its data directory."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("run", help="start everything and stay; lists every function")
    parser.add_argument("--port", type=int, default=0, help="port of the app (a free one)")
    parser.add_argument("--workers", type=int, default=1, help="instances of the app")
    parser.add_argument("--data", type=Path, default=ROOT / ".studio", help="where blobs and documents are kept")
    parser.add_argument("--documents", choices=DOCUMENTS, help="SQLite (default), or the Cosmos DB emulator")
    parser.add_argument("--json", action="store_true", help="print one line of JSON when ready")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Start, list, wait for ^C or SIGTERM, stop."""
    over = threading.Event()

    def stop(*_: object) -> None:
        over.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    with (
        only_one(options.data),
        Stack(options.data, port=options.port, workers=options.workers, documents=options.documents) as stack,
    ):
        running = options.data / RUNNING
        running.write_text(json.dumps({"url": stack.url, "settings": stack.settings}))
        running.chmod(0o600)
        try:
            if options.json:
                print(json.dumps(facts(stack)), flush=True)
            else:
                show(stack)
            while not over.wait(0.5):
                continue
        finally:
            running.unlink(missing_ok=True)
    return 0


@contextmanager
def only_one(data: Path) -> Generator[None]:
    """Hold the data directory: two stacks on one would take each other's jobs.

    Raises SystemExit with one line when another stack holds it.
    """
    data.mkdir(parents=True, exist_ok=True)
    with (data / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"studio: another ./studio run uses {data}: stop it, or choose another directory with --data")
        yield


def facts(stack: Stack) -> dict[str, Any]:
    """What a program needs to use a running stack."""
    providers = {name: started["url"] for name, started in stack.providers.items()}
    return {"url": stack.url, "storage": stack.storage, "providers": providers, "functions": stack.functions}


def show(stack: Stack) -> None:
    """List functions and places as `func start` does."""
    print("\nFunctions:\n")
    width = max(len(function["name"]) for function in stack.functions)
    for function in sorted(stack.functions, key=lambda f: (f["trigger"] != "httpTrigger", f["name"])):
        print(f"  {function['name']:<{width}}  {_where(function)}")
    print("\nBeside them:\n")
    for name, started in stack.providers.items():
        print(f"  {name:<{width}}  {started['url']}   (emulated)")
    print(f"  {'log':<{width}}  {stack.log}\n\n^C stops everything.", flush=True)


def _where(function: Mapping[str, Any]) -> str:
    if function["trigger"] == "httpTrigger":
        return f"[{','.join(function['methods'])}] {function['url']}"
    source = function.get("queue") or function.get("path") or function.get("schedule")
    return f"{function['trigger']}: {source}"
