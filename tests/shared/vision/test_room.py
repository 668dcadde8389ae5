"""Large images take bounded memory, one at a time and all together."""

from __future__ import annotations

import threading
import tracemalloc
from typing import Any

import numpy as np
import pytest
from quick import eventually

from shared.vision import cutout
from shared.vision.room import Room


def ring(side: int) -> tuple[Any, Any]:
    """A photo and a mask whose soft edge reaches every side."""
    random = np.random.default_rng(5)
    y, x = np.mgrid[:side, :side] - side / 2
    alpha = (255 * np.clip(side / 2 - np.hypot(x, y), 0, 2) / 2).astype(np.uint8)
    return random.integers(0, 256, (side, side, 3), np.uint8), alpha


def test_a_cut_out_is_the_same_in_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    photo, alpha = ring(301)
    whole, clear = cutout.foreground(photo, alpha).astype(int), cutout.transparent(photo, alpha).astype(int)
    for rows in (1, 7, 100):
        monkeypatch.setattr(cutout, "STRIP_PIXELS", rows * 301)
        assert np.abs(cutout.foreground(photo, alpha) - whole).max() <= 1
        assert np.abs(cutout.transparent(photo, alpha) - clear).max() <= 1


def test_memory_of_a_cut_out_grows_with_its_result_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    photo, alpha = ring(1024)
    monkeypatch.setattr(cutout, "STRIP_PIXELS", 1 << 15)
    tracemalloc.start()
    cutout.transparent(photo, alpha)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * alpha.size


def test_images_in_work_together_stay_within_the_room() -> None:
    room, lock = Room(10), threading.Lock()
    inside, most = 0, 0
    done: list[int] = []

    def work(pixels: int) -> None:
        nonlocal inside, most
        with room.of(pixels):
            with lock:
                inside += min(pixels, 10)
                most = max(most, inside)
            threading.Event().wait(0.002)
            with lock:
                inside -= min(pixels, 10)
        done.append(pixels)

    threads = [threading.Thread(target=work, args=(pixels,)) for pixels in (4, 99, 10, 1, 6, 3, 7, 5) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 10 and sorted(done) == sorted([4, 99, 10, 1, 6, 3, 7, 5] * 4)


def test_a_large_image_is_not_overtaken() -> None:
    room, order = Room(10), list[int]()

    def work(pixels: int) -> None:
        with room.of(pixels):
            order.append(pixels)

    with room.of(4):
        threads = [threading.Thread(target=work, args=(pixels,)) for pixels in (9, 2)]
        for waiting, thread in enumerate(threads, 1):
            thread.start()
            eventually(lambda waiting=waiting: len(room._waiting) == waiting, "the wait")
        assert order == []
    for thread in threads:
        thread.join()
    assert order == [9, 2]


def test_room_is_given_back_after_a_failure() -> None:
    room = Room(10)
    for _ in range(3):
        with pytest.raises(ValueError, match="damaged"), room.of(10):
            raise ValueError("damaged")
