"""Search quality from the search log and its feedback, with intervals, by kind of search."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from functions.search.documents import FeedbackKind, SearchFeedbackDocument, search_feedback
from functions.search.models import Estimate, EvalQuery, KindFigures, SearchEval
from shared import clock
from shared.catalogue.search_log import SearchKind, SearchLogDocument, search_logs
from shared.documents.containers import DAY
from shared.documents.fields import where
from shared.documents.model import StoredDocument
from shared.documents.repository import Repository
from shared.http.auth import Principal

MAX_ENTRIES: Final = 20_000
"""Searches that one answer reads, and as many documents of feedback; the latest."""
GAIN: Final = {FeedbackKind.CLICK: 1.0, FeedbackKind.BUY: 2.0}
TOP: Final = 10
REFORMULATION_S: Final = 60
"""Seconds within which another search counts as a reformulation."""
QUERY_PARAM: Final = "query"
"""Name of the words in the logged request."""
RESAMPLES: Final = 400
Z: Final = 1.959964
"""Quantile of the normal distribution for 95 % intervals."""


def evaluate(caller: Principal, query: EvalQuery) -> SearchEval:
    """Figures of the caller's shop."""
    until = clock.now()
    since = until - query.days * DAY
    searches, truncated = _latest(search_logs, SearchLogDocument.shop, SearchLogDocument.at, caller.shop, since)
    feedback, _ = _latest(search_feedback, SearchFeedbackDocument.shop, SearchFeedbackDocument.at, caller.shop, since)
    by_search: dict[str, list[SearchFeedbackDocument]] = defaultdict(list)
    for entry in feedback:
        by_search[entry.search_id].append(entry)
    by_kind = {"all": _figures(searches, by_search)}
    for kind in SearchKind:
        by_kind[kind.value] = _figures([search for search in searches if search.kind is kind], by_search)
    return SearchEval(
        shop=caller.shop, since=clock.iso(since), until=clock.iso(until), by_kind=by_kind, truncated=truncated
    )


def _latest[T: StoredDocument](
    repository: Repository[T], shop_field: str, at_field: str, shop: str, since: float
) -> tuple[list[T], bool]:
    """The latest documents of a shop, and whether there are more than `MAX_ENTRIES`."""
    found: list[T] = []
    continuation: str | None = None
    while len(found) < MAX_ENTRIES:
        page = repository.list(
            where(shop_field, "=", shop),
            where(at_field, ">=", clock.iso(since)),
            order_by=at_field,
            descending=True,
            limit=1000,
            continuation=continuation,
            skip_unreadable=True,
        )
        found += page.items
        continuation = page.continuation
        if continuation is None:
            return found, False
    return found, True


def _figures(
    searches: Sequence[SearchLogDocument], by_search: Mapping[str, Sequence[SearchFeedbackDocument]]
) -> KindFigures:
    first = [search for search in searches if not search.continued]
    clicked: list[bool] = []
    hit: list[bool] = []
    ranks: list[float] = []
    gains: list[float] = []
    clicks = buys = 0
    for search in first:
        feedback = by_search.get(search.id, ())
        clicks += sum(entry.kind is FeedbackKind.CLICK for entry in feedback)
        buys += sum(entry.kind is FeedbackKind.BUY for entry in feedback)
        clicked.append(any(entry.kind is FeedbackKind.CLICK for entry in feedback))
        hit.append(any(entry.rank <= TOP for entry in feedback))
        if feedback:
            ranks.append(1 / min(entry.rank for entry in feedback))
            gains.append(ndcg(feedback))
    return KindFigures(
        searches=len(first),
        clicks=clicks,
        buys=buys,
        click_through_rate=share(clicked),
        hit_rate10=share(hit),
        mrr=mean(ranks),
        ndcg10=mean(gains),
        zero_results=share([not search.results for search in first]),
        unknown_terms=share([bool(search.unknown_terms) for search in first]),
        reformulated=share(reformulated(first, by_search)),
        latency_ms=_latency([search.took_ms for search in searches]),
    )


def ndcg(feedback: Sequence[SearchFeedbackDocument]) -> float:
    """Normalised discounted cumulative gain of the first ten results, by the feedback on each (K. Jaervelin,
    J. Kekaelaeinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 2002)."""
    best: dict[int, float] = {}
    for entry in feedback:
        best[entry.rank] = max(best.get(entry.rank, 0.0), GAIN[entry.kind])
    ideal = sum(gain / math.log2(at + 2) for at, gain in enumerate(sorted(best.values(), reverse=True)[:TOP]))
    return sum(gain / math.log2(rank + 1) for rank, gain in best.items() if rank <= TOP) / ideal


def reformulated(
    searches: Sequence[SearchLogDocument], by_search: Mapping[str, Sequence[SearchFeedbackDocument]]
) -> list[bool]:
    """For each search by words: whether it got no feedback and its user soon searched again with other words."""
    by_user: dict[str, list[tuple[float, str, str]]] = defaultdict(list)
    for search in searches:
        text: object = search.params.get(QUERY_PARAM)
        if isinstance(text, str) and text:
            at = datetime.fromisoformat(search.at).timestamp()
            by_user[search.user_id].append((at, " ".join(text.lower().split()), search.id))
    flags: list[bool] = []
    for mine in by_user.values():
        mine.sort()
        for (at, text, id), after in zip(mine, [*mine[1:], None], strict=True):
            again = after is not None and after[0] - at <= REFORMULATION_S and after[1] != text
            flags.append(again and not by_search.get(id))
    return flags


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
