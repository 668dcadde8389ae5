"""Amounts: integers in the currency's minor unit inside, decimal strings at PayPal."""

from __future__ import annotations

import re
from typing import Any

WHOLE = frozenset({"HUF", "JPY", "TWD"})
"""Currencies PayPal takes no decimals for (developer.paypal.com/api/rest/reference/currency-codes)."""


def written(minor: int, currency: str) -> str:
    """`499` USD as `4.99`, `499` JPY as `499`."""
    if currency in WHOLE:
        return str(minor)
    return f"{minor // 100}.{minor % 100:02d}"


def amount(minor: int, currency: str) -> dict[str, str]:
    """An amount as PayPal's API takes it."""
    return {"currency_code": currency, "value": written(minor, currency)}


def read(given: Any) -> tuple[int, str]:
    """(minor units, currency) of an amount of PayPal's.

    Raises:
        ValueError: it is none, or has more decimals than its currency.
    """
    value, currency = (given.get("value"), given.get("currency_code")) if isinstance(given, dict) else (None, None)
    if not isinstance(value, str) or not isinstance(currency, str):
        raise ValueError("not an amount")
    shape = re.fullmatch(r"(\d{1,15})(?:\.(\d{1,2}))?", value, re.ASCII)
    if shape is None:
        raise ValueError("not a decimal of at most two places")
    whole, decimals = int(shape[1]), shape[2] or ""
    if currency not in WHOLE:
        return whole * 100 + int(decimals.ljust(2, "0")), currency
    if decimals.strip("0"):
        raise ValueError(f"{currency} has no decimals")
    return whole, currency
