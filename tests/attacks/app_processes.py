"""Processes of the app without a host, which share one document store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
EACH = 3
"""Calls that every process makes at the same time."""


class Apps:
    """Processes of the app."""

    def __init__(self, count: int) -> None:
        path = os.pathsep.join([str(HERE.parent), str(ROOT)])
        self._processes = [
            subprocess.Popen(
                [sys.executable, str(HERE / "app_process.py")],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": path},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(count)
        ]
        for process in self._processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"

    def call(self, *calls: dict[str, Any], of: int | None = None) -> list[dict[str, Any]]:
        """Make the calls in every process (or in one) at the same time; all answers."""
        places = range(len(self._processes)) if of is None else [of]
        return self._make(dict.fromkeys(places, calls))

    def call_each(self, calls: Callable[[int], Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
        """Make other calls in each process, by its number, at the same time; all answers."""
        return self._make({place: calls(place) for place in range(len(self._processes))})

    def _make(self, calls: Mapping[int, Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
        for place, wanted in calls.items():
            process = self._processes[place]
            assert process.stdin is not None
            process.stdin.write(json.dumps({"calls": wanted}) + "\n")
            process.stdin.flush()
        return [answer for place in calls for answer in json.loads(self._processes[place].stdout.readline())]  # type: ignore[union-attr]

    def close(self) -> None:
        for process in self._processes:
            process.communicate()
            assert process.returncode == 0
