"""Every regular expression of the product against strings made to confuse it; ends unless one of them is exponential.

Run as a program. It prints each pattern before it is tried, so that the last one is the one that hangs.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PUMPED = 60
"""Repetitions of what a pattern repeats: for an exponential one more than any machine ends, for all others nothing."""


def patterns() -> dict[tuple[str | bytes, int], str]:
    """Pattern and flags of all that the modules of the product hold or name, with one module of each."""
    found: dict[tuple[str | bytes, int], str] = {}
    for file in sorted(file for top in ("functions", "shared", "vto_container") for file in (ROOT / top).rglob("*.py")):
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if name.endswith("__main__") or name.startswith("vto_container.engines."):
            continue
        module = importlib.import_module(name)
        for value in list(vars(module).values()):
            for pattern in _held(value):
                found.setdefault((pattern.pattern, pattern.flags), name)
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(ast.Attribute(ast.Name("re"), _), [ast.Constant(str() | bytes() as text), *_]):
                    found.setdefault((text, re.compile(text).flags), name)
                case _:
                    pass
    return found


def _held(value: Any, depth: int = 0) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 4 and isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from _held(one, depth + 1)
    elif depth < 4 and isinstance(value, dict):
        for one in (*value, *value.values()):
            yield from _held(one, depth + 1)


def attacks(text: str | bytes, flags: int) -> Iterator[str]:
    """For each part that a pattern repeats: what leads to it, then strings that the part takes, many times, then what
    it does not take."""
    keeping = ~re.DEBUG & flags
    tree = re._parser.parse(text, keeping)  # type: ignore[attr-defined]
    for before, body in _repeated(list(tree), ""):
        pieces = {_sample(body, least, other) for least in (0, 1, 2) for other in (0, 1)} - {""}
        for piece in pieces:
            for end in ("\x01", "", " \x01"):
                yield before + piece * PUMPED + end
        yield before + "".join(sorted(pieces)) * PUMPED + "\x01"


def _repeated(nodes: list[Any], before: str) -> Iterator[tuple[str, list[Any]]]:
    for kind, about in nodes:
        name = str(kind)
        if "REPEAT" in name:
            yield before, list(about[2])
        for inner in _inside(name, about):
            yield from _repeated(inner, before)
        before += _sample([(kind, about)], 1, 0)


def _inside(name: str, about: Any) -> list[list[Any]]:
    match name:
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return [list(about[2])]
        case "SUBPATTERN":
            return [list(about[3])]
        case "BRANCH":
            return [list(branch) for branch in about[1]]
        case "ATOMIC_GROUP":
            return [list(about)]
        case "ASSERT" | "ASSERT_NOT":
            return [list(about[1])]
        case _:
            return []


def _sample(nodes: list[Any], least: int, other: int) -> str:
    """A string that the nodes take, with at least `least` repetitions, and one or another character of classes."""
    text = ""
    for kind, about in nodes:
        match str(kind):
            case "LITERAL":
                text += chr(about)
            case "NOT_LITERAL":
                text += "a" if about != ord("a") else "b"
            case "ANY":
                text += ".a"[other]
            case "IN":
                text += _character(about, other)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                text += _sample(list(about[2]), least, other) * min(max(about[0], least), int(about[1]))
            case "SUBPATTERN":
                text += _sample(list(about[3]), least, other)
            case "ATOMIC_GROUP":
                text += _sample(list(about), least, other)
            case "BRANCH":
                text += _sample(list(about[1][-1 if other else 0]), least, other)
            case _:
                pass
    return text


def _character(about: list[Any], other: int) -> str:
    as_class = [(kind, of) for kind, of in about]
    for candidate in (" a0", "0 a")[other] + "-_.,;:/<>\"'=()[]{}@+\t\n\x02é年":
        if _takes(as_class, candidate):
            return candidate
    kind, of = next(((kind, of) for kind, of in as_class if str(kind) in ("LITERAL", "RANGE")), (None, None))
    return "" if kind is None else chr(of if str(kind) == "LITERAL" else of[0])


def _takes(about: list[tuple[Any, Any]], character: str) -> bool:
    negated, within = False, False
    for kind, of in about:
        match str(kind):
            case "NEGATE":
                negated = True
            case "LITERAL":
                within |= of == ord(character)
            case "RANGE":
                within |= of[0] <= ord(character) <= of[1]
            case "CATEGORY":
                name = str(of).removeprefix("CATEGORY_").removeprefix("NOT_")
                is_in = {"DIGIT": character.isdecimal(), "SPACE": character.isspace(),
                         "WORD": character.isalnum() or character == "_"}[name]  # fmt: skip
                within |= is_in != ("NOT_" in str(of))
            case _:
                pass
    return within != negated


def cells() -> None:
    """Give what reads tables cells of a length that no pattern whose time grows with its square ends with."""
    from shared.tables import currencies, dates, files, headers, number_formats, numbers

    readers: list[Callable[[str], object]] = [
        headers.heading, dates.readings, numbers.readings, currencies.currencies_in, currencies.without_code,
        number_formats.format_of, lambda cell: files.is_total([cell], cell),
    ]  # fmt: skip
    for piece in (" ", "T", "[$", "[$a-", "a ", ".a", "1 ", "1.", "(", "'", '"', "a in ", "total "):
        for reader in readers:
            print(f"{reader} {piece!r}", flush=True)
            reader("x" + piece * 150_000 + "y")
            reader(piece * 150_000)


def main() -> None:
    """Try every pattern on every string made for it."""
    cells()
    for (text, flags), module in patterns().items():
        print(f"{module}: {text!r}", flush=True)
        pattern = re.compile(text, flags)
        for attack in attacks(text, flags):
            subject: Any = attack if isinstance(text, str) else attack.encode("latin-1", "replace")
            pattern.search(subject)
            pattern.fullmatch(subject)
    print("done", flush=True)


if __name__ == "__main__":
    main()
