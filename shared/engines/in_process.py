"""Runs an engine in the process that asks for it: for hosted engines, which only wait for an answer."""

from __future__ import annotations

from dataclasses import dataclass

from shared.engines import images
from shared.engines.base import Engine, IsCancelled, Progress
from shared.engines.executor import Generate
from shared.engines.outfit import make_outfit
from shared.engines.provenance import xmp
from shared.vto.protocol import Category, SampleReport


@dataclass(frozen=True)
class _Facts:
    width: int
    height: int
    report: SampleReport


def in_process(engine: Engine, min_side_px: int = images.MIN_SIDE_PX) -> Generate:
    """A `Generate` that runs one engine here, whatever name is asked for.

    Args:
        min_side_px: of the shorter side of each input.
    """

    def generate(
        _: str,
        encoded: list[bytes],
        categories: list[Category],
        seed: int,
        steps: int,
        has_mask: bool,
        progress: Progress,
        is_cancelled: IsCancelled,
    ) -> tuple[_Facts, bytes, bytes]:
        outfit = make_outfit(
            engine, encoded, categories, seed, steps, has_mask, progress, is_cancelled, min_side_px=min_side_px
        )
        height, width = outfit.image.shape[:2]
        report = outfit.report.model_copy(update={"provenance": ["xmp"]})
        data = images.encode_png(outfit.image, xmp(report))
        return _Facts(width, height, report), data, images.encode_png(outfit.mask)

    return generate
