"""The steps of the demo: what ran, how long it took, whether it went well; shown while they run."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table


class Stop(Exception):
    """A step failed; what comes after stands on it."""


@dataclass
class Step:
    """One step: `name` is stable for programs, `what` is for people."""

    name: str
    what: str
    ok: bool | None = None
    ms: int = 0
    note: str = ""

    def add(self, text: str) -> None:
        """Add to the note, after what it holds."""
        self.note = f"{self.note}; {text}" if self.note else text


_act: ContextVar[list[Step] | None] = ContextVar("act", default=None)
"""The steps of the act that this thread plays."""


MAX_ACTS: Final = 16
"""Acts may wait for each other, so each has its own thread."""


class Acts:
    """Acts that do not depend on each other, played at the same time: most of them wait for something."""

    def __init__(self, pool: ThreadPoolExecutor, parts: list[list[Step]]) -> None:
        self._pool, self._parts = pool, parts
        self.futures: list[Future[Any]] = []

    def play[T](self, act: Callable[[], T]) -> Future[T]:
        """Begin an act; its steps stay together in the list."""
        steps: list[Step] = []
        self._parts.append(steps)

        def played() -> T:
            _act.set(steps)
            return act()

        future = self._pool.submit(played)
        self.futures.append(future)
        return future


class Steps:
    """The list, kept and shown.

    Args:
        quiet: show nothing, for `--json`.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._parts: list[list[Step]] = [[]]
        self._began = time.monotonic()
        self.error: str | None = None
        self._console = Console(quiet=quiet, highlight=False)
        self._live = Live(get_renderable=self.table, console=self._console, refresh_per_second=8)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()
        else:
            self._console.print(self.table())

    @property
    def steps(self) -> list[Step]:
        """All steps, act by act."""
        return [step for part in [*self._parts] for step in [*part]]

    @property
    def seconds(self) -> float:
        """Time since the first step began."""
        return time.monotonic() - self._began

    @contextmanager
    def acts(self) -> Generator[Acts]:
        """Play acts together, until all have ended.

        Raises:
            Stop: a step of one of them failed.
        """
        with ThreadPoolExecutor(MAX_ACTS, thread_name_prefix="act") as pool:
            acts = Acts(pool, self._parts)
            yield acts
            wait(acts.futures)
        self._parts.append([])
        for future in acts.futures:
            future.result()

    @contextmanager
    def step(self, name: str, what: str) -> Generator[Step]:
        """Run a block as a step.

        Raises:
            Stop: the block failed; its error is kept.
        """
        step = Step(name, what)
        act = _act.get()
        (self._parts[-1] if act is None else act).append(step)
        if not self._console.is_terminal:
            self._console.print(f"- {what}")
        started = time.monotonic()
        try:
            yield step
        except Exception as error:
            step.ok = False
            step.note = f"{type(error).__name__}: {error}"[:200]
            self.error = self.error or traceback.format_exc()
            raise Stop from error
        else:
            step.ok = True
        finally:
            step.ms = round((time.monotonic() - started) * 1000)

    @property
    def ok(self) -> bool:
        """Whether all steps went well."""
        return bool(self.steps) and all(step.ok for step in self.steps)

    def report(self, artifacts: list[str]) -> dict[str, Any]:
        """For programs: `{ok, steps: [{name, ok, ms}], artifacts}`."""
        rows = [{"name": s.name, "ok": bool(s.ok), "ms": s.ms} for s in self.steps]
        return {"ok": self.ok, "steps": rows, "artifacts": artifacts}

    def table(self) -> Table:
        """For people."""
        table = Table(box=None, padding=(0, 1), header_style="dim")
        table.add_column("")
        table.add_column("step")
        table.add_column("time", justify="right")
        table.add_column("", style="dim", overflow="fold")
        for step in self.steps:
            mark = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[yellow]…[/]"}[step.ok]
            spent = f"{step.ms / 1000:.1f} s" if step.ok is not None else ""
            table.add_row(mark, step.what, spent, step.note)
        return table
