"""`./studio run`: the whole stack, until ^C; the app restarts itself when a source file changes."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from cli import logs, web
from cli.arguments import folder, free_port, port
from cli.logins import ADDRESSES, PASSWORD
from emulators.stack import DOCUMENTS, ROOT, Stack, StartError
from emulators.with_parent import parent_pipe, python

RUNNING = "running.json"
"""Where, while it runs, other commands find the stack: in its data directory."""
DEBUG_PORT = 5678
BLUEPRINT_FOLDERS = ("functions", "shared")
CHECK_EVERY_S = 0.25


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("run", help="start everything and stay; a changed source file is live immediately")
    parser.add_argument("--port", type=port, default=0, help="port of the app (that of the last start, else 7071)")
    parser.add_argument("--workers", type=int, default=1, help="instances of the app")
    parser.add_argument("--data", type=folder, default=str(ROOT / ".studio"), help="where blobs and documents are kept")
    parser.add_argument("--documents", choices=DOCUMENTS, help="SQLite (default), or the Cosmos DB emulator")
    parser.add_argument("--flex", action="store_true", help="a process for each scaling group of Flex Consumption")
    parser.add_argument(
        "--debug", nargs="?", type=free_port, const=str(DEBUG_PORT), help="wait for a debugger on port 5678"
    )
    parser.add_argument("--no-watch", action="store_true", help="do not restart the app when a file changes")
    parser.add_argument("--functions", action="store_true", help="list every function")
    parser.add_argument("--requests", action="store_true", help="show every line of the log, not errors only")
    parser.add_argument("--no-page", action="store_true", help="start without the studio page")
    parser.add_argument("--json", action="store_true", help="print one line of JSON when ready")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Start, say where everything is, then show changes and errors until ^C or SIGTERM."""
    over = set_by_signals()
    console = Console(highlight=False, soft_wrap=True, stderr=options.json)
    watch = not options.no_watch
    began = time.monotonic()
    with only_one(options.data):
        if watch and not write_index(console):
            return 1
        if options.debug:
            console.print(
                f"Attach a debugger to 127.0.0.1:{options.debug}: the app waits for it (.vscode/launch.json)."
            )
        page, sources = (None, None) if options.no_page else page_of(console, built=options.no_watch)
        try:
            stack = Stack(
                options.data,
                port=options.port,
                workers=options.workers,
                documents=options.documents,
                watch=watch,
                debug=options.debug,
                flex=options.flex,
                page=page,
                page_sources=sources,
                happened=lambda event: show_event(console, event),
            ).__enter__()
        except StartError as error:
            print(f"studio: {error}", file=sys.stderr)
            return 1
        try:
            _stay(stack, options, console, over, began)
        finally:
            stack.__exit__(None, None, None)
    return 0


def set_by_signals() -> threading.Event:
    """An event that ^C, a polite kill and a closed terminal set: what was started is then stopped in order."""
    over = threading.Event()

    def stop(*_: object) -> None:
        over.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    return over


def _stay(stack: Stack, options: argparse.Namespace, console: Console, over: threading.Event, began: float) -> None:
    running: Path = options.data / RUNNING
    running.write_text(json.dumps({"url": stack.url, "settings": stack.settings}))
    running.chmod(0o600)
    try:
        log = logs.Reader(stack.log, from_end=True)
        _create_logins(stack)
        if stack.page_url is not None:
            stack.configure_page(page_accounts())
        if options.json:
            print(json.dumps(facts(stack)), flush=True)
        else:
            show(console, stack, time.monotonic() - began, functions=options.functions)
        if not options.no_watch:
            threading.Thread(target=_keep_index, args=(console, over), daemon=True).start()
        while not over.wait(CHECK_EVERY_S):
            for line in log.read():
                if logs.is_worth_showing(line, errors=not options.requests) and not options.json:
                    console.print(logs.formatted(line))
    finally:
        running.unlink(missing_ok=True)


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


def write_index(console: Console) -> bool:
    """Write the index of functions in a separate process, because it imports the whole app; False if it can't."""
    done = subprocess.run(
        python("cli.function_index"), cwd=ROOT, stdin=parent_pipe(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        console.print(f"[red]functions/index.json can't be written:[/] {why.removeprefix('studio: ')}")
    return done.returncode == 0


def _keep_index(console: Console, over: threading.Event) -> None:
    """Write the index again when a source file changes; the host restarts once more if it differs."""
    from watchfiles import PythonFilter, watch

    folders = [ROOT / name for name in BLUEPRINT_FOLDERS]
    for _ in watch(*folders, watch_filter=PythonFilter(), stop_event=over, raise_interrupt=False):
        write_index(console)


def _create_logins(stack: Stack) -> None:
    subprocess.run(
        python("cli.logins"),
        cwd=ROOT,
        env={**os.environ, **local_values(), **stack.settings},
        stdin=parent_pipe(),
        capture_output=True,
        check=False,
    )


def page_accounts() -> list[dict[str, str]]:
    """The accounts to sign in with, as the studio page takes them."""
    return [{"role": role, "email": email, "password": PASSWORD} for email, role in ADDRESSES.items()]


def page_of(console: Console, *, built: bool) -> tuple[Path | None, Path | None]:
    """`page` and `page_sources` of `Stack`: the built page, or that of the sources, in which a changed file is live."""
    if built:
        return built_page(console), None
    return web.DIST if web.STAMP.is_file() else web.WEB / "public", web.WEB


def built_page(console: Console) -> Path | None:
    """The studio page, built if it is not up to date; None, with a line that says why, where that fails."""
    try:
        web.build()
    except web.WebBuildError as error:
        console.print(f"[red]The studio page can't be built:[/] {error}", markup=True)
        return None
    return web.DIST


def local_values() -> dict[str, str]:
    """`Values` of the settings file, which the environment and the stack's own settings override."""
    for name in ("local.settings.json", "local.settings.example.json"):
        if (ROOT / name).exists():
            values: dict[str, Any] = json.loads((ROOT / name).read_text()).get("Values", {})
            return {key: str(value) for key, value in values.items() if key not in os.environ}
    return {}


def facts(stack: Stack) -> dict[str, Any]:
    """What a program needs to use a running stack."""
    providers = {name: started["url"] for name, started in stack.providers.items()}
    return {
        "url": stack.url,
        "page": stack.page_url,
        "docs": f"{stack.url}/api/docs",
        "storage": stack.storage,
        "providers": providers,
        "logins": {"emails": list(ADDRESSES), "password": PASSWORD},
        "log": str(stack.log),
        "functions": stack.functions,
    }


def show(console: Console, stack: Stack, seconds: float, *, functions: bool) -> None:
    """Where everything is."""
    rows = {
        "API": f"{stack.url}/api",
        "Docs": f"{stack.url}/api/docs",
        "Outbox": ", ".join(
            f"{stack.providers[name]['url']} ({name})" for name in ("email", "sms") if name in stack.providers
        ),
        "Emulated": ", ".join(stack.providers) or "nothing",
        "Storage": stack.storage,
        "Logins": f"{', '.join(ADDRESSES)}; password {PASSWORD}",
        "Log": f"{stack.log}; ./studio logs shows it, ./studio logs ID one request",
    }
    console.print(f"\n[bold]AI Fashion Studio[/] runs on this machine, started in {seconds:.1f} s\n")
    for name, value in rows.items():
        if value:
            console.print(f"  [green]{name:<9}[/] {value}")
    if functions:
        console.print()
        width = max(len(function["name"]) for function in stack.functions)
        for function in sorted(stack.functions, key=lambda f: (f["trigger"] != "httpTrigger", f["name"])):
            console.print(f"  {function['name']:<{width}}  {_where(function)}", markup=False)
    else:
        console.print(
            f"\n  {len(stack.functions)} functions (--functions lists them). Errors appear here. ^C stops everything."
        )
    if stack.page_url is not None:
        console.print(f"\n  [bold]{stack.page_url}[/]\n")


def show_event(console: Console, event: Mapping[str, Any]) -> None:
    """A restart of the app, in one line."""
    what = ", ".join(event["changed"][:3]) + (" ..." if len(event["changed"]) > 3 else "")
    match event["event"]:
        case "restarted":
            console.print(f"[green]restarted[/] in {event['seconds']:.1f} s: {what}")
        case "restart_failed":
            console.print(f"[red]not restarted[/], the app runs as before: {event['error']}")
        case _:
            pass


def _where(function: Mapping[str, Any]) -> str:
    if function["trigger"] == "httpTrigger":
        return f"[{','.join(function['methods'])}] {function['url']}"
    source = function.get("queue") or function.get("path") or function.get("schedule")
    return f"{function['trigger']}: {source}"
