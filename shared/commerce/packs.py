"""The packs of credits on sale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class CreditPack:
    """Credits, each worth one conversion or try-on beyond the month's quota, and their price."""

    credits: int
    price_minor: int
    """In the currency's minor unit."""
    currency: str
    """ISO 4217."""


CREDIT_PACKS: Final[Mapping[str, CreditPack]] = {
    "small": CreditPack(credits=10, price_minor=499, currency="USD"),
    "medium": CreditPack(credits=50, price_minor=1999, currency="USD"),
    "large": CreditPack(credits=200, price_minor=5999, currency="USD"),
}
"""By id. A payment keeps credits and price of its pack, so that a change here does not touch payments made."""
