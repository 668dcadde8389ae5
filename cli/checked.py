"""Which files pyright has found right as they are now, so that a second check of the same files costs nothing.

A file is known by its content and the content of all files of the repository that it imports, directly or through
others, and by what holds for all: the configuration, the lock files and what is installed.
"""

from __future__ import annotations

import hashlib
import os
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from cli.changed import imported, included, module_of

COMMON = ("pyproject.toml", "requirements-dev.lock", "package-lock.json", "node_modules/pyright/package.json")
SKIPPED = {"node_modules", "__pycache__"}


class Tree:
    """The Python files of a checkout, as they were when they were first asked for.

    Args:
        root: of the checkout.
        packages: folder of the installed packages, whose names and versions count.
    """

    def __init__(self, root: Path, packages: Path | None = None) -> None:
        self._root = root
        self._packages = packages or Path(sysconfig.get_path("purelib"))
        self._paths = sorted(_python_files(root))
        self._modules: dict[str, list[str]] = {}
        for path in self._paths:
            self._modules.setdefault(module_of(path), []).append(path)
        self._needed = cache(self._read_needed)
        self._content = cache(self._read_content)

    def keys(self) -> dict[str, str]:
        """A key of every file that pyright looks at, by its path."""
        files = [self._root / name for name in COMMON]
        common = b"".join(hashlib.sha256(file.read_bytes() if file.is_file() else b"").digest() for file in files)
        common += "\n".join(sorted(path.name for path in self._packages.iterdir())).encode()
        checked = tuple(included(self._root))
        return {path: self._key(path, common) for path in self._paths if path.startswith(checked)}

    def is_as_read(self) -> bool:
        """Whether every file is as it was, and none was added or removed."""
        return self._paths == sorted(_python_files(self._root)) and all(
            self._content(path) == self._read_content(path) for path in self._paths
        )

    def _key(self, path: str, common: bytes) -> str:
        key = hashlib.sha256(common)
        for name in [path, *sorted(self._closure(path))]:
            key.update(f"{name}\n".encode())
            key.update(self._content(name))
        return key.hexdigest()

    def _closure(self, path: str) -> set[str]:
        found, new = {path}, {path}
        while new:
            new = {needed for name in new for needed in self._needed(name)} - found
            found |= new
        return found

    def _read_needed(self, path: str) -> frozenset[str]:
        """The files that it imports, and the packages that hold them."""
        modules = {above for name in imported(self._root, path) for above in _and_packages(name)}
        return frozenset(found for module in modules for found in self._modules.get(module, ()))

    def _read_content(self, path: str) -> bytes:
        return hashlib.sha256((self._root / path).read_bytes()).digest()


class Checked:
    """The keys of files that were right, one a line in a file."""

    def __init__(self, root: Path, store: Path, packages: Path | None = None) -> None:
        self._root, self._store = root, store
        self._tree = Tree(root, packages)
        self._keys = self._tree.keys()

    def left(self) -> list[str]:
        """Paths to be checked, sorted."""
        known = set(self._store.read_text().split()) if self._store.is_file() else set[str]()
        return sorted(path for path, key in self._keys.items() if key not in known)

    def remember(self) -> None:
        """Keep that all files are right, unless one changed since this was made."""
        if not self._tree.is_as_read():
            return
        written = self._store.with_suffix(".new")
        written.write_text("\n".join(sorted(self._keys.values())))
        written.replace(self._store)


def _python_files(root: Path) -> Iterator[str]:
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if name not in SKIPPED and not name.startswith(".")]
        for file in files:
            if file.endswith((".py", ".pyi")):
                yield str((Path(folder) / file).relative_to(root))


def _and_packages(module: str) -> Iterator[str]:
    while module:
        yield module
        module = module.rpartition(".")[0]
