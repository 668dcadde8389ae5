"""Memory for large images: a bound on the pixels in work at a time, by which a process fits an instance of 2 GB.

A worker runs up to a dozen messages at once. Decoding takes 7 bytes a pixel, a mask and a cut-out up to 12: an image of
64 megapixels 800 MB, and twelve of them more than any instance has.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from io import BytesIO
from typing import Final

PIXELS: Final = 64_000_000
"""Of all images in work together."""


class Room:
    """Places for pixels, given in the order in which they were asked for, so that a large image gets its turn."""

    def __init__(self, pixels: int = PIXELS) -> None:
        self._left = self._all = pixels
        self._freed = threading.Condition()
        self._waiting: deque[object] = deque()

    @contextmanager
    def of(self, pixels: int) -> Generator[None]:
        """Wait until there is room for an image; one that is larger than all room has it alone."""
        taken, turn = min(pixels, self._all), object()
        with self._freed:
            self._waiting.append(turn)
            try:
                self._freed.wait_for(lambda: self._waiting[0] is turn and self._left >= taken)
                self._left -= taken
            finally:
                self._waiting.remove(turn)
                self._freed.notify_all()
        try:
            yield
        finally:
            with self._freed:
                self._left += taken
                self._freed.notify_all()


_room = Room()


@contextmanager
def for_image(data: bytes) -> Generator[None]:
    """Room to decode an image and to work on its pixels. Not to be nested.

    Raises:
        OSError: its header can't be read.
    """
    from PIL import Image

    with Image.open(BytesIO(data)) as image:
        pixels = image.width * image.height
    with _room.of(pixels):
        yield
