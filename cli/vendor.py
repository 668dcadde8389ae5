"""`./studio vendor drop DIR --vendor ID`: uploads a folder as a vendor would, and reports what became of every file.

`./studio vendor import FILE --vendor ID` (`cli.vendor_import`) creates products by a table or a feed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import vendor_import
from cli.run import RUNNING
from emulators.functions_host.settings import local_values
from emulators.stack import ROOT

if TYPE_CHECKING:
    from functions.catalogue.documents import DropDocument
    from functions.catalogue.vendor_files import VendorFile

OPEN = frozenset({"uploaded", "queued", "processing", "retrying"})
"""States of a file whose processing has not ended; `uploaded`: no worker has recorded it yet."""
MAX_PARALLEL_UPLOADS = 8
type Progress = Callable[[int, int], None]
"""Called with how many files are uploaded and how many have ended."""


@dataclass(frozen=True)
class FileReport:
    """What became of a file; `code` and `message` say why it was rejected."""

    name: str
    status: str
    productId: str | None
    code: str | None
    message: str | None

    @classmethod
    def of(cls, name: str, drop: DropDocument | None) -> FileReport:
        """By the file's document, None before there is one."""
        if drop is None:
            return cls(name, "uploaded", None, None, None)
        error = drop.error
        return cls(name, drop.status, drop.product_id, error.code if error else None, error.message if error else None)


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("vendor", help="drop a folder of product photos, or import products by a file")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    drop = actions.add_parser("drop", help="upload SKU.jpg and SKU.json files, and wait until they are processed")
    drop.add_argument("folder", type=Path, metavar="DIR")
    drop.add_argument("--vendor", required=True, metavar="ID", help="user id of the vendor, `id` in `GET auth/me`")
    drop.add_argument("--wait", type=float, default=600, metavar="SECONDS", help="how long to wait (600)")
    drop.add_argument("--json", action="store_true", help="print {ok, seconds, counts, files}")
    drop.set_defaults(handler=handle)
    vendor_import.add_parser(actions)


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
        with Bars(len(files), quiet=options.json) as bars:
            named = {path.name: path for path in files}
            reports = drop_files(named, options.vendor, options.wait, bars.show)
    except StudioError as error:
        print(f"studio: {error.message}", file=sys.stderr)
        return 1
    report(reports, time.monotonic() - started, as_json=options.json)
    return 0 if all(file.status == "completed" for file in reports) else 1


def find_stack() -> None:
    """Use the settings of the stack that `./studio run` has started here, if there is one; else the app's own."""
    running = ROOT / ".studio" / RUNNING
    if "Storage" not in os.environ and running.is_file():
        os.environ.update(json.loads(running.read_text())["settings"])
    local_values(ROOT)


def drop_files(files: Mapping[str, Path], vendor: str, wait_s: float, on_progress: Progress) -> list[FileReport]:
    """Upload files to the vendor's folder and wait until their processing has ended, `wait_s` seconds at most.

    Args:
        files: by their names in the folder.
    """
    from functions.catalogue.vendor_files import VendorFile, version_of
    from shared import blobs

    def upload(named: str) -> VendorFile:
        name, path = f"{vendor}/{named}", files[named]
        blobs.put(blobs.VENDOR_UPLOADS, name, path.read_bytes(), content_type="application/octet-stream")
        found = blobs.info(blobs.VENDOR_UPLOADS, name)
        # A worker may have been faster, and moved it to `vendor-rejected`.
        return VendorFile(vendor, named, version_of(found) if found else "")

    uploaded: list[VendorFile] = []
    began = time.time()
    with ThreadPoolExecutor(MAX_PARALLEL_UPLOADS) as pool:
        for file in pool.map(upload, files):
            uploaded.append(file)
            on_progress(len(uploaded), 0)
    until = time.monotonic() + wait_s
    while True:
        reports = _report_files(uploaded, vendor, began)
        ended = sum(report.status not in OPEN for report in reports)
        on_progress(len(uploaded), ended)
        if ended == len(uploaded) or time.monotonic() >= until:
            return reports
        time.sleep(0.5)


def _report_files(uploaded: Sequence[VendorFile], vendor: str, began: float) -> list[FileReport]:
    from functions.catalogue.documents import DropDocument, DropId, drops
    from shared import clock
    from shared.documents.fields import where

    recent = where(DropDocument.created_at, ">=", clock.iso(began - 5))
    by_id: dict[str, DropDocument] = {}
    by_name: dict[str, DropDocument] = {}
    for drop in drops.iterate(recent, partition=vendor, page_size=1000):
        by_id[drop.id] = by_name[drop.name] = drop
    return [
        FileReport.of(file.name, by_id.get(DropId.of(file.id)) or (None if file.etag else by_name.get(file.name)))
        for file in uploaded
    ]


def report(files: Sequence[FileReport], seconds: float, *, as_json: bool) -> None:
    """Print what became of every file."""
    counts = Counter(file.status for file in files)
    if as_json:
        ok = set(counts) == {"completed"}
        rows = [asdict(file) for file in files]
        print(json.dumps({"ok": ok, "seconds": round(seconds, 2), "counts": counts, "files": rows}))
        return
    width = max(len(file.name) for file in files)
    for file in files:
        outcome = f"{file.code}: {file.message}" if file.code else file.productId or ""
        print(f"  {file.name:<{width}}  {file.status:<10}  {outcome}")
    print(f"{', '.join(f'{number} {status}' for status, number in counts.most_common())} in {seconds:.0f} s")


class Bars:
    """Progress bars: uploaded and processed, or as they are named."""

    def __init__(self, total: int, *, quiet: bool, names: Sequence[str] = ("uploaded", "processed")) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=Console(stderr=True, quiet=quiet))
        self._tasks = [self._progress.add_task(name, total=total) for name in names]

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, *numbers: int) -> None:
        """Move the bars, one number each."""
        for task, number in zip(self._tasks, numbers, strict=True):
            self._progress.update(task, completed=number)
