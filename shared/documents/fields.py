"""Fields of stored documents as values, so that conditions and changes name them and the type checker sees the name.

`Job.status` read on the class is a reference to the field: pass it to `where`, `assign`, `increment`, `remove` or
`path_of`. Statically it has the type of the field, so a renamed or misspelt field is an error of the type checker.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_jsonable_python

from shared.documents.store import Op, Patch, Where

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


class FieldRef:
    """A field of a stored document: its path in the store, and what it takes.

    Attributes of a field that is a model are its own fields: `Account.profile.name`.
    """

    __slots__ = ("_adapter", "annotation", "path")

    def __init__(self, path: str, annotation: Any) -> None:
        self.path = path
        self.annotation = annotation
        self._adapter: TypeAdapter[Any] | None = None

    def __getattr__(self, name: str) -> "FieldRef":
        for option in (self.annotation, *get_args(self.annotation)):
            if isinstance(option, type) and issubclass(option, BaseModel) and name in option.__pydantic_fields__:
                return reference(option.__pydantic_fields__[name], f"{self.path}.")
        raise AttributeError(f"{self.path} has no field {name}")

    def encode(self, value: Any) -> Any:
        """The value as JSON data. Raises `PydanticSerializationError` for a value of another type."""
        if self._adapter is None:
            self._adapter = TypeAdapter(self.annotation)
        return self._adapter.dump_python(value, mode="json", by_alias=True, warnings="error")

    def __repr__(self) -> str:
        return f"FieldRef({self.path})"


def reference(info: "FieldInfo", prefix: str = "") -> FieldRef:
    """The reference to a field with this definition."""
    alias = info.validation_alias if isinstance(info.validation_alias, str) else info.alias
    return FieldRef(prefix + str(alias), info.annotation)


def path_of(field: object) -> str:
    """The path of a field in the store, dotted: for `order_by`."""
    if not isinstance(field, FieldRef):
        raise TypeError(f"{field!r} is no field of a stored document")
    return field.path


def item[K: str, V](field: Mapping[K, V], key: K) -> V:
    """The entry `key` of a field that is a mapping, as a field."""
    reference = cast("FieldRef", field)
    value = get_args(reference.annotation)[-1] if get_args(reference.annotation) else Any
    return cast("V", FieldRef(f"{path_of(field)}.{key}", value))


def where(field: object, op: Op = "=", value: object = True) -> Where:
    """A condition on a field; see `Where` for the operators."""
    return Where(path_of(field), op, _plain(value))


def _plain(value: object) -> Any:
    if value is None or type(value) in (str, bool, int, float):
        return value
    return to_jsonable_python(value)


class Assign(NamedTuple):
    """Set a field."""

    path: str
    value: Any


class Increment(NamedTuple):
    """Add to a number; a missing field starts at 0."""

    path: str
    by: int | float


class Remove(NamedTuple):
    """Remove a field that exists."""

    path: str


Change = Assign | Increment | Remove


def assign[T](field: T, value: T) -> Assign:
    """Set `field` to `value`."""
    reference = cast("FieldRef", field)
    return Assign(path_of(field), reference.encode(value))


def increment(field: float | None, by: float = 1) -> Increment:
    """Add `by` to `field`."""
    return Increment(path_of(field), by)


def remove(field: object) -> Remove:
    """Remove `field`, which must exist."""
    return Remove(path_of(field))


def patch(id: str, changes: Iterable[Change], where: Sequence[Where] = (), etag: str | None = None) -> Patch:
    """The operation that makes these changes: 1 to 10, all of them or none."""
    changes = list(changes)
    return Patch(
        id,
        set={change.path: change.value for change in changes if isinstance(change, Assign)} or None,
        incr={change.path: change.by for change in changes if isinstance(change, Increment)} or None,
        remove=[change.path for change in changes if isinstance(change, Remove)] or None,
        where=tuple(where),
        etag=etag,
    )
