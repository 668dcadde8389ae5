"""The sales models: the shipped one, and each merchant's own versions, of which one is active.

A merchant's version is a document and two blobs under their id: the weights, and the rows that predictions name as
comparables and evaluations measure on. Nothing of one merchant is ever looked up under another's id.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from functions.analytics import conformal, head
from functions.analytics.conformal import Calibration
from functions.analytics.dataset import SalesDataset
from functions.analytics.documents import (
    ACTIVE_MODEL_ID,
    ActiveModelDocument,
    DataOrigin,
    ModelFacts,
    SalesModelDocument,
    SalesModelId,
    active_models,
    sales_models,
)
from functions.analytics.fit import FittedHead
from functions.analytics.head import HeadWeights
from functions.analytics.novelty import NoveltyDetector
from shared import blobs, onnx
from shared.errors import ConfigurationError, NotFound, Unavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_MODEL: Final = "default"
"""Id of the shipped model."""
MAX_VERSIONS: Final = 10
"""Versions of a merchant's own; a new one replaces the oldest."""


@dataclass(frozen=True, eq=False)
class SalesModel:
    """A model ready to predict; equal to another of the same version.

    Args:
        id: `default`, or of a merchant's version.
        version: identifies the exact weights and rows.
        data: what it was fitted on.
        weights: None for the shipped ones.
        rows: the folds `train` and `report`.
        profile: (4, P) see `inference.mean_heat`; zeros (4, 1) where the image tower gave no map.
    """

    id: str
    version: str
    data: DataOrigin
    weights: HeadWeights | None
    rows: SalesDataset
    calibration: Calibration
    facts: ModelFacts
    profile: NDArray[Any]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SalesModel) and other.version == self.version

    def __hash__(self) -> int:
        return hash(self.version)

    def category_number(self, category: str | None) -> int | None:
        """The number of a category; None when it is not given or unknown to the model."""
        return self.rows.categories.index(category) if category in self.rows.categories else None


class _ShippedFields(BaseModel):
    """What the manifest of the shipped model says beyond what all manifests have."""

    rows: str
    rows_sha256: str
    facts: ModelFacts


def facts_of(fitted: FittedHead, tower: str, joint: int, unit: str) -> ModelFacts:
    """The facts about a fitted model.

    Args:
        tower: SHA-256 of the image tower whose embeddings it was fitted on.
        joint: length of those embeddings.
        unit: what is predicted, in words.
    """
    rows = len(fitted.calibration)
    low, high = conformal.coverage_band(rows)
    return ModelFacts(
        rows=fitted.fold_rows,
        images=fitted.images,
        penalties=fitted.penalties,
        heat_scale=fitted.heat_scale,
        price_range=fitted.price_range,
        days=fitted.days,
        tower=tower,
        joint=joint,
        unit=unit,
        method=fitted.method,
        widths=fitted.widths,
        level=conformal.LEVEL,
        n_calibration=rows,
        band=(round(low, 4), round(high, 4)),
    )


def data_to_npz(dataset: SalesDataset, calibration: Calibration, profile: NDArray[Any]) -> bytes:
    """What is kept of a dataset: the rows the model was fitted on and those it is measured on."""
    return dataset.subset("train", "report").to_npz({**calibration.to_arrays(), "profile": profile})


def data_from_npz(data: bytes) -> tuple[SalesDataset, Calibration, NDArray[Any]]:
    """The arrays that `data_to_npz` wrote."""
    dataset, arrays = SalesDataset.from_npz(data)
    return dataset, Calibration.from_arrays(arrays), arrays["profile"]


def get_shipped_model() -> SalesModel:
    """The default model.

    Raises:
        ConfigurationError: it is missing or refused.
    """
    manifest = head.get_model().manifest
    shipped = manifest.extra_as(_ShippedFields)
    rows, calibration, profile = _shipped_data((onnx.models_dir() / shipped.rows).as_posix(), shipped.rows_sha256)
    return SalesModel(DEFAULT_MODEL, manifest.version, "synthetic", None, rows, calibration, shipped.facts, profile)


@cache
def _shipped_data(path: str, sha256: str) -> tuple[SalesDataset, Calibration, NDArray[Any]]:
    try:
        data = Path(path).read_bytes()
    except OSError:
        raise ConfigurationError("the rows of the sales model are missing", code="model_missing") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ConfigurationError("the rows of the sales model are not those of the manifest", code="model_refused")
    return data_from_npz(data)


def get_merchant_model(user_id: str, id: str) -> SalesModel:
    """A merchant's version. Raises NotFound, for another merchant's one too."""
    document = get_model_document(user_id, id)
    weights, rows, calibration, profile = _merchant_data(document.weights_blob, document.rows_blob)
    return SalesModel(id, document.version, "own", weights, rows, calibration, document.facts, profile)


@lru_cache(maxsize=6)
def _merchant_data(weights_blob: str, rows_blob: str) -> tuple[HeadWeights, SalesDataset, Calibration, NDArray[Any]]:
    """From the blobs, which are written once."""
    weights = HeadWeights.from_npz(blobs.get(blobs.MODELS, weights_blob))
    return weights, *data_from_npz(blobs.get(blobs.MODELS, rows_blob))


def get_model_document(user_id: str, id: str) -> SalesModelDocument:
    """The document of a merchant's version. Raises NotFound."""
    document = sales_models.find(SalesModelId.of(id), user_id)
    if document is None:
        raise NotFound("there is no such model", code="model_not_found")
    return document


def list_model_documents(user_id: str) -> list[SalesModelDocument]:
    """A merchant's versions, the newest first."""
    by = SalesModelDocument.created_at
    return sales_models.list(
        partition=user_id, order_by=by, descending=True, limit=2 * MAX_VERSIONS, skip_unreadable=True
    ).items


def find_active(user_id: str) -> ActiveModelDocument | None:
    """A merchant's choice of model; None before the first one."""
    return active_models.find(ACTIVE_MODEL_ID, user_id)


def get_active_model_id(user_id: str) -> str:
    """Id of the model that makes a merchant's predictions."""
    active = find_active(user_id)
    return DEFAULT_MODEL if active is None else active.active


def get_model(user_id: str, id: str | None) -> SalesModel:
    """The model that a merchant names, by default their active one.

    Raises:
        NotFound: there is none of that id.
        Unavailable: `tower_mismatch`, it was fitted on the embeddings of another image tower.
        ConfigurationError: the shipped one is missing or refused.
    """
    wanted = id or get_active_model_id(user_id)
    try:
        model = get_shipped_model() if wanted == DEFAULT_MODEL else get_merchant_model(user_id, wanted)
    except NotFound:
        if id is not None:
            raise
        # Deleted between two reads. Predictions name the model they were made with.
        model = get_shipped_model()
    _check_tower(model)
    return model


def _check_tower(model: SalesModel) -> None:
    from functions.analytics import image_features

    used, fitted = image_features.image_tower(), model.facts.tower
    if used != fitted:
        remedy = "run `python -m training.sales`" if model.id == DEFAULT_MODEL else "train again, or use `default`"
        raise Unavailable(
            f"the sales model was fitted on the image tower {fitted[:12]}, and {used[:12]} is in use: {remedy}",
            code="tower_mismatch",
            retryable=False,
        )


@lru_cache(maxsize=6)
def novelty_detector(model: SalesModel) -> NoveltyDetector:
    """Tells images that are unlike those the model was fitted on."""
    import numpy as np

    return NoveltyDetector.fit(model.rows.vectors[np.unique(model.rows.image_index[model.rows.fold == 0])])
