"""What the process tests start: one process that works on a file of documents as its command says.

    python sqlite_worker.py PATH COMMAND [ARGUMENT...]

It prints `ready`, waits for a line, works, prints what came of it.
"""

from __future__ import annotations

import itertools
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from shared.documents import Create, Patch, Where
from shared.documents.sqlite import SqliteStore
from shared.errors import BatchFailed, PreconditionFailed

USER = "user"


def increment(store: SqliteStore, times: str) -> None:
    """Add 1 to the counter by patch, and 1 by read and replace with the ETag."""
    for _ in range(int(times)):
        store.patch("studio", "counter", USER, incr={"patched": 1})
        while True:
            item = store.read("studio", "counter", USER)
            item["replaced"] += 1
            try:
                store.replace("studio", item, etag=item.etag)
                break
            except PreconditionFailed:
                continue
    print("done")


def claim(store: SqliteStore, name: str) -> None:
    """Claim one job by the ETag that every process has read before the start."""
    job = store.read("studio", "job", USER)
    start()
    try:
        store.replace("studio", {**job, "owner": name}, etag=job.etag)
        print("won")
    except PreconditionFailed:
        print("lost")


def reserve(store: SqliteStore, name: str, threads: str) -> None:
    """Each thread takes one of the quota and creates its conversion, both or neither."""

    def one(n: int) -> int:
        try:
            store.batch(
                "studio",
                USER,
                [
                    Patch("quota", incr={"used": 1}, where=[Where("used", "<", 10)]),
                    Create({"id": f"conversion-{name}-{n}", "userId": USER, "type": "conversion"}),
                ],
            )
        except BatchFailed as error:
            assert error.index == 0
            assert isinstance(error.cause, PreconditionFailed)
            return 0
        return 1

    with ThreadPoolExecutor(int(threads)) as pool:
        print(sum(pool.map(one, range(int(threads)))))


def pairs(store: SqliteStore) -> None:
    """Write pairs in batches for ever, on from the counter; prints the number of each pair once it is
    committed.
    """
    for n in itertools.count(store.read("studio", "counter", USER)["n"]):
        store.batch(
            "studio",
            USER,
            [
                Create({"id": f"left-{n:06}", "userId": USER, "filler": "x" * 2000}),
                Patch("counter", incr={"n": 1}),
                Create({"id": f"right-{n:06}", "userId": USER}),
            ],
        )
        print(n, flush=True)


def fork(store: SqliteStore) -> None:
    """Write from a child that has inherited an open store, then from the parent; prints the child's status."""
    store.read("studio", "a", USER)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            store.patch("studio", "a", USER, incr={"n": 1})
            status = 0
        finally:
            os._exit(status)
    print(os.waitpid(child, 0)[1])
    store.patch("studio", "a", USER, incr={"n": 1})


def start() -> None:
    """Wait until the test releases all processes together."""
    print("ready", flush=True)
    sys.stdin.readline()


def main() -> None:
    """Run the command."""
    path, command, *arguments = sys.argv[1:]
    store = SqliteStore(path)
    if command != "claim":
        start()
    commands = {"increment": increment, "claim": claim, "reserve": reserve, "pairs": pairs, "fork": fork}
    commands[command](store, *arguments)
    store.close()


if __name__ == "__main__":
    main()
