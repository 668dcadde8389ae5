"""A process that requests many calls concurrently: prints `remaining` of each that it was given.

Arguments: class of the route, threads, calls of each.
"""

from __future__ import annotations

import sys
import threading

from shared.errors import TooManyRequests
from shared.http import limits


def main() -> None:
    route_class, threads, calls = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    start, given, lock = threading.Barrier(threads), list[int](), threading.Lock()

    def ask() -> None:
        start.wait()
        for _ in range(calls):
            try:
                left = limits.take("user:ada", route_class).remaining
            except TooManyRequests:
                continue
            with lock:
                given.append(left)

    running = [threading.Thread(target=ask) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    print(*given)


if __name__ == "__main__":
    main()
