"""Quality read off the search log: what people did with results, with intervals, by kind of search."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from functions.search.log import CONTAINER
from functions.search.models import Estimate, EvalQuery, KindFigures, SearchEval
from shared import clock
from shared.documents import Document, Where, store
from shared.documents.containers import DAY
from shared.http.auth import Principal

MOST = 20_000
"""Log entries that one answer reads, the latest."""
KINDS = ("image", "text", "hybrid", "similar")
GAIN = {"click": 1.0, "buy": 2.0}
TOP = 10
ANEW_S = 60
RESAMPLES = 400
Z = 1.959964


def evaluate(caller: Principal, query: EvalQuery) -> SearchEval:
    """Figures of the caller's shop."""
    until = clock.now()
    since = until - query.days * DAY
    entries, truncated = _entries(caller.shop, clock.iso(since))
    acts: dict[str, list[Document]] = defaultdict(list)
    for entry in entries:
        if entry["type"] == "search_feedback":
            acts[entry["searchId"]].append(entry)
    searches = [entry for entry in entries if entry["type"] == "search_log"]
    by_kind = {"all": _figures(searches, acts)}
    for kind in KINDS:
        by_kind[kind] = _figures([search for search in searches if search["kind"] == kind], acts)
    return SearchEval(
        shop=caller.shop, since=clock.iso(since), until=clock.iso(until), by_kind=by_kind, truncated=truncated
    )


def _entries(shop: str, since: str) -> tuple[list[Document], bool]:
    found: list[Document] = []
    continuation: str | None = None
    while len(found) < MOST:
        page = store().query(
            CONTAINER,
            Where("shop", "=", shop),
            Where("at", ">=", since),
            order_by="at",
            descending=True,
            limit=1000,
            continuation=continuation,
        )
        found += page.items
        continuation = page.continuation
        if continuation is None:
            return found, False
    return found, True


def _figures(searches: Sequence[Document], acts: Mapping[str, Sequence[Document]]) -> KindFigures:
    first = [search for search in searches if not search["continued"]]
    clicked: list[bool] = []
    hit: list[bool] = []
    ranks: list[float] = []
    gains: list[float] = []
    clicks = buys = 0
    for search in first:
        done = acts.get(search["id"], ())
        clicks += sum(act["kind"] == "click" for act in done)
        buys += sum(act["kind"] == "buy" for act in done)
        clicked.append(any(act["kind"] == "click" for act in done))
        hit.append(any(act["rank"] <= TOP for act in done))
        if done:
            ranks.append(1 / min(act["rank"] for act in done))
            gains.append(ndcg(done))
    return KindFigures(
        searches=len(first),
        clicks=clicks,
        buys=buys,
        click_through_rate=share(clicked),
        hit_rate10=share(hit),
        mrr=mean(ranks),
        ndcg10=mean(gains),
        zero_results=share([not search["results"] for search in first]),
        unknown_terms=share([bool(search["unknownTerms"]) for search in first]),
        reformulated=share(reformulated(first, acts)),
        latency_ms=_latency([search["tookMs"] for search in searches]),
    )


def ndcg(acts: Sequence[Mapping[str, Any]]) -> float:
    """Normalised discounted cumulative gain of the first ten results, by what was done with each (K. Jaervelin,
    J. Kekaelaeinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 2002)."""
    best: dict[int, float] = {}
    for act in acts:
        best[act["rank"]] = max(best.get(act["rank"], 0.0), GAIN[act["kind"]])
    ideal = sum(gain / math.log2(at + 2) for at, gain in enumerate(sorted(best.values(), reverse=True)[:TOP]))
    return sum(gain / math.log2(rank + 1) for rank, gain in best.items() if rank <= TOP) / ideal


def reformulated(searches: Sequence[Mapping[str, Any]], acts: Mapping[str, Any]) -> list[bool]:
    """For each search by words: whether nobody acted on it and its author soon asked anew in other words."""
    by_user: dict[str, list[tuple[float, str, str]]] = defaultdict(list)
    for search in searches:
        said = search["params"].get("query")
        if said:
            at = datetime.fromisoformat(search["at"]).timestamp()
            by_user[search["userId"]].append((at, " ".join(said.lower().split()), search["id"]))
    told: list[bool] = []
    for mine in by_user.values():
        mine.sort()
        for (at, said, id), after in zip(mine, [*mine[1:], None], strict=True):
            anew = after is not None and after[0] - at <= ANEW_S and after[1] != said
            told.append(anew and not acts.get(id))
    return told


def share(cases: Sequence[bool]) -> Estimate:
    """A proportion with Wilson's score interval (E. Wilson, JASA 1927)."""
    n = len(cases)
    if not n:
        return Estimate(value=None, low=None, high=None, n=0)
    p = sum(cases) / n
    middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return _estimate(p, max(0.0, middle - half), min(1.0, middle + half), n)


def mean(values: Sequence[float]) -> Estimate:
    """A mean with its bootstrap percentile interval, the same every time."""
    import numpy as np

    n = len(values)
    if not n:
        return Estimate(value=None, low=None, high=None, n=0)
    found = np.asarray(values)
    random = np.random.default_rng(5)
    means = [float(found[random.integers(0, n, n)].mean()) for _ in range(RESAMPLES)]
    low, high = np.percentile(means, [2.5, 97.5])
    return _estimate(float(found.mean()), float(low), float(high), n)


def _estimate(value: float, low: float, high: float, n: int) -> Estimate:
    return Estimate(value=round(value, 4), low=round(low, 4), high=round(high, 4), n=n)


def _latency(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    if not ordered:
        return {}
    return {f"p{p}": float(ordered[min(len(ordered) - 1, len(ordered) * p // 100)]) for p in (50, 95, 99)}
