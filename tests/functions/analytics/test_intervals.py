"""Intervals reach their coverage on rows used for nothing else, within the band that chance explains."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from drawn import MODELS
from sales_shop import needs_models, simulated

from functions.analytics import conformal, evaluation, fit, head, model_registry
from functions.analytics.dataset import FOLDS
from shared.errors import Unprocessable

pytestmark = [needs_models, pytest.mark.usefixtures("local")]


@pytest.mark.parametrize("n", [9, 57, 100, 1000, 3600])
def test_bands_are_those_of_the_beta_and_beta_binomial_distributions(n: int) -> None:
    from scipy.stats import beta, betabinom

    k = math.ceil((n + 1) * 0.9)
    found = conformal.coverage_band(n)
    assert found == pytest.approx([beta.ppf(q, k, n + 1 - k) for q in (0.05, 0.95)], abs=1e-6)
    for m in (1, 40, 500):
        low, high = conformal.chance_band(n, m, 0.95)
        expected = [betabinom.ppf(q, m, k, n + 1 - k) / m for q in (0.025, 0.975)]
        assert (low, high) == pytest.approx(expected, abs=1e-9)


def test_the_margin_is_the_ranked_score_and_below_nine_rows_there_is_none() -> None:
    scores = np.arange(100.0)
    assert conformal.margin(scores) == 90  # the 91st of 100
    assert conformal.margin(scores[:9]) == 8
    assert math.isinf(conformal.margin(scores[:8]))


def test_small_calibration_sets_cover_on_average_and_scatter_as_said() -> None:
    rng = np.random.default_rng(5)
    hits = []
    for _ in range(400):
        margin = conformal.margin(np.abs(rng.standard_normal(50)))
        hits.append(float((np.abs(rng.standard_normal(500)) <= margin).mean()))
    low, high = conformal.coverage_band(50)
    assert np.mean(hits) == pytest.approx(46 / 51, abs=0.008)
    assert 0.84 < np.mean([low <= hit <= high for hit in hits]) < 0.95


@pytest.mark.parametrize("seed", range(3))
def test_fitted_intervals_hold_ninety_percent_in_whole_and_in_every_category(seed: int) -> None:
    rows = simulated(4000, seed)
    fitted = fit.fit(rows)
    assert fitted.fold_rows["calibrate"] >= 1000 and fitted.fold_rows["report"] >= 1000
    assert fitted.method in ("mondrian", "cqr-mondrian")
    figures = evaluation.evaluate(fitted.weights, rows, fitted.calibration)
    low, high = conformal.chance_band(len(fitted.calibration), figures.n, 0.999)
    assert low <= figures.interval.coverage <= high
    for one in figures.categories:
        calibrated = fitted.calibration.row_count(rows.categories.index(one.category))
        chance, _ = conformal.chance_band(calibrated, one.n, 0.999)
        assert one.coverage >= chance, one
    assert figures.interval.narrower_than_constant > 0.1
    assert all(one.coverage > 0.85 for one in figures.fields)


def test_the_fold_reported_on_changes_nothing_of_the_model() -> None:
    rows = simulated(1200, 1)
    spoilt = simulated(1200, 1)
    spoilt.units[spoilt.fold == FOLDS.index("report")] = 0
    for name, value in fit.fit(rows).weights.feeds().items():
        assert np.array_equal(value, fit.fit(spoilt).weights.feeds()[name]), name


def test_ends_never_cross_and_contributions_sum() -> None:
    rows = simulated(1200, 2)
    fitted = fit.fit(rows)
    for price in (rows.price, np.full(len(rows), np.nan)):
        for category in (rows.category, np.full(len(rows), 4)):
            found = head.run(fitted.weights, rows.places, price, category)
            assert (found.lo <= found.mid).all() and (found.mid <= found.hi).all()
            assert np.abs(found.contributions.sum(1) - found.mid).max() < 1e-5
            assert not found.contributions[:, 2].any() or not np.isnan(price).any()


def test_the_middle_is_the_ridge_solution() -> None:
    """With a penalty that does nothing: ordinary least squares, solved separately."""
    rows = simulated(2000, 3, joint=6, shares=(0.8, 0.05, 0.1))
    fitted = fit.fit(rows)
    train = rows.subset("train")
    columns = np.c_[train.vectors, np.log(train.price), np.eye(4)[train.category]].astype(float)
    expected = columns @ np.linalg.lstsq(columns, train.target, rcond=None)[0]
    found = head.run(fitted.weights, train.places, train.price, train.category).mid
    assert np.abs(found - expected).max() < 0.02


@pytest.mark.parametrize("price", [7.0, 19.9, 49.95])
def test_one_price_for_all_says_nothing_of_other_prices(price: float) -> None:
    """The mean of equal numbers is off by a rounding error, which is no deviation to measure other prices in."""
    rows = simulated(300, 4, shares=fit.MERCHANT_SHARES)
    rows.price[:] = price
    fitted = fit.fit(rows)
    one, three = (rows.places[[0, 0, 0]], rows.category[[0, 0, 0]])
    found = head.run(fitted.weights, one, np.array([price, 2 * price, 1e6]), three)
    assert np.ptp(found.mid) < 1e-5


def test_units_are_finite_whatever_is_asked() -> None:
    assert np.isfinite(evaluation.to_units(np.array([-1e9, 3.0, 1e9, np.inf]))).all()


def test_little_is_called_low_and_too_little_is_refused() -> None:
    fitted = fit.fit(simulated(60, 4, shares=fit.MERCHANT_SHARES))
    facts = model_registry.facts_of(fitted, "0" * 64, 24, "units")
    assert facts.n_calibration == 12 and fitted.method == "split-abs"
    assert facts.band[0] < 0.8
    with pytest.raises(Unprocessable) as caught:
        fit.fit(simulated(40, 4, shares=fit.MERCHANT_SHARES))
    assert caught.value.code == "too_few_rows"


def test_evaluations_know_a_good_model_from_a_useless_one() -> None:
    rows = simulated(2000, 7)
    fitted = fit.fit(rows)
    good = evaluation.evaluate(fitted.weights, rows, fitted.calibration)
    assert {one.model_is for one in good.baselines.values()} == {"better"}
    rng = np.random.default_rng(0)
    noise = simulated(2000, 7)
    noise.units[:] = rng.permutation(noise.units)
    useless = fit.fit(noise)
    figures = evaluation.evaluate(useless.weights, noise, useless.calibration)
    assert figures.baselines["categoryMean"].model_is != "better"
    assert abs(figures.model.spearman) < 0.12
    assert 0.86 < figures.interval.coverage < 0.94


def test_the_shipped_model_reaches_what_its_manifest_says(local: dict[str, str]) -> None:
    found = model_registry.get_shipped_model()
    figures = evaluation.evaluate(found.weights, found.rows, found.calibration)
    stated = json.loads((MODELS / "sales_quantiles.manifest.json").read_text())["figures"]
    measured = figures.model_dump(mode="json", by_alias=True)
    assert measured == {name: stated[name] for name in measured}
    assert figures.n >= 1000 and figures.n_calibration >= 1000
    assert 0.88 <= figures.interval.coverage <= 0.92
    assert all(one.coverage >= one.chance_low for one in figures.categories)
    assert min(one.coverage for one in figures.categories if one.n >= 200) >= 0.8
    assert {"categoryMean", "colours", "nearest"} <= set(figures.baselines)
