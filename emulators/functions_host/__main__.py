"""`python -m emulators.functions_host --app DIR`: run a Python v2 function app on this machine.

The app's host.json and local.settings.json (else local.settings.example.json) apply; variables of the
environment win. Beside the app's own settings these are understood:

    AzureFunctionsJobHost__a__b          overrides a.b of host.json
    AzureFunctionsWebHost__hostid        id that instances of one app share (default: made from the path)
    AzureWebJobs.NAME.Disabled           true leaves a function out
    FUNCTIONS_MASTER_KEY, FUNCTIONS_FUNCTION_KEY   keys of auth levels admin and function (default: random)
    FUNCTIONS_BLOBS_EXTENSION_KEY        system key of runtime/webhooks/blobs (default: random)
    FUNCTIONS_REQUEST_BODY_SIZE_LIMIT    bytes, default 104857600
    FUNCTIONS_HOST_BLOB_POLL_SECONDS     default of --blob-poll
    FUNCTIONS_HOST_QUEUE_TAKE_SECONDS    how long a taken message is invisible, default 600

When ready it lists the functions, or with --json prints one line: name, url, pids, functions (name, trigger,
methods, url, queue, schedule, path), errors (function name: why it was not started) and keys. With --watch further
lines tell of restarts: {event, changed, seconds or error}. If it can't start, the last line of standard error says why.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from .http_keys import FUNCTION_KEY, MASTER_KEY, SYSTEM_KEY
from .ports import PortInUse
from .settings import SettingsError, load
from .supervisor import StartFailed, Supervisor

REFUSED = "functions_host: "
"""Begins the last line of standard error if the host can't start."""


def main() -> None:
    """Parse the command line and run the supervisor."""
    parser = argparse.ArgumentParser(
        prog="functions_host", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--app", type=Path, required=True, help="directory with host.json and function_app.py")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--workers", type=int, default=1, help="host instances that share port and storage")
    parser.add_argument(
        "--blob-poll",
        type=float,
        default=float(os.environ.get("FUNCTIONS_HOST_BLOB_POLL_SECONDS", "10")),
        help="seconds between scans for new blobs",
    )
    parser.add_argument("--storage-events", metavar="HOST:PORT", help="where the storage announces what is new")
    parser.add_argument("--watch", type=Path, action="append", help="file or folder whose changes restart the app")
    parser.add_argument(
        "--event-grid",
        action="store_true",
        help="feed blob triggers with source=EVENT_GRID by runtime/webhooks/blobs only, and not by a scan",
    )
    parser.add_argument("--debug", type=int, metavar="PORT", help="wait for a debugger (debugpy) on this port")
    parser.add_argument(
        "--flex",
        action="store_true",
        help="scale as Flex Consumption does: HTTP, blobs and every other function in processes of their own",
    )
    parser.add_argument("--grace", type=float, default=30.0, help="seconds a stop waits for running functions")
    parser.add_argument("--json", action="store_true", help="print one line of JSON when ready, not the list")
    options = parser.parse_args()
    if options.workers < 1:
        parser.error("--workers must be at least 1")
    options.app = options.app.resolve()
    options.watch = [(options.app / path).resolve() for path in options.watch or ()]
    try:
        settings = load(options.app)
    except SettingsError as error:
        sys.exit(_refuse(1, f"Settings: {error}"))
    for name in settings.unread:
        print(f"host.json: {name} is not read: misspelled, or a setting that this host does not have", file=sys.stderr)
    keys = {
        name: os.environ.setdefault(name, secrets.token_urlsafe(24)) for name in (MASTER_KEY, FUNCTION_KEY, SYSTEM_KEY)
    }
    sys.exit(asyncio.run(_run(options, keys)))


async def _run(options: argparse.Namespace, keys: dict[str, str]) -> int:
    def tell(event: dict[str, Any]) -> None:
        if options.json:
            print(json.dumps(event), flush=True)
        elif event["event"] != "restarting":
            what = ", ".join(event["changed"])
            print(f"{what}: {event.get('error') or 'restarted'}", flush=True)

    try:
        supervisor = Supervisor(options, tell)
    except PortInUse as error:
        return _refuse(2, str(error))

    def ready(report: dict[str, Any]) -> None:
        if options.json:
            line = {"name": "functions_host", "url": supervisor.url, "keys": keys, **report}
            line.pop("pid")
            print(json.dumps(line), flush=True)
        else:
            _list(supervisor.url, report)

    try:
        return await supervisor.run(ready)
    except StartFailed as failed:
        return _refuse(failed.code if failed.code > 0 else 1, str(failed))


def _refuse(code: int, why: str) -> int:
    """Say in one line why the host does not start; returns the exit code."""
    print(f"{REFUSED}{why}", file=sys.stderr)
    return code


def _list(url: str, report: dict[str, Any]) -> None:
    print(f"\nFunctions on {url}:\n")
    for row in report["functions"]:
        where = row["queue"] or row["path"] or row["schedule"]
        if row["trigger"] == "httpTrigger":
            print(f"\t{row['name']}: [{','.join(row['methods'] or '*')}] {row['url']}")
        else:
            print(f"\t{row['name']}: {row['trigger']} {where}")
    for name, problem in report["errors"].items():
        print(f"\nThe '{name}' function is in error: {problem}")
    print(f"\n{len(report['pids'])} instance(s), keys in {MASTER_KEY} and {FUNCTION_KEY}.", flush=True)


if __name__ == "__main__":
    main()
