"""Stored documents of rate limits."""

from typing import ClassVar, Final

from pydantic import Field

from shared.documents.model import StoredDocument
from shared.documents.repository import Repository


class RateCounter(StoredDocument, frozen=True):
    """Calls of one caller in one window; its id names caller, route class and start of the window."""

    container: ClassVar[str] = "rate_limits"

    calls: int = Field(alias="n", description="calls so far")


rate_counters: Final = Repository(RateCounter)
