"""The emulator's pictures. What draws them is imported with the first one: it takes longer than the rest of a start."""

from __future__ import annotations

LONG_SIDES = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
"""`imageConfig.imageSize`: the side of a square picture; other ratios keep about its area."""


class NotAnImage(ValueError):
    """Inline data that Pillow cannot decode."""


def picture(images: tuple[bytes, ...], seed: str, ratio: tuple[int, int] | None, size: str) -> bytes:
    """JPEG bytes: the first image wearing the second, or a plain colour field when there is none.

    `ratio` is width to height (None: that of the first image), `size` a key of LONG_SIDES.
    Raises NotAnImage.
    """
    from emulators.gemini.composite import draw

    return draw(images, seed, ratio, size)
