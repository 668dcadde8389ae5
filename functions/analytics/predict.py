"""The arithmetic of a prediction: seen pictures in, scores with intervals, causes and comparables out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from functions.analytics import conformal, evaluation, head, heat, pictures
from functions.analytics.head import Weights
from functions.analytics.heat import Heat
from functions.analytics.pictures import Seen
from functions.analytics.shelf import Sold, category_of, reach

if TYPE_CHECKING:
    from numpy.typing import NDArray

COMPARABLES: Final = 5


@dataclass(frozen=True)
class Asked:
    """A picture to predict for, with the fields that are given."""

    seen: Seen
    price: float | None
    category: str | None


@dataclass(frozen=True)
class Answered:
    """What a prediction says, JSON-serialisable but for `places`, the heat (P,) of the picture."""

    facts: dict[str, Any]
    places: NDArray[Any]


def predict(model: Sold, asked: Sequence[Asked]) -> list[Answered]:
    """Predict for several pictures at once."""
    import numpy as np

    count = len(model.rows.categories)
    numbers = [category_of(model, one.category) for one in asked]
    found = head.run(
        model.weights,
        np.stack([one.seen.places for one in asked]),
        np.array([np.nan if one.price is None else one.price for one in asked], np.float32),
        np.array([count if number is None else number for number in numbers]),
    )
    vectors = np.stack([one.seen.vector for one in asked])
    away = reach(model).of(vectors)
    answers: list[Answered] = []
    for place, one in enumerate(asked):
        score, low, high = (round(float(evaluation.units(ends[place])), 1) for ends in (found.mid, found.lo, found.hi))
        parts = found.contributions[place].astype(float).tolist()
        facts = {
            "price": one.price,
            "category": one.category,
            "score": score,
            "errLow": low,
            "errHigh": high,
            "explanation": {
                "mid": float(found.mid[place]),
                "contributions": [
                    {"name": name, "value": value, "factor": float(np.exp(value))}
                    for name, value in zip(head.PARTS, parts, strict=True)
                ],
            },
            "comparables": comparables(model, vectors[place]),
            "distance": round(float(away[place]), 4),
            "warnings": _warnings(model, one, numbers[place], float(away[place])),
            **about(model),
        }
        answers.append(Answered(facts, found.heat[place]))
    return answers


def about(model: Sold) -> dict[str, Any]:
    """What every answer says of the model."""
    n = len(model.calibration)
    return {
        "unit": model.facts["unit"],
        "coverage": conformal.LEVEL,
        "coverageBand": model.facts["band"],
        "calibration": "good" if n >= conformal.GOOD_ROWS else "low",
        "nCalibration": n,
        "method": model.facts["method"],
        "data": model.data,
        "model": model.id,
        "modelVersion": model.version,
    }


def comparables(model: Sold, vector: NDArray[Any]) -> list[dict[str, Any]]:
    """The sold products whose pictures look most alike, each with its latest row."""
    import numpy as np

    rows = model.rows
    cosines = rows.vectors @ vector
    near = np.argsort(-cosines, kind="stable")[:COMPARABLES].tolist()
    told: list[dict[str, Any]] = []
    for number in near:
        mine = np.flatnonzero(rows.which == number)
        latest = mine[int(rows.day[mine].argmax())]
        told.append(
            {
                "name": rows.names[number],
                "imageId": rows.names[number] if model.data == "own" and "/" not in rows.names[number] else None,
                "similarity": round(float(cosines[number]), 4),
                "category": rows.categories[int(rows.category[latest])],
                "price": round(float(rows.price[latest]), 2),
                "units": float(rows.units[latest]),
                "date": date.fromordinal(int(rows.day[latest])).isoformat(),
                "rows": len(mine),
            }
        )
    return told


def _warnings(model: Sold, asked: Asked, number: int | None, away: float) -> list[dict[str, str]]:
    told: list[dict[str, str]] = []
    if away > 1:
        told.append(
            {
                "code": "far_from_training",
                "message": f"the picture is unlike those the model was fitted on ({away:.1f} times as far as 99 % of "
                "them are from each other): the interval promises nothing here",
            }
        )
    if asked.category is not None and number is None:
        known = ", ".join(model.rows.categories[:20])
        told.append(
            {"code": "unknown_category", "message": f"the category is taken as not given; the model knows: {known}"}
        )
    low, high = model.facts["priceRange"]
    if asked.price is not None and not low <= asked.price <= high:
        told.append(
            {"code": "price_out_of_range", "message": f"the model was fitted on prices from {low:g} to {high:g}"}
        )
    if len(model.calibration) < conformal.GOOD_ROWS:
        n = len(model.calibration)
        told.append({"code": "few_calibration_rows", "message": f"the interval was calibrated on {n} rows alone"})
    return told


def profile(weights: Weights, mean_map: NDArray[Any] | None) -> NDArray[Any]:
    """(4, P) what the places of an average picture do to the prediction, by given fields; each row's mean is zero.

    Heat is told beside it: what is usual at a place, as the ground at the edges, causes nothing.

    Args:
        mean_map: (P, J) the mean of the pictures' `places`; None where the tower has no map.
    """
    import numpy as np

    if mean_map is None:
        return np.zeros((4, 1))
    return weights.image[:, 0].astype(np.float64) @ (mean_map - mean_map.mean(0)).T


def heat_of(model: Sold, picture: NDArray[Any], asked: Asked, answered: Answered) -> Heat:
    """Which part of the picture moves the prediction: from the tower's map, else by covering parts."""
    import numpy as np

    if asked.seen.grid is not None:
        usual = model.profile[head.given(asked.price, category_of(model, asked.category))]
        places = answered.places.astype(np.float64)
        if len(usual) == len(places):
            places = places - usual
        return Heat(places.reshape(asked.seen.grid), "cam")

    def ask(shown: list[NDArray[Any]]) -> NDArray[Any]:
        covered = [Asked(seen, asked.price, asked.category) for seen in pictures.see(shown)]
        return np.array([one.facts["explanation"]["mid"] for one in predict(model, covered)])

    return heat.occlusion(picture, ask)
