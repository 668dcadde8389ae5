"""What lies beside a version's files and says what they are."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

FORMAT: Final = 4
"""Of a version's files; those of another are refused, and the index is built again."""


class VersionFile(BaseModel):
    """One file of a version."""

    model_config = ConfigDict(frozen=True)

    name: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int


class Manifest(BaseModel):
    """A version of a shop's index, as it lies beside its files.

    `seq` is the last journal entry that went into it; `recall10` is what the self-test found against an exhaustive
    search, by modality of its queries. `analysis` is `letters.ANALYSIS` of the code that read its words; 0 in versions
    that are older than it.
    """

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    version: str
    parent: str | None
    shop: str
    engine: str
    model_id: str
    model_sha256: str
    dim: int
    standardise: dict[str, tuple[float, float]]
    count: int
    seq: int
    analysis: int = 0
    built_at: str
    files: tuple[VersionFile, ...] = ()
    recall10: dict[str, float] = Field(default_factory=dict[str, float])

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)
