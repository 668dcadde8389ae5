"""`{sku}.json`: what a vendor says of a product, as many programs write it.

Field names count in any case, `color` and `colour` are one. What can be read in two ways is refused: a field that is
there twice, a number that is none.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from functions.catalogue.models import Line, Word
from functions.catalogue.plain_text import plain_text
from shared import text
from shared.catalogue.documents import MetadataFields, Price
from shared.errors import TooLarge, Unprocessable
from shared.http.validation import message_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MAX_BYTES: Final = 64 * 1024
MAX_PRICE: Final = 1_000_000
MAX_TAGS: Final = 30
ALIASES: Final = {"color": "colour"}
PRICE_HELP: Final = (
    "write the amount with a point and two decimals at most, like `12.50`, and the currency in `currency`"
)
PRICE_FAULTS: Final = {
    "greater_than_equal": "is below zero",
    "less_than_equal": f"is over {MAX_PRICE:,}",
    "decimal_max_digits": "has too many digits",
    "decimal_whole_digits": "has too many digits",
    "decimal_max_places": "has more than two decimals",
}
"""What is wrong with a price, by the type of pydantic's error; any other is of a value that is no amount."""
FAULTS: Final = {
    "missing": "is missing: every product needs one",
    "string_type": "must be text in quotes",
    "list_type": 'must be a list of texts, like `["summer", "linen"]`',
    "string_pattern_mismatch": "must be the three letters of a currency (ISO 4217), like `EUR`",
}
"""What is wrong with another field; `currency` alone has a pattern."""


def _plain(value: object) -> object:
    return plain_text(value) if isinstance(value, str) else value


def _unsigned(amount: Decimal) -> Decimal:
    return abs(amount)


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _once(words: list[str]) -> list[str]:
    return list(dict.fromkeys(words))


type Amount = Annotated[Decimal, Field(ge=0, le=MAX_PRICE, max_digits=9, decimal_places=2), AfterValidator(_unsigned)]


class Metadata(BaseModel):
    """The fields of the file. Unknown ones are ignored: product feeds carry more."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    title: Annotated[Line, BeforeValidator(_plain)]
    category: Word | None = None
    price: Amount | None = None
    currency: Annotated[str, BeforeValidator(_upper), StringConstraints(pattern="^[A-Z]{3}$")] = "EUR"
    colour: Word | None = None
    tags: Annotated[list[Word], Field(max_length=MAX_TAGS), AfterValidator(_once)] = Field(default_factory=list[str])
    description: Annotated[text.BlockText, Field(max_length=4000), BeforeValidator(_plain)] | None = None


class _Object(dict[str, Any]):
    """A JSON object that knows which fields it had, also those that were there twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def read_metadata(data: bytes) -> MetadataFields:
    """The fields that a file says.

    Raises:
        TooLarge: over 64 KiB.
        Unprocessable: `bad_metadata`, with the field.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge(f"The file is over {MAX_BYTES // 1024} KiB.")
    try:
        metadata = Metadata.model_validate(_fields(data))
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise _bad(_fault(problem, field), field) from None
    return MetadataFields(
        title=metadata.title,
        category=metadata.category,
        price=None if metadata.price is None else Price(amount=f"{metadata.price:.2f}", currency=metadata.currency),
        colour=metadata.colour,
        tags=tuple(metadata.tags),
        description=metadata.description,
    )


def _fault(problem: ErrorDetails, field: str) -> str:
    """What is wrong with a field, in words for a vendor."""
    kind = problem["type"]
    if field == "price":
        return f"{PRICE_FAULTS.get(kind, 'is no amount')}: {PRICE_HELP}"
    if field == "tags" and kind == "too_long":
        return f"has more than {MAX_TAGS} entries"
    return FAULTS.get(kind) or message_of(problem)


def _fields(data: bytes) -> dict[str, Any]:
    """The values by the names of `Metadata`."""
    try:
        content = json.loads(
            text.decode(data).removeprefix("\ufeff"), object_pairs_hook=_Object, parse_float=Decimal, parse_int=Decimal,
            parse_constant=_refuse_constant,
        )  # fmt: skip
    except RecursionError:
        raise _bad("the JSON is nested too deep", "") from None
    except ValueError as error:
        raise _bad(f"{'' if 'UTF' in str(error) else 'this is not JSON: '}{str(error)[:160]}", "") from None
    if not isinstance(content, _Object):
        raise _bad("must be one JSON object, `{...}`: a file for each product", "")
    found: dict[str, Any] = {}
    for name, value in content.pairs:
        known = name.strip().lower()
        known = ALIASES.get(known, known)
        if known not in Metadata.model_fields:
            continue
        if known in found:
            raise _bad("is there twice: leave one", known)
        found[known] = value
    if isinstance(price := found.get("price"), _Object):
        # As the API itself writes it.
        found["price"] = price.get("amount")
        found.setdefault("currency", price.get("currency", "EUR"))
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _bad(message: str, field: str) -> Unprocessable:
    return Unprocessable(f"{field or 'file'}: {message}", code="bad_metadata", field=field or None)
