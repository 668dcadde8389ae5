"""The base of every stored document: a frozen model whose fields are camelCase in the store.

Each kind is declared beside its owner and reached through a `Repository`:

    class Coupon(StoredDocument, frozen=True):
        container: ClassVar[str] = "studio"
        type: Literal["coupon"] = "coupon"
        id: CouponId
        user_id: str
        percent: int = Field(description="discount, 1 to 100")
"""

import threading
from typing import TYPE_CHECKING, Any, ClassVar, Self, dataclass_transform

from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from pydantic._internal._model_construction import ModelMetaclass
from pydantic.alias_generators import to_camel

from shared.documents.fields import Assign, FieldRef, reference
from shared.ids import DocumentId as DocumentId

type Timestamp = str
"""A moment in UTC as ISO 8601 with milliseconds, as `clock.iso` writes it: texts sort as the moments do."""

_building = threading.local()
_references: dict[tuple[type, str], FieldRef] = {}


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field,))
class _DocumentType(ModelMetaclass):
    """Makes a field read on the class a reference to it (see `shared.documents.fields`)."""

    def __new__(mcs, *args: Any, **kwargs: Any) -> type:
        # pydantic looks for defaults on the parents while it builds a class; there must be none.
        depth = getattr(_building, "depth", 0)
        _building.depth = depth + 1
        try:
            return super().__new__(mcs, *args, **kwargs)
        finally:
            _building.depth = depth

    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> Any:
            info = cls.__dict__.get("__pydantic_fields__", {}).get(name)
            if info is None or getattr(_building, "depth", 0):
                return super().__getattr__(name)
            known = _references.get(key := (cls, name))
            if known is None:
                known = _references[key] = reference(info)
            return known


class Record(BaseModel, frozen=True):
    """A part of a stored document: camelCase in the store; what is unknown is left out, so that old documents load."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        frozen=True,
        defer_build=True,
        hide_input_in_errors=True,
    )


class StoredDocument(Record, metaclass=_DocumentType, frozen=True):
    """A document as stored.

    A subclass names its `container`, tags itself with a `type` (a `Literal` with a default) where its container holds
    several kinds, and declares `id` with the `DocumentId` of its kind.
    """

    container: ClassVar[str] = "studio"

    id: str
    ttl: int | None = Field(default=None, description="life in seconds from the last write; None: the container's own")
    etag: str = Field(
        default="", validation_alias=AliasChoices("_etag", "etag"), exclude=True, description="version of the document"
    )
    written_at: int = Field(
        default=0, validation_alias=AliasChoices("_ts", "written_at"), exclude=True,
        description="seconds since the epoch of the last write",
    )  # fmt: skip

    def to_item(self) -> dict[str, Any]:
        """The document as JSON data for the store, without the fields that the store itself keeps."""
        item = self.model_dump(mode="json", by_alias=True)
        if item.get("ttl") is None:
            item.pop("ttl", None)
        return item

    def with_changes(self, *changes: Assign) -> Self:
        """A copy with these fields set, of the same version; to be written with `replace`."""
        item = {**self.to_item(), "_etag": self.etag, "_ts": self.written_at}
        return self.model_validate({**item, **{change.path: change.value for change in changes}})
