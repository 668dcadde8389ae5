"""How much longer searches take with ten times the products, with a cut-off of results and without one.

Each query is searched in shops of each size, with the cut-off and without, one after the other, so that whatever else
the machine does falls on all alike. Times are CPU milliseconds of the searching thread, medians.
Vectors and products are those of `bench search`.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.search import Rows, columns, environment, model, queries, vectors
from emulators.azurite import Azurite

if TYPE_CHECKING:
    from functions.search.engine.local import LocalIndex
    from functions.search.engine.query import VectorQuery

SIZES, QUICK_SIZES = (10_000, 100_000, 1_000_000), (10_000, 100_000)
TIMED, QUICK_TIMED, WARM_UP = 120, 40, 5


def main(*, quick: bool = False) -> dict[str, Any]:
    """Measure at 10,000, 100,000 and a million products; `quick`: without the last, and with fewer queries."""
    from functions.search.engine.local import LocalIndex

    sizes = QUICK_SIZES if quick else SIZES
    with tempfile.TemporaryDirectory() as folder, Azurite() as storage:
        environment(storage, Path(folder))
        index = LocalIndex(model)
        for count in sizes:
            print(f"{count} products ...", file=sys.stderr, flush=True)
            build = index.begin(_shop(count))
            build.take(columns(vectors(count)))
            index.publish(build)
        kinds = _kinds()
        asked = queries(vectors(QUICK_SIZES[-1]))
        return {
            "products": list(sizes),
            "searches": {
                name: _measured(index, query, sizes, kind, asked.get(kind), QUICK_TIMED if quick else TIMED)
                for name, (kind, query) in kinds.items()
            },
        }


def _shop(count: int) -> str:
    return f"growth-{count}"


def _kinds() -> dict[str, tuple[str, VectorQuery]]:
    """By name, what the generated vectors of a query are, and the query."""
    from functions.search.engine.query import Filters, Match, VectorQuery, Weights

    by_words, by_text = Match(), Match(floor=1.1)
    blended = VectorQuery("", words="red striped dress", weights=Weights(0, 0.7, 0.3), k=10, match=by_text)
    return {
        "one rare word": ("text", replace(blended, words="striped model 7")),
        "all common": ("text", blended),
        "misspelt": ("text", replace(blended, words="stripd drses model")),
        "all common, filtered": ("text", replace(blended, filters=Filters(tags=("s0.1",)))),
        "words alone": ("", replace(blended, weights=Weights(0, 0, 1), match=by_words)),
        "picture": ("image", VectorQuery("", k=10, match=Match(by_words=False, floor=1.2))),
    }


def _measured(
    index: LocalIndex, query: VectorQuery, sizes: Sequence[int], kind: str, many: Rows | None, times: int
) -> dict[str, Any]:
    taken: dict[tuple[str, int], list[float]] = {}
    for turn in range(times + WARM_UP):
        vector = {kind: many[turn % len(many)]} if many is not None else {}
        for count in sizes:
            for name, match in (("all", None), ("cut", query.match)):
                asked = replace(query, shop=_shop(count), match=match, **vector)
                taken.setdefault((name, count), []).append(_cpu_ms(lambda asked=asked: index.search(asked)))
    ms = {key: statistics.median(each[WARM_UP:]) for key, each in taken.items()}
    return {
        **{f"{name}_ms": {str(count): round(ms[name, count], 3) for count in sizes} for name in ("all", "cut")},
        **{
            f"{name}_growth": [round(ms[name, large] / ms[name, small], 2) for small, large in pairwise(sizes)]
            for name in ("all", "cut")
        },
        "cut_over_all": [round(ms["cut", count] / ms["all", count], 2) for count in sizes],
    }


def _cpu_ms(run: Callable[[], object]) -> float:
    started = time.thread_time()
    run()
    return (time.thread_time() - started) * 1e3
