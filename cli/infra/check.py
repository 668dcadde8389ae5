"""All checks of `infra/` together."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.infra import app, constants, deployment, names, parameters, project, references, scopes, types
from cli.infra.bicep import parse_file
from cli.infra.findings import Finding, Kind
from cli.infra.lexer import BicepError
from cli.infra.syntax import File


@dataclass(frozen=True)
class Result:
    """What one kind of check found; `skipped` says why it could not be made."""

    kind: Kind
    checked: str
    findings: tuple[Finding, ...] = ()
    skipped: str | None = None


def check(root: Path, types_data: Path | None = None, *, only: Kind | None = None) -> list[Result]:
    """Check a checkout's `infra/`, `azure.yaml` and what the documentation says to type.

    Args:
        types_data: the type descriptions; by default `shared/data/bicep-types` beside the checkout.
        only: one kind, beside the syntax.
    """
    infra = root / "infra"
    files: dict[str, File] = {}
    broken: list[Finding] = []
    for path in sorted(infra.rglob("*.bicep")):
        name = str(path.relative_to(infra))
        try:
            files[name] = parse_file(path)
        except BicepError as error:
            broken.append(Finding("syntax", name, 1, str(error)))
    results = [Result("syntax", f"{len(files)} files", tuple(broken))]
    if broken:
        return results
    kinds: dict[Kind, Callable[[], Result]] = {
        "constants": lambda: _constants(infra, files),
        "types": lambda: _types(infra, files, types_data or types.find_data(root)),
        "parameters": lambda: _parameters(root, files),
        "app": lambda: _app(root, files),
    }
    return [*results, *(run() for kind, run in kinds.items() if only in (None, kind))]


def _constants(infra: Path, files: dict[str, File]) -> Result:
    found = [
        finding
        for name, file in files.items()
        for finding in (
            *constants.check(name, file),
            *references.check(name, file, (infra / name).parent),
            *scopes.check_modules(name, file, _targets(infra, name, files)),
        )
    ]
    return Result("constants", f"{len(files)} files", tuple(found))


def _app(root: Path, files: dict[str, File]) -> Result:
    found = [*app.check(root, files, app.facts()), *project.check(root), *deployment.check(root, files)]
    return Result(
        "app", "containers, queues, settings, schedules, secrets, telemetry, roles, azure.yaml, images", tuple(found)
    )


def _types(infra: Path, files: dict[str, File], data: Path | None) -> Result:
    count = sum(1 for file in files.values() for _ in file.all_resources())
    if data is None:
        why = "no type descriptions: clone github.com/Azure/bicep-types-az and give --types its folder `generated`"
        return Result("types", f"{count} resources", skipped=why)
    found = [
        finding
        for name, file in files.items()
        for finding in (*types.check(name, file, data), *scopes.check(name, file, data))
    ]
    found += names.check(infra, files, data)
    left = [name for file in files.values() for name in types.undescribed(file, data)]
    note = f", without {', '.join(left)} (not described here)" if left else ""
    return Result("types", f"{count} resources{note}", tuple(found))


def _parameters(root: Path, files: dict[str, File]) -> Result:
    infra = root / "infra"
    found: list[Finding] = []
    for name, file in files.items():
        found += parameters.check_modules(name, file, _targets(infra, name, files))
    main = files["main.bicep"]
    given: dict[str, dict[str, Any]] = json.loads((infra / "main.parameters.json").read_text())["parameters"]
    commands = parameters.documented([root / "README.md", *sorted((root / "docs").glob("*.md"))])
    documented = dict(commands)
    made = project.made_by_hooks(root)
    found += parameters.check_file(main, given, frozenset({*documented, *made}))
    base = {"AZURE_ENV_NAME": "shop", "AZURE_LOCATION": "westeurope"}
    environments = [("the hooks", made), *(("the documentation", {**made, name: value}) for name, value in commands)]
    for source, environment in environments:
        found += parameters.check_values(main, given, {**base, **environment}, source)
    found = list(dict.fromkeys(found))
    checked = f"{sum(len(file.modules) for file in files.values())} modules, {len(given)} parameters"
    return Result("parameters", f"{checked}, {len(documented)} documented commands", tuple(found))


def _targets(infra: Path, name: str, files: dict[str, File]) -> dict[str, File]:
    """The files of a file's modules, by their paths as they are written."""
    folder = (infra / name).parent
    return {
        module.path: files[key]
        for module in files[name].modules.values()
        if (key := _relative(folder / module.path, infra)) in files
    }


def _relative(path: Path, root: Path) -> str:
    path = path.resolve()
    return str(path.relative_to(root.resolve())) if path.is_relative_to(root.resolve()) else ""
