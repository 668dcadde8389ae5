"""`./studio vendor drop DIR --vendor ID`: uploads a folder as a vendor would, and says what became of every file."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cli.run import RUNNING
from emulators.functions_host.settings import local_values
from emulators.stack import ROOT

OPEN = frozenset({"uploaded", "queued", "processing", "retrying"})
UPLOADS_AT_ONCE = 8
type Shown = Callable[[int, int], None]
"""Told how many files are uploaded and how many have ended."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("vendor", help="drop a folder of product photos")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    drop = actions.add_parser("drop", help="upload SKU.jpg and SKU.json files, and wait for what becomes of them")
    drop.add_argument("folder", type=Path, metavar="DIR")
    drop.add_argument("--vendor", required=True, metavar="ID", help="the vendor's user id, as `auth/me` tells it")
    drop.add_argument("--wait", type=float, default=600, metavar="SECONDS", help="give up waiting after (600)")
    drop.add_argument("--json", action="store_true", help="print {ok, seconds, counts, files}")
    drop.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Upload and wait; 0 only when every file went into a product."""
    from shared.errors import StudioError

    files = sorted(path for path in options.folder.glob("*") if path.is_file()) if options.folder.is_dir() else []
    if not files:
        print(f"studio: there are no files in {options.folder}", file=sys.stderr)
        return 2
    find_stack()
    started = time.monotonic()
    try:
        with _Bars(len(files), quiet=options.json) as bars:
            became = drop_files(files, options.vendor, options.wait, bars.show)
    except StudioError as error:
        print(f"studio: {error.message}", file=sys.stderr)
        return 1
    report(became, time.monotonic() - started, as_json=options.json)
    return 0 if all(one["status"] == "completed" for one in became) else 1


def find_stack() -> None:
    """Point the settings at the stack that `./studio run` holds up here, if it does; else as the app's own settings."""
    running = ROOT / ".studio" / RUNNING
    if "Storage" not in os.environ and running.is_file():
        os.environ.update(json.loads(running.read_text())["settings"])
    local_values(ROOT)


def drop_files(files: Sequence[Path], vendor: str, wait_s: float, shown: Shown) -> list[dict[str, Any]]:
    """Upload files below the vendor's name and follow them to their ends.

    Returns for each `{name, status, productId, code, message}`; a status of `uploaded` means that nobody has taken
    the file up in time.
    """
    from functions.catalogue.drops import Dropped, version_of
    from shared import blobs

    def upload(path: Path) -> Dropped:
        name = f"{vendor}/{path.name}"
        blobs.put(blobs.VENDOR_UPLOADS, name, path.read_bytes(), content_type="application/octet-stream")
        found = blobs.info(blobs.VENDOR_UPLOADS, name)
        # a worker may have been faster, and moved it aside
        return Dropped(vendor, path.name, version_of(found) if found else "")

    dropped: list[Dropped] = []
    began = time.time()
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        for one in pool.map(upload, files):
            dropped.append(one)
            shown(len(dropped), 0)
    until = time.monotonic() + wait_s
    while True:
        became = _became(dropped, vendor, began)
        ended = sum(one["status"] not in OPEN for one in became)
        shown(len(dropped), ended)
        if ended == len(dropped) or time.monotonic() >= until:
            return became
        time.sleep(0.5)


def _became(dropped: Sequence[Any], vendor: str, began: float) -> list[dict[str, Any]]:
    from shared import clock
    from shared.documents import Where, store

    records: dict[str, Any] = {}
    latest: dict[str, Any] = {}
    recent = (Where("type", "=", "vendor_drop"), Where("createdAt", ">=", clock.iso(began - 5)))
    continuation: str | None = None
    while True:
        page = store().query("studio", *recent, partition=vendor, limit=1000, continuation=continuation)
        for record in page.items:
            records[record["id"]] = latest[record["name"]] = record
        continuation = page.continuation
        if continuation is None:
            break
    rows: list[dict[str, Any]] = []
    for one in dropped:
        record = records.get(f"drop:{one.id}") or (latest.get(one.name) if not one.etag else None)
        error = (record or {}).get("error") or {}
        rows.append(
            {
                "name": one.name,
                "status": record["status"] if record else "uploaded",
                "productId": record["productId"] if record else None,
                "code": error.get("code"),
                "message": error.get("message"),
            }
        )
    return rows


def report(became: Sequence[dict[str, Any]], seconds: float, *, as_json: bool) -> None:
    """Say what became of every file."""
    counts = Counter(one["status"] for one in became)
    if as_json:
        ok = set(counts) == {"completed"}
        print(json.dumps({"ok": ok, "seconds": round(seconds, 2), "counts": counts, "files": list(became)}))
        return
    width = max(len(one["name"]) for one in became)
    for one in became:
        told = f"{one['code']}: {one['message']}" if one["code"] else one["productId"] or ""
        print(f"  {one['name']:<{width}}  {one['status']:<10}  {told}")
    print(f"{', '.join(f'{number} {status}' for status, number in counts.most_common())} in {seconds:.0f} s")


class _Bars:
    """Two progress bars: uploaded, processed."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=Console(stderr=True, quiet=quiet))
        self._tasks = [self._progress.add_task(name, total=total) for name in ("uploaded", "processed")]

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, uploaded: int, ended: int) -> None:
        """Move the bars."""
        for task, number in zip(self._tasks, (uploaded, ended), strict=True):
            self._progress.update(task, completed=number)
