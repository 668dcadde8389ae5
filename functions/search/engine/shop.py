"""A shop's index in this process: the states that can be searched, kept up with the pointer and the journal."""

from __future__ import annotations

import json
import threading
import time
from typing import Final

from functions.search.engine import build as builds
from functions.search.engine import journal, versions
from functions.search.engine.columns import FILE, Columns
from functions.search.engine.errors import CursorExpired, IndexModelMismatch, IndexRefused
from functions.search.engine.items import Model
from functions.search.engine.kernel import open_kernel
from functions.search.engine.state import Block, State
from functions.search.engine.versions import Pointer
from functions.search.settings import search_settings
from shared import telemetry

LATE: Final = 2.0
"""A state that was not asked for during this number of polls is too old to be searched while another thread polls."""
RETRY_S: Final = 10.0
"""How long a version that was refused is not tried again."""


class Shop:
    """States of one shop. A search takes a state and keeps it; swaps replace one reference."""

    def __init__(self, name: str, model: Model) -> None:
        self.name = name
        self.model = model
        self.pointer: Pointer | None = None
        self.etag: str | None = None
        self._current: State | None = None
        self._older: dict[str, State] = {}
        self._polled = float("-inf")
        self._polling = threading.Lock()
        self._loading: threading.Thread | None = None
        self._refused: dict[str, float] = {}

    def state(self, min_seq: int = 0) -> State:
        """The state to search: at most `INDEX_POLL_S` behind, and with `min_seq` in it if that is to be had.

        Raises:
            IndexModelMismatch: the version in use is of another model.
        """
        current, age = self._current, time.monotonic() - self._polled
        poll = search_settings().index_poll_s
        if current is None or age > poll or current.seq < min_seq:
            must = current is None or age > LATE * poll or current.seq < min_seq
            if self._polling.acquire(blocking=must):
                try:
                    if self._current is None or time.monotonic() - self._polled > poll or self._current.seq < min_seq:
                        self.poll()
                finally:
                    self._polling.release()
        if self.pointer is not None and self.pointer.current.model_id != self.model.id:
            raise IndexModelMismatch(
                f"the index was built by {self.pointer.current.model_id}, here runs {self.model.id}", retry_after=5
            )
        if self._current is None:
            raise IndexRefused("no version of the index can be opened")
        return self._current

    def refresh(self) -> State | None:
        """Poll now, and wait until the version in use is open."""
        with self._polling:
            self.poll(wait=True)
        return self._current

    def poll(self, *, wait: bool = False) -> None:
        """Look for another version and for new journal entries; under the lock. The first version is opened here, a
        later one beside the searches that go on, unless `wait`."""
        found = versions.read_pointer(self.name, self.etag)
        if found is not None:
            self.pointer, self.etag = found
            kept = {one.version for one in self.pointer.kept}
            self._older = {name: state for name, state in list(self._older.items()) if name in kept}
        wanted = self.pointer.current.version if self.pointer else ""
        if self._current is None or self._current.version != wanted:
            if self._loading is not None and (wait or not self._loading.is_alive()):
                self._loading.join()
                self._loading = None
            same_model = self.pointer is None or self.pointer.current.model_id == self.model.id
            current = self._current
            if same_model and (current is None or current.version != wanted) and self._worth(wanted):
                if current is None or wait:
                    self._load(wanted)
                elif self._loading is None:
                    self._loading = threading.Thread(target=self._load, args=(wanted,), daemon=True)
                    self._loading.start()
        if self._current is not None:
            newest = journal.last(self.name)
            for state in (self._current, *list(self._older.values())):
                catch_up(self.name, state, newest)
        self._polled = time.monotonic()

    def _worth(self, version: str) -> bool:
        return self._current is None or time.monotonic() - self._refused.get(version, float("-inf")) > RETRY_S

    def _load(self, version: str) -> None:
        """Open a version and put it in use; a bad one is reported, and what is in use, or else the last good, stays."""
        started = time.perf_counter()
        candidates = [version]
        if self._current is None and self.pointer is not None:
            candidates += [kept.version for kept in self.pointer.kept[1:] if kept.model_id == self.model.id]
        for name in candidates:
            try:
                fresh = self._older.get(name) or self.open(name)
            except IndexRefused as error:
                self._refused[name] = time.monotonic()
                telemetry.log("search.version_refused", level="error", shop=self.name, version=name, why=error.message)
                continue
            before = self._current
            self._current = fresh
            if before is not None and before.version:
                self._older[before.version] = before
            telemetry.log(
                "search.version_opened", shop=self.name, version=name, ms=(time.perf_counter() - started) * 1e3
            )
            if self.pointer is not None:
                versions.tidy_disk(self.name, self.pointer)
            return

    def open(self, version: str) -> State:
        """A state of a version, up to date. Raises IndexRefused."""
        state = load(self.name, version, self.model)
        catch_up(self.name, state, journal.last(self.name))
        return state

    def pinned(self, version: str) -> State:
        """The state of the version that a cursor names. Raises CursorExpired."""
        current = self.state()
        if current.version == version:
            return current
        if self.pointer is None or not self.pointer.names(version):
            raise CursorExpired("the version that this page belongs to is not kept any more: search again")
        with self._polling:
            found = self._older.get(version)
            if found is None:
                try:
                    found = self.open(version)
                except IndexRefused as error:
                    raise CursorExpired(error.message) from error
                self._older[version] = found
        return found


def load(shop: str, version: str, model: Model) -> State:
    """Map a version's files; the empty name is the state before the first version. Raises IndexRefused."""
    if not version:
        return State(None, Block(Columns.of([], model.dim)), model.id)
    folder, manifest = versions.fetch(shop, version)
    try:
        kernel = open_kernel(folder)
        columns = Columns.load(folder / FILE, kernel.rows)
        if not columns.count == len(kernel.rows) == manifest.count:
            raise IndexRefused(f"the files of version {version} do not belong together")
        return State(manifest, Block(columns, kernel), manifest.model_id, builds.load_tombstones(folder))
    except (OSError, RuntimeError, ValueError, KeyError, json.JSONDecodeError) as error:
        raise IndexRefused(f"version {version} can't be opened: {error}") from error


def catch_up(shop: str, state: State, newest: int) -> None:
    """Replay what the journal has beyond a state."""
    if state.seq < newest:
        for entries in journal.after(shop, state.seq):
            state.apply(entries)
