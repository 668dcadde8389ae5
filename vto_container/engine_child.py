"""The process in which engines run: `python -m vto_container.engine_child`, started by `engine_process` only.

Reads requests from stdin and writes responses to stdout (`vto_container.messages`) until stdin ends. A separate process
can be killed when an engine hangs, and an engine that crashes does not take the service down.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import sys
import threading
import time
from importlib import import_module
from typing import BinaryIO, cast

from shared import telemetry
from shared.engines import images
from shared.engines.base import Cancelled, Engine
from shared.engines.outfit import make_outfit
from shared.engines.provenance import xmp
from shared.errors import ConfigurationError, StudioError
from shared.images import frames
from shared.vto.errors import EngineRefused
from shared.vto.protocol import RunError
from vto_container import messages, provenance, weights
from vto_container.memory import device_mb
from vto_container.messages import (
    CancelRequest,
    Crashed,
    EngineError,
    EngineRequest,
    Generated,
    GenerateRequest,
    Loaded,
    LoadRequest,
    Message,
    ProgressUpdate,
    Ready,
    RequestCancelled,
)


class EngineChild:
    """Handles one request at a time; a thread reads ahead, so that a cancellation is seen between two steps."""

    def __init__(self, requests: BinaryIO, responses: BinaryIO) -> None:
        self._requests = requests
        self._responses = responses
        self._waiting: queue.Queue[tuple[LoadRequest | GenerateRequest, list[bytes]] | None] = queue.Queue()
        self._cancelled: set[int] = set()
        self._engines: dict[str, Engine] = {}

    def serve(self) -> None:
        """Handle requests until the parent is gone."""
        threading.Thread(target=self._read, daemon=True).start()
        self._send(Ready())
        while (received := self._waiting.get()) is not None:
            request, parts = received
            try:
                if isinstance(request, LoadRequest):
                    self._load(request)
                else:
                    self._generate(request, parts)
            except Cancelled:
                self._send(RequestCancelled())
            except StudioError as error:
                self._send(EngineError(error=_run_error(error)))
            except Exception as error:
                telemetry.log("vto.engine_crashed", level="error", **telemetry.failure(error))
                self._send(Crashed())

    def _send(self, message: Message, parts: list[bytes] | None = None) -> None:
        frames.write(self._responses, message.model_dump(mode="json"), parts or [])

    def _read(self) -> None:
        with contextlib.suppress(EOFError, OSError, ValueError):
            while True:
                head, parts = frames.read(self._requests)
                request = messages.requests.validate_python(head)
                if isinstance(request, CancelRequest):
                    self._cancelled.add(request.id)
                else:
                    self._waiting.put((request, parts))
        # The parent is gone, and an engine may not return for minutes.
        self._waiting.put(None)
        time.sleep(1)
        os._exit(0)

    def _engine(self, request: EngineRequest) -> Engine:
        name = request.engine
        if name not in self._engines:
            weights.fetch_weights()
            module, _, class_name = request.class_path.partition(":")
            engine = cast("Engine", getattr(import_module(module), class_name)())
            with telemetry.span("vto.load", engine=name):
                engine.load()
            self._engines[name] = engine
        return self._engines[name]

    def _load(self, request: LoadRequest) -> None:
        engine = self._engine(request)
        self._send(Loaded(version=engine.version, device=engine.device, device_mb=device_mb()))

    def _generate(self, request: GenerateRequest, parts: list[bytes]) -> None:
        outfit = make_outfit(
            self._engine(request),
            parts,
            request.categories,
            request.seed,
            request.steps,
            request.has_mask,
            lambda done: self._send(ProgressUpdate(done=done)),
            lambda: request.id in self._cancelled,
        )
        report = outfit.report
        data, carried = provenance.sign(images.encode_png(outfit.image, xmp(report)), report)
        height, width = outfit.image.shape[:2]
        message = Generated(
            width=width,
            height=height,
            report=report.model_copy(update={"provenance": carried}),
            device_mb=device_mb(),
        )
        self._send(message, [data, images.encode_png(outfit.mask)])


def _run_error(error: StudioError) -> RunError:
    if isinstance(error, ConfigurationError):
        telemetry.log("vto.engine_refused", level="error", code=error.code, reason=error.message)
        error = EngineRefused(error.message, field=error.field)
    return RunError.from_error(error)


def main() -> None:
    """Serve until stdin ends."""
    requests, responses = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # A library that prints must not write into the frames.
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    EngineChild(requests, responses).serve()


if __name__ == "__main__":
    main()
