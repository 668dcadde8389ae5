"""Values that Bicep wants to know at the start of a deployment, and expressions that are only known later.

The compiler refuses these as BCP120 (properties), BCP177 (conditions), BCP178 (loops) and BCP182 (loops of variables).
The rules are those of `AzResourceTypeProvider` and `DeployTimeConstantValidator` in Azure/bicep: of a resource, only
`id`, `name`, `type` and `apiVersion` can be read at the start; of a module, only `name`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cli.infra.findings import Finding
from cli.infra.syntax import (
    Call,
    Expression,
    File,
    For,
    If,
    Index,
    Literal,
    Member,
    Module,
    Name,
    Resource,
    children,
    free_names,
    text,
    walk,
)

OF_A_RESOURCE: Final = frozenset({"id", "name", "type", "apiVersion"})
OF_A_MODULE: Final = frozenset({"name"})
NAMING: Final = ("name", "scope", "parent")
"""Properties that identify a resource or module: constants for existing ones, too."""
FIXED: Final = (
    "location", "kind", "managedBy", "managedByExtended", "extendedLocation", "zones", "plan", "sku", "identity",
    "tags",
)  # fmt: skip
"""Further top-level properties of a resource that have to be constants."""
REFERENCES: Final = frozenset({"scope", "parent"})
"""Properties whose value may be a resource itself."""
_RUNTIME_FUNCTION: Final = re.compile(r"^(reference|list[A-Z]\w*)$")
NAMESPACES: Final = frozenset({"az", "sys"})


@dataclass(frozen=True)
class _Later:
    """An expression known only during the deployment."""

    line: int
    what: str


class _Checker:
    def __init__(self, path: str, file: File) -> None:
        self._path = path
        self._file = file
        self._resources = {resource.symbol for resource, _ in file.all_resources()}
        self._found: list[Finding] = []

    def run(self) -> list[Finding]:
        for resource, _ in self._file.all_resources():
            self._declaration(resource, "resource", NAMING if resource.existing else (*NAMING, *FIXED))
        for module in self._file.modules.values():
            self._declaration(module, "module", ("name", "scope"))
        for variable in self._file.variables.values():
            self._loops(variable.value)
            for node in walk(variable.value):
                if isinstance(node, For):
                    self._report(node.body, "BCP182", f"the loop of the variable {variable.name}")
        for output in self._file.outputs.values():
            self._loops(output.value)
        for parameter in self._file.parameters.values():
            if parameter.default is not None:
                self._default(parameter.name, parameter.default)
        self._names()
        return self._found

    def _declaration(self, one: Resource | Module, what: str, fixed: tuple[str, ...]) -> None:
        body = one.body
        while isinstance(body, For | If):
            if isinstance(body, If):
                self._report(body.condition, "BCP177", f"the condition of {what} {one.symbol}")
            else:
                self._report(body.source, "BCP178", f"the loop of {what} {one.symbol}")
            body = body.body
        for name in fixed:
            value = one.content.get(name)
            if value is not None:
                self._report(value, "BCP120", f"{name} of {what} {one.symbol}", may_refer=name in REFERENCES)
        for one_property in one.content.properties:
            self._loops(one_property.value)

    def _loops(self, value: Expression) -> None:
        for node in walk(value):
            if isinstance(node, For):
                self._report(node.source, "BCP178", "a loop")

    def _default(self, name: str, value: Expression) -> None:
        for node in walk(value):
            known = {*self._resources, *self._file.modules, *self._file.variables}
            if isinstance(node, Name) and node.name in known:
                message = f"the default of parameter {name} can't use {node.name} (BCP072): use parameters"
                self._found.append(Finding("constants", self._path, node.line, message))

    def _report(self, value: Expression, code: str, where: str, *, may_refer: bool = False) -> None:
        if may_refer and self._target(value) is not None:
            return
        for later in self._later(value, frozenset()):
            self._found.append(
                Finding(
                    "constants",
                    self._path,
                    later.line,
                    f"{where} has to be known at the start of the deployment, {later.what} is not ({code}): "
                    "pass it to a module as a parameter",
                )
            )

    def _target(self, value: Expression) -> tuple[str, frozenset[str]] | None:
        """The resource or module that an expression names, with the properties of it that are constants."""
        match value:
            case Name(name) if name in self._resources:
                return name, OF_A_RESOURCE
            case Name(name) if name in self._file.modules:
                return name, OF_A_MODULE
            case Member(base, name, True) if self._target(base) is not None:
                return name, OF_A_RESOURCE
            case Index(base, index) if self._target(base) is not None and not isinstance(text(index), str):
                return self._target(base)
            case _:
                return None

    def _later(self, value: Expression, seen: frozenset[str]) -> Iterator[_Later]:
        target = self._target(value)
        if target is not None:
            yield _Later(value.line, f"{target[0]} itself")
            return
        match value:
            case Member(base, name) | Index(base, Literal(str(name))) if (known := self._target(base)) is not None:
                if name not in known[1]:
                    yield _Later(value.line, f"{known[0]}.{name}")
                return
            case Call(base, name) if base is not None and (known := self._target(base)) is not None:
                yield _Later(value.line, f"{known[0]}.{name}()")
                return
            case Call(None, name) if _RUNTIME_FUNCTION.match(name):
                yield _Later(value.line, f"{name}()")
            case Name(name) if name in self._file.variables and name not in seen:
                for later in self._later(self._file.variables[name].value, seen | {name}):
                    yield _Later(value.line, f"{later.what} (by variable {name})")
                return
            case _:
                pass
        for child in children(value):
            yield from self._later(child, seen)

    def _names(self) -> None:
        file = self._file
        known = frozenset(
            {*file.parameters, *file.variables, *self._resources, *file.modules, *file.functions, *NAMESPACES}
        )
        for value in (*file.values(), *file.defaults()):
            for name in free_names(value, known):
                message = f"{name.name} is not declared (BCP057)"
                self._found.append(Finding("constants", self._path, name.line, message))


def check(path: str, file: File) -> list[Finding]:
    """Every value of a file that the compiler would refuse because it is known too late, and every unknown name."""
    return _Checker(path, file).run()
