"""A CSV as the body of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.errors import TooLarge, Unprocessable, UnsupportedMedia
from shared.http.requests import media_type

CONTENT_TYPES: Final = ("text/csv", "application/csv", "application/vnd.ms-excel")
"""Content types that browsers and command lines send for a CSV."""
MAX_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True)
class CsvUpload:
    """The body as received."""

    data: bytes
    content_type: str | None

    def validate(self) -> bytes:
        """The bytes of what may be a table.

        Raises:
            UnsupportedMedia: the content type is not one of a CSV.
            TooLarge: over 16 MiB.
            Unprocessable: `csv_empty`.
        """
        if media_type(self.content_type) not in CONTENT_TYPES:
            raise UnsupportedMedia("send the table as the body, with the content type `text/csv`", field="Content-Type")
        if len(self.data) > MAX_BYTES:
            raise TooLarge(f"a table may have up to {MAX_BYTES // 2**20} MiB: split it")
        if not self.data.strip():
            raise Unprocessable("send the CSV as the body of the request", code="csv_empty")
        return self.data
