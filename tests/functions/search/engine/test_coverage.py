"""How much of a query rows have, counted by bits, against one number a row."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from functions.search.engine.coverage import Coverage
from functions.search.engine.postings import bits_of, rows_of

COUNTS = st.sampled_from([0, 1, 63, 64, 65, 200])
SUMS = st.lists(st.tuples(st.integers(0, 2**32), st.integers(1, 3)), max_size=24)


@given(COUNTS, SUMS, st.integers(1, 320), st.integers(0, 100))
def test_bits_count_as_numbers_do(count: int, sums: list[tuple[int, int]], least: int, replaced: int) -> None:
    total = np.zeros(count, np.int64)
    coverage = Coverage(count)
    for seed, times in sums:
        added = np.random.default_rng(seed).integers(0, 5, count)
        total += added * times
        coverage = coverage.plus([bits_of(np.flatnonzero(added >> place & 1), count) for place in range(3)], times)
    rows = np.arange(count)[:: max(1, replaced)]
    assert coverage.numbers().tolist() == total.tolist()
    assert coverage.most() == total.max(initial=0)
    assert coverage.most(bits_of(rows, count)) == total[rows].max(initial=0)
    assert rows_of(coverage.at_least(least)).tolist() == np.flatnonzero(total >= least).tolist()
    total[rows] = replaced
    assert coverage.replaced(bits_of(rows, count), replaced).numbers().tolist() == total.tolist()
