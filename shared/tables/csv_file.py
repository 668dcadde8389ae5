"""CSV files that are handed out: what is in a cell stays text in every spreadsheet."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What begins a formula, or a cell of its own (OWASP, CSV Injection); wide forms of the signs count as they do in
spreadsheets of East Asian languages."""


def write(header: Sequence[str], lines: Iterable[Sequence[Any]]) -> bytes:
    """A CSV in UTF-8. Texts that a spreadsheet takes for a formula get an apostrophe in front; numbers stay."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([escaped(cell) for cell in line] for line in lines)
    return out.getvalue().encode()


def escaped(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    if not isinstance(cell, str):
        return cell
    first = unicodedata.normalize("NFKC", cell.lstrip(" \u00a0\ufeff\u200b")[:1])
    return "'" + cell if first in _FORMULA else cell
