"""Triggers of segmentation: `cv/segmentation` over HTTP, the `segment` queue and its poison queue."""

from __future__ import annotations

from functools import cache

import azure.functions as func

from functions.segment.models import Segmentation, SegmentationHealth, SegmentationQueued, SegmentationRequest
from shared.http.auth import PUBLIC, SIGNED_IN
from shared.http.endpoint import Call, Reply, endpoint
from shared.jobs import queues
from shared.jobs.consumer import consumer
from shared.jobs.step import Step

bp = func.Blueprint()


@cache
def _step() -> Step:
    from functions.segment.worker import SegmentStep

    return SegmentStep()


consumer(bp, queues.SEGMENT, _step)


@endpoint(
    bp, "POST", "cv/segmentation", access=SIGNED_IN, limit="segment", idempotent=True,
    body=SegmentationRequest, answer=Segmentation, answers={202: SegmentationQueued}, errors=(404, 422),
)  # fmt: skip
def segmentation_create(call: Call) -> Reply:
    """Find a garment or a person in a picture: a mask, a cut-out, and what is worn. Large pictures, and `imageIds`,
    answer 202 with a job."""
    from functions.segment import service

    made = service.request(call.caller, call.new_id, call.body, call.request_id)
    if isinstance(made, SegmentationQueued):
        return Reply(made, status=202, headers={"Location": f"/api/jobs/{made.job_id}"})
    return Reply(made)


@endpoint(bp, "GET", "cv/segmentations/{id}", access=SIGNED_IN, answer=Segmentation, errors=(404,))
def segmentation_get(call: Call) -> Segmentation:
    """A segmentation made earlier, with fresh URLs."""
    from functions.segment import service

    return service.segmentation(call.caller, call.path["id"])


@endpoint(
    bp, "GET", "cv/segmentation/health", access=PUBLIC, limit=None, answer=SegmentationHealth,
    answers={503: SegmentationHealth},
)  # fmt: skip
def segmentation_health(call: Call) -> Reply:
    """Whether the models are there and whole; 503 when segmentation can't work."""
    from functions.segment import service

    found = service.health()
    return Reply(found, status=200 if found.status == "ok" else 503)
