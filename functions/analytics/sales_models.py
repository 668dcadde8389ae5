"""A merchant's sales models: list them, choose the active one, delete them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from functions.analytics import conformal, documents, model_registry
from functions.analytics.documents import (
    ActiveModelDocument,
    DataOrigin,
    ModelFacts,
    SalesModelDocument,
)
from functions.analytics.model_registry import DEFAULT_MODEL
from functions.analytics.training_schemas import SalesModelList, SalesModelVersion
from shared import audit, blobs
from shared.documents import Operation, store
from shared.errors import BatchFailed, Conflict, DocumentNotFound, NotFound, PreconditionFailed, StudioError
from shared.http.auth import Principal

MAX_TRIES: Final = 3
"""How often a change is tried when other requests change the same model."""


def list_models(user: Principal) -> SalesModelList:
    """The merchant's versions, the newest first, and the shipped model."""
    choice = model_registry.find_active(user.user_id)
    active = choice.active if choice else DEFAULT_MODEL
    tower = _image_tower()
    items = [
        _version(
            document.id.public, document.version, "own", document.facts, document.categories, active, tower,
            document.created_at,
        )
        for document in model_registry.list_model_documents(user.user_id)
    ]  # fmt: skip
    try:
        shipped = model_registry.get_shipped_model()
        categories = list(shipped.rows.categories)
        items.append(
            _version(shipped.id, shipped.version, shipped.data, shipped.facts, categories, active, tower, None)
        )
    except StudioError as error:
        if error.status < 500:
            raise
    return SalesModelList(items=items, active=active, previous=choice.previous if choice else None)


def _image_tower() -> str | None:
    from functions.analytics import image_features

    try:
        return image_features.image_tower()
    except StudioError:
        return None


def _version(
    id: str, version: str, data: DataOrigin, facts: ModelFacts, categories: list[str], active: str, tower: str | None,
    created_at: str | None,
) -> SalesModelVersion:  # fmt: skip
    return SalesModelVersion(
        id=id,
        version=version,
        active=id == active,
        data=data,
        unit=facts.unit,
        rows=facts.rows,
        categories=categories,
        method=facts.method,
        n_calibration=facts.n_calibration,
        coverage_band=facts.band,
        calibration=conformal.quality(facts.n_calibration),
        usable=facts.tower == tower,
        created_at=created_at,
    )


def activate_model(user: Principal, id: str) -> SalesModelList:
    """Use a version for predictions, an older one to roll back, or `default` for the shipped model.

    Raises:
        NotFound: the merchant has no such version.
        Conflict: other requests keep changing it.
    """
    before = model_registry.get_active_model_id(user.user_id)

    def operations() -> list[Operation]:
        choice = ActiveModelDocument(user_id=user.user_id, active=id, previous=before)
        if id == DEFAULT_MODEL:
            return [documents.active_models.upsertion(choice)]
        model = model_registry.get_model_document(user.user_id, id)
        # Written unchanged, so that the choice never names a version that was deleted meanwhile.
        unchanged = documents.sales_models.replacement(model, etag=model.etag)
        return [documents.active_models.upsertion(choice), unchanged]

    if id != before:
        _commit(user.user_id, operations)
        audit.record(user.user_id, "SALES_MODEL_ACTIVATED", subject=id, before=before)
    elif id != DEFAULT_MODEL:
        model_registry.get_model_document(user.user_id, id)
    return list_models(user)


def delete_model(user: Principal, id: str) -> None:
    """Delete a version with its rows; the shipped model becomes active if it was the active one.

    Raises:
        NotFound: the merchant has no such version.
        Conflict: other requests keep changing it.
    """
    model = model_registry.get_model_document(user.user_id, id)

    def operations() -> list[Operation]:
        current = model_registry.get_model_document(user.user_id, id)
        # With its ETag: an activation meanwhile changes it.
        deletion = documents.sales_models.deletion(current.id, etag=current.etag)
        if model_registry.get_active_model_id(user.user_id) != id:
            return [deletion]
        choice = ActiveModelDocument(user_id=user.user_id, active=DEFAULT_MODEL, previous=DEFAULT_MODEL)
        return [deletion, documents.active_models.upsertion(choice)]

    _commit(user.user_id, operations)
    delete_model_blobs(model)
    audit.record(user.user_id, "SALES_MODEL_DELETED", subject=id)


def _commit(user_id: str, operations: Callable[[], Sequence[Operation]]) -> None:
    """Read, decide and write; again when a document changed in between."""
    for _ in range(MAX_TRIES):
        try:
            store().batch(SalesModelDocument.container, user_id, operations())
            return
        except BatchFailed as failure:
            if isinstance(failure.cause, DocumentNotFound):
                raise NotFound("the model was deleted meanwhile", code="model_not_found") from None
            if not isinstance(failure.cause, PreconditionFailed):
                raise
    raise Conflict("the model is being changed by other requests: try again", code="model_changed", retryable=True)


def delete_model_blobs(model: SalesModelDocument) -> None:
    """Delete the blobs of a version."""
    for name in model.blob_names:
        blobs.delete(blobs.MODELS, name)
