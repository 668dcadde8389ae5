"""The documents of a shop's journal."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal, NotRequired, TypedDict

from pydantic import Field, PlainSerializer, SkipValidation

from shared.documents.model import DocumentId, StoredDocument
from shared.documents.repository import Repository


class PackedItem(TypedDict):
    """`Item` as the journal keeps it."""

    id: str
    revision: int
    vector: str
    """base64 of float16."""
    category: str | None
    colours: list[str]
    price: int | None
    currency: str | None
    vendor: str | None
    tags: list[str]
    words: str
    description: NotRequired[str]
    sku: NotRequired[str | None]
    phash: str | None
    """Hexadecimal: 64 bits do not fit the numbers of JSON."""


class PackedRemoval(TypedDict):
    """`Removal` as the journal keeps it."""

    id: str
    revision: int


def _as_is(writes: Any) -> Any:
    return writes


type PackedWrites = Annotated[list[PackedItem | PackedRemoval], SkipValidation, PlainSerializer(_as_is)]
"""Not validated: a worker reads every entry within a second of its being written, by code that wrote it, and checking
200 products an entry field by field would cost more than replaying them."""


class JournalEntryId(DocumentId):
    """`journal:<number>`, the number with twelve digits, so that ids sort by it."""

    prefix: ClassVar[str] = "journal:"

    @classmethod
    def of_seq(cls, seq: int) -> JournalEntryId:
        """Id of the entry with this number."""
        return cls.of(f"{seq:012d}")


class JournalEntryDocument(StoredDocument, frozen=True):
    """One write of the journal."""

    container: ClassVar[str] = "search_index"
    type: Literal["journal"] = "journal"
    id: JournalEntryId
    shop: str = Field(description="the partition")
    seq: int = Field(description="its number: without gaps, from 1")
    at: float = Field(description="epoch seconds when it was made")
    model: str = Field(description="id of the encoder that made its vectors")
    writes: PackedWrites = Field(description="products and removals")


class JournalCounterDocument(StoredDocument, frozen=True):
    """The number of a shop's newest journal entry."""

    container: ClassVar[str] = "search_index"
    type: Literal["counter"] = "counter"
    id: Literal["counter"] = "counter"
    shop: str = Field(description="the partition")
    seq: int


journal_entries: Final = Repository(JournalEntryDocument)
journal_counters: Final = Repository(JournalCounterDocument)
