"""Processes killed in the middle of a write and of a rebuild, many writers at once, and workers beside each other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import index_shelf as shelf
import psutil
import pytest

from functions.search.engine import journal
from functions.search.engine.local import LocalIndex
from functions.search.engine.query import VectorQuery

IMAGE, _ = shelf.query_vectors()
SCRIPT = Path(__file__).with_name("dying_indexer.py")

type Workers = Callable[..., LocalIndex]


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, str(SCRIPT), *arguments], stdout=subprocess.PIPE, text=True)


def test_writers_killed_in_the_middle_lose_nothing_that_was_confirmed(worker: Workers, shop: str) -> None:
    writers = [start("write", shop, str(n)) for n in range(2)]
    confirmed: list[str] = []
    for writer in writers:
        assert writer.stdout is not None
        confirmed += [writer.stdout.readline().strip() for _ in range(25)]
    for writer in writers:
        writer.send_signal(signal.SIGKILL)
        assert writer.stdout is not None
        confirmed += writer.stdout.read().split()
        assert writer.wait() == -signal.SIGKILL
    entries = [entry for part in journal.after(shop, 0) for entry in part]
    assert [entry.seq for entry in entries] == list(range(1, journal.last(shop) + 1))
    written = [write.id for entry in entries for write in entry.writes]
    assert len(written) == len(set(written))
    assert set(confirmed) <= set(written) and len(written) <= len(confirmed) + 2
    assert worker().search(VectorQuery(shop, image=IMAGE)).total == len(written)


@pytest.mark.parametrize("at", ["building", "uploading", "switching", "tidying"])
def test_a_rebuild_killed_in_the_middle_changes_nothing_or_all(worker: Workers, shop: str, at: str) -> None:
    index = worker()
    build = index.begin(shop)
    build.add(shelf.items(60))
    before = index.publish(build)
    index.upsert(shop, shelf.items(40, seed=8, prefix="n"))
    dying = start("rebuild", shop, at)
    dying.communicate()
    assert dying.returncode == -signal.SIGKILL
    query = VectorQuery(shop, image=IMAGE, k=50)
    survivor = worker()
    page = survivor.search(query)
    assert page.total == 100
    assert (page.index_version == before.version) == (at != "tidying")
    made = survivor.merge(shop)
    again = survivor.search(query)
    assert (again.index_version, again.total) == (made.version, 100)
    assert [hit.id for hit in again.hits] == [hit.id for hit in page.hits]


def test_many_writers_at_once_leave_no_gap_and_no_double(worker: Workers, shop: str) -> None:
    indexes = [worker() for _ in range(6)]

    def write(n: int) -> None:
        for item in shelf.items(15, seed=n, prefix=f"t{n}-"):
            indexes[n].upsert(shop, [item])

    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = [entry for part in journal.after(shop, 0, limit=7) for entry in part]
    assert [entry.seq for entry in entries] == list(range(1, 91))
    assert len({write.id for entry in entries for write in entry.writes}) == 90


def test_a_worker_more_shares_the_pages_of_the_first(worker: Workers, shop: str) -> None:
    from functions.search.engine import kernel

    count = 60_000
    kernel.library()
    build = worker().begin(shop)
    path = build.folder / kernel.VECTORS
    import numpy as np

    kernel.write(path, np.random.default_rng(1).standard_normal((count, 128)).astype(np.float16))
    process = psutil.Process(os.getpid())
    held = [kernel.FlatIndex(path)]
    query = np.ones(128, np.float32)
    held[0].top(query, 10, None)
    before = process.memory_full_info().uss
    held += [kernel.FlatIndex(path) for _ in range(3)]
    for one in held:
        one.top(query, 10, None)
    assert path.stat().st_size > 15e6
    assert process.memory_full_info().uss - before < 3 * 5e6
    build.abandon()
