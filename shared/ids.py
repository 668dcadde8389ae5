"""Ids of stored documents and of what clients see; imports nothing of the store."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from shared import clock


class DocumentId(str):
    """Id of a stored document: a prefix that names its kind, then the id that clients see.

    A subclass sets `prefix`, `job:` say. `JobId("job:01J...").public` is `01J...`, `JobId.of("01J...")` the way back.
    """

    prefix: ClassVar[str] = ""
    __slots__ = ()

    @classmethod
    def of(cls, public: str) -> Self:
        """The id in the store of what clients know as `public`."""
        return cls(cls.prefix + public)

    @classmethod
    def new(cls) -> Self:
        """An id never used before; ids sort by the moment they were made."""
        return cls.of(clock.new_id())

    @property
    def public(self) -> str:
        """The id that clients see."""
        return self.removeprefix(self.prefix)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(), serialization=core_schema.to_string_ser_schema(when_used="json")
        )
