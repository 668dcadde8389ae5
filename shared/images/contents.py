"""What an image file holds besides its pixels that a viewer needs, and whether the file is whole.

A reader for each format walks the file's own structure. It gives the decoder a file without metadata, so that nothing
in metadata can fail, slow down or mislead the decoding, and the three facts that pixels alone do not say: how to turn
the picture, which colours its numbers mean, and how finely its colours were stored.
"""

from __future__ import annotations

from typing import NamedTuple

MAX_PROFILE_BYTES = 4 << 20
"""Longest ICC profile that is read; the largest printing profiles have about 3 MB."""


class Damaged(Exception):
    """The file is not whole, or is no picture that can be decoded. `args[0]` says where; for the log."""


class Animated(Exception):
    """The file holds several frames."""


class RareCoding(Exception):
    """The file is coded in a way of which no one can tell whether it is whole, or that decoders don't know."""


class TooManyParts(Exception):
    """The file has more parts than any picture has: a flood that costs time."""


class Contents(NamedTuple):
    """A whole image file, taken apart. No dataclass: these import modules that take as much memory as a small picture.

    Args:
        pixels: the file without metadata and without bytes after its end, for the decoder.
        size: width and height in pixels, before it is turned; None where only the decoder can tell.
        orientation: 1 to 8 as in EXIF; 1 where the decoder turns the picture itself.
        profile: ICC profile, as embedded.
        gamma: exponent of the stored values, for example 0.45455, where that is all the file says of its colours.
        numbers: of primaries and curve (ITU-T H.273), where the file names its colours so.
        coarse_colour: whether colours are stored at half the width and height already (4:2:0).
        paddings: how many bytes of one value are at the end of each scan of a JPEG.
    """

    pixels: bytes | bytearray
    size: tuple[int, int] | None = None
    orientation: int = 1
    profile: bytes | None = None
    gamma: float | None = None
    numbers: tuple[int, int] | None = None
    coarse_colour: bool = False
    paddings: tuple[int, ...] = ()
