"""A table as the body of a request."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from email.message import Message
from typing import Final

from shared.errors import TooLarge, Unprocessable, UnsupportedMedia
from shared.http.requests import media_type
from shared.tables.format import DateOrder, DecimalMark, TableFormat

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CONTENT_TYPES: Final = (
    "text/csv", "application/csv", "text/plain", "text/tab-separated-values", "application/vnd.ms-excel", XLSX,
)  # fmt: skip
"""Content types that browsers, spreadsheets and command lines send for a table; its bytes tell which kind it is."""
MAX_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True)
class TableUpload:
    """The body as received."""

    data: bytes
    content_type: str | None

    def validate(self, content_types: Collection[str] = CONTENT_TYPES) -> bytes:
        """The bytes of what may be a table.

        Args:
            content_types: that are accepted.

        Raises:
            UnsupportedMedia: the content type is not one of a table.
            TooLarge: over 16 MiB.
            Unprocessable: `csv_empty`.
        """
        if media_type(self.content_type) not in content_types:
            raise UnsupportedMedia(
                f"send the table as the body, with the content type `text/csv` or `{XLSX}`", field="Content-Type"
            )
        if len(self.data) > MAX_BYTES:
            raise TooLarge(f"a table may have up to {MAX_BYTES // 2**20} MiB: split it")
        if not self.data.strip():
            raise Unprocessable("send the table as the body of the request", code="csv_empty")
        return self.data

    def format(self, decimal: DecimalMark, dates: DateOrder, sheet: str | None) -> TableFormat:
        """How the sender says that it is to be read."""
        header = Message()
        header.add_header("Content-Type", self.content_type or "")
        charset = header.get_param("charset")
        return TableFormat(
            decimal=decimal, dates=dates, sheet=sheet, charset=charset[:40] if isinstance(charset, str) else None
        )
