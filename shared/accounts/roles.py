"""Roles of accounts and scopes of their keys; imports nothing, because every route names its own."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

DEFAULT_SHOP: Final = "default"
"""The shop of accounts that no administrator has assigned to another one."""


class Role(StrEnum):
    """What an account may do."""

    SHOPPER = "shopper"
    """Uploads photos, tries clothes on, searches and buys."""
    VENDOR = "vendor"
    """Publishes its own products."""
    MERCHANT = "merchant"
    """Analyses the sales of a shop and manages its search index."""
    ADMIN = "admin"
    """Manages accounts, jobs and the whole system."""


class Scope(StrEnum):
    """What a key may be used for."""

    TRYON = "tryon"
    """Images, segmentations, conversions and try-ons, their jobs, and the FASHN-compatible routes."""
    SEARCH = "search"
    """Searches."""
    CATALOGUE = "catalogue"
    """Products, drops and uploads of a vendor."""
    ANALYTICS = "analytics"
    """Predictions and sales models of a merchant."""
    WEBHOOKS = "webhooks"
    """Webhook endpoints and their deliveries."""


def is_api_key(text: str) -> bool:
    """Whether a bearer token is an API key, by its form."""
    return text.startswith(("sk_", "pk_"))
