"""A process that writes to an index and is killed: `python dying_indexer.py STEP SHOP [AT]`.

`write` upserts product after product and prints each acknowledged id; `rebuild` merges and kills itself at a step.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[4]), str(Path(__file__).parent)]

import index_shelf as shelf  # noqa: E402

from functions.search.engine import versions  # noqa: E402
from functions.search.engine.local import LocalIndex  # noqa: E402


def main(step: str, shop: str, at: str = "") -> None:
    index = LocalIndex(lambda: shelf.MODEL)
    if step == "write":
        for n, item in enumerate(shelf.items(2000, seed=9, prefix=f"w{at}")):
            index.upsert(shop, [replace(item, id=f"w{at}-{n}")])
            print(f"w{at}-{n}", flush=True)
        return
    if at == "switching":
        # Everything is stored but the pointer.
        versions.write_pointer = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]

    def progress(name: str, _: float) -> None:
        print(name, flush=True)
        if name == at:
            os.kill(os.getpid(), signal.SIGKILL)

    index.merge(shop, progress)


if __name__ == "__main__":
    main(*sys.argv[1:])
