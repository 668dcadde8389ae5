"""Triggers of segmentation: `cv/segmentation` over HTTP, the `segment` queue and its poison queue."""

from __future__ import annotations

import azure.functions as func

from functions.segment.models import Segmentation, SegmentationHealth, SegmentationQueued, SegmentationRequest
from shared.http.auth import PUBLIC, SIGNED_IN
from shared.http.endpoint import Call, Reply, endpoint

bp = func.Blueprint()


@endpoint(
    bp, "POST", "cv/segmentation", access=SIGNED_IN, limit="segment", idempotent=True,
    body=SegmentationRequest, answer=Segmentation, answers={202: SegmentationQueued}, errors=(404, 422),
)  # fmt: skip
def create_segmentation(call: Call) -> Reply:
    """Segment an image

    Returns a mask, a cut-out, and the classes in the image. A large image, and `imageIds`, are answered 202 with a job.
    """
    from functions.segment import service

    segmentation = service.create_segmentation(call.caller, call.new_id, call.body, call.request_id)
    if isinstance(segmentation, SegmentationQueued):
        return Reply(segmentation, status=202, headers={"Location": f"/api/jobs/{segmentation.job_id}"})
    return Reply(segmentation)


@endpoint(bp, "GET", "cv/segmentations/{id}", access=SIGNED_IN, answer=Segmentation, errors=(404,))
def get_segmentation(call: Call) -> Segmentation:
    """Get a segmentation"""
    from functions.segment import service

    return service.get_segmentation(call.caller, call.path["id"])


@endpoint(
    bp, "GET", "cv/segmentation/health", access=PUBLIC, limit=None, answer=SegmentationHealth,
    answers={503: SegmentationHealth},
)  # fmt: skip
def get_segmentation_health(call: Call) -> Reply:
    """Get the health of segmentation

    503 if segmentation is not available because a model is missing or refused.
    """
    from functions.segment import service

    health = service.get_health()
    return Reply(health, status=200 if health.status == "ok" else 503)
