"""Documents as they were stored before their fields were renamed still load."""

from __future__ import annotations

from typing import Any

from functions.tryon.views import view_error, view_garment
from shared.jobs.models import RunStatus
from shared.tryons.documents import (
    TryOnPayload,
    TryOnResultDocument,
    batches,
    tryon_results,
    tryons,
)

IMAGE: dict[str, Any] = {
    "container": "images",
    "name": "u/i/original.jpg",
    "image_id": "i",
    "sha256": None,
    "pixels": 9,
}
GARMENT: dict[str, Any] = {"source": IMAGE, "wanted": "upper", "productId": "p", "category": None}
COMMON: dict[str, Any] = {"userId": "u", "requestId": None, "createdAt": "2026-01-01T00:00:00Z"}
TRYON: dict[str, Any] = {
    **COMMON, "id": "tryon:a", "type": "tryon_job", "status": "failed", "jobId": "job:a", "batchId": None,
    "person": IMAGE, "garments": [GARMENT], "mask": None, "seed": 1, "samples": 1, "engine": "compact", "notify": True,
    "charged": False, "paidBy": "quota", "quotaId": "quota:2026-01", "resultImageIds": [], "updatedAt": "2026",
    "made": {"engine": "compact", "version": "1", "ms": 7},
    "error": {"code": "ENGINE_TIMEOUT", "message": "m", "retryable": True},
}  # fmt: skip


def test_a_try_on_with_names_of_two_styles_loads() -> None:
    tryon = tryons.load(TRYON)
    (garment,) = tryon.garments
    assert (tryon.status, tryon.person.image_id, tryon.person.pixels) == (RunStatus.FAILED, "i", 9)
    assert view_garment(garment).model_dump() == {
        "image_id": "i", "product_id": "p", "requested_category": "upper", "category": None
    }  # fmt: skip
    assert tryon.run is not None and tryon.run.processing_ms == 7


def test_an_error_code_in_upper_case_is_the_current_code() -> None:
    error = view_error(tryons.load(TRYON).error)
    assert error is not None and (error.code, error.retryable, error.billed) == ("engine_timeout", True, False)


def test_a_document_is_stored_in_camel_case() -> None:
    item = tryons.load(TRYON).to_item()
    assert item["person"] == {**{k: v for k, v in IMAGE.items() if k != "image_id"}, "imageId": "i"}
    assert set(item["garments"][0]) == {"image", "requestedCategory", "category", "productId"}


def test_a_batch_and_a_payload_load() -> None:
    batch = batches.load(
        {**COMMON, "id": "tryon_batch:b", "type": "tryon_batch", "status": "processing", "jobId": "job:b",
         "person": IMAGE, "garments": [GARMENT, GARMENT], "seed": None, "samples": 1, "engine": "compact", "asked": 1,
         "refused": {}, "error": None, "updatedAt": "2026"}
    )  # fmt: skip
    assert (batch.next_index, batch.is_complete) == (1, False)
    payload = TryOnPayload.model_validate({"tryonId": "tryon:a", "ofBatch": "b"})
    assert (payload.tryon_id.public, payload.batch_id) == ("a", "b")


def test_a_result_loads() -> None:
    report = {
        "changedOutsideMask": 0,
        "engine": "e",
        "version": "1",
        "seed": 1,
        "ms": 5,
        "notes": [{}],
        "provenance": [],
    }
    result = tryon_results.load(
        {**COMMON, "id": "tryon_result:a-0", "type": "tryon_result", "tryonId": "tryon:a", "imageId": "a-0", "seed": 1,
         "engine": "e", "version": "1", "width": 3, "height": 4, "report": report}
    )  # fmt: skip
    assert isinstance(result, TryOnResultDocument) and result.report.model_dump(by_alias=True) == report
