"""What is checked of a try-on's engine before anything is stored."""

from __future__ import annotations

from shared.commerce import ceilings
from shared.commerce.ceilings import Spending
from shared.vto import client as vto
from shared.vto import engines


def check_engine(engine: str) -> None:
    """Check that a try-on by an engine may start, for any payer.

    Raises:
        Unavailable: `ceiling_reached`, `spending_paused`: for all users of hosted engines.
        ConfigurationError: the container that runs the engine is not configured.
    """
    if engine in engines.HOSTED:
        ceilings.check(Spending.CONVERSION)
    else:
        vto.client()
