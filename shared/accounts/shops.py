"""Names of shops."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import StringConstraints

SHOP_PATTERN: Final = r"^[a-z0-9][a-z0-9-]{0,39}$"

type ShopName = Annotated[str, StringConstraints(pattern=SHOP_PATTERN)]


def is_shop_name(text: str) -> bool:
    """Whether a shop can have this name; what comes from a route is not validated by a model."""
    return re.fullmatch(SHOP_PATTERN, text) is not None
