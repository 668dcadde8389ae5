"""The process in which engines run: `python -m vto_container.engine_child`. Only `engine_process` starts it.

Reads frames from stdin and answers on stdout (`shared.images.frames`) until stdin ends: `load`, `generate` and `cancel`
in; `ready`, `loaded`, `progress`, then `done`, `stopped` or `error` out. A process of its own can be ended when an
engine hangs, and an engine that crashes takes nothing with it.
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
from typing import Any, BinaryIO, cast

from shared import telemetry
from shared.errors import ConfigurationError, StudioError
from shared.images import frames
from shared.vto.errors import EngineRefused
from vto_container import pictures, provenance, weights
from vto_container.engines.base import Category, Engine, Result, Stopped, changed_outside
from vto_container.memory import device_mb

type Frame = tuple[dict[str, Any], list[bytes]]


class Child:
    """Answers one request at a time; a thread reads ahead, so that a cancellation is seen between two steps."""

    def __init__(self, requests: BinaryIO, answers: BinaryIO) -> None:
        self._requests = requests
        self._answers = answers
        self._waiting: queue.Queue[Frame | None] = queue.Queue()
        self._cancelled: set[int] = set()
        self._engines: dict[str, Engine] = {}

    def serve(self) -> None:
        """Until the parent is gone."""
        threading.Thread(target=self._read, daemon=True).start()
        frames.write(self._answers, {"kind": "ready"})
        while (frame := self._waiting.get()) is not None:
            head, parts = frame
            try:
                if head["kind"] == "load":
                    self._load(head)
                else:
                    self._generate(head, parts)
            except Stopped:
                frames.write(self._answers, {"kind": "stopped"})
            except StudioError as error:
                frames.write(self._answers, {"kind": "error", **_told(error)})
            except Exception as error:
                telemetry.log("vto.engine_crashed", level="error", **telemetry.failure(error))
                frames.write(self._answers, {"kind": "crashed"})

    def _read(self) -> None:
        with contextlib.suppress(EOFError, OSError, ValueError):
            while True:
                head, parts = frames.read(self._requests)
                if head["kind"] == "cancel":
                    self._cancelled.add(head["id"])
                else:
                    self._waiting.put((head, parts))
        # nobody is left to work for, and an engine may not look up for minutes
        self._waiting.put(None)
        time.sleep(1)
        os._exit(0)

    def _engine(self, head: dict[str, Any]) -> Engine:
        name = head["engine"]
        if name not in self._engines:
            weights.fetch()
            module, _, kind = head["class"].partition(":")
            made = cast("Engine", getattr(import_module(module), kind)())
            with telemetry.span("vto.load", engine=name):
                made.load()
            self._engines[name] = made
        return self._engines[name]

    def _load(self, head: dict[str, Any]) -> None:
        engine = self._engine(head)
        facts = {"version": engine.version, "device": engine.device, "deviceMb": device_mb()}
        frames.write(self._answers, {"kind": "loaded", **facts})

    def _generate(self, head: dict[str, Any], parts: list[bytes]) -> None:
        """One sample: the garments put on one after the other, each on the picture before."""
        engine = self._engine(head)
        categories: list[Category] = head["categories"]
        person = pictures.decoded(parts[0], "person")
        garments = [pictures.decoded(data, f"garments.{n}") for n, data in enumerate(parts[1 : 1 + len(categories)])]
        given = pictures.mask(parts[1 + len(categories)], person) if head["mask"] else None
        started = time.perf_counter()
        image, mask, results = person, None, list[Result]()
        for n, (garment, category) in enumerate(zip(garments, categories, strict=True)):
            try:
                result = engine.generate(
                    image,
                    garment,
                    category,
                    head["seed"],
                    head["steps"],
                    given,
                    lambda done, n=n: self._progress((n + min(max(done, 0.0), 1.0)) / len(garments)),
                    lambda: head["id"] in self._cancelled,
                )
            except StudioError as error:
                # an engine knows of one garment alone
                error.field = f"garments.{n}" if error.field == "garment" else error.field
                raise
            image = result.image
            mask = result.mask if mask is None else mask | result.mask
            results.append(result)
        self._done(head, person, image, mask, results, round((time.perf_counter() - started) * 1000))

    def _progress(self, done: float) -> None:
        frames.write(self._answers, {"kind": "progress", "done": done})

    def _done(self, head: dict[str, Any], person: Any, image: Any, mask: Any, results: list[Result], ms: int) -> None:
        reports = [result.report for result in results]
        report: dict[str, Any] = {
            "changedOutsideMask": changed_outside(person, image, mask),
            "engine": reports[-1].engine,
            "version": reports[-1].version,
            "seed": head["seed"],
            "ms": ms,
            "notes": [one.notes for one in reports],
        }
        data, written = provenance.signed(pictures.png(image, provenance.xmp(report)), report)
        report["provenance"] = written
        height, width = image.shape[:2]
        facts = {"width": width, "height": height, "report": report, "deviceMb": device_mb()}
        frames.write(self._answers, {"kind": "done", **facts}, [data, pictures.png(mask)])


def _told(error: StudioError) -> dict[str, Any]:
    if isinstance(error, ConfigurationError):
        telemetry.log("vto.engine_refused", level="error", code=error.code, reason=error.message)
        error = EngineRefused(error.message, field=error.field)
    return {
        "code": error.code,
        "message": error.message,
        "retryable": error.retryable,
        "retry_after": error.retry_after,
        "field": error.field,
    }


def main() -> None:
    """Serve until stdin ends."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # a library that prints must not write into the frames
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    Child(requests, answers).serve()


if __name__ == "__main__":
    main()
