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
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from shared import telemetry
from shared.errors import ConfigurationError, StudioError
from shared.images import frames
from shared.vto.errors import EngineRefused
from shared.vto.protocol import RunError, SampleReport
from vto_container import images, messages, provenance, weights
from vto_container.engines.base import Cancelled, Engine, Result, count_changed_outside
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

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Outfit:
    """A person in all garments of a request, and the result of each garment."""

    image: NDArray[Any]
    mask: NDArray[Any]
    results: list[Result]


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
        count = len(request.categories)
        engine = self._engine(request)
        person = images.decode_image(parts[0], "person")
        garments = [images.decode_image(data, f"garments.{n}") for n, data in enumerate(parts[1 : 1 + count])]
        mask = images.decode_mask(parts[1 + count], person) if request.has_mask else None
        started = time.perf_counter()
        outfit = self._dress(engine, request, person, garments, mask)
        self._finish(request, person, outfit, round((time.perf_counter() - started) * 1000))

    def _dress(
        self,
        engine: Engine,
        request: GenerateRequest,
        person: NDArray[Any],
        garments: list[NDArray[Any]],
        allowed: NDArray[Any] | None,
    ) -> Outfit:
        """Put on the garments one after the other, each on the image before."""
        results: list[Result] = []
        image, mask = person, None
        for n, (garment, category) in enumerate(zip(garments, request.categories, strict=True)):

            def report_progress(done: float, n: int = n) -> None:
                self._send(ProgressUpdate(done=(n + min(max(done, 0.0), 1.0)) / len(garments)))

            try:
                result = engine.generate(
                    image,
                    garment,
                    category,
                    request.seed,
                    request.steps,
                    allowed,
                    report_progress,
                    lambda: request.id in self._cancelled,
                )
            except StudioError as error:
                # An engine only knows one garment.
                error.field = f"garments.{n}" if error.field == "garment" else error.field
                raise
            image = result.image
            mask = result.mask if mask is None else mask | result.mask
            results.append(result)
        assert mask is not None
        return Outfit(image, mask, results)

    def _finish(self, request: GenerateRequest, person: NDArray[Any], outfit: Outfit, ms: int) -> None:
        reports = [result.report for result in outfit.results]
        report = SampleReport(
            changed_outside_mask=count_changed_outside(person, outfit.image, outfit.mask),
            engine=reports[-1].engine,
            version=reports[-1].version,
            seed=request.seed,
            ms=ms,
            notes=[one.notes for one in reports],
            provenance=[],
        )
        data, carried = provenance.sign(images.encode_png(outfit.image, provenance.xmp(report)), report)
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
