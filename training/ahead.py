"""Prepare batches in a thread while the previous one is used for training."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import cv2


def drawn_ahead(draw: Callable[[int], Any], start: int, stop: int, depth: int = 2) -> Iterator[Any]:
    """Yield `draw(step)` for the steps `start` to `stop` in order, computed by a thread up to `depth` steps ahead.

    Exceptions of `draw` are raised to the caller.
    """
    ready: queue.Queue = queue.Queue(depth)

    def work() -> None:
        cv2.setNumThreads(1)
        try:
            for step in range(start, stop):
                ready.put(draw(step))
        except BaseException as error:
            ready.put(error)

    threading.Thread(target=work, daemon=True).start()
    for _ in range(start, stop):
        batch = ready.get()
        if isinstance(batch, BaseException):
            raise batch
        yield batch
