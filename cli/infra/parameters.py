"""Parameters: of modules, of `main.parameters.json`, and what the documented commands make of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sized
from pathlib import Path
from typing import Any, Final, cast

from cli.infra.azd import substitute, unknown_forms, variables
from cli.infra.findings import Finding
from cli.infra.syntax import (
    Array,
    Expression,
    File,
    Interpolation,
    Literal,
    Member,
    Module,
    Name,
    Object,
    Parameter,
    text,
)

AZD: Final = frozenset({"AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_PRINCIPAL_ID"})
"""What azd asks for and sets itself."""
DEPLOYED: Final = re.compile(r"^SERVICE_\w+_IMAGE_NAME$")
"""What azd stores after a deployment."""
_BLOCK: Final = re.compile(r"```(?:sh|bash|console)\n(.*?)```", re.DOTALL)
_TYPES: Final = {"string": str, "int": int, "bool": bool, "object": dict, "array": list}
RECORDER: Final = """#!/bin/sh
[ "$1 $2" = "env set" ] || exit 0
printf '%s\\0%s\\0' "$3" "$4" >> "$AZD_RECORD"
"""


def check_modules(path: str, file: File, targets: Mapping[str, File]) -> list[Finding]:
    """Every call of a module against what it declares; `targets` are the files by the paths that are written."""
    found: list[Finding] = []
    for module in file.modules.values():
        target = targets.get(module.path)
        if target is None:
            found.append(Finding("parameters", path, module.line, f"module {module.path} does not exist"))
            continue
        found += _call(path, module, target, file)
    found += _outputs(path, file, targets)
    return found


def _call(path: str, module: Module, target: File, file: File) -> list[Finding]:
    given = module.content.get("params")
    values = {text(one.key) or "": one.value for one in given.properties} if isinstance(given, Object) else {}
    found: list[Finding] = []
    for name, parameter in target.parameters.items():
        optional = parameter.default is not None or parameter.type.endswith("?")
        if name not in values and not optional:
            found.append(
                Finding("parameters", path, module.line, f"module {module.symbol} does not get its parameter {name}")
            )
    for name, value in values.items():
        known = target.parameters.get(name)
        if known is None:
            found.append(
                Finding("parameters", path, value.line, f"module {module.symbol} has no parameter named {name}")
            )
            continue
        if problem := _mismatch(known, value, file):
            found.append(Finding("parameters", path, value.line, f"parameter {name} of {module.symbol}: {problem}"))
    return found


def _mismatch(parameter: Parameter, value: Expression, file: File) -> str | None:
    given = _type(value, file)
    if given and parameter.type in _TYPES and given != parameter.type:
        return f"{parameter.type} is expected, {given} is given"
    if isinstance(value, Literal) and parameter.allowed() and value.value not in parameter.allowed():
        return f"{value.value!r} is not one of {', '.join(parameter.allowed())}"
    if isinstance(value, Name) and value.name in file.parameters:
        source = file.parameters[value.name]
        if source.secure and not parameter.secure:
            return (
                f"{value.name} is secure, but {parameter.name} is not: its value would be in the deployment's history"
            )
    return None


def _type(value: Expression, file: File) -> str | None:
    """The type of an expression as far as its form tells."""
    match value:
        case Literal(bool()):
            return "bool"
        case Literal(int()):
            return "int"
        case Literal(str()) | Interpolation():
            return "string"
        case Object():
            return "object"
        case Array():
            return "array"
        case Name(name) if name in file.parameters:
            return file.parameters[name].type
        case _:
            return None


def _outputs(path: str, file: File, targets: Mapping[str, File]) -> list[Finding]:
    """Outputs of modules that are read but not declared."""
    found: list[Finding] = []
    for node in file.nodes():
        match node:
            case Member(Member(Name(symbol), "outputs"), name) if symbol in file.modules:
                target = targets.get(file.modules[symbol].path)
                if target is not None and name not in target.outputs:
                    found.append(Finding("parameters", path, node.line, f"module {symbol} has no output named {name}"))
            case _:
                pass
    return found


def check_file(main: File, parameters: Mapping[str, Mapping[str, Any]], made: frozenset[str]) -> list[Finding]:
    """`main.parameters.json` against `main.bicep`.

    Args:
        made: variables that a hook of azure.yaml or the documentation sets.
    """
    name, found = "main.parameters.json", list[Finding]()
    for one in parameters.keys() - main.parameters.keys():
        found.append(Finding("parameters", name, 1, f"{one} is not a parameter of main.bicep"))
    for one, parameter in main.parameters.items():
        if one not in parameters:
            if parameter.default is None:
                found.append(Finding("parameters", name, 1, f"{one} has no default and is not given: azd asks for it"))
            continue
        for form in unknown_forms(parameters[one]):
            message = f"{one}: {form} is no form of a variable that is known here: write ${{NAME}} or ${{NAME=default}}"
            found.append(Finding("parameters", name, 1, message))
        for variable in variables(parameters[one]):
            known = variable in made | AZD or DEPLOYED.match(variable)
            if parameter.default is None and "=" not in json.dumps(parameters[one]) and not known:
                message = f"{one} comes from {variable}, which no documented command and no hook sets: azd asks for it"
                found.append(Finding("parameters", name, 1, message))
    return found


def check_values(
    main: File, parameters: Mapping[str, Mapping[str, Any]], environment: Mapping[str, str], source: str
) -> list[Finding]:
    """What azd makes of an environment, against the parameters' types and limits."""
    types = {name: one.type for name, one in main.parameters.items()}
    done = substitute(parameters, types, environment)
    found = [Finding("parameters", source, 1, f"{name}: {problem}") for name, problem in done.problems.items()]
    for name, value in done.values.items():
        parameter = main.parameters.get(name)
        if parameter is None:
            continue
        expected = _TYPES.get(parameter.type)
        if expected is not None and type(value) is not expected:
            message = f"{name}: {parameter.type} is expected, azd passes {type(value).__name__}"
            found.append(Finding("parameters", source, 1, message))
        elif parameter.allowed() and value not in parameter.allowed():
            message = f"{name}: {value!r} is not one of {', '.join(parameter.allowed())}"
            found.append(Finding("parameters", source, 1, message))
        elif problem := _beyond(parameter, value):
            found.append(Finding("parameters", source, 1, f"{name}: {problem}"))
        elif isinstance(value, str) and _stored(parameters[name], environment) not in (None, value):
            message = f"{name}: azd changes the value, because it does not escape backslashes and quotation marks"
            found.append(Finding("parameters", source, 1, message))
    return found


def _beyond(parameter: Parameter, value: Any) -> str | None:
    """How a value is outside `@minLength`, `@maxLength`, `@minValue` and `@maxValue`."""
    is_sized = isinstance(value, str | list)
    size = value if isinstance(value, int) else len(cast("Sized", value)) if is_sized else None
    what = "Value" if isinstance(value, int) else "Length"
    least, most = parameter.limit(f"min{what}"), parameter.limit(f"max{what}")
    if size is None or isinstance(value, bool) or (least or size) <= size <= (size if most is None else most):
        return None
    unit = "" if isinstance(value, int) else " characters" if isinstance(value, str) else " items"
    return f"{size}{unit} is outside {least if least is not None else ''}..{most if most is not None else ''}"


def _stored(parameter: Mapping[str, Any], environment: Mapping[str, str]) -> str | None:
    """The stored value of a parameter that is one variable and nothing else."""
    (variable, *others) = variables(parameter) or [""]
    whole = re.fullmatch(r"\$\{\w+(=[^}]*)?\}", str(parameter.get("value")))
    return environment.get(variable) if whole and not others else None


def documented(pages: list[Path]) -> list[tuple[str, str]]:
    """What each `azd env set` command of these pages stores, run by a shell with a recorder in place of azd."""
    lines = [
        line
        for page in pages
        if page.is_file()
        for block in _BLOCK.findall(page.read_text())
        for line in block.splitlines()
        if line.strip().startswith("azd env set ")
    ]
    return run_commands(lines)


def run_commands(lines: list[str]) -> list[tuple[str, str]]:
    """The name and the value that each of these `azd env set` commands stores."""
    with tempfile.TemporaryDirectory() as folder:
        recorder, record = Path(folder) / "azd", Path(folder) / "record"
        recorder.write_text(RECORDER)
        recorder.chmod(0o755)
        record.touch()
        script = "\n".join(re.sub(r"<[^<>]*>", "example", line) for line in lines)
        environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "AZD_RECORD": str(record)}
        subprocess.run(["sh", "-c", script], env=environment, check=False, capture_output=True)
        words = record.read_text().split("\0")[:-1]
    return list(zip(words[::2], words[1::2], strict=True))
