"""A run from its inputs in Blob Storage to its committed result."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from pydantic import ValidationError

from shared import blobs, telemetry
from shared.errors import NotFound
from shared.vto.errors import UnreadableInput
from shared.vto.protocol import REPORT, Input, Output, Sample, TryOnRequest, TryOnResult
from vto_container.engine_process import EngineProcess
from vto_container.engines.base import Cancelled, Progress, check
from vto_container.settings import settings

PNG = "image/png"
FETCHED = 0.05
"""Progress when the inputs are there."""


class Maker:
    """Makes runs with one engine process."""

    def __init__(self, process: EngineProcess) -> None:
        self._process = process

    def make(self, request: TryOnRequest, progress: Progress, cancelled: Cancelled) -> TryOnResult:
        """Fetch, try on, store, commit; what was committed before is the answer.

        Pictures are named by their content and the report that names them is written last: a container that is killed
        on the way leaves nothing that counts.

        Raises:
            StudioError: of the engine, of the inputs, or of the storage.
            Stopped: cancelled.
        """
        if (before := committed(request)) is not None:
            telemetry.log("vto.run_known", jobId=request.job_id)
            return before
        check(cancelled)
        pictures = [_fetched(request.person, "person")]
        pictures += [_fetched(garment, f"garments.{n}") for n, garment in enumerate(request.garments)]
        if request.mask is not None:
            pictures.append(_fetched(request.mask, "mask"))
        progress(FETCHED)
        samples = [self._sample(request, pictures, n, progress, cancelled) for n in range(request.samples)]
        check(cancelled)
        reports = [sample.report for sample in samples]
        result = TryOnResult(
            job_id=request.job_id,
            fingerprint=request.fingerprint,
            container=request.output.container,
            engine=reports[0]["engine"],
            version=reports[0]["version"],
            samples=samples,
            ms=sum(report["ms"] for report in reports),
        )
        data = result.model_dump_json(by_alias=True).encode()
        blobs.put(request.output.container, _commit(request.output), data, content_type="application/json")
        # it may have been cancelled, and all of it removed, while that was on its way
        check(cancelled)
        return result

    def _sample(
        self, request: TryOnRequest, pictures: list[bytes], n: int, progress: Progress, cancelled: Cancelled
    ) -> Sample:
        check(cancelled)
        seed = (request.seed + n) % 2**31
        facts, (image, mask) = self._process.generate(
            request.engine or settings().engine,
            pictures,
            [garment.category for garment in request.garments],
            seed,
            request.steps,
            request.mask is not None,
            lambda done: progress(FETCHED + (1 - FETCHED) * (n + done) / request.samples),
            cancelled,
        )
        # whoever cancels removes what there is: nothing may come after that
        check(cancelled)
        store = _storer(request.output)
        return Sample(image=store(image), mask=store(mask), seed=seed, **facts)


def undo(request: TryOnRequest) -> None:
    """Remove what a run has stored."""
    for blob in list(blobs.listing(request.output.container, f"{request.output.prefix}/")):
        blobs.delete(request.output.container, blob.name)


def committed(request: TryOnRequest) -> TryOnResult | None:
    """What was committed for this very request; None when nothing was, or for another one."""
    try:
        data = blobs.get(request.output.container, _commit(request.output))
        found = TryOnResult.model_validate_json(data)
    except (NotFound, ValidationError):
        return None
    return found if found.fingerprint == request.fingerprint else None


def _commit(output: Output) -> str:
    return f"{output.prefix}/{REPORT}"


def _storer(output: Output) -> Callable[[bytes], str]:
    def store(data: bytes) -> str:
        name = f"{output.prefix}/{hashlib.sha256(data).hexdigest()[:24]}.png"
        blobs.put(output.container, name, data, content_type=PNG)
        return name

    return store


def _fetched(source: Input, field: str) -> bytes:
    try:
        return blobs.get(source.container, source.blob)
    except NotFound:
        raise UnreadableInput("the picture is not there any more", field=field) from None
