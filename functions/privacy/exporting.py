"""A person's own data as a zip: every document in JSON, every picture in its original form, every other file."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from functions.privacy.settings import privacy_settings
from shared import blobs
from shared.accounts.documents import accounts
from shared.documents import Document, store
from shared.errors import NotFound
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task

CONTAINERS = ("studio", "payments", "audit", "garments", "embeddings", "search_log")
COVERED = (blobs.IMAGES, blobs.RESULTS, blobs.THUMBNAILS, blobs.UPLOADS, blobs.EXPORTS)
"""Blob containers whose blobs are not packed one by one: images and results go by their records, thumbnails are made
of them, uploads are not sanitized yet."""
OURS = frozenset({"passwordHash", "emailHash", "tokenVersion", "revoked", "keys"})
"""Fields that keep the person's account and endpoints safe, and so do not leave."""
README = """Everything AI Fashion Studio keeps about you.

account.json     your account
studio/          your images, conversions, notifications, jobs, ...: a file for each kind
payments/ audit/ garments/ embeddings/ search_log/
images/          your pictures and results as they are kept, named by their ids
files/           what was made of them or dropped by you: masks, cut-outs, try-ons, heat maps, vendor files
left-out.json    what did not fit into this file; pictures among it come with GET /api/images/{id}
"""


def prefix(user_id: str) -> str:
    """Where a person's exports lie."""
    return f"{user_id}/"


def name_of(task: Task) -> str:
    """The blob of this attempt."""
    return f"{prefix(task.user_id)}{task.job['id'].removeprefix('job:')}-{task.attempt_key}.zip"


def build(task: Task) -> Outcome:
    """Make the zip and store it; the commit makes it the one that is answered with."""
    with tempfile.TemporaryFile() as file:
        left_out = _fill(task, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED))
        size = file.tell()
        file.seek(0)
        task.progress("storing", 90)
        blobs.put(blobs.EXPORTS, name_of(task), file, content_type="application/zip")
    facts = {"blob": name_of(task), "bytes": size, "leftOut": left_out, "error": None}
    return Outcome(result={"bytes": size, "leftOut": left_out}, subject=facts)


def _fill(task: Task, archive: zipfile.ZipFile) -> int:
    """Write everything; returns how many pictures had to be left out."""
    left_out: list[dict[str, Any]] = []
    with archive:
        archive.writestr("README.txt", README)
        account = accounts.find(task.user_id, task.user_id)
        if account is not None:
            _json(archive, "account.json", _bare(account.to_item()))
        images: list[Document] = []
        for container in CONTAINERS:
            kinds = _by_kind(container, task.user_id)
            images += kinds.get("file", [])
            for kind, items in sorted(kinds.items()):
                _json(archive, f"{container}/{kind}.json", [_bare(item) for item in items])
        room = privacy_settings().export_max_bytes
        packed: set[tuple[str, str]] = set()
        wanted = [*_originals(images), *_others(task.user_id)]
        for done, (path, container, blob, size) in enumerate(wanted):
            task.progress("packing pictures", 10 + 80 * done // len(wanted))
            if (container, blob) in packed:
                continue
            packed.add((container, blob))
            if size > room:
                left_out.append({"file": path, "bytes": size, "why": "too large for one export"})
                continue
            try:
                data = blobs.get(container, blob)
            except NotFound:
                continue
            room -= len(data)
            archive.writestr(path, data, zipfile.ZIP_STORED)
        if left_out:
            _json(archive, "left-out.json", left_out)
    return len(left_out)


def _originals(images: list[Document]) -> Iterator[tuple[str, str, str, int]]:
    """Path in the archive, container, blob and bytes of each picture in its original form."""
    for image in images:
        form = (image.get("blobs") or {}).get("original")
        if form is not None:
            end = form["name"].rpartition(".")[2]
            yield f"images/{image['id'].rpartition(':')[2]}.{end}", form["container"], form["name"], form["bytes"]


def _others(user_id: str) -> Iterator[tuple[str, str, str, int]]:
    """The same of every other blob under the person's name."""
    for container in blobs.CONTAINERS:
        if container not in COVERED:
            for blob in blobs.listing(container, prefix(user_id)):
                yield f"files/{container}/{blob.name.removeprefix(prefix(user_id))}", container, blob.name, blob.size


def _by_kind(container: str, user_id: str) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = defaultdict(list)
    continuation: str | None = None
    while True:
        page = store().query(container, partition=user_id, limit=200, continuation=continuation)
        for item in page.items:
            found[str(item.get("type") or container)].append(item)
        continuation = page.continuation
        if continuation is None:
            return found


def _bare(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if not name.startswith("_") and name not in OURS}


def _json(archive: zipfile.ZipFile, name: str, content: Any) -> None:
    archive.writestr(name, json.dumps(content, ensure_ascii=False, indent=1))
