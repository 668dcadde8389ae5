"""The items of a job that works on a list: one that fails never keeps the others from being done.

An item that may succeed later is left for the next attempt of the job, which does only what is left; with the last
attempt it fails alone, with its reason.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from shared import telemetry
from shared.errors import ConfigurationError, StudioError
from shared.jobs.models import RunError
from shared.jobs.protocol import CancelRequested, LeaseLost
from shared.jobs.step import Task


class Items[K]:
    """How the items of one attempt ended that did not succeed.

    Args:
        name: of the work, for logs: `segment`.
    """

    def __init__(self, task: Task, name: str) -> None:
        self._task, self._name = task, name
        self.left: dict[K, StudioError] = {}
        """Items that may succeed with another attempt of the job."""
        self.failed: dict[K, RunError] = {}
        """Items that will not succeed, with the reason."""

    @contextmanager
    def item(self, key: K, **facts: Any) -> Generator[None]:
        """Do one item: an error in this block ends the block alone, unless it is the whole job's.

        Args:
            facts: ids that find the item again, for the log; nothing personal.
        """
        try:
            yield
        except (LeaseLost, CancelRequested, ConfigurationError):
            raise
        except StudioError as error:
            self._note(key, error, facts)
        except Exception as error:
            telemetry.log("job.item_crashed", level="error", work=self._name, **facts, **telemetry.failure(error))
            self._note(key, StudioError("it failed unexpectedly", retryable=True), facts)

    def _note(self, key: K, error: StudioError, facts: dict[str, Any]) -> None:
        may_succeed = error.retryable or error.status >= 500
        if may_succeed and (error.waits or not self._task.is_last_attempt):
            self.left[key] = error
            return
        telemetry.log("job.item_failed", level="warning", work=self._name, code=error.code, **facts)
        self.failed[key] = RunError(code=error.code, message=error.message)

    def leave_rest(self) -> None:
        """End the attempt if some items may succeed later.

        Raises:
            StudioError: the error of the first of them; one that waits goes before the others.
        """
        if not self.left:
            return
        first = min(self.left.values(), key=lambda error: not error.waits)
        telemetry.log("job.items_left", level="warning", work=self._name, items=len(self.left), code=first.code)
        first.retryable, first.max_tries = True, None
        raise first
