"""Helpers shared by the benchmarks."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from demo.accounts import create_account
from demo.client import Client
from emulators.stack import Stack

if TYPE_CHECKING:
    from PIL.Image import Image


def register(stack: Stack, role: str = "shopper", **fields: Any) -> Client:
    """Create a confirmed account under a random address and sign in.

    Args:
        fields: of the account, for example `phone`.
    """
    return create_account(stack, role, **fields)


def jpeg(picture: Image) -> bytes:
    """A picture as a phone would send it."""
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=90)
    return out.getvalue()


def elapsed_ms(run: Callable[[], object]) -> float:
    """Run a function and return its wall time in milliseconds."""
    started = time.perf_counter()
    run()
    return (time.perf_counter() - started) * 1000


def quantile(values: Sequence[float], share: float) -> float:
    """The value at `share` (0..1) of the sorted values, rounded to three decimals."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    return {"p50": round(statistics.median(values), 3), "p95": quantile(values, 0.95)}
