"""What pyright has to look at after a change: the changed files, and those that import them.

Changed is what differs from where the branch left `origin`'s default branch (without `origin`: from the last commit). A
type that changes by inference two imports away is found by the whole check alone, which `./studio test` makes.
"""

from __future__ import annotations

import ast
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from emulators.stack import ROOT


def files_to_check(root: Path = ROOT) -> list[str] | None:
    """Paths below the root, sorted; None where there is no git to ask, so that all files have to be checked."""
    try:
        changed = _changed(root)
        known = _git(root, "ls-files", "--cached", "--others", "--exclude-standard", "*.py")
    except (subprocess.CalledProcessError, FileNotFoundError):
        return None
    checked = tuple(included(root))
    modules = {module_of(path) for path in changed}
    present = [path for path in known if path.startswith(checked) and (root / path).is_file()]
    return sorted(path for path in present if path in changed or modules & imported(root, path))


def included(root: Path) -> Iterator[str]:
    """Files that pyright looks at, and folders with a slash at their end."""
    configured = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["pyright"]["include"]
    for place in configured:
        yield place if place.endswith(".py") else f"{place}/"


def _changed(root: Path) -> set[str]:
    """Python files that were added, changed or removed."""
    try:
        (base,) = _git(root, "merge-base", "HEAD", "origin/HEAD")
    except (subprocess.CalledProcessError, ValueError):
        base = "HEAD"
    found = _git(root, "diff", "--name-only", "--no-renames", base, "--", "*.py")
    return {*found, *_git(root, "ls-files", "--others", "--exclude-standard", "*.py")}


def _git(root: Path, *arguments: str) -> list[str]:
    command = ["git", "-c", "core.quotePath=false", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.splitlines()


def module_of(path: str) -> str:
    """The module's name by which others import it."""
    return path.removesuffix("i").removesuffix(".py").removesuffix("/__init__").rpartition("src/")[2].replace("/", ".")


def imported(root: Path, path: str) -> set[str]:
    """Modules that a file may import; a name that is imported from a package may be a module, too."""
    try:
        tree = ast.parse((root / path).read_bytes())
    except SyntaxError:
        return set()
    parts = module_of(path).split(".") if path.endswith("/__init__.py") else module_of(path).split(".")[:-1]
    return set(_names(_statements(tree.body), parts))


def _statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """These and all below them; to walk through expressions as well takes three times as long."""
    for statement in body:
        yield statement
        for below in ("body", "orelse", "handlers", "finalbody", "cases"):
            yield from _statements(getattr(statement, below, ()))


def _names(nodes: Iterable[ast.AST], package: list[str]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
