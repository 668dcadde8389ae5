"""Names that resources get in a deployment, held against the lengths and patterns of their types.

Names are followed from `main.bicep` into its modules, as far as they are made of literals, parameters, loaded JSON and
a few functions; `uniqueString` gives 13 letters and digits. A parameter without a value has the longest value allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from cli.infra.findings import Finding
from cli.infra.references import loaded
from cli.infra.scopes import properties
from cli.infra.syntax import Call, Expression, File, Index, Interpolation, Literal, Member, Name, Object, text
from cli.infra.types import find, follow

_UNIQUE: Final = "abcdefghijk23"


def check(infra: Path, files: Mapping[str, File], data: Path) -> Iterator[Finding]:
    """Names that Azure would refuse."""
    main = files["main.bicep"]
    given = {name: "e" * (one.limit("maxLength") or 0) or None for name, one in main.parameters.items()}
    yield from _file("main.bicep", infra, files, given, data)


def _file(
    name: str, infra: Path, files: Mapping[str, File], given: Mapping[str, str | None], data: Path
) -> Iterator[Finding]:
    file, folder = files[name], (infra / name).parent
    for resource, _ in file.all_resources():
        found = None if resource.existing else find(data, resource.type, resource.version)
        value = resource.content.get("name")
        known = None if value is None else evaluate(value, file, folder, given)
        if found is None or known is None or value is None:
            continue
        body = properties(found[0], follow(found[0], found[1]["body"])) or {}
        rule = body.get("name")
        if rule and (problem := _problem(follow(found[0], rule["type"]), known)):
            yield Finding("types", name, value.line, f"the name of {resource.symbol}, {known!r}, {problem}")
    for module in file.modules.values():
        target = str(PurePosixPath(name).parent / module.path)
        written = module.content.get("params")
        if target in files and isinstance(written, Object):
            values = {text(one.key) or "": evaluate(one.value, file, folder, given) for one in written.properties}
            yield from _file(target, infra, files, values, data)


def _problem(rule: Mapping[str, Any], name: str) -> str | None:
    if not rule.get("minLength", 0) <= len(name) <= rule.get("maxLength", len(name)):
        return f"has {len(name)} characters, {rule.get('minLength', 0)}..{rule.get('maxLength', '')} are allowed"
    pattern = rule.get("pattern")
    return f"does not match {pattern}" if pattern and not re.search(pattern, name) else None


def evaluate(value: Expression, file: File, folder: Path, given: Mapping[str, str | None]) -> str | None:
    """The text that an expression gives; None where it is known in a deployment only."""

    def of(inner: Expression) -> str | None:
        return evaluate(inner, file, folder, given)

    match value:
        case Literal(str(one)):
            return one
        case Interpolation(parts):
            texts = [part if isinstance(part, str) else of(part) for part in parts]
            return None if None in texts else "".join(one or "" for one in texts)
        case Name(name) if name in file.variables:
            return of(file.variables[name].value)
        case Name(name) if name in file.parameters:
            default = file.parameters[name].default
            return given[name] if given.get(name) is not None else of(default) if default is not None else None
        case Call(None, "uniqueString"):
            return _UNIQUE
        case Call(None, "toLower" | "toUpper" as name, (inner,)):
            found = of(inner)
            return None if found is None else found.lower() if name == "toLower" else found.upper()
        case Call(None, "take", (inner, Literal(int(length)))):
            found = of(inner)
            return None if found is None else found[:length]
        case Member() | Index():
            content = loaded(value, file, folder)
            return content if isinstance(content, str) else None
        case _:
            return None
