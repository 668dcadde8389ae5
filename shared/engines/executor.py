"""Executes a run: from its inputs in Blob Storage to its committed result, in the container or in the app itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final, Protocol

from pydantic import ValidationError

from shared import blobs, telemetry
from shared.blobs import Kept
from shared.engines.base import IsCancelled, Progress, raise_if_cancelled
from shared.errors import NotFound
from shared.vto.errors import UnreadableInput
from shared.vto.protocol import (
    REPORT,
    Category,
    ImageBlob,
    Output,
    Sample,
    SampleReport,
    TryOnRequest,
    TryOnResult,
)

PNG: Final = "image/png"
INPUTS_READ: Final = 0.05
"""Progress once the inputs are read."""


class Generated(Protocol):
    """What is known of one sample beside its image and mask."""

    @property
    def width(self) -> int:
        """Pixels."""
        ...

    @property
    def height(self) -> int:
        """Pixels."""
        ...

    @property
    def report(self) -> SampleReport:
        """How it was made."""
        ...


type Generate = Callable[
    [str, list[bytes], list[Category], int, int, bool, Progress, IsCancelled], tuple[Generated, bytes, bytes]
]
"""Makes a sample with an engine: its facts, its image and its mask as PNG. The arguments are the engine's name, the
encoded images (person, garments, mask), how each garment is worn, seed, steps, whether there is a mask, and two
callbacks."""


class Executor:
    """Executes runs.

    Args:
        generate: makes a sample.
        default: the engine of requests that name none.
    """

    def __init__(self, generate: Generate, default: str) -> None:
        self._generate = generate
        self._default = default

    def execute(
        self,
        request: TryOnRequest,
        progress: Progress,
        is_cancelled: IsCancelled,
        kept: Kept | None = None,
        *,
        is_first: bool = False,
    ) -> TryOnResult:
        """Read the inputs, make the samples, store them, commit; a result committed before is returned.

        Images are named by their content, and the report that names them is written last: a container that is killed
        in between leaves no result.

        Args:
            kept: what the caller has read, and gets what is stored.
            is_first: whether it is sure that no run of this request has begun before.

        Raises:
            StudioError: of the engine, of the inputs, or of the storage.
            Cancelled: the run was cancelled.
        """
        kept = kept or Kept()
        if not is_first and (committed := find_result(request)) is not None:
            telemetry.log("vto.run_known", jobId=request.job_id)
            return committed
        raise_if_cancelled(is_cancelled)
        images = [_read(kept, request.person, "person")]
        images += [_read(kept, garment, f"garments.{n}") for n, garment in enumerate(request.garments)]
        if request.mask is not None:
            images.append(_read(kept, request.mask, "mask"))
        progress(INPUTS_READ)
        samples = [self._sample(request, images, n, progress, is_cancelled, kept) for n in range(request.samples)]
        raise_if_cancelled(is_cancelled)
        reports = [sample.report for sample in samples]
        result = TryOnResult(
            job_id=request.job_id,
            fingerprint=request.fingerprint,
            container=request.output.container,
            engine=reports[0].engine,
            version=reports[0].version,
            samples=samples,
            ms=sum(report.ms for report in reports),
        )
        data = result.model_dump_json(by_alias=True).encode()
        blobs.put(request.output.container, _report_name(request.output), data, content_type="application/json")
        # The run may have been cancelled, and its output deleted, while the report was written.
        raise_if_cancelled(is_cancelled)
        return result

    def _sample(
        self,
        request: TryOnRequest,
        images: list[bytes],
        n: int,
        progress: Progress,
        is_cancelled: IsCancelled,
        kept: Kept,
    ) -> Sample:
        raise_if_cancelled(is_cancelled)
        seed = (request.seed + n) % 2**31
        generated, image, mask = self._generate(
            request.engine or self._default,
            images,
            [garment.category for garment in request.garments],
            seed,
            request.steps,
            request.mask is not None,
            lambda done: progress(INPUTS_READ + (1 - INPUTS_READ) * (n + done) / request.samples),
            is_cancelled,
        )
        # The caller that cancels a run deletes its output: nothing may be stored after that.
        raise_if_cancelled(is_cancelled)
        return Sample(
            image=_store(kept, request.output, image),
            mask=_store(kept, request.output, mask),
            width=generated.width,
            height=generated.height,
            seed=seed,
            report=generated.report,
        )


def delete_output(request: TryOnRequest) -> None:
    """Delete what a run has stored."""
    for blob in list(blobs.listing(request.output.container, f"{request.output.prefix}/")):
        blobs.delete(request.output.container, blob.name)


def find_result(request: TryOnRequest) -> TryOnResult | None:
    """The result committed for this request; None if there is none, or one of another request."""
    try:
        data = blobs.get(request.output.container, _report_name(request.output))
        found = TryOnResult.model_validate_json(data)
    except (NotFound, ValidationError):
        return None
    return found if found.fingerprint == request.fingerprint else None


def _report_name(output: Output) -> str:
    return f"{output.prefix}/{REPORT}"


def _store(kept: Kept, output: Output, data: bytes) -> str:
    name = f"{output.prefix}/{hashlib.sha256(data).hexdigest()[:24]}.png"
    kept.put(output.container, name, data, content_type=PNG)
    return name


def _read(kept: Kept, image: ImageBlob, field: str) -> bytes:
    try:
        return kept.get(image.container, image.name)
    except NotFound:
        raise UnreadableInput("the image does not exist anymore", field=field) from None
