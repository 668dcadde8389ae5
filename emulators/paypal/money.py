"""Amounts as PayPal writes them: a currency code and a decimal string."""

from __future__ import annotations

import re
from typing import Any

from emulators.paypal.problems import Problem
from emulators.posted import as_object

CURRENCIES = frozenset(
    {
        *("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS"),
        *("JPY", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD"),
    }
)
WHOLE = frozenset({"HUF", "JPY", "TWD"})
"""Currencies PayPal takes no decimals for: developer.paypal.com/api/rest/reference/currency-codes."""


def minor(amount: Any, field: str) -> int:
    """An amount object in the currency's minor unit. Raises Problem with PayPal's issue for a wrong one."""
    posted = as_object(amount)
    value, currency = posted.get("value"), posted.get("currency_code")
    if not isinstance(value, str):
        raise Problem(400, "MISSING_REQUIRED_PARAMETER", "A required field is missing.", f"{field}/value")
    if currency not in CURRENCIES:
        raise Problem(422, "CURRENCY_NOT_SUPPORTED", field=f"{field}/currency_code")
    shape = re.fullmatch(r"(\d{1,29})(?:\.(\d*))?", value)
    if shape is None:
        raise Problem(400, "INVALID_PARAMETER_SYNTAX", "The value of a field does not conform.", f"{field}/value")
    decimals = shape[2] or ""
    if len(decimals) > 2 or (currency in WHOLE and decimals.strip("0")):
        raise Problem(422, "DECIMAL_PRECISION", field=f"{field}/value")
    return int(shape[1]) if currency in WHOLE else int(shape[1]) * 100 + int(decimals.ljust(2, "0"))


def amount_of(units: int, currency: str) -> dict[str, str]:
    """The amount object of `units` in the currency's minor unit."""
    value = str(units) if currency in WHOLE else f"{units // 100}.{units % 100:02d}"
    return {"currency_code": currency, "value": value}
