"""The evaluation of a model as a response: figures on its held-out rows, the calibration plot, and notes."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from functions.analytics import calibration_plot, conformal, evaluation, model_registry
from functions.analytics.evaluation_figures import EvaluationFigures
from functions.analytics.evaluation_schemas import EvalQuery, Evaluation
from functions.analytics.model_registry import SalesModel
from shared import blobs
from shared.http.auth import Principal

NOTE_SYNTHETIC: Final = (
    "The shipped model was fitted on generated sales of drawn garments: its figures show how the method works and "
    "nothing about any market. Train a version on sales of your own."
)
NOTE_MEDIAN: Final = "The score is a median: sums of scores are below sums of sales."
NOTE_SPLIT: Final = "Rows are split by date: the newest are reported on, the ones before them calibrated on."


def get_evaluation(user: Principal, query: EvalQuery) -> Evaluation:
    """The figures of a model on rows used for nothing else.

    Raises:
        NotFound: there is no such model.
        Unavailable: `tower_mismatch`.
    """
    model = model_registry.get_model(user.user_id, query.model)
    figures = evaluate_model(model)
    blob = f"{user.user_id}/eval-{model.version.rpartition('@')[2]}.svg"
    if blobs.info(blobs.ANALYTICS, blob) is None:
        blobs.put(blobs.ANALYTICS, blob, _plot(model, figures).encode(), content_type="image/svg+xml")
    return Evaluation(
        model=model.id,
        model_version=model.version,
        data=model.data,
        unit=model.facts.unit,
        method=model.facts.method,
        widths=model.facts.widths,
        n=figures.n,
        n_calibration=figures.n_calibration,
        calibration=conformal.quality(len(model.calibration)),
        coverage_band=model.facts.band,
        measures=figures.model,
        baselines=figures.baselines,
        interval=figures.interval,
        categories=figures.categories,
        fields=figures.fields,
        levels=figures.calibration,
        deciles=figures.deciles,
        plot_url=blobs.read_url(blobs.ANALYTICS, blob, content_type="image/svg+xml"),
        notes=_notes(model),
    )


def _notes(model: SalesModel) -> list[str]:
    if model.data == "synthetic":
        return [NOTE_SYNTHETIC, NOTE_MEDIAN]
    return [NOTE_SPLIT, *_repeated_images(model), NOTE_MEDIAN]


def _repeated_images(model: SalesModel) -> list[str]:
    """Rows of images that were trained on do not show how well new designs are predicted."""
    import numpy as np

    rows = model.rows
    known = np.isin(rows.image_index[rows.fold == 3], rows.image_index[rows.fold == 0])
    if not known.any():
        return []
    return [
        f"{known.mean():.0%} of the rows reported on show an image that was trained on with earlier sales: of designs "
        "never sold before, errors are larger and intervals contain the sales less often."
    ]


@lru_cache(maxsize=6)
def evaluate_model(model: SalesModel) -> EvaluationFigures:
    """The figures of a model, computed once in a process."""
    return evaluation.evaluate(model.weights, model.rows, model.calibration)


def _plot(model: SalesModel, figures: EvaluationFigures) -> str:
    shipped = model.data == "synthetic"
    title = "The shipped sales model" if shipped else "Your sales model"
    note = "generated sales: says nothing about a market" if shipped else "on the newest rows of your table"
    return calibration_plot.render(figures, f"{title}, {model.version}", note)
