"""Where a word's rows stand among others, however many have it."""

from __future__ import annotations

import numpy as np
import pytest

from functions.search.engine.postings import RARE, Postings, rows_of


def postings(many: int, among: int) -> Postings:
    rows = np.sort(np.random.default_rng(many).choice(among, many, replace=False)).astype(np.int32)
    return Postings(rows, np.ones(many, np.uint8), among)


@pytest.mark.parametrize(("many", "among"), [(0, 5), (1, 1), (1, 64), (5, 700), (65, 65), (400, 1000), (999, 1000)])
def test_each_row_is_found_where_it_stands_and_no_other(many: int, among: int) -> None:
    found = postings(many, among)
    asked = np.random.default_rng(1).permutation(among)
    place = {row: at for at, row in enumerate(found.rows.tolist())}
    assert found.place(asked).tolist() == [place.get(row, -1) for row in asked.tolist()]
    assert found.place(np.empty(0, np.int64)).tolist() == []


def test_both_ways_of_looking_are_looked_at() -> None:
    rare, common = postings(5, 5 * RARE), postings(6, 5 * RARE)
    for found in (rare, common):
        found.place(np.arange(3))
    assert ["bits" in vars(found) for found in (rare, common)] == [False, True]


@pytest.mark.parametrize(("many", "among"), [(0, 5), (1, 64), (3, 100_000), (64, 64), (700, 1000)])
def test_bits_are_the_rows(many: int, among: int) -> None:
    found = postings(many, among)
    assert rows_of(found.bits).tolist() == found.rows.tolist()
