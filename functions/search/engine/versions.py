"""Versions of an index in Blob Storage and on this machine's disk.

`{shop}/{version}/` holds a version's files and, written last, its manifest. `{shop}/current.json` names the version in
use and those kept; it is only ever replaced on condition that it is still the one that was read, so of two who publish
one wins. What it does not name counts for nothing, whichever process died over it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from functions.search.engine import journal
from functions.search.engine.errors import IndexRefused, PublishConflict
from functions.search.engine.manifest import FORMAT, Manifest, VersionFile
from functions.search.engine.port import Progress
from functions.search.settings import search_settings
from shared import blobs, clock
from shared.catalogue.documents import IndexVersionDocument, IndexVersionId, index_versions
from shared.errors import Conflict, DocumentNotFound, NotFound

POINTER: Final = "current.json"
MANIFEST: Final = "manifest.json"
KEEP: Final = 3
ABANDONED_S: Final = 3600
"""Age at which files that nothing names belong to a process that died."""
PIECE: Final = 4 * 1024 * 1024


class Kept(BaseModel):
    """A version that can be opened: the last journal number in it, and when it was replaced (epoch seconds)."""

    model_config = ConfigDict(frozen=True)

    version: str
    model_id: str
    seq: int
    replaced_at: float | None = None


class Pointer(BaseModel):
    """`current.json`. `kept` is newest first by the time they came into use; the first is in use."""

    model_config = ConfigDict(frozen=True)

    kept: tuple[Kept, ...]

    @property
    def current(self) -> Kept:
        """The version in use."""
        return self.kept[0]

    def names(self, version: str) -> bool:
        """Whether a version is kept."""
        return any(kept.version == version for kept in self.kept)

    def switched(self, to: Kept, now: float) -> Pointer:
        """To another version; those go that are neither among the last three nor fresh enough for cursors."""
        was = self.current.model_copy(update={"replaced_at": now})
        rest = [was, *(kept for kept in self.kept[1:])]
        rest = [kept for kept in rest if kept.version != to.version]
        limit = now - search_settings().index_keep_s
        stay = [kept for at, kept in enumerate(rest) if at < KEEP - 1 or (kept.replaced_at or now) > limit]
        return Pointer(kept=(to.model_copy(update={"replaced_at": None}), *stay))


def read_pointer(shop: str, etag: str | None = None) -> tuple[Pointer, str] | None:
    """The pointer and its ETag if it is another than `etag`; None if it is that one, or there is none yet.

    Raises:
        IndexRefused: it can't be read.
    """
    found = blobs.newer(blobs.INDEXES, f"{shop}/{POINTER}", etag)
    if found is None:
        return None
    try:
        return Pointer.model_validate_json(found[0]), found[1]
    except ValidationError:
        raise IndexRefused(f"{shop}/{POINTER} is not readable") from None


def write_pointer(shop: str, pointer: Pointer, etag: str | None) -> str:
    """Replace the pointer that has this ETag, or make the first. Raises PublishConflict."""
    data = pointer.model_dump_json(indent=1).encode()
    try:
        return blobs.swap(blobs.INDEXES, f"{shop}/{POINTER}", data, content_type="application/json", etag=etag)
    except Conflict:
        found = read_pointer(shop)
        if found is None or found[0] != pointer:
            raise PublishConflict("another version was published meanwhile") from None
        # Ours: the answer of the first attempt was lost.
        return found[1]


class Upload:
    """Stores a version's files, each read back, while others are still being made; the manifest comes last.

    Leaving the block waits for the file under way and drops the rest. What is stored counts for nothing until the
    pointer names it.
    """

    def __init__(self, shop: str, version: str, folder: Path) -> None:
        self._place, self._folder = f"{shop}/{version}", folder
        self._pool = ThreadPoolExecutor(1, "index-upload")
        self._files: dict[str, Future[VersionFile]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def add(self, name: str) -> None:
        """Begin with a file of the folder, which is finished."""
        self._files[name] = self._pool.submit(self._store, name)

    def finish(self, manifest: Manifest, progress: Progress | None) -> Manifest:
        """Wait for all files and store the manifest, which is returned with them named.

        Raises:
            IndexRefused: what was read back is not what was written.
        """
        files: list[VersionFile] = []
        for at, name in enumerate(sorted(self._files)):
            if progress:
                progress("uploading", 0.5 + 0.3 * at / len(self._files))
            files.append(self._files[name].result())
        manifest = manifest.model_copy(update={"files": tuple(files)})
        text = manifest.model_dump_json(indent=1).encode()
        blobs.put(blobs.INDEXES, f"{self._place}/{MANIFEST}", text, content_type="application/json")
        (self._folder / MANIFEST).write_bytes(text)
        return manifest

    def _store(self, name: str) -> VersionFile:
        path, blob = self._folder / name, f"{self._place}/{name}"
        file = VersionFile(name=name, sha256=_sha256(_pieces(path)), bytes=path.stat().st_size)
        with path.open("rb") as data:
            blobs.put(blobs.INDEXES, blob, data, content_type="application/octet-stream")
        if _sha256(blobs.chunks(blobs.INDEXES, blob)) != file.sha256:
            raise IndexRefused(f"{blob} was not stored as it was written")
        return file


def fetch(shop: str, version: str) -> tuple[Path, Manifest]:
    """A version's files on this machine, downloaded and checked if no process has done that before.

    Raises:
        IndexRefused: a file is missing, or not the one that the manifest names, or all are of another format.
    """
    folder = home(shop) / version
    if not (folder / MANIFEST).exists():
        with scratch(shop) as draft:
            try:
                _download(shop, version, draft)
            except NotFound:
                raise IndexRefused(f"version {version} of the index is incomplete") from None
            move_into_place(draft, folder)
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    if manifest.format != FORMAT:
        raise IndexRefused(f"version {version} is of format {manifest.format}, read here is {FORMAT}")
    for file in manifest.files:
        path = folder / file.name
        if not path.exists() or path.stat().st_size != file.bytes:
            shutil.rmtree(folder, ignore_errors=True)
            raise IndexRefused(f"{file.name} of version {version} was changed on this machine's disk")
    return folder, manifest


def _download(shop: str, version: str, draft: Path) -> None:
    text = blobs.get(blobs.INDEXES, f"{shop}/{version}/{MANIFEST}")
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError:
        raise IndexRefused(f"the manifest of version {version} is not readable") from None
    for file in manifest.files:
        if Path(file.name).name != file.name:
            raise IndexRefused(f"the manifest of version {version} names a file outside of it")
        digest = hashlib.sha256()
        with (draft / file.name).open("wb") as out:
            for piece in blobs.chunks(blobs.INDEXES, f"{shop}/{version}/{file.name}"):
                digest.update(piece)
                out.write(piece)
        if digest.hexdigest() != file.sha256:
            raise IndexRefused(f"{file.name} of version {version} is not the file that was published")
    (draft / MANIFEST).write_bytes(text)


def move_into_place(draft: Path, folder: Path) -> None:
    """Put a finished folder in its place, at once and whole; another process may have been first with the same."""
    try:
        draft.rename(folder)
    except OSError:
        if not folder.exists():
            raise


class scratch:
    """A folder to make a version in, on the disk where versions lie; gone at the end unless it was settled."""

    def __init__(self, shop: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f".draft-{os.getpid()}-", dir=home(shop)))

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def home(shop: str) -> Path:
    """Where this machine keeps versions of a shop, apart by storage account."""
    folder = _root() / shop
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@cache
def _root() -> Path:
    base = search_settings().index_cache_dir
    root = Path(base) if base else Path(tempfile.gettempdir()) / "fashion-indexes"
    return root / hashlib.sha256(blobs.endpoint().encode()).hexdigest()[:12]


def tidy_disk(shop: str, pointer: Pointer) -> None:
    """Remove versions that are not kept, and drafts of processes that died. Who has one mapped keeps its pages."""
    for folder in home(shop).iterdir():
        with suppress(OSError):
            old = folder.stat().st_mtime < clock.now() - ABANDONED_S
            if old and (folder.name.startswith(".draft-") or not pointer.names(folder.name)):
                shutil.rmtree(folder, ignore_errors=True)


def tidy_storage(shop: str, pointer: Pointer) -> None:
    """Remove files of versions that are not kept and not being made, their rows, and journal entries in all kept."""
    for blob in list(blobs.listing(blobs.INDEXES, f"{shop}/")):
        version, slash, _ = blob.name.removeprefix(f"{shop}/").partition("/")
        if slash and not pointer.names(version) and blob.modified < clock.now() - ABANDONED_S:
            blobs.delete(blobs.INDEXES, blob.name)
    for row in index_versions.list(partition=shop, skip_unreadable=True).items:
        if not pointer.names(row.version) and row.built_epoch < clock.now() - ABANDONED_S:
            with suppress(DocumentNotFound):
                index_versions.delete(row.id, shop)
    journal.truncate(shop, min(kept.seq for kept in pointer.kept))


def record(shop: str, manifest: Manifest) -> None:
    """Write the document of a version."""
    index_versions.upsert(
        IndexVersionDocument(
            id=IndexVersionId.of(manifest.version),
            shop=shop,
            version=manifest.version,
            built_at=manifest.built_at,
            built_epoch=clock.now(),
            manifest=manifest.model_dump(mode="json"),
        )
    )


def recorded(shop: str, version: str) -> Manifest | None:
    """The manifest of a version, from its document."""
    document = index_versions.find(IndexVersionId.of(version), shop)
    return Manifest.model_validate(document.manifest) if document else None


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _sha256(pieces: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
