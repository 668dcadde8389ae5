"""Places that callers take in turns: who is served next, however many one of them has sent."""

from __future__ import annotations

import random
import threading
from collections import Counter

import pytest

from shared import turns
from shared.turns import Places


class Line:
    """Callers that wait in threads for places."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.served: list[str] = []
        self._news = threading.Condition()
        self._threads: list[threading.Thread] = []

    def wait(self, caller: str) -> None:
        """Let a caller wait for a place in a new thread; returns when it stands in line or has been served."""
        before = self._standing() + len(self.served)

        def run() -> None:
            assert self.places.take(300, caller)
            with self._news:
                self.served.append(caller)
                self._news.notify_all()

        thread = threading.Thread(target=run)
        self._threads.append(thread)
        thread.start()
        while self._standing() + len(self.served) == before:
            pass

    def until(self, count: int) -> None:
        """Wait until this number has been served."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.served) >= count, 300)

    def _standing(self) -> int:
        with self.places._lock:
            return sum(len(queue) for queue in self.places._waiting.values())

    def end(self, already: int) -> None:
        """Serve all who still wait, and see that every place is free then; `already` have given theirs back."""
        for number in range(already, len(self._threads)):
            self.until(number + 1)
            self.places.give_back(self.served[number])
        for thread in self._threads:
            thread.join()
        assert self.places._free == self.places.size
        assert not self.places._held
        assert not self.places._waiting


def test_who_comes_late_is_served_next_after_one_who_has_sent_many() -> None:
    places = Places(1)
    assert places.take(0, "busy")
    line = Line(places)
    for _ in range(10):
        line.wait("busy")
    line.wait("ada")
    line.wait("bob")
    places.give_back("busy")
    line.until(1)
    places.give_back("busy")
    line.until(2)
    places.give_back("ada")
    line.until(3)
    # `busy` held nothing when the first place was free, and had come first.
    assert line.served == ["busy", "ada", "bob"]
    line.end(already=2)


def test_no_caller_holds_more_than_a_share_and_the_rest_stays_free_for_others() -> None:
    places = Places(3, share=2)
    assert [places.take(0, "busy") for _ in range(4)] == [True, True, False, False]
    assert places.take(0, "ada")
    assert not places.take(0, "bob"), "all places are taken"
    places.give_back("busy")
    assert places.take(0, "bob")


def test_a_place_goes_to_the_caller_that_holds_the_fewest() -> None:
    places = Places(3)
    assert places.take(0, "busy") and places.take(0, "busy") and places.take(0, "ada")
    line = Line(places)
    line.wait("busy")
    line.wait("bob")
    places.give_back("ada")
    line.until(1)
    assert line.served == ["bob"]
    places.give_back("busy")
    line.until(2)
    assert line.served == ["bob", "busy"]


def test_who_has_waited_long_enough_leaves_and_takes_nothing_with_them() -> None:
    places = Places(1)
    assert places.take(0, "busy")
    assert not places.take(0.01, "ada")
    assert not places._waiting
    places.give_back("busy")
    assert places.take(0, "bob")


@pytest.mark.parametrize("share", [None, 2])
def test_nothing_is_lost_or_given_twice_under_a_storm(share: int | None) -> None:
    places, holding, most = Places(3, share), Counter[str](), Counter[str]()
    lock = threading.Lock()

    def work(caller: str, seed: int) -> None:
        luck = random.Random(seed)
        for _ in range(60):
            if not places.take(luck.choice([0, 0.0005, 10]), caller):
                continue
            with lock:
                holding[caller] += 1
                most[caller] = max(most[caller], holding[caller])
                most["all"] = max(most["all"], holding.total())
            with lock:
                holding[caller] -= 1
            places.give_back(caller)

    threads = [threading.Thread(target=work, args=(f"c{number % 3}", number)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert places._free == 3
    assert not places._held and not places._waiting
    assert most["all"] <= 3
    assert max(most[f"c{number}"] for number in range(3)) <= (share or 3)


def test_work_is_done_and_paid_for_by_the_caller_of_the_block() -> None:
    turns.spend(megapixels=5)
    assert turns.current_caller() == turns.NO_CALLER
    with turns.acting_for("ada") as work:
        turns.spend(megapixels=5, model_s=0.5)
        with turns.acting_for("bob") as other:
            assert turns.current_caller() == "bob"
            turns.spend(megabytes=1)
        assert turns.current_caller() == "ada"
        turns.spend(megapixels=1, calls=3)
    assert vars(work) == vars(turns.Work("ada", megapixels=6, model_s=0.5, calls=3))
    assert vars(other) == vars(turns.Work("bob", megabytes=1))
    assert turns.current_caller() == turns.NO_CALLER
