"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

type Kind = Literal["syntax", "constants", "types", "parameters", "app"]


@dataclass(frozen=True)
class Finding:
    """One mistake: what kind, where, and what to do about it."""

    kind: Kind
    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"
