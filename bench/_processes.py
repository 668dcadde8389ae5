"""What a running stack costs: processor time by process, and calls of its storage."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from bench._request_units_meter import storage_calls

_KINDS: Final = {
    "functions_host.instance": "app",
    "sanitizer_child": "image sanitizer",
    "azurite": "storage emulator",
    "vto_container": "try-on container",
    "emulators.cosmos": "Cosmos DB emulator",
    "multiprocessing": "attacker",
}
"""Parts of a command line, and what the process is called; all others are counted together."""


def cpu_seconds() -> Counter[str]:
    """Processor seconds so far of this process's descendants, by what they are."""
    found: Counter[str] = Counter()
    for process in psutil.Process().children(recursive=True):
        try:
            command, times = " ".join(process.cmdline()), process.cpu_times()
        except psutil.Error:
            continue
        name = next((kind for part, kind in _KINDS.items() if part in command), "emulators and host")
        found[name] += times.user + times.system  # pyright: ignore[reportArgumentType] - a counter of floats
    return found


def ms_each(before: Counter[str], number: int) -> dict[str, int]:
    """Processor milliseconds since `before` for each of `number` pieces of work, without processes that have ended."""
    return {name: round(seconds / number * 1000) for name, seconds in (cpu_seconds() - before).most_common()}


class StorageLog:
    """The calls that a storage emulator has answered."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def clear(self) -> None:
        """Forget what was called."""
        self._file.write_text("")

    def each(self, number: int) -> dict[str, float]:
        """Calls by kind, without polls and listings, for each of `number` pieces of work."""
        return {kind: round(count / number, 2) for kind, count in storage_calls(self._file).most_common()}


@contextmanager
def storage_log(file: Path) -> Generator[StorageLog]:
    """Let a storage emulator that is started in this block write its calls to a file."""
    file.touch()
    wanted = {
        "NODE_OPTIONS": f"--require {Path(__file__).with_name('_storage_log.cjs')}", "STUDIO_STORAGE_LOG": str(file),
    }  # fmt: skip
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield StorageLog(file)
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
