"""How good a model is, as it is answered: the evaluation on its held-out rows, and the calibration plot."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from functions.analytics import conformal, evaluation, plot, shelf
from functions.analytics.model_models import EvalQuery, Evaluation
from shared import blobs
from shared.http.auth import Principal

TOLD = ("n", "nCalibration", "baselines", "interval", "categories", "fields", "deciles")
SYNTHETIC = (
    "The shipped model was fitted on generated sales of drawn garments: its figures say how the machinery works and "
    "nothing about any market. Train a version on sales of your own."
)
MEDIAN = "The score is a median: sums of scores are below sums of sales."
TIME = "Rows are split by date: the newest are reported on, the ones before them calibrated on."


def evaluate(user: Principal, query: EvalQuery) -> Evaluation:
    """How good a model is on rows used for nothing else.

    Raises:
        NotFound: there is no such model.
        Unavailable: `tower_mismatch`.
    """
    model = shelf.chosen(user.user_id, query.model)
    figures = figures_of(model)
    n = len(model.calibration)
    blob = f"{user.user_id}/eval-{model.version.rpartition('@')[2]}.svg"
    if blobs.info(blobs.ANALYTICS, blob) is None:
        blobs.put(blobs.ANALYTICS, blob, drawn(model, figures).encode(), content_type="image/svg+xml")
    return Evaluation.model_validate(
        {
            "model": model.id,
            "modelVersion": model.version,
            "data": model.data,
            "unit": model.facts["unit"],
            "method": model.facts["method"],
            "widths": model.facts["widths"],
            "calibration": "good" if n >= conformal.GOOD_ROWS else "low",
            "coverageBand": model.facts["band"],
            "plotUrl": blobs.read_url(blobs.ANALYTICS, blob, content_type="image/svg+xml"),
            "notes": [*([SYNTHETIC] if model.data == "synthetic" else [TIME, *_repeated(model)]), MEDIAN],
            "measures": figures["model"],
            "levels": figures["calibration"],
            **{key: figures[key] for key in TOLD},
        }
    )


def _repeated(model: shelf.Sold) -> list[str]:
    """What rows of pictures that were trained on, too, do not show: how a new design will fare."""
    import numpy as np

    rows = model.rows
    seen = np.isin(rows.which[rows.fold == 3], rows.which[rows.fold == 0])
    if not seen.any():
        return []
    return [
        f"{seen.mean():.0%} of the rows reported on show a picture that was trained on with earlier sales: of designs "
        "never sold before, errors are larger and intervals hold less often."
    ]


@lru_cache(maxsize=6)
def figures_of(model: shelf.Sold) -> dict[str, Any]:
    """The evaluation of a model, made once in a process."""
    return evaluation.evaluate(model.weights, model.rows, model.calibration)


def drawn(model: shelf.Sold, figures: Mapping[str, Any]) -> str:
    """The calibration plot."""
    shipped = model.data == "synthetic"
    title = "The shipped sales model" if shipped else "Your sales model"
    note = "generated sales: says nothing about a market" if shipped else "on the newest rows of your table"
    return plot.calibration(figures, f"{title}, {model.version}", note)
