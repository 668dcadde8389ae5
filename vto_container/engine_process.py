"""The engine process as the service sees it: started when needed, killed when it hangs, replaced when it has died."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO, Final, Literal, cast

from pydantic import BaseModel

from shared import telemetry
from shared.engines.base import Cancelled, IsCancelled, Progress, raise_if_cancelled
from shared.errors import StudioError
from shared.images import frames
from shared.vto import errors
from shared.vto.protocol import Category
from vto_container import messages
from vto_container.memory import resident_mb
from vto_container.messages import (
    CancelRequest,
    Crashed,
    EngineError,
    EngineRequest,
    Generated,
    GenerateRequest,
    Loaded,
    LoadRequest,
    ProgressUpdate,
    RequestCancelled,
    Response,
)
from vto_container.settings import container_settings

COMMAND: Final = ("-m", "vto_container.engine_child")
ROOT: Final = Path(__file__).resolve().parents[1]
START_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.1
"""Seconds between two checks whether a request was cancelled."""

type State = Literal["idle", "loading", "ready", "failed"]
type Received = tuple[Response, list[bytes]]


class EngineProcess:
    """One process for all engines, one request at a time; thread-safe.

    Attributes: `breakdowns`, consecutive crashes and hangs; `device_mb` as the process reported it last.
    """

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self._command = command
        self._turn = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._loaded: set[str] = set()
        self._last_id = 0
        self._closed = False
        self._states: dict[str, State] = {}
        self._versions: dict[str, tuple[str, str]] = {}
        self.breakdowns = 0
        self.device_mb: float | None = None

    def memory_mb(self) -> float | None:
        """Resident memory of the process; None if it does not run."""
        process = self._process
        return resident_mb(process.pid) if process is not None and process.poll() is None else None

    def state(self, engine: str) -> State:
        """The state of an engine. `ready` stays when its process dies: the next run starts another one."""
        return self._states.get(engine, "idle")

    def version(self, engine: str) -> tuple[str | None, str]:
        """The engine's version and device, once it was loaded."""
        return self._versions.get(engine, (None, "unknown"))

    def load(self, engine: str) -> None:
        """Load the engine, unless it is loaded.

        Raises:
            EngineTimeout, EngineFailed: it does not start.
            EngineRefused: its weights are missing or refused.
        """
        with self._turn:
            if self._process is not None and self._process.poll() is None and engine in self._loaded:
                return
            self._states[engine] = "loading"
            request = LoadRequest(engine=engine, class_path=_class_path(engine))
            try:
                response, _ = self._ask(request, [], container_settings().load_timeout_s)
            except BaseException:
                self._states[engine] = "failed"
                raise
            loaded = _expect(response, Loaded)
            self._loaded.add(engine)
            self._versions[engine] = loaded.version, loaded.device
            self.device_mb = loaded.device_mb
            self._states[engine] = "ready"

    def generate(
        self,
        engine: str,
        images: list[bytes],
        categories: list[Category],
        seed: int,
        steps: int,
        has_mask: bool,
        progress: Progress,
        is_cancelled: IsCancelled,
    ) -> tuple[Generated, bytes, bytes]:
        """One sample: how it was made, its image and its mask, both PNG.

        Args:
            images: encoded: the person, the garments in their order, the mask if there is one.

        Raises:
            Cancelled: the run was cancelled.
            EngineTimeout, EngineFailed: the engine hung or crashed; its process is gone, the next run starts another.
            StudioError: what the engine raised for the images.
        """
        request = GenerateRequest(
            engine=engine, class_path=_class_path(engine), categories=categories, seed=seed, steps=steps,
            has_mask=has_mask,
        )  # fmt: skip
        with self._turn:
            self.load(engine)
            response, (image, mask) = self._ask(
                request, images, container_settings().job_timeout_s, progress, is_cancelled
            )
        generated = _expect(response, Generated)
        self.device_mb = generated.device_mb
        return generated, image, mask

    def close(self) -> None:
        """Kill the process for good."""
        self._closed = True
        self._end()

    def _start(self) -> subprocess.Popen[bytes]:
        if self._closed:
            raise EOFError
        self._loaded.clear()
        # A separate session: ^C reaches only the service, which then ends the engine process itself.
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
        request: EngineRequest,
        parts: list[bytes],
        timeout_s: float,
        progress: Progress | None = None,
        is_cancelled: IsCancelled | None = None,
    ) -> Received:
        """Send a request and wait for its response; a process that breaks on it counts as a breakdown."""
        self._last_id += 1
        request = request.model_copy(update={"id": self._last_id})
        late = threading.Event()
        try:
            with self._limited(START_TIMEOUT_S, late):
                process = self._process
                if process is None or process.poll() is not None:
                    process = self._start()
                    _receive(process)
                _send(process, request, parts)
            with self._limited(timeout_s, late), self._watched(process, is_cancelled):
                received = self._follow(process, progress)
        except (EOFError, OSError, ValueError, LookupError):
            exit_code = self._end()
            if is_cancelled is not None:
                raise_if_cancelled(is_cancelled)
            raise self._breakdown(late.is_set(), exit_code) from None
        return self._checked(received)

    @staticmethod
    def _follow(process: subprocess.Popen[bytes], progress: Progress | None) -> Received:
        while True:
            response, parts = _receive(process)
            if not isinstance(response, ProgressUpdate):
                return response, parts
            if progress is not None:
                progress(response.done)

    def _checked(self, received: Received) -> Received:
        response, parts = received
        if isinstance(response, RequestCancelled):
            raise Cancelled
        if isinstance(response, Crashed):
            # What an exception leaves behind on a device is unknown.
            self._end()
            raise self._breakdown(False, None)
        if not isinstance(response, Loaded):
            self.breakdowns = 0
        if isinstance(response, EngineError):
            sent = response.error
            raise errors.from_code(
                sent.code, sent.message, retryable=sent.retryable, retry_after=sent.retry_after, field=sent.field
            )
        return response, parts

    def _breakdown(self, late: bool, exit_code: int | None) -> StudioError:
        self.breakdowns += 1
        telemetry.log("vto.engine_broken", level="error", late=late, exit=exit_code, inARow=self.breakdowns)
        if late:
            return errors.EngineTimeout("the engine did not finish in time and was stopped", retry_after=5)
        return errors.EngineFailed("the engine crashed on these images", retry_after=5)

    @contextlib.contextmanager
    def _limited(self, seconds: float, late: threading.Event) -> Generator[None]:
        """Kill the process if the block takes longer, which ends a blocked read or write in it."""

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
    def _watched(self, process: subprocess.Popen[bytes], is_cancelled: IsCancelled | None) -> Generator[None]:
        """Pass a cancellation on to the process while the block reads from it."""
        over = threading.Event()

        def watch(is_cancelled: IsCancelled) -> None:
            while not over.wait(POLL_S):
                if is_cancelled():
                    with contextlib.suppress(OSError, ValueError):
                        _send(process, CancelRequest(id=self._last_id))
                    return

        watcher = threading.Thread(target=watch, args=(is_cancelled,), daemon=True) if is_cancelled else None
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
        """Kill and forget the process; returns its exit status."""
        process, self._process = self._process, None
        self._loaded.clear()
        if process is None:
            return None
        process.kill()
        exit_code = process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                cast("BinaryIO", pipe).close()
        return exit_code


def _class_path(engine: str) -> str:
    return container_settings().known_engines[engine]


def _send(process: subprocess.Popen[bytes], message: BaseModel, parts: list[bytes] | None = None) -> None:
    frames.write(cast("BinaryIO", process.stdin), message.model_dump(mode="json"), parts or [])


def _receive(process: subprocess.Popen[bytes]) -> Received:
    head, parts = frames.read(cast("BinaryIO", process.stdout))
    return messages.responses.validate_python(head), parts


def _expect[M: BaseModel](response: Response, kind: type[M]) -> M:
    if not isinstance(response, kind):
        raise errors.EngineFailed("the engine process sent an unexpected message")
    return response
