"""A person in all garments of a request: an engine's results, chained and described."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.engines import images
from shared.engines.base import Engine, IsCancelled, Progress, Result, count_changed_outside
from shared.errors import StudioError
from shared.vto.protocol import Category, SampleReport

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Outfit:
    """A person in all garments: RGB (h, w, 3) and the mask (h, w) that all garments share, uint8."""

    image: NDArray[Any]
    mask: NDArray[Any]
    report: SampleReport


def make_outfit(
    engine: Engine,
    encoded: Sequence[bytes],
    categories: Sequence[Category],
    seed: int,
    steps: int,
    has_mask: bool,
    progress: Progress,
    is_cancelled: IsCancelled,
    *,
    min_side_px: int = images.MIN_SIDE_PX,
) -> Outfit:
    """Put on the garments one after the other, each on the image before.

    Args:
        encoded: the images of the person and of the garments in their order, and the mask if there is one.

    Raises:
        StudioError: of the engine, or of the inputs, with `field`.
        Cancelled: the run was cancelled.
    """
    count = len(categories)
    person = images.decode_image(encoded[0], "person", min_side_px=min_side_px)
    garments = [
        images.decode_image(data, f"garments.{n}", min_side_px=min_side_px)
        for n, data in enumerate(encoded[1 : 1 + count])
    ]
    allowed = images.decode_mask(encoded[1 + count], person) if has_mask else None
    started = time.perf_counter()
    results: list[Result] = []
    image, mask = person, None
    for n, (garment, category) in enumerate(zip(garments, categories, strict=True)):

        def report_progress(done: float, n: int = n) -> None:
            progress((n + min(max(done, 0.0), 1.0)) / count)

        try:
            result = engine.generate(
                image, garment, category, seed, steps, allowed, report_progress, is_cancelled
            )  # fmt: skip
        except StudioError as error:
            # An engine only knows one garment.
            error.field = f"garments.{n}" if error.field == "garment" else error.field
            raise
        # A picture of another size is a new one: nothing of the person image is left as it was.
        same_size = mask is not None and mask.shape == result.mask.shape
        mask = mask | result.mask if same_size and mask is not None else result.mask
        image = result.image
        results.append(result)
    assert mask is not None
    last = results[-1].report
    report = SampleReport(
        changed_outside_mask=count_changed_outside(person, image, mask) if image.shape == person.shape else 0,
        engine=last.engine,
        version=last.version,
        seed=seed,
        ms=round((time.perf_counter() - started) * 1000),
        notes=[result.report.notes for result in results],
        provenance=[],
    )
    return Outfit(image, mask, report)
