"""How a table is to be read, as a request says, and how it was read, as an answer does."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from shared.http.models import Answer, Query
from shared.tables.format import DateOrder, DecimalMark, ReadAs


class TableQuery(Query):
    """How a table is to be read; `auto` is decided by the whole file, which is refused where it does not decide."""

    decimal: DecimalMark = Field(
        default="auto", description="mark before the decimals of numbers: `1.299` is 1299 with `comma`"
    )
    dates: DateOrder = Field(default="auto", description="order of day, month and year: `dmy`, `mdy` or `ymd`")
    sheet: str | None = Field(default=None, max_length=64, description="of a workbook; the one with the columns")


class TableReading(Answer):
    """One thing about the file, and how it was read."""

    what: str = Field(description="encoding, delimiter, sheet, hidden_rows, header, column, decimal or dates")
    value: str
    because: str = Field(description="what decided it")
    line: int | None = Field(description="that decided it, if one did")

    @staticmethod
    def all_of(read_as: Iterable[ReadAs]) -> list[TableReading]:
        """As the API gives them."""
        return [TableReading(**vars(one)) for one in read_as]
