"""Data export: a person's own data as a zip: every document in JSON, every picture as uploaded, every other file."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, Final

from functions.privacy import personal_data
from functions.privacy.documents import ExportDocument, ExportResult, LeftOutFile
from functions.privacy.settings import privacy_settings
from shared import blobs
from shared.accounts.api_keys import ApiKeyDocument
from shared.accounts.documents import AccountDocument, accounts
from shared.documents.fields import assign, path_of
from shared.errors import NotFound
from shared.images.documents import ImageDocument
from shared.jobs.models import Job
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.webhooks.documents import WebhookDocument

CONTAINERS: Final = ("studio", "payments", "audit", "garments", "embeddings", "search_log")
COVERED: Final = (blobs.IMAGES, blobs.RESULTS, blobs.THUMBNAILS, blobs.UPLOADS, blobs.EXPORTS)
"""Blob containers whose blobs are not packed one by one: images and results follow from their documents, thumbnails
are made of them, uploads are not sanitized yet."""
PROTECTED: Final = frozenset(
    {
        path_of(AccountDocument.password_hash),
        path_of(AccountDocument.email_hash),
        path_of(AccountDocument.token_version),
        path_of(AccountDocument.revoked),
        path_of(WebhookDocument.signing_keys),
        path_of(ApiKeyDocument.secret_hash),
        "keys",  # the former name of signing keys
    }
)
"""Fields that protect the account and its webhook endpoints and API keys; they are not exported."""
README: Final = """Everything AI Fashion Studio keeps about you.

account.json     your account
studio/          your images, conversions, notifications, jobs, ...: a file for each kind
payments/ audit/ garments/ embeddings/ search_log/
images/          your pictures and results as they are kept, named by their ids
files/           what was made of them or uploaded by you: masks, cut-outs, try-ons, heat maps, vendor files
left-out.json    what did not fit into this file; pictures among it come with GET /api/images/{id}
"""


def folder(user_id: str) -> str:
    """The folder of a person's exports."""
    return f"{user_id}/"


def archive_name(job: Job) -> str:
    """The blob that an attempt of this job writes."""
    return f"{folder(job.user_id)}{job.id.public}-{job.generation}-{job.fence}.zip"


def export_personal_data(task: Task) -> Outcome:
    """Make the zip and store it; the commit makes it the current export."""
    name = archive_name(task.job)
    with tempfile.TemporaryFile() as file:
        left_out = _fill(task, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED))
        size = file.tell()
        file.seek(0)
        task.progress("storing", 90)
        blobs.put(blobs.EXPORTS, name, file, content_type="application/zip")
    changes = [
        assign(ExportDocument.blob, name),
        assign(ExportDocument.bytes, size),
        assign(ExportDocument.left_out, left_out),
        assign(ExportDocument.error, None),
    ]
    return Outcome(result=ExportResult(bytes=size, left_out=left_out), subject=changes)


def _fill(task: Task, archive: zipfile.ZipFile) -> int:
    """Write everything; returns how many files had to be left out."""
    left_out: list[LeftOutFile] = []
    with archive:
        archive.writestr("README.txt", README)
        account = accounts.find(task.user_id, task.user_id)
        if account is not None:
            _write_json(archive, "account.json", _public_fields(account.to_item()))
        images: list[ImageDocument] = []
        for container in CONTAINERS:
            kinds: dict[str, list[dict[str, Any]]] = {}
            for document in personal_data.iterate_documents(container, task.user_id):
                kinds.setdefault(document.kind, []).append(_public_fields(document.item))
                if (image := personal_data.stored_image(document)) is not None:
                    images.append(image)
            for kind, items in sorted(kinds.items()):
                _write_json(archive, f"{container}/{kind}.json", items)
        bytes_left = privacy_settings().export_max_bytes
        packed: set[tuple[str, str]] = set()
        files = [*_originals(images), *_other_files(task.user_id)]
        for done, (path, container, blob, size) in enumerate(files):
            task.progress("packing pictures", 10 + 80 * done // len(files))
            if (container, blob) in packed:
                continue
            packed.add((container, blob))
            if size > bytes_left:
                left_out.append(LeftOutFile(file=path, bytes=size, why="too large for one export"))
                continue
            try:
                data = blobs.get(container, blob)
            except NotFound:
                continue
            bytes_left -= len(data)
            archive.writestr(path, data, zipfile.ZIP_STORED)
        if left_out:
            _write_json(archive, "left-out.json", [file.model_dump() for file in left_out])
    return len(left_out)


def _originals(images: list[ImageDocument]) -> Iterator[tuple[str, str, str, int]]:
    """Path in the archive, container, blob and bytes of the original of each image."""
    for image in images:
        original = image.renditions.get("original")
        if original is not None:
            extension = original.name.rpartition(".")[2]
            yield f"images/{image.id.public}.{extension}", original.container, original.name, original.bytes


def _other_files(user_id: str) -> Iterator[tuple[str, str, str, int]]:
    """The same of every other blob of the person."""
    for container in blobs.CONTAINERS:
        if container not in COVERED:
            for blob in blobs.listing(container, folder(user_id)):
                yield f"files/{container}/{blob.name.removeprefix(folder(user_id))}", container, blob.name, blob.size


def _public_fields(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if not name.startswith("_") and name not in PROTECTED}


def _write_json(archive: zipfile.ZipFile, name: str, content: Any) -> None:
    archive.writestr(name, json.dumps(content, ensure_ascii=False, indent=1))
