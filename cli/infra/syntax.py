"""The syntax tree of a Bicep file.

Expressions keep what checks need and pycep-parser loses: whether a word is a name or a string, the precedence of
operators, every argument of a call, and lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Node:
    """Anything in a file, and the line it starts at (1 and up)."""

    line: int


@dataclass(frozen=True)
class Literal(Node):
    """A string without interpolation, a number, a Boolean, or null."""

    value: str | int | bool | None


@dataclass(frozen=True)
class Interpolation(Node):
    """A string with `${...}`: texts and expressions in order."""

    parts: tuple[str | Expression, ...]


@dataclass(frozen=True)
class Name(Node):
    """A symbol."""

    name: str


@dataclass(frozen=True)
class Member(Node):
    """`base.name`, `base.?name`, or `base::name` of a nested resource."""

    base: Expression
    name: str
    nested: bool = False


@dataclass(frozen=True)
class Index(Node):
    """`base[index]`."""

    base: Expression
    index: Expression


@dataclass(frozen=True)
class Call(Node):
    """`name(...)`, or `base.name(...)`."""

    base: Expression | None
    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Operation(Node):
    """An operator with one, two or three operands; `?` is the conditional."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True)
class Lambda(Node):
    """`(a, b) => body`."""

    parameters: tuple[str, ...]
    body: Expression


@dataclass(frozen=True)
class Array(Node):
    """`[...]`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True)
class Property(Node):
    """`key: value` of an object; the key is a string, possibly with interpolation."""

    key: Literal | Interpolation
    value: Expression


@dataclass(frozen=True)
class Object(Node):
    """`{...}`, with the resources nested in it. `...spread` is kept apart."""

    properties: tuple[Property, ...]
    resources: tuple[Resource, ...] = ()
    spreads: tuple[Expression, ...] = ()

    def get(self, name: str) -> Expression | None:
        """The value of a property."""
        return next((one.value for one in self.properties if text(one.key) == name), None)


@dataclass(frozen=True)
class For(Node):
    """`[for item in source: body]`."""

    item: str
    index: str | None
    source: Expression
    body: Expression


@dataclass(frozen=True)
class If(Node):
    """`if (condition) body`, of a resource or module."""

    condition: Expression
    body: Expression


type Expression = (
    Literal | Interpolation | Name | Member | Index | Call | Operation | Lambda | Array | Object | For | If
)


@dataclass(frozen=True)
class Parameter(Node):
    """`param name type = default`."""

    name: str
    type: str
    default: Expression | None
    decorators: tuple[Call, ...] = ()

    @property
    def secure(self) -> bool:
        """Whether its value is kept out of logs and histories."""
        return any(one.name == "secure" for one in self.decorators)

    def allowed(self) -> tuple[str, ...]:
        """The strings of `@allowed`, empty without it."""
        for one in self.decorators:
            if one.name == "allowed" and one.arguments and isinstance(one.arguments[0], Array):
                return tuple(text(item) or "" for item in one.arguments[0].items)
        return ()

    def limit(self, name: str) -> int | None:
        """The number of `@minLength`, `@maxLength`, `@minValue` or `@maxValue`; None without it."""
        for one in self.decorators:
            if one.name == name and one.arguments and isinstance(one.arguments[0], Literal):
                return int(one.arguments[0].value or 0)
        return None


@dataclass(frozen=True)
class Variable(Node):
    """`var name = value`."""

    name: str
    value: Expression


@dataclass(frozen=True)
class Resource(Node):
    """`resource symbol 'type@version' = body`; nested ones may leave out the namespace and the version."""

    symbol: str
    type: str
    version: str
    existing: bool
    body: Expression

    @property
    def content(self) -> Object:
        """The object of the body, inside its loop and condition."""
        return content(self.body)


@dataclass(frozen=True)
class Module(Node):
    """`module symbol 'path' = body`."""

    symbol: str
    path: str
    body: Expression

    @property
    def content(self) -> Object:
        """The object of the body, inside its loop and condition."""
        return content(self.body)


@dataclass(frozen=True)
class Output(Node):
    """`output name type = value`."""

    name: str
    value: Expression


@dataclass
class File:
    """A file's declarations by name; nested resources are in the objects of their parents."""

    target_scope: str = "resourceGroup"
    parameters: dict[str, Parameter] = field(default_factory=dict[str, Parameter])
    variables: dict[str, Variable] = field(default_factory=dict[str, Variable])
    resources: dict[str, Resource] = field(default_factory=dict[str, Resource])
    modules: dict[str, Module] = field(default_factory=dict[str, Module])
    outputs: dict[str, Output] = field(default_factory=dict[str, Output])
    functions: set[str] = field(default_factory=set[str])

    def values(self) -> Iterator[Expression]:
        """The values of variables and outputs, and the bodies of modules and resources."""
        yield from (one.value for one in self.variables.values())
        yield from (one.value for one in self.outputs.values())
        yield from (one.body for one in self.modules.values())
        yield from (resource.body for resource, _ in self.all_resources())

    def defaults(self) -> Iterator[Expression]:
        """The default values of parameters."""
        yield from (one.default for one in self.parameters.values() if one.default is not None)

    def nodes(self) -> Iterator[Expression]:
        """Every expression in `values`."""
        for value in self.values():
            yield from walk(value)

    def all_resources(self) -> Iterator[tuple[Resource, Resource | None]]:
        """Every resource with the one it is nested in; parents first. Types and versions are completed."""
        waiting: list[tuple[Resource, Resource | None]] = [(one, None) for one in self.resources.values()]
        while waiting:
            resource, parent = waiting.pop(0)
            if parent is not None:
                resource = Resource(
                    resource.symbol,
                    f"{parent.type}/{resource.type}",
                    resource.version or parent.version,
                    resource.existing,
                    resource.body,
                    line=resource.line,
                )
            yield resource, parent
            waiting += [(nested, resource) for nested in resource.content.resources]


def content(body: Expression) -> Object:
    """The object inside loops and conditions."""
    while isinstance(body, For | If):
        body = body.body
    return body if isinstance(body, Object) else Object((), line=body.line)


def text(node: Node | str | None) -> str | None:
    """The value of a string without interpolation; None for anything else."""
    return node.value if isinstance(node, Literal) and isinstance(node.value, str) else None


def children(node: Expression) -> Iterator[Expression]:
    """The expressions directly inside one; not those of nested resources."""
    match node:
        case Interpolation(parts):
            yield from (part for part in parts if not isinstance(part, str))
        case Member(base):
            yield base
        case Index(base, index):
            yield from (base, index)
        case Call(base, _, arguments):
            yield from (*((base,) if base is not None else ()), *arguments)
        case Operation(_, operands):
            yield from operands
        case Lambda(_, body):
            yield body
        case Array(items):
            yield from items
        case Object(properties, _, spreads):
            for one in properties:
                yield from (one.key, one.value)
            yield from spreads
        case For(_, _, source, body):
            yield from (source, body)
        case If(condition, body):
            yield from (condition, body)
        case _:
            return


def walk(node: Expression) -> Iterator[Expression]:
    """An expression and everything inside it."""
    yield node
    for child in children(node):
        yield from walk(child)


def objects(files: Mapping[str, File]) -> Iterator[tuple[str, Object]]:
    """Every object in the values of files, with the file's name."""
    for path, file in files.items():
        yield from ((path, node) for node in file.nodes() if isinstance(node, Object))


def free_names(value: Expression, known: frozenset[str] = frozenset()) -> Iterator[Name]:
    """The names in an expression that neither a loop nor a lambda in it declares, and that are not known."""
    match value:
        case Name(name):
            if name not in known:
                yield value
        case Lambda(parameters, body):
            yield from free_names(body, known | set(parameters))
        case For(item, index, source, body):
            yield from free_names(source, known)
            yield from free_names(body, known | {item, *((index,) if index else ())})
        case _:
            for child in children(value):
                yield from free_names(child, known)
