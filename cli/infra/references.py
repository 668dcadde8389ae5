"""What a file refers to: cycles, functions, and files that are loaded when it is compiled.

The compiler refuses these as BCP080 (cycles), BCP057 (functions), BCP065 (functions for defaults of parameters only),
BCP091 (files), BCP053 (properties of loaded JSON) and BCP025 (properties written twice).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from cli.infra.findings import Finding
from cli.infra.syntax import Call, Expression, File, Index, Literal, Member, Name, Object, free_names, text, walk

_WORDS: Final = """
    any array base64 base64ToJson base64ToString bool buildUri cidrHost cidrSubnet concat contains dataUri
    dataUriToString dateTimeAdd dateTimeFromEpoch dateTimeToEpoch deployer deployment empty endsWith environment
    extensionResourceId fail filter first flatten format groupBy guid indexOf int intersection items join json last
    lastIndexOf length loadDirectoryFileInfo loadFileAsBase64 loadJsonContent loadTextContent loadYamlContent
    managementGroup managementGroupResourceId map mapValues max min nameof newGuid objectKeys padLeft parseCidr parseUri
    pickZones providers range reduce reference replace resourceGroup resourceId shallowMerge skip sort split startsWith
    string subscription subscriptionResourceId substring take tenant tenantResourceId toLogicalZone toLogicalZones
    toLower toObject toPhysicalZone toPhysicalZones toUpper trim tryGet union uniqueString uri uriComponent
    uriComponentToString utcNow
"""
FUNCTIONS: Final = frozenset(_WORDS.split())
"""Functions of the namespaces `az` and `sys` in files (not in parameter files), beside `list...`."""
OF_A_DEFAULT: Final = frozenset({"utcNow", "newGuid"})
"""Their value changes with every deployment: only the default of a parameter may call them."""
_LIST: Final = re.compile(r"^list[A-Z]\w*$")
_LOADING: Final = frozenset({"loadFileAsBase64", "loadJsonContent", "loadTextContent", "loadYamlContent"})


def check(path: str, file: File, folder: Path) -> list[Finding]:
    """What the compiler would refuse of a file's references; `folder` is where the file is."""
    return [*_cycles(path, file), *_functions(path, file), *_loaded(path, file, folder), *_repeated(path, file)]


def _repeated(path: str, file: File) -> Iterator[Finding]:
    for node in file.nodes():
        keys = [text(one.key) for one in node.properties] if isinstance(node, Object) else []
        for name in sorted({key for key in keys if key is not None and keys.count(key) > 1}):
            yield Finding("constants", path, node.line, f"{name} is written twice in one object (BCP025)")


def _cycles(path: str, file: File) -> Iterator[Finding]:
    graph: dict[str, set[str]] = {}
    lines: dict[str, int] = {}
    declared: dict[str, tuple[int, Expression, str | None]] = {
        **{name: (one.line, one.value, None) for name, one in file.variables.items()},
        **{name: (one.line, one.body, None) for name, one in file.modules.items()},
        **{
            one.symbol: (one.line, one.body, parent.symbol if parent is not None else None)
            for one, parent in file.all_resources()
        },
    }
    for name, (line, value, parent) in declared.items():
        found = {one.name for one in free_names(value)} & declared.keys()
        graph[name], lines[name] = found | ({parent} if parent is not None else set()), line
    seen: set[str] = set()
    for start in graph:
        ring = _ring(graph, start)
        if ring and not seen & set(ring):
            seen |= set(ring)
            message = f"{' -> '.join((*ring, start))}: a cycle (BCP080): nothing of it can be made first"
            yield Finding("constants", path, lines[start], message)


def _ring(graph: Mapping[str, set[str]], start: str) -> tuple[str, ...]:
    """The shortest way from a name back to itself; empty if there is none."""
    waiting: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    while waiting:
        way = waiting.pop(0)
        for following in sorted(graph[way[-1]]):
            if following == start:
                return way
            if following not in seen:
                seen.add(following)
                waiting.append((*way, following))
    return ()


def _functions(path: str, file: File) -> Iterator[Finding]:
    for value, is_default in (*((one, False) for one in file.values()), *((one, True) for one in file.defaults())):
        for node in walk(value):
            if not isinstance(node, Call) or not (node.base is None or _is_namespace(node.base)):
                continue
            if node.name not in FUNCTIONS | file.functions and not _LIST.match(node.name):
                yield Finding("constants", path, node.line, f"there is no function {node.name} (BCP057)")
            elif node.name in OF_A_DEFAULT and not is_default:
                message = f"only the default of a parameter may call {node.name} (BCP065)"
                yield Finding("constants", path, node.line, message)


def _is_namespace(value: Expression) -> bool:
    return isinstance(value, Name) and value.name in ("az", "sys")


def _loaded(path: str, file: File, folder: Path) -> Iterator[Finding]:
    for node in file.nodes():
        if isinstance(node, Call) and node.name in _LOADING and node.arguments:
            name = text(node.arguments[0])
            if name is not None and not (folder / name).is_file():
                yield Finding("constants", path, node.line, f"{name} does not exist (BCP091)")
        if isinstance(node, Member | Index):
            yield from _property(path, file, folder, node)


def _property(path: str, file: File, folder: Path, node: Member | Index) -> Iterator[Finding]:
    content = loaded(node.base, file, folder)
    name = node.name if isinstance(node, Member) else text(node.index)
    if isinstance(content, dict) and name is not None and name not in content:
        yield Finding("constants", path, node.line, f"the file that is loaded has no property {name} (BCP053)")


def loaded(value: Expression, file: File, folder: Path) -> Any:
    """What an expression that loads JSON, or a variable or a part of one, is; None for anything else."""
    match value:
        case Call(None, "loadJsonContent", (Literal(str(name)),)) if (folder / name).is_file():
            try:
                return json.loads((folder / name).read_text("utf-8-sig"))
            except ValueError:
                return None
        case Name(name) if name in file.variables and isinstance(file.variables[name].value, Call | Member):
            return loaded(file.variables[name].value, file, folder)
        case Member(base, name) | Index(base, Literal(str(name))):
            inner = loaded(base, file, folder)
            return cast("dict[str, Any]", inner).get(name) if isinstance(inner, dict) else None
        case _:
            return None
