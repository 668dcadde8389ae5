"""Which test files a run reads, and in which order: a file that can't hold one of its tests is not imported."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from emulators.stack import ROOT

TESTS = ROOT / "tests"
LEFT_OUT = ("long", "processes")
"""Marks without which `./studio test` runs tests."""

DEFINITION = re.compile(r"^[ ]*(?:async )?def (\w+)\((.*?)\)(?: ->[^\n]*)?:", re.MULTILINE | re.DOTALL)
"""Name and parameters, with the words of their types."""
BY_NAME = re.compile(r"\b(?:usefixtures|getfixturevalue)\((.*?)\)", re.DOTALL)
"""Arguments that name fixtures."""
FUNCTION = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)


def files_to_run(places: Iterable[Path], marks: str, names: str) -> list[Path]:
    """The files below these places to be read for `-m MARKS -k NAMES`: what takes longest comes first, then what starts
    processes, so that no process is left with a long file while others have nothing more to do."""
    found = {file for place in places for file in ([place] if place.is_file() else place.rglob("test_*.py"))}
    return sorted((file for file in found if not ignored(file, marks, names)), key=lambda file: (_order(file), file))


def ignored(path: Path, marks: str, names: str) -> bool:
    """Whether `-m MARKS -k NAMES` leave out all tests of the file."""
    marked = any(marks == f"not {mark}" and all_marked(path, mark) for mark in LEFT_OUT)
    return marked or excludes(path, names)


def _order(path: Path) -> int:
    text = path.read_text()
    marks = ("mark.early", "mark.long"), ("mark.processes", "mark.on_stack")
    return next((place for place, names in enumerate(marks) if any(name in text for name in names)), len(marks))


def excludes(path: Path, expression: str) -> bool:
    """Whether no test of the file has a name that the expression asks for.

    That is known only if each word of the expression is, by its form, part of a test function's name and not of what
    else `-k` looks at: ids of parameters, markers.
    """
    words = re.findall(r"[^\s()]+", expression.lower())
    names = [word for word in words if word not in ("and", "or")]
    if not names or not all(_is_function_name(name) for name in names):
        return False
    return not any(name in _searched(path) for name in names)


def _is_function_name(word: str) -> bool:
    looks_like_one = word.startswith("test_") or word.count("_") > 1
    return looks_like_one and any(word in _searched(path) for path in _files())


def all_marked(path: Path, mark: str) -> bool:
    """Whether the file marks every test of it so."""
    return re.search(rf"^pytestmark = .*\bmark\.{mark}\b", path.read_text(), re.MULTILINE) is not None


@cache
def may_need(path: Path, fixture: str) -> bool:
    """Whether a test of the file can need the fixture, also through others: False is certain, True is not."""
    conftests = [folder / "conftest.py" for folder in path.parents if folder.is_relative_to(TESTS)]
    sources = [*_helpers(), *filter(Path.is_file, conftests), path]
    definitions = [definition for source in sources for definition in _definitions(source)]
    names: set[str] = set()
    found = {fixture}
    while found > names:
        names = found
        found = names | {name for name, words in definitions if words & names}
    text = path.read_text()
    used = {name for arguments in BY_NAME.findall(text) for name in re.findall(r"\w+", arguments)}
    return bool(used & names) or f"mark.on_{fixture}" in text or any(name.startswith("test_") for name in names)


@cache
def _helpers() -> tuple[Path, ...]:
    """Modules from which a test file may import fixtures."""
    return tuple(path for path in TESTS.glob("**/*.py") if not path.name.startswith(("test_", "conftest")))


@cache
def _definitions(path: Path) -> tuple[tuple[str, frozenset[str]], ...]:
    found = DEFINITION.findall(path.read_text())
    return tuple((name, frozenset(re.findall(r"\w+", parameters))) for name, parameters in found)


@cache
def _files() -> tuple[Path, ...]:
    return tuple(TESTS.glob("**/test_*.py"))


@cache
def _searched(path: Path) -> str:
    return " ".join([str(path.relative_to(TESTS)), *FUNCTION.findall(path.read_text())]).lower()
