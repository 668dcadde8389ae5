"""The renditions the studio keeps of every picture: clean original, optimised copy, thumbnail."""

from __future__ import annotations

from typing import Final

from shared.images.gate import Box, CleanSet, ImagePolicy, clean_with_derivatives

OPTIMISED: Final = "optimised"
THUMBNAIL: Final = "thumbnail"
BOXES: Final = {OPTIMISED: Box(1600, quality=82), THUMBNAIL: Box(320, quality=80)}


def renditions(data: bytes, *, policy: ImagePolicy | None = None) -> CleanSet:
    """Pass foreign bytes through the gate and make both smaller copies of the same decoding.

    Returns a set whose `derived` has `OPTIMISED` (long side <= 1600) and `THUMBNAIL` (<= 320), both WebP.
    Raises as `gate.clean_with_derivatives`.
    """
    return clean_with_derivatives(data, BOXES, policy=policy)
