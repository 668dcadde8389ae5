"""Where resources and modules are deployed, and what is read of resources, held against the type descriptions.

A resource type can be deployed to some scopes only (BCP135), and a module to the one that its file says (BCP134). What
a file reads of a resource has to exist there, or the deployment ends with an error when half of everything is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from cli.infra.findings import Finding
from cli.infra.syntax import Call, Expression, File, For, Index, Literal, Member, Name, Resource, text
from cli.infra.types import Type, find, follow, load

SCOPES: Final = {"tenant": 1, "managementGroup": 2, "subscription": 4, "resourceGroup": 8}
"""The scopes by the words of `targetScope`, as bits of the descriptions."""
WRITE_ONLY: Final = 4
_ALWAYS: Final = frozenset({"id", "name", "type", "apiVersion", "location", "tags"})


def check_modules(path: str, file: File, targets: Mapping[str, File]) -> Iterator[Finding]:
    """Modules that say no scope although their file is for another one."""
    for module in file.modules.values():
        target = targets.get(module.path)
        if target is not None and module.content.get("scope") is None and target.target_scope != file.target_scope:
            message = (
                f"module {module.symbol} is for a {target.target_scope}, this file for a {file.target_scope} (BCP134): "
                "give it a scope"
            )
            yield Finding("constants", path, module.line, message)


def check(path: str, file: File, data: Path) -> list[Finding]:
    """Resources in a scope that their type does not have, and properties that are read but do not exist."""
    return [*_Scopes(path, file, data).run(), *_Reads(path, file, data).run()]


class _Scopes:
    def __init__(self, path: str, file: File, data: Path) -> None:
        self._path, self._file, self._data = path, file, data

    def run(self) -> Iterator[Finding]:
        for resource, parent in self._file.all_resources():
            found = find(self._data, resource.type, resource.version)
            placed = parent is not None or any(resource.content.get(name) for name in ("scope", "parent"))
            if found is None or placed:
                continue
            allowed = int(found[1].get("readableScopes" if resource.existing else "writableScopes", 0))
            if allowed and not allowed & SCOPES.get(self._file.target_scope, allowed):
                where = self._file.target_scope
                message = f"{resource.type} is not deployed to a {where} (BCP135): put it into a module"
                yield Finding("types", self._path, resource.line, message)


class _Reads:
    def __init__(self, path: str, file: File, data: Path) -> None:
        self._path, self._file, self._data = path, file, data
        self._resources = {resource.symbol: resource for resource, _ in file.all_resources()}

    def run(self) -> Iterator[Finding]:
        for node in self._file.nodes():
            if isinstance(node, Member | Index):
                yield from self._read(node)

    def _resource(self, value: Expression) -> Resource | None:
        match value:
            case Name(name) | Member(_, name, True):
                return self._resources.get(name)
            case Index(base) if isinstance(found := self._resource(base), Resource) and isinstance(found.body, For):
                return found
            case _:
                return None

    def _type(self, value: Expression) -> tuple[Path, Type] | None:
        """The type of what an expression reads; None where nothing is known of it."""
        resource = self._resource(value)
        if resource is not None:
            if isinstance(resource.body, For) and not isinstance(value, Index):
                return None
            found = find(self._data, resource.type, resource.version)
            return None if found is None else (found[0], follow(found[0], found[1]["body"]))
        match value:
            case Call(base, name) if base is not None and (of := self._resource(base)) is not None:
                return self._function(of, name)
            case Member(base, name) | Index(base, Literal(str(name))):
                inner = self._type(base)
                known = None if inner is None else properties(*inner)
                one = None if known is None else known.get(name)
                return None if inner is None or one is None else (inner[0], follow(inner[0], one["type"]))
            case Index(base):
                inner = self._type(base)
                if inner is None or inner[1]["$type"] != "ArrayType":
                    return None
                return inner[0], follow(inner[0], inner[1]["itemType"])
            case _:
                return None

    def _function(self, resource: Resource, name: str) -> tuple[Path, Type] | None:
        found = find(self._data, resource.type, resource.version)
        if found is None:
            return None
        for one in load(found[0]):
            if one["$type"] == "ResourceFunctionType" and one["name"] == name:
                same = (one["resourceType"].lower(), one["apiVersion"]) == (resource.type.lower(), resource.version)
                if same and "output" in one:
                    return found[0], follow(found[0], one["output"])
        return None

    def _read(self, node: Member | Index) -> Iterator[Finding]:
        name = node.name if isinstance(node, Member) else text(node.index)
        if name is None or (isinstance(node, Member) and node.nested):
            return
        of = self._type(node.base)
        known = None if of is None else properties(*of)
        if known is None or (self._resource(node.base) is not None and name in _ALWAYS):
            return
        if name not in known:
            near = {each.lower(): each for each in known}.get(name.lower())
            remedy = f"use {near}" if near else f"known are {', '.join(sorted(known))}"
            yield Finding("types", self._path, node.line, f"{name} is read, which does not exist; {remedy}")
        elif known[name].get("flags", 0) & WRITE_ONLY:
            yield Finding("types", self._path, node.line, f"{name} is read, which Azure never answers")


def properties(path: Path, type: Type) -> dict[str, Any] | None:
    """The properties that a type may have, whatever its discriminator says; None if there may be others."""
    if type["$type"] == "ObjectType":
        return None if type.get("additionalProperties") else dict(type.get("properties") or {})
    if type["$type"] != "DiscriminatedObjectType":
        return None
    found = dict(type.get("baseProperties") or {})
    for element in type["elements"].values():
        found |= follow(path, element).get("properties") or {}
    return found
