"""The model card, and the checks that must pass before the files are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from functions.analytics import evaluation, fit, head, image_features
from functions.analytics.conformal import chance_band
from functions.analytics.dataset import SalesDataset
from functions.analytics.head import GivenFields
from functions.analytics.model_registry import SalesModel
from training.sales import table
from training.sales.garments import SIZE
from training.sales.table import Sales
from wardrobe import GarmentSpec, draw_garment

EXACT = 1e-5
LOOKED_AT = 30
REDRAWN = 10


def ceiling(rows: SalesDataset, sales: Sales) -> dict[str, float]:
    """Figures of the generating process without its noise: the upper bound of any prediction."""
    held = rows.fold == 3
    measures = evaluation.measure(evaluation.to_units(sales.expected[held]), rows.units[held])
    return measures.model_dump(by_alias=True)


def redrawn(rows: SalesDataset, specs: Sequence[GarmentSpec], within: np.ndarray | None) -> dict[str, Any]:
    """Coverage when the model is refitted on tables that differ only in their noise."""
    coverages: list[float] = []
    below = several = 0
    for again in range(1, REDRAWN + 1):
        other = replace(rows, units=table.sell(specs, again).units)
        fitted = fit.fit(other, within)
        held = other.subset("report")
        found = head.run(fitted.weights, held.places, held.price, held.category)
        inside = (held.target >= found.lo) & (held.target <= found.hi)
        coverages.append(float(inside.mean()))
        for number in range(len(held.categories)):
            mine = held.category == number
            low, _ = chance_band(fitted.calibration.row_count(number), int(mine.sum()), 1 - 0.05 / len(held.categories))
            below += bool(inside[mine].mean() < low)
            several += 1
    return {
        "tables": REDRAWN,
        "coverageMean": round(float(np.mean(coverages)), 4),
        "coverageRange": [round(min(coverages), 4), round(max(coverages), 4)],
        "categoriesBelowChance": below,
        "categories": several,
    }


def heat_figures(specs: Sequence[GarmentSpec], rows: SalesDataset, found: SalesModel) -> dict[str, float]:
    """Measure on held-out garments how exactly heat sums to the prediction, and its share on the garment."""
    held = np.flatnonzero(rows.fold == 3)[:LOOKED_AT]
    drawn = [draw_garment(specs[number], SIZE) for number in held]
    seen = image_features.extract([np.asarray(one.image.convert("RGB")) for one in drawn])
    errors, on, area = [], [], []
    for number, one, garment in zip(held, seen, drawn, strict=True):
        answer = head.run(None, one.places[None], rows.price[[number]], rows.category[[number]])
        bias = answer.contributions[0, [0, 2, 3]].sum()
        errors.append(abs(float(answer.heat[0].mean() + bias - answer.mid[0])))
        if one.grid is None:
            continue
        mask = np.asarray(garment.mask.resize(one.grid[::-1]), np.float64) / 255
        strength = np.abs((answer.heat[0] - found.profile[GivenFields.ALL]).reshape(one.grid))
        on.append(float((strength * mask).sum() / max(strength.sum(), 1e-9)))
        area.append(float(mask.mean()))
    found_ = {"sumError": float(max(errors))}
    if on:
        found_ |= {"onGarment": round(float(np.mean(on)), 4), "garmentArea": round(float(np.mean(area)), 4)}
    return found_


def failures(entry: dict[str, Any]) -> list[str]:
    """The failed checks of a model; empty if it may be shipped."""
    figures = entry["figures"]
    interval = figures["interval"]
    wrong: list[str] = []
    low, high = interval["band"]
    if not low <= interval["coverage"] <= high:
        wrong.append(f"coverage {interval['coverage']} is outside the chance band, {low} to {high}")
    for one in figures["categories"]:
        if one["coverage"] < one["chanceLow"]:
            wrong.append(f"{one['category']}: coverage {one['coverage']}, below the chance band ({one['chanceLow']})")
    if figures["heat"]["sumError"] > EXACT:
        wrong.append(f"heat misses the prediction by {figures['heat']['sumError']:.1g}")
    return wrong


def summary(entry: dict[str, Any]) -> str:
    """One line for the terminal."""
    figures = entry["figures"]
    interval = figures["interval"]
    return (
        f"WAPE {figures['model']['wape']} (ceiling {figures['ceiling']['wape']}, category mean "
        f"{figures['baselines']['categoryMean']['wape']}); coverage {interval['coverage']} by "
        f"{entry['facts']['method']} on {figures['n']} rows, {interval['narrowerThanConstant']:.0%} narrower than "
        f"constant; {figures['redrawn']}; "
        f"worst category {min(one['coverage'] for one in figures['categories'])}"
    )


NAMES = {
    "categoryMean": "mean of the category",
    "colours": "linear on nine colour features",
    "nearest": "ten nearest pictures",
    "priceAndCategory": "linear on price and category, no picture",
}


def text(entry: dict[str, Any]) -> str:
    """The model card as Markdown."""
    figures, facts = entry["figures"], entry["facts"]
    interval = figures["interval"]
    again = figures["redrawn"]
    worst = min(figures["categories"], key=lambda one: one["coverage"])
    lines = [
        "# sales_quantiles",
        "",
        "**Fitted on generated sales of drawn garments. The figures show how the method works and say nothing about "
        'any market:** every prediction made with it carries `data: "synthetic"`, until a merchant trains a version on '
        "their own sales (`POST /api/analytics/train`).",
        "",
        "Predicts, from the joint part of an image embedding (and price and category, if given), the median of the "
        f"{table.UNIT}, and an interval intended to contain 90 % of sales. `{entry['file']}`, "
        f"{entry['bytes'] / 1e3:.0f} kB, sha256 `{entry['sha256']}`; fitted for the image tower "
        f"`{entry['tower']['sha256']}` and refused (503, "
        "`tower_mismatch`) with any other.",
        "",
        "## How the sales were generated",
        "",
        *(
            f"    {line.strip()}" if line.startswith("    ") else line
            for line in (table.__doc__ or "").strip().splitlines()
        ),
        "",
        f"Effects have standard deviations {table.EFFECTS}, the noise from {table.QUIET} to {table.LOUD} by category, "
        f"times {table.BOLD} by pattern; elasticity {table.ELASTICITY}; seed {table.SEED}. Dates are uniform over two "
        "years.",
        "",
        "## How it was made",
        "",
        f"Rows by date: {facts['rows']}. Median: ridge regression in closed form, penalty by generalised "
        f"cross-validation, one fit for each combination of given fields ({facts['penalties']}); nine tenths of the "
        "penalty use the differences between places of one picture, so that heat does not cancel. Gaps: linear "
        f"quantile regression on leave-one-out residuals. Mean width in log(1 + units) on the selection fold: "
        f"{facts['widths']}; chosen: "
        f"`{facts['method']}`, the narrowest method with a margin for every category: one margin for all "
        "holds 90 % on average but leaves single categories below. Calibrated on the next fold, measured on the last.",
        "",
        f"## On {figures['n']} rows used only for this",
        "",
        "| | WAPE | MAE | RMSE | R2 | bias | Spearman | lift of the top tenth | WAPE minus the model's, 95 % |",
        "|---|---|---|---|---|---|---|---|---|",
        _row("**model**", figures["model"], ""),
        *(
            _row(
                NAMES[name],
                one,
                f"{one['wapeMinusModel'][0]:+.3f} to {one['wapeMinusModel'][1]:+.3f}: {one['modelIs']}",
            )
            for name, one in figures["baselines"].items()
        ),
        _row("the process without its noise (ceiling)", figures["ceiling"], ""),
        "",
        f"The score is a median, which is below the mean: {figures['model']['biasShare']:.1%} of all units in total.",
        "",
        "| interval | |",
        "|---|---|",
        f"| coverage, goal 90 % | {interval['coverage']:.1%} (chance: {_percents(interval['band'])}) |",
        f"| calibrated on | {figures['nCalibration']} rows; true coverage {_percents(facts['band'])} |",
        f"| mean width | {interval['width']} in log(1 + units), {interval['widthUnits']} units |",
        f"| with one width for all | {interval['constantWidth']}: ours is {_narrower(interval)} |",
        f"| worst category | {worst['category']}, {worst['coverage']:.1%} of {worst['n']} "
        f"(chance: {worst['chanceLow']:.1%}) |",
        "",
        f"One table is one random draw. Refitted on {again['tables']} tables that differ only in their noise: coverage "
        f"{again['coverageMean']:.1%} on average, {_percents(again['coverageRange'])}; "
        f"{again['categoriesBelowChance']} of {again['categories']} categories below the chance band.",
        "",
        "| given | WAPE | coverage | width |",
        "|---|---|---|---|",
        *(
            f"| {one['given']} | {one['wape']:.3f} | {one['coverage']:.1%} | {one['width']} |"
            for one in figures["fields"]
        ),
        "",
        "| category | rows | WAPE | MAE | coverage | lower end of the chance band | width |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {one['category']} | {one['n']} | {one['wape']:.3f} | {one['mae']} | {one['coverage']:.1%} | "
            f"{one['chanceLow']:.1%} | {one['width']} |"
            for one in figures["categories"]
        ),
        "",
        "![calibration](sales_quantiles.svg)",
        "",
        "## Where in the picture",
        "",
        f"The heat of the places sums to the prediction within {figures['heat']['sumError']:.1g}"
        + (
            f"; {figures['heat']['onGarment']:.0%} of its magnitude is on the garment, which covers "
            f"{figures['heat']['garmentArea']:.0%} of the places."
            if "onGarment" in figures["heat"]
            else "."
        )
        + " The map explains the median, not the interval; price and category are separate contributions.",
        "",
        "## Limits",
        "",
        "- Generated data: no season, trend, place, channel, stock-out or competition. Published figures on real sales "
        "(VISUELLE, arXiv 2109.09824) leave a WAPE near .55 with all of these known: a picture alone is weak evidence.",
        "- Intervals hold on average over rows like those used for calibration. A different picture gets the warning "
        "`far_from_training`, and its interval has no guarantee.",
        "- Categories outside the list are treated as not given, with a warning.",
        "",
        "Licence: CC0 1.0; the garments are drawn by `wardrobe/`.",
        "",
    ]
    return "\n".join(lines)


def _percents(ends: Sequence[float]) -> str:
    return f"{ends[0]:.1%} to {ends[1]:.1%}"


def _narrower(interval: dict[str, Any]) -> str:
    share = interval["narrowerThanConstant"]
    goal = "" if share >= 0.1 else ", below the goal of 10 %"
    return f"{abs(share):.1%} {'narrower' if share >= 0 else 'wider'}{goal}"


def _row(name: str, one: dict[str, Any], last: str) -> str:
    cells = [one[key] for key in ("wape", "mae", "rmse", "r2", "bias", "spearman", "topDecileLift")]
    return f"| {name} | {' | '.join(f'{cell:.3f}' for cell in cells)} | {last} |"
