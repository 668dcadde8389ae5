"""Candidates by bytes: their products are those of the vectors, and a filter holds among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from functions.search.engine import kernel
from functions.search.engine.kernel import RowFilter

DIM, COUNT, CLUSTERS = 40, 40_000, 200


def rows() -> np.ndarray:
    random = np.random.default_rng(3)
    made = random.standard_normal((CLUSTERS, DIM)).repeat(COUNT // CLUSTERS, 0)
    made += 0.6 * random.standard_normal(made.shape)
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float16)


@pytest.mark.parametrize("dim", [15, 16, 40, 272])
def test_bytes_multiply_to_the_products_of_the_vectors(dim: int) -> None:
    random = np.random.default_rng(dim)
    unit = random.standard_normal((400, dim)) + 0.5
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    turn = kernel.basis(dim)
    assert turn.shape[1] % 16 == 0
    assert np.allclose(turn @ turn.T, np.eye(dim), atol=1e-5)
    assert np.allclose(turn.sum(1), 0, atol=1e-4)
    turned = unit @ turn
    most = float(np.abs(turned).max())
    queries = kernel._bytes(turned, most)
    codes = kernel._balanced(queries.copy())
    assert codes.min() >= 0 and codes.max() <= 255 and np.array_equal(codes, np.rint(codes))
    # What a query's own sum adds is the same for all rows.
    found = (queries @ codes.T - 128 * queries.sum(1, keepdims=True)) / (127 / most) ** 2
    assert np.abs(found - unit @ unit.T).max() < 0.02


def test_probing_looks_farther_under_a_filter_and_keeps_to_it(tmp_path: Path) -> None:
    stored = rows()
    kernel.write(tmp_path / kernel.VECTORS, stored)
    kernel.write_coarse(tmp_path / kernel.COARSE, stored)
    probing = kernel.open_kernel(tmp_path)
    assert not probing.exact
    mask = np.arange(COUNT) % 5 != 0
    assert mask.sum() > kernel.MAX_EXACT_ROWS
    wide = stored.astype(np.float32)
    for passing in (None, RowFilter(mask)):
        hits = 0
        for seed in range(40):
            query = wide[seed * 997] + 0.1 * np.random.default_rng(seed).standard_normal(DIM).astype(np.float32)
            scores, found = probing.top(query, 10, passing)
            assert np.all(np.diff(scores) <= 0)
            assert np.allclose(scores, wide[found] @ query, atol=1e-4)
            assert passing is None or mask[found].all()
            every = np.where(mask, wide @ query, -np.inf) if passing else wide @ query
            hits += len(set(found.tolist()) & set(np.argsort(-every)[:10].tolist()))
        assert hits >= 0.97 * 400


def test_few_rows_are_all_searched_the_first_time_and_in_a_copy(tmp_path: Path) -> None:
    stored = rows()
    kernel.write(tmp_path / kernel.VECTORS, stored)
    kernel.write_coarse(tmp_path / kernel.COARSE, stored)
    probing, query = kernel.open_kernel(tmp_path), stored[7].astype(np.float32)
    products = stored.astype(np.float32) @ query

    def best(mask: np.ndarray, k: int) -> list[int]:
        return np.argsort(-np.where(mask, products, -np.inf), kind="stable")[: min(k, int(mask.sum()))].tolist()

    few = RowFilter(np.arange(COUNT) % 50 == 0)
    for _ in range(3):
        assert probing.top(query, 10, few)[1].tolist() == best(few.mask, 10)
    for gone in (best(few.mask, 4), np.arange(COUNT)):
        live = np.ones(COUNT, bool)
        live[gone] = False
        some = RowFilter(few.mask & live, within=few)
        scores, found = probing.top(query, 900, some)
        assert found.tolist() == best(some.mask, 900)
        assert np.allclose(scores, products[found], atol=1e-4)
    wide = RowFilter(np.arange(COUNT) % 20 != 0)
    some = RowFilter(few.mask & wide.mask, within=wide)
    assert wide.count > kernel.MAX_EXACT_ROWS
    for _ in range(2):
        assert probing.top(query, 10, some)[1].tolist() == best(some.mask, 10)
