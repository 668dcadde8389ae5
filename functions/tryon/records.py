"""The documents of a try-on: what was asked for, its results, and how both are answered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from functions.tryon.inputs import Garment
from functions.tryon.models import TryOn, TryOnError, TryOnResult, UsedGarment
from shared import clock
from shared.documents import Document, Where, store
from shared.errors import NotFound
from shared.images.documents import ImageId, ImageStatus, images
from shared.images.models import read_url
from shared.images.sources import Source
from shared.jobs import protocol, queues
from shared.jobs.models import OPEN, Job, JobStatus
from shared.jobs.settings import KEEP_S

CONTAINER: Final = "studio"
KIND, BATCH_KIND = "tryon", "tryon.batch"
ENDED: Final = ("completed", "failed", "cancelled")


def new(
    id: str,
    user_id: str,
    person: Source,
    garments: Sequence[Garment],
    *,
    mask: Source | None = None,
    seed: int | None = None,
    samples: int = 1,
    engine: str,
    notify: bool,
    batch_id: str | None = None,
    request_id: str | None = None,
) -> tuple[dict[str, Any], Job]:
    """A try-on and its job, not yet stored.

    Args:
        notify: tell the user when it has ended; false while somebody waits for the answer, and in a batch.
    """
    at = clock.iso()
    payload = {"tryonId": f"tryon:{id}"} | ({"ofBatch": batch_id} if batch_id else {})
    job = protocol.new_job(
        KIND, queues.TRYON, user_id, payload, id=f"job:{id}", subject_id=f"tryon:{id}", request_id=request_id
    )
    record = {
        "id": f"tryon:{id}",
        "userId": user_id,
        "type": "tryon_job",
        "status": "queued",
        "jobId": job["id"],
        "batchId": batch_id,
        "person": asdict(person),
        "garments": [one.document() for one in garments],
        "mask": asdict(mask) if mask else None,
        "seed": _seed(id) if seed is None else seed,
        "samples": samples,
        "engine": engine,
        "notify": notify,
        "charged": True,
        "resultImageIds": [],
        "made": None,
        "error": None,
        "requestId": request_id,
        "createdAt": at,
        "updatedAt": at,
    }
    return record, job


def _seed(id: str) -> int:
    """The same for every repetition of a request, another one for each try-on."""
    return int.from_bytes(hashlib.sha256(id.encode()).digest()[:4]) >> 1


def prefix(user_id: str, id: str) -> str:
    """Where everything of a try-on lies in its containers."""
    return f"{user_id}/{id}/"


def short(record: Mapping[str, Any]) -> str:
    """The id as clients see it."""
    return record["id"].rpartition(":")[2]


def find(user_id: str, id: str) -> Document:
    """One's try-on. Raises NotFound, for a foreign one too."""
    record = store().find(CONTAINER, f"tryon:{id}", user_id)
    if record is None or record.get("type") != "tryon_job":
        raise NotFound("there is no such try-on", code="tryon_not_found")
    return record


def results(record: Mapping[str, Any]) -> list[Document]:
    """The result rows of a try-on, in order."""
    rows = [store().find(CONTAINER, f"tryon_result:{id}", record["userId"]) for id in record["resultImageIds"]]
    return [row for row in rows if row is not None]


def view(record: Mapping[str, Any], job: Job | None = None, *, whole: bool = False) -> TryOn:
    """A try-on as an answer.

    Args:
        whole: with the results and their URLs, and its place in the queue.
    """
    made = [_result(row) for row in results(record)] if whole else []
    first = made[0] if made else None
    how = record["made"] or {}
    return TryOn(
        id=short(record),
        status=record["status"],
        job_id=record["jobId"].removeprefix("job:"),
        batch_id=record["batchId"],
        output_url=first.output_url if first else None,
        mask_url=first.mask_url if first else None,
        seed=record["seed"],
        engine=how.get("engine", record["engine"]),
        engine_version=how.get("version"),
        person_image_id=record["person"]["image_id"],
        garments=used(record["garments"]),
        results=made,
        progress=job.get("progress") if job else None,
        queue_position=position(job) if job and whole else None,
        attempt=job["attempt"] if job else 0,
        billed=record["status"] == "completed",
        error=error(record["error"]),
        processing_ms=how.get("ms"),
        created_at=record["createdAt"],
        updated_at=record["updatedAt"],
    )


def used(garments: Sequence[Mapping[str, Any]]) -> list[UsedGarment]:
    """The garments of a record as they are answered."""
    return [
        UsedGarment(
            image_id=one["source"]["image_id"],
            product_id=one["productId"],
            wanted=one["wanted"],
            category=one["category"],
        )
        for one in garments
    ]


def error(kept: Mapping[str, Any] | None) -> TryOnError | None:
    """The error of a record as it is answered."""
    if kept is None:
        return None
    return TryOnError(
        code=kept["code"], message=kept["message"], retryable=kept.get("retryable", False), billed=False
    )  # fmt: skip


def _result(row: Mapping[str, Any]) -> TryOnResult:
    image = images.find(ImageId.of(row["imageId"]), row["userId"])
    renditions = image.renditions if image is not None and image.status is ImageStatus.READY else {}

    def url(name: str) -> str | None:
        return read_url(renditions[name]) if name in renditions else None

    return TryOnResult(
        image_id=row["imageId"],
        seed=row["seed"],
        output_url=url("original"),
        thumbnail_url=url("thumbnail"),
        mask_url=url("mask"),
        width=row["width"],
        height=row["height"],
        report=row["report"],
    )


def position(job: Job) -> int | None:
    """How many try-ons come before a job: in the container's queue once it is there, of all users before."""
    if job["status"] == JobStatus.PROCESSING:
        return (job.get("progress") or {}).get("position")
    if job["status"] not in (JobStatus.QUEUED, JobStatus.RETRYING):
        return None
    before = (
        Where("type", "=", "job"),
        Where("kind", "=", KIND),
        Where("status", "in", list(OPEN)),
        Where("createdAt", "<", job["createdAt"]),
    )
    return store().count(CONTAINER, *before)


def keep_s() -> int:
    """Seconds that a try-on which ended well is kept; its images follow their own rule."""
    return KEEP_S
