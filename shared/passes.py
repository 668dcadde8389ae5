"""Passes over many items: timers, listings and batches.

One item never ends a pass: what can't be read or handled is counted and reported to operators, by a log line for each
and the metric `studio_pass_failures`, and the pass goes on.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from shared import telemetry


class Pass:
    """One pass.

    Args:
        name: of what is done, for logs and metrics: `catalogue.sweep`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.failed = 0
        """Items that could not be handled."""

    @contextmanager
    def item(self, **facts: Any) -> Generator[None]:
        """Handle one item: an error in this block is reported and ends the block alone.

        Args:
            facts: ids that find the item again, for the log; nothing personal.
        """
        try:
            yield
        except Exception as error:
            self.report(error, **facts)

    def report(self, error: Exception, **facts: Any) -> None:
        """Count an item that failed."""
        self.failed += 1
        telemetry.log("pass.item_failed", level="error", **{"pass": self.name}, **facts, **telemetry.failure(error))
        telemetry.count("studio_pass_failures", kind=self.name)
