"""One user asks for all the work there is: another's is served next, in turn, and the rest is refused.

How long the victim waits is measured by `./studio bench fairness`, which compares quiet and attacked times of one run.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest
from PIL import Image

from shared import turns
from shared.http import idempotency, shares
from shared.images.sanitizer_pool import Pool
from shared.vision import segments


def request(data: bytes) -> dict[str, object]:
    return {
        "source": "JPEG", "min_side": 16, "max_side": 12_000, "max_pixels": 64_000_000, "alpha": "white", "quality": 90,
        "timeout": 300, "original": True, "copies": [],
    }  # fmt: skip


def picture(side: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side), (180, 30, 40)).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def decoders() -> Callable[[int], Pool]:
    made: list[Pool] = []

    def make(size: int) -> Pool:
        made.append(Pool(size))
        return made[-1]

    yield make  # type: ignore[misc]
    for pool in made:
        pool.close()


@pytest.mark.processes
def test_a_victims_picture_is_decoded_after_one_of_the_attackers(decoders: Callable[[int], Pool]) -> None:
    pool, large, small = decoders(1), picture(3000), picture(300)
    order: list[str] = []

    def decode(caller: str, data: bytes) -> None:
        with turns.acting_for(caller):
            answer, _ = pool.run(request(data), data, 300)
        assert "images" in answer
        order.append(caller)

    with ThreadPoolExecutor(16) as threads:
        sent = [threads.submit(decode, "attacker", large) for _ in range(10)]
        while len(pool._places._waiting.get("attacker", ())) < 9:
            assert not order, "the first picture was decoded before the others stood in line"
        sent.append(threads.submit(decode, "victim", small))
        for one in as_completed(sent):
            one.result()
    # One of the attacker's was being decoded, and one more may have been next at that moment.
    assert order.index("victim") <= 2


@pytest.mark.processes
def test_decoders_give_way_to_the_app(decoders: Callable[[int], Pool]) -> None:
    pool, small = decoders(1), picture(300)
    pool.run(request(small), small, 300)
    child = pool._idle[0].process.pid
    assert os.getpriority(os.PRIO_PROCESS, child) >= min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)


@pytest.mark.processes
def test_one_caller_leaves_decoders_and_a_processor_free(decoders: Callable[[int], Pool]) -> None:
    pool = decoders(4)  # of three processors
    assert [pool._places.take(0, "attacker") for _ in range(4)] == [True, True, False, False]
    small = picture(300)
    with turns.acting_for("victim"):
        answer, _ = pool.run(request(small), small, 300)
    assert "images" in answer


def test_one_caller_segments_one_picture_at_a_time() -> None:
    order: list[str] = []
    first, end = threading.Event(), threading.Event()

    def segment(caller: str, until: threading.Event | None = None) -> None:
        with turns.acting_for(caller), segments.in_turn():
            order.append(caller)
            first.set()
            assert until is None or until.wait(300)

    with ThreadPoolExecutor(16) as threads:
        sent = [threads.submit(segment, "attacker", end)]
        assert first.wait(300)
        sent += [threads.submit(segment, "attacker") for _ in range(10)]
        while len(segments._places._waiting.get("attacker", ())) < 10:
            pass
        # All the attacker's wait for the first one; the victim's does not.
        threads.submit(segment, "victim").result(300)
        assert order == ["attacker", "victim"]
        end.set()
        for one in sent:
            one.result(300)


def test_one_caller_does_not_take_all_places_to_wait(local: object) -> None:
    taken = [shares.WAITS.take(0, "attacker") for _ in range(20)]
    try:
        assert taken.count(True) == shares.WAITS.share < shares.WAITS.size
        assert shares.WAITS.take(0, "victim")
        shares.WAITS.give_back("victim")
        assert isinstance(idempotency.begin("attacker", "r", "key", b"body"), idempotency.Ticket)
        with pytest.raises(idempotency.Conflict) as refused:
            idempotency.begin("attacker", "r", "key", b"body")
        assert refused.value.retry_after
    finally:
        for _ in range(taken.count(True)):
            shares.WAITS.give_back("attacker")
