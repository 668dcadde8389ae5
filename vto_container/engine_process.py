"""The engines' process as the service sees it: started when needed, ended when it hangs, replaced when it died."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from shared import telemetry
from shared.errors import StudioError, UpstreamError
from shared.images import frames
from shared.vto import errors
from vto_container.engines.base import Cancelled, Progress, Stopped, check
from vto_container.memory import resident_mb
from vto_container.settings import settings

COMMAND = ("-m", "vto_container.engine_child")
ROOT = Path(__file__).resolve().parents[1]
START_S = 60.0
LOOK_S = 0.1

type Frame = tuple[dict[str, Any], list[bytes]]
type State = Literal["idle", "loading", "ready", "failed"]


class EngineProcess:
    """One process for all engines, one request at a time; thread-safe.

    Attributes: `breakdowns`, crashes and hangs since something last went well; `device_mb` as the process told it.
    """

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self._command = command
        self._turn = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._loaded: set[str] = set()
        self._number = 0
        self._closed = False
        self._states: dict[str, State] = {}
        self._versions: dict[str, tuple[str, str]] = {}
        self.breakdowns = 0
        self.device_mb: float | None = None

    def memory_mb(self) -> float | None:
        """Resident memory of the process; None when there is none."""
        process = self._process
        return resident_mb(process.pid) if process is not None and process.poll() is None else None

    def state(self, engine: str) -> State:
        """How an engine stands; one that was ready stays so when its process has died: the next run starts it."""
        return self._states.get(engine, "idle")

    def version(self, engine: str) -> tuple[str | None, str]:
        """The engine's version and device, once it was loaded."""
        return self._versions.get(engine, (None, "unknown"))

    def load(self, engine: str) -> None:
        """Have the engine ready.

        Raises:
            EngineTimeout, EngineFailed: it does not start.
            ConfigurationError: its weights are missing or refused.
        """
        with self._turn:
            if self._process is not None and self._process.poll() is None and engine in self._loaded:
                return
            self._states[engine] = "loading"
            try:
                head, _ = self._ask({"kind": "load", **self._named(engine)}, [], settings().load_timeout_s)
            except BaseException:
                self._states[engine] = "failed"
                raise
            self._loaded.add(engine)
            self._versions[engine] = head["version"], head["device"]
            self.device_mb = head["deviceMb"]
            self._states[engine] = "ready"

    def generate(
        self,
        engine: str,
        pictures: list[bytes],
        categories: list[str],
        seed: int,
        steps: int,
        has_mask: bool,
        progress: Progress,
        cancelled: Cancelled,
    ) -> Frame:
        """One sample: facts (`width`, `height`, `report`) and two PNGs, the picture and its mask.

        Args:
            pictures: encoded: the person, the garments in their order, the mask if there is one.

        Raises:
            Stopped: cancelled.
            EngineTimeout, EngineFailed: the engine hung or crashed; its process is gone, the next one starts afresh.
            StudioError: what the engine has to say about the pictures.
        """
        head: dict[str, Any] = {
            "kind": "generate",
            **self._named(engine),
            "categories": categories,
            "seed": seed,
            "steps": steps,
        }
        head["mask"] = has_mask
        with self._turn:
            self.load(engine)
            answer, parts = self._ask(head, pictures, settings().job_timeout_s, progress, cancelled)
        self.device_mb = answer.pop("deviceMb")
        return answer, parts

    def close(self) -> None:
        """End the process for good."""
        self._closed = True
        self._end()

    @staticmethod
    def _named(engine: str) -> dict[str, str]:
        return {"engine": engine, "class": settings().known[engine]}

    def _start(self) -> subprocess.Popen[bytes]:
        if self._closed:
            raise EOFError
        self._loaded.clear()
        # An own session: ^C reaches the service alone, which ends the engine in its own order.
        process = subprocess.Popen(  # noqa: S603 - our own module, no input in the arguments
            [sys.executable, *self._command],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry)])},
            start_new_session=True,
        )
        self._process = process
        return process

    def _ask(
        self,
        head: dict[str, Any],
        parts: list[bytes],
        seconds: float,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> Frame:
        """Send a request and follow it to its end; a process that breaks on it counts as a breakdown."""
        self._number += 1
        head["id"] = self._number
        late = threading.Event()
        try:
            with self._limited(START_S, late):
                process = self._process
                if process is None or process.poll() is not None:
                    process = self._start()
                    self._read(process)
                frames.write(cast("BinaryIO", process.stdin), head, parts)
            with self._limited(seconds, late), self._watched(process, cancelled):
                answer = self._follow(process, progress)
        except (EOFError, OSError, ValueError, LookupError):
            code = self._end()
            if cancelled is not None:
                check(cancelled)
            raise self._broken(late.is_set(), code) from None
        return self._judged(answer)

    def _follow(self, process: subprocess.Popen[bytes], progress: Progress | None) -> Frame:
        while True:
            head, parts = self._read(process)
            if head["kind"] != "progress":
                return head, parts
            if progress is not None:
                progress(head["done"])

    def _judged(self, answer: Frame) -> Frame:
        head, parts = answer
        kind = head.pop("kind")
        del head["parts"]
        if kind == "stopped":
            raise Stopped
        if kind == "crashed":
            # what an exception leaves behind on a device nobody knows
            self._end()
            raise self._broken(False, None)
        if kind != "loaded":
            self.breakdowns = 0
        if kind == "error":
            raise _error(head)
        return head, parts

    def _broken(self, late: bool, code: int | None) -> StudioError:
        self.breakdowns += 1
        telemetry.log("vto.engine_broken", level="error", late=late, exit=code, inARow=self.breakdowns)
        if late:
            return errors.EngineTimeout("the engine did not end in time and was stopped", retry_after=5)
        return errors.EngineFailed("the engine broke down on this", retry_after=5)

    @staticmethod
    def _read(process: subprocess.Popen[bytes]) -> Frame:
        return frames.read(cast("BinaryIO", process.stdout))

    @contextlib.contextmanager
    def _limited(self, seconds: float, late: threading.Event) -> Generator[None]:
        """Ends the process when the block takes longer, which is what ends a blocked read or write in it."""

        def expire() -> None:
            late.set()
            self._kill()

        timer = threading.Timer(seconds, expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @contextlib.contextmanager
    def _watched(self, process: subprocess.Popen[bytes], cancelled: Cancelled | None) -> Generator[None]:
        """Passes a cancellation on while the block reads."""
        over = threading.Event()

        def watch(asked: Callable[[], bool]) -> None:
            while not over.wait(LOOK_S):
                if asked():
                    with contextlib.suppress(OSError, ValueError):
                        frames.write(cast("BinaryIO", process.stdin), {"kind": "cancel", "id": self._number})
                    return

        watcher = threading.Thread(target=watch, args=(cancelled,), daemon=True) if cancelled is not None else None
        if watcher is not None:
            watcher.start()
        try:
            yield
        finally:
            over.set()
            if watcher is not None:
                watcher.join()

    def _kill(self) -> None:
        process = self._process
        if process is not None:
            process.kill()

    def _end(self) -> int | None:
        """Kill and forget the process; its exit status."""
        process, self._process = self._process, None
        self._loaded.clear()
        if process is None:
            return None
        process.kill()
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                cast("BinaryIO", pipe).close()
        return code


def _error(told: dict[str, Any]) -> StudioError:
    """The error that an engine raised, with its own code."""
    kind = errors.KINDS.get(told["code"])
    facts = {name: told[name] for name in ("retryable", "retry_after", "field")}
    if kind is not None:
        return kind(told["message"], **facts)
    return UpstreamError(told["message"], code=told["code"], **facts)
