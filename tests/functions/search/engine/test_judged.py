"""The judged queries: every one is well formed, and their ranking does not get worse."""

from __future__ import annotations

import pytest

from bench import search_quality as judged


@pytest.mark.parametrize("name", [*judged.SHOPS, judged.DRAWN])
def test_queries_are_well_formed_and_ask_for_what_there_is(name: str) -> None:
    asked = judged.queries(name)
    assert len(asked) == len({query.text for query in asked}) >= 45
    assert {query.reported for query in asked} == {True, False}
    if name == judged.DRAWN:
        return
    known = judged.products(name)
    assert len(known) == len({one.id for one in known}) >= 50
    facts = {fact for one in known for fact in one.facts}
    for query in asked:
        wanted = {fact.lstrip("!") for _, some in query.rules for each in some for fact in each}
        assert wanted <= facts, query.text
        assert not query.rules or any(query.grade(one) for one in known), query.text


def test_the_set_is_large_enough() -> None:
    assert sum(len(judged.queries(name)) for name in (*judged.SHOPS, judged.DRAWN)) >= 350


@pytest.mark.parametrize(("language", "ndcg"), [("en", 0.83), ("de", 0.84), ("fr", 0.87), ("zh", 0.93)])
def test_the_ranking_of_titles_is_as_good_as_it_was(shop: str, language: str, ndcg: float) -> None:
    known, engines = judged._shop(language)
    asked = judged.queries(language)
    figures = judged.measure([query for query in asked if query.reported], known, engines["ours"])
    assert figures["ndcg10"] >= ndcg
    assert figures["zero_results"] <= 0.06 and figures["precision"] >= 0.92
