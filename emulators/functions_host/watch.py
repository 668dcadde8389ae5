"""Watches the files of an app, so that its instances are replaced when one changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any, Final

import watchfiles
from watchfiles import Change, DefaultFilter

_library: Any = watchfiles
"""For `awatch`, which has a parameter of a type of trio."""

SUFFIXES: Final = (".py", ".json")
QUIET_MS: Final = 50
"""A change is reported when no other has followed for this long: an editor writes several files together."""
LONGEST_MS: Final = 400


class _Sources(DefaultFilter):
    def __call__(self, change: Change, path: str) -> bool:
        return path.endswith(SUFFIXES) and super().__call__(change, path)


async def changes(app: Path, watched: Sequence[Path]) -> AsyncGenerator[list[str]]:
    """Names of changed files, relative to the app; ends never.

    Args:
        watched: folders, with all that is in them, and files.
    """
    queue: asyncio.Queue[set[tuple[Change, str]]] = asyncio.Queue()
    folders = {path for path in watched if path.is_dir()}
    files = {path for path in watched if path not in folders}
    names = {str(path) for path in files}

    async def follow(paths: set[Path], *, recursive: bool) -> None:
        found: set[tuple[Change, str]]
        async for found in _library.awatch(
            *paths, watch_filter=_Sources(), step=QUIET_MS, debounce=LONGEST_MS, recursive=recursive
        ):
            if kept := found if recursive else {one for one in found if one[1] in names}:
                await queue.put(kept)

    # A file is watched by way of its folder: editors replace files, and a watch on the file would end with it.
    parents = {path.parent for path in files}
    tasks = [
        asyncio.create_task(follow(paths, recursive=recursive))
        for paths, recursive in ((folders, True), (parents, False))
        if paths
    ]
    try:
        while True:
            yield _names(app, await queue.get())
    finally:
        for task in tasks:
            task.cancel()


def _names(app: Path, found: set[tuple[Change, str]]) -> list[str]:
    paths = {Path(path) for _, path in found}
    return sorted(str(path.relative_to(app)) if path.is_relative_to(app) else str(path) for path in paths)
