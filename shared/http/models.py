"""Base classes of requests and answers.

Models are built when they are first used (`defer_build`), so that a cold process builds those of one route only.
"""

from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel

from shared.ids import DocumentId

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""An opaque id as clients see it."""


EXAMPLE_ID: Final = "01KB6Z0J4M8T2Q5R7V9X1C3E5G"
"""An id in examples."""


def example(**fields: Any) -> ConfigDict:
    """The configuration of a model with an example for the API's description: where what a request must have is not
    enough, or is no typical request.

    Args:
        fields: as on the wire.
    """
    return ConfigDict(json_schema_extra={"examples": [fields]})


class Body(BaseModel):
    """A request body: camelCase on the wire, no unknown field, no silent conversion of types."""

    may_be_missing: ClassVar[bool] = False
    """Whether a request without a body means all defaults."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=to_camel, populate_by_name=True, defer_build=True
    )


class Query(BaseModel):
    """Query parameters: text on the wire, converted to the field's type; no unknown name."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True, defer_build=True
    )


class Answer(BaseModel):
    """A response body: camelCase on the wire, nothing but the declared fields."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        from_attributes=True,
        defer_build=True,
    )

    @classmethod
    def of(cls, document: BaseModel, **more: Any) -> Self:
        """The answer made of the document's fields of the same names; ids as clients see them.

        Args:
            more: fields that the document lacks, or that differ from its own.
        """
        known = type(document).__pydantic_fields__.keys() & cls.__pydantic_fields__.keys()
        values = {name: getattr(document, name) for name in known - more.keys()}
        public = {name: v.public if isinstance(v, DocumentId) else v for name, v in values.items()}
        return cls.model_validate({**public, **more})
