"""`python -m emulators.functions_host --app DIR`: run a Python v2 function app on this machine.

The app's host.json and local.settings.json (else local.settings.example.json) apply; variables of the
environment win. Beside the app's own settings these are understood:

    AzureFunctionsJobHost__a__b          overrides a.b of host.json
    AzureFunctionsWebHost__hostid        id that instances of one app share (default: made from the path)
    AzureWebJobs.NAME.Disabled           true leaves a function out
    FUNCTIONS_MASTER_KEY, FUNCTIONS_FUNCTION_KEY   keys of auth levels admin and function (default: random)
    FUNCTIONS_REQUEST_BODY_SIZE_LIMIT    bytes, default 104857600
    FUNCTIONS_HOST_BLOB_POLL_SECONDS     default of --blob-poll
    FUNCTIONS_HOST_QUEUE_TAKE_SECONDS    how long a taken message is invisible, default 600

When ready it lists the functions, or with --json prints one line: name, url, pids, functions (name, trigger,
methods, url, queue, schedule, path), errors (function name: why it was not started) and keys.
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

from .http_keys import FUNCTION_KEY, MASTER_KEY
from .settings import SettingsError, load
from .supervisor import Supervisor


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
    parser.add_argument("--grace", type=float, default=30.0, help="seconds a stop waits for running functions")
    parser.add_argument("--json", action="store_true", help="print one line of JSON when ready, not the list")
    options = parser.parse_args()
    if options.workers < 1:
        parser.error("--workers must be at least 1")
    options.app = options.app.resolve()
    try:
        load(options.app)
    except SettingsError as error:
        sys.exit(f"Settings: {error}")
    keys = {name: os.environ.setdefault(name, secrets.token_urlsafe(24)) for name in (MASTER_KEY, FUNCTION_KEY)}
    sys.exit(asyncio.run(_run(options, keys)))


async def _run(options: argparse.Namespace, keys: dict[str, str]) -> int:
    try:
        supervisor = Supervisor(options)
    except OSError as error:
        print(f"Cannot listen on {options.host}:{options.port}: {error}", file=sys.stderr)
        return 2

    def ready(report: dict[str, Any]) -> None:
        if options.json:
            line = {"name": "functions_host", "url": supervisor.url, "keys": keys, **report}
            line.pop("pid")
            print(json.dumps(line), flush=True)
        else:
            _list(supervisor.url, report)

    return await supervisor.run(ready)


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
