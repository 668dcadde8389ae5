"""The models there are: the shipped one, and each merchant's own versions, of which one answers.

A merchant's version is a document and two blobs below their id: the weights, and the rows that answers name as
comparables and evaluations measure on. Nothing of one merchant is ever looked up under another's id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from functions.analytics import conformal, drift, head
from functions.analytics.conformal import Calibration
from functions.analytics.fit import Fitted
from functions.analytics.head import Weights
from functions.analytics.rows import Rows
from shared import blobs, onnx
from shared.documents import Document, Where, store
from shared.errors import ConfigurationError, NotFound, Unavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONTAINER: Final = "studio"
DEFAULT: Final = "default"
ACTIVE: Final = "analytics:active"
KEPT: Final = 10
"""Versions of a merchant's own; the oldest goes when one more is made."""


@dataclass(frozen=True, eq=False)
class Sold:
    """A model ready to answer; equal to another of the same version.

    Args:
        id: `default`, or of a merchant's version; `version` names exactly these weights and rows.
        data: what it was fitted on.
        weights: None for the shipped ones.
        rows: of its folds `train` and `report`.
        facts: as `facts_of` makes them.
        profile: (4, P) see `predict.profile`; zeros (4, 1) where no map was seen.
    """

    id: str
    version: str
    data: str
    weights: Weights | None
    rows: Rows
    calibration: Calibration
    facts: Mapping[str, Any]
    profile: NDArray[Any]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sold) and other.version == self.version

    def __hash__(self) -> int:
        return hash(self.version)


def facts_of(fitted: Fitted, tower: str, joint: int, unit: str) -> dict[str, Any]:
    """What is to be known of a fitted model, JSON-serialisable.

    Args:
        tower: sha256 of the image tower whose embeddings it was fitted on.
        unit: what is predicted, in words.
    """
    n = len(fitted.calibration)
    return {
        **fitted.facts,
        "tower": tower,
        "joint": joint,
        "unit": unit,
        "method": fitted.method,
        "widths": fitted.widths,
        "level": conformal.LEVEL,
        "nCalibration": n,
        "band": [round(one, 4) for one in conformal.coverage_band(n)],
    }


def packed(rows: Rows, calibration: Calibration, profile: NDArray[Any]) -> bytes:
    """What is kept of the rows: those it was fitted on and those it is measured on."""
    return rows.of("train", "report").packed(**calibration.arrays(), profile=profile)


def unpacked(data: bytes) -> tuple[Rows, Calibration, NDArray[Any]]:
    """Back from `packed`."""
    rows, kept = Rows.unpacked(data)
    own = bool(kept["own"])
    return rows, Calibration(kept["scores"], kept["residuals"], kept["groups"], own), kept["profile"]


def shipped() -> Sold:
    """The default model.

    Raises:
        ConfigurationError: it is missing or refused.
    """
    entry = head.loaded().entry
    return _shipped(entry.version, (onnx.folder() / str((entry.model_extra or {}).get("rows", ""))).as_posix())


@cache
def _shipped(version: str, path: str) -> Sold:
    more = head.loaded().entry.model_extra or {}
    try:
        data = Path(path).read_bytes()
    except OSError:
        raise ConfigurationError("the rows of the sales model are missing", code="model_missing") from None
    if hashlib.sha256(data).hexdigest() != more.get("rows_sha256"):
        raise ConfigurationError("the rows of the sales model are not the manifest's", code="model_refused")
    rows, calibration, profile = unpacked(data)
    return Sold(DEFAULT, version, "synthetic", None, rows, calibration, more["facts"], profile)


def own(user_id: str, id: str) -> Sold:
    """A merchant's version. Raises NotFound, for a foreign one too."""
    found = record(user_id, id)
    weights, rows, calibration, profile = _loaded(found["weightsBlob"], found["rowsBlob"])
    return Sold(id, found["version"], "own", weights, rows, calibration, found["facts"], profile)


@lru_cache(maxsize=6)
def _loaded(weights_blob: str, rows_blob: str) -> tuple[Weights, Rows, Calibration, NDArray[Any]]:
    """From the blobs, which are written once."""
    weights = Weights.unpacked(blobs.get(blobs.MODELS, weights_blob))
    return weights, *unpacked(blobs.get(blobs.MODELS, rows_blob))


def record(user_id: str, id: str) -> Document:
    """The document of a merchant's version. Raises NotFound."""
    found = store().find(CONTAINER, f"sales_model:{id}", user_id)
    if found is None or found.get("type") != "sales_model":
        raise NotFound("there is no such model", code="model_not_found")
    return found


def records(user_id: str) -> list[Document]:
    """A merchant's versions, the newest first."""
    mine = Where("type", "=", "sales_model")
    return store().query(
        CONTAINER, mine, partition=user_id, order_by="createdAt", descending=True, limit=2 * KEPT
    ).items  # fmt: skip


def active_id(user_id: str) -> str:
    """Which model answers a merchant."""
    pointer = store().find(CONTAINER, ACTIVE, user_id)
    return pointer["active"] if pointer is not None else DEFAULT


def pointer(user_id: str, id: str, before: str) -> dict[str, Any]:
    """The document that says which model answers, and which one did before."""
    return {"id": ACTIVE, "userId": user_id, "type": "analytics_active", "active": id, "previous": before}


def chosen(user_id: str, wanted: str | None) -> Sold:
    """The model that a merchant asks for, or their active one.

    Raises:
        NotFound: there is none of that id.
        Unavailable: `tower_mismatch`, it was fitted on the embeddings of another image tower.
        ConfigurationError: the shipped one is missing or refused.
    """
    id = wanted or active_id(user_id)
    try:
        found = shipped() if id == DEFAULT else own(user_id, id)
    except NotFound:
        if wanted is not None:
            raise
        # deleted between two reads: it says so itself, as `model` and `data` of what it answers
        found = shipped()
    check_tower(found)
    return found


def check_tower(found: Sold) -> None:
    """See that the embeddings of now are those the model was fitted on. Raises Unavailable."""
    from functions.analytics import pictures

    now, then = pictures.tower(), str(found.facts["tower"])
    if now != then:
        what = "run `python -m training.sales`" if found.id == DEFAULT else "train it again, or use model `default`"
        raise Unavailable(
            f"the sales model was fitted on the image tower {then[:12]}, and {now[:12]} is in use: {what}",
            code="tower_mismatch",
            retryable=False,
        )


@lru_cache(maxsize=6)
def reach(found: Sold) -> drift.Reach:
    """What pictures are near those the model was fitted on."""
    import numpy as np

    return drift.reach(found.rows.vectors[np.unique(found.rows.which[found.rows.fold == 0])])


def category_of(found: Sold, category: str | None) -> int | None:
    """The number of a category; None when it is not given or not one of the model's."""
    return found.rows.categories.index(category) if category in found.rows.categories else None
