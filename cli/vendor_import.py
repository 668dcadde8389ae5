"""`./studio vendor import FILE --vendor ID`: creates and updates products by a table or a feed, as `products/imports`.

With `--photos DIR` the photos that the file names are uploaded under their products' SKUs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from functions.catalogue.feed_products import FeedProduct
    from functions.catalogue.import_schemas import ImportedProduct, ImportReport
    from shared.http.auth import Principal

TYPES: Final[Mapping[str, str]] = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/tab-separated-values",
    ".xml": "application/xml",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""Content types by the ending of the file."""


def add_parser(actions: Any) -> None:
    """Declare the command."""
    parser = actions.add_parser("import", help="create and update products by a table or feed (docs/imports.md)")
    parser.add_argument("file", type=Path, metavar="FILE", help="CSV, TSV, XLSX or XML")
    parser.add_argument("--vendor", required=True, metavar="ID", help="user id of the vendor, `id` in `GET auth/me`")
    parser.add_argument("--currency", metavar="EUR", help="of prices beside which the file names none")
    parser.add_argument("--decimal", choices=("auto", "point", "comma"), default="auto", help="mark before decimals")
    parser.add_argument("--sheet", metavar="NAME", help="of a workbook")
    parser.add_argument("--photos", type=Path, metavar="DIR", help="upload the photos that the file names from here")
    parser.add_argument("--fetch", action="store_true", help="fetch photos from the addresses in the file")
    parser.add_argument("--wait", type=float, default=600, metavar="SECONDS", help="how long to wait (600)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Import, upload photos, report; 0 only when no product was refused and no photo rejected."""
    from cli.vendor import find_stack
    from shared.errors import StudioError

    if not options.file.is_file() or (options.photos and not options.photos.is_dir()):
        missing = options.photos if options.file.is_file() else options.file
        print(f"studio: there is no {missing}", file=sys.stderr)
        return 2
    find_stack()
    try:
        return _import(options)
    except StudioError as error:
        print(f"studio: {error.message}", file=sys.stderr)
        return 1


def _import(options: argparse.Namespace) -> int:
    from functions.catalogue import imports
    from functions.catalogue.import_schemas import ImportQuery, ImportReport
    from shared import clock
    from shared.accounts.documents import Role
    from shared.http.auth import Principal
    from shared.tables.upload import TableUpload

    data = options.file.read_bytes()
    upload = TableUpload(data, TYPES.get(options.file.suffix.lower(), "text/csv"))
    query = ImportQuery(
        currency=options.currency,
        decimal=options.decimal,
        sheet=options.sheet,
        pictures="fetch" if options.fetch else "upload",
    )
    user = Principal(options.vendor, Role.VENDOR, "cli", clock.now() + options.wait)
    made = imports.import_products(user, clock.new_id(), upload, query, clock.new_id())
    report = made if isinstance(made, ImportReport) else _follow(user, made.id, options)
    if report is None:
        return 1
    if options.json:
        print(report.model_dump_json(by_alias=True))
    else:
        _print(report.products)
    rejected = 0
    if options.photos:
        _, _, found = imports.read_products(data, upload.format(query.decimal, "auto", query.sheet), query.currency)
        rejected = _upload_photos(found, report, options)
    if not options.json:
        counts = report.model_dump(include={"created", "updated", "unchanged", "refused"})
        print(", ".join(f"{number} {outcome}" for outcome, number in counts.items() if number))
    return 1 if report.refused or rejected else 0


def _follow(user: Principal, id: str, options: argparse.Namespace) -> ImportReport | None:
    """The report of an import by a job; None if it failed or takes longer than `--wait`."""
    from cli.vendor import Bars
    from functions.catalogue import imports
    from functions.catalogue.import_documents import ImportId
    from functions.catalogue.import_documents import imports as repository
    from functions.catalogue.import_schemas import ImportReport
    from shared import blobs
    from shared.jobs.models import ENDED

    until = time.monotonic() + options.wait
    current = imports.get_import(user, id)
    with Bars(current.products, quiet=options.json, names=("imported",)) as bars:
        while current.status not in ENDED and time.monotonic() < until:
            time.sleep(0.5)
            current = imports.get_import(user, id)
            bars.show(current.created + current.updated + current.unchanged + current.refused)
    blob = repository.get(ImportId.of(id), user.user_id).report_blob
    if blob is None:
        reason = current.error.message if current.error else f"it goes on: GET products/imports/{id}"
        print(f"studio: import {current.status}: {reason}", file=sys.stderr)
        return None
    return ImportReport.model_validate(json.loads(blobs.get(blobs.IMPORTS, blob)))


def _upload_photos(found: Sequence[FeedProduct], report: ImportReport, options: argparse.Namespace) -> int:
    """Upload the photos that accepted products name and the folder has; returns how many were rejected."""
    from cli.vendor import Bars, drop_files

    here = {path.name.lower(): path for path in options.photos.iterdir() if path.is_file()}
    accepted = {one.sku for one in report.products if one.outcome != "refused"}
    named = {one.sku: _file_name(one.image[2]) for one in found if one.image and one.sku in accepted}
    files = {f"{sku}{here[name].suffix}": here[name] for sku, name in named.items() if name in here}
    missing = sorted(name for name in named.values() if name not in here)
    if missing:
        more = "" if len(missing) < 4 else f" and {len(missing) - 3} more"
        print(f"studio: not in {options.photos}: {', '.join(missing[:3])}{more}", file=sys.stderr)
    if not files:
        return 0
    with Bars(len(files), quiet=options.json) as bars:
        reports = drop_files(files, options.vendor, options.wait, bars.show)
    for one in reports:
        if one.code:
            print(f"  {one.name}  {one.status}  {one.code}: {one.message}", file=sys.stderr)
    if not options.json:
        print(f"{sum(one.status == 'completed' for one in reports)} of {len(files)} photos are part of their products")
    return sum(one.status != "completed" for one in reports)


def _file_name(image: str) -> str:
    """The name of a photo, of a path or an address, in lower case."""
    path = urlsplit(image).path if "://" in image else image.replace("\\", "/")
    return unquote(PurePosixPath(path).name).lower()


def _print(products: Sequence[ImportedProduct]) -> None:
    """Every product with its problems and what is left to do."""
    width = max((len(one.sku) for one in products), default=0)
    for one in products:
        print(f"  {one.sku:<{width}}  {one.outcome:<9}  {one.status or ''}")
        for finding in (*one.problems, *one.notices):
            print(f"  {'':<{width}}    line {finding.line}, {finding.column}: {finding.message}")
