"""Colours that a file names by the numbers of video (ITU-T H.273): the wide primaries and the curves of HDR.

Cameras write HEIF with the curve PQ or HLG and BT.2020's primaries; read as sRGB such a picture is dark and pale. Here
its light is computed, the white of paper (203 cd/m2 by ITU-R BT.2408) becomes nearly white, and what is brighter is
compressed into the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Final

import pyvips

BT2020: Final = 9
DISPLAY_P3: Final = 12
LINEAR, PQ, HLG = 8, 16, 18
HDR: Final = (PQ, HLG)
WHITE: Final = 203.0
"""Light of white paper in cd/m2."""
HLG_PEAK: Final = 1000.0
KNEE: Final = 0.8
"""Linear light from which on brightness is compressed, so that highlights keep their shape."""
BRIGHTEST: Final = 10_000 / WHITE
_TO_SRGB: Final = {
    BT2020: (1.660491, -0.587641, -0.072850, -0.124550, 1.132900, -0.008349, -0.018151, -0.100579, 1.118730),
    DISPLAY_P3: (1.224940, -0.224940, 0.0, -0.042057, 1.042057, 0.0, -0.019638, -0.078636, 1.098274),
}
"""From linear light in these primaries to linear sRGB, both with the white of D65, row by row."""
STEPS: Final = 4_096

type Numbers = tuple[int, int]
"""Of primaries and curve."""


def concerns(numbers: Numbers) -> bool:
    """Whether pictures of these numbers are converted here: not those with sRGB's own primaries and curve, and not
    Display P3 with its usual one, for which there is a profile."""
    primaries, curve = numbers
    return curve in (*HDR, LINEAR) or primaries == BT2020


def to_srgb(image: pyvips.Image, numbers: Numbers) -> pyvips.Image:
    """A picture of three bands, of 8 or 16 bits, as sRGB of 8 bits; its transparency is kept."""
    primaries, curve = numbers
    colours, rest = image, None
    if image.hasalpha():
        colours, rest = image.extract_band(0, n=image.bands - 1), image.extract_band(image.bands - 1)
    light = colours.maplut(_light_of(curve, 256 if image.format == "uchar" else 65_536))
    matrix = _TO_SRGB.get(primaries)
    if matrix is not None:
        light = light.recomb(pyvips.Image.new_from_list([list(matrix[at : at + 3]) for at in (0, 3, 6)]))
    hdr = curve in HDR
    # The table is over roots, so that dark tones are as fine as bright ones.
    places = _clipped(light / (BRIGHTEST if hdr else 1.0)) ** 0.25 * (STEPS - 1)
    made = places.rint().cast("ushort").maplut(_shown_of(hdr)).copy(interpretation="srgb")
    if rest is None:
        return made
    alpha = rest if rest.format == "uchar" else (rest / 257).rint().cast("uchar")
    return made.bandjoin(alpha).copy(interpretation="srgb")


def _clipped(image: pyvips.Image) -> pyvips.Image:
    above = (image < 0).ifthenelse(0.0, image)
    return (above > 1).ifthenelse(1.0, above)


@cache
def _light_of(curve: int, steps: int) -> pyvips.Image:
    """By value, the linear light."""
    light = _LIGHT.get(curve, _srgb_light)
    return pyvips.Image.new_from_list([[light(step / (steps - 1)) for step in range(steps)]]).cast("float")


@cache
def _shown_of(hdr: bool) -> pyvips.Image:
    """By the fourth root of linear light, sRGB of 8 bits."""
    top = BRIGHTEST if hdr else 1.0
    values = [round(_shown((step / (STEPS - 1)) ** 4 * top, compress=hdr)) for step in range(STEPS)]
    return pyvips.Image.new_from_list([values]).cast("uchar")


def _pq_light(value: float) -> float:
    """SMPTE ST 2084, relative to white."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = value ** (1 / m2)
    return (max(root - c1, 0.0) / (c2 - c3 * root)) ** (1 / m1) * 10_000 / WHITE


def _hlg_light(value: float) -> float:
    """ITU-R BT.2100's hybrid log-gamma on a display of 1,000 cd/m2, its exponent per colour; relative to white."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * math.log(4 * a)
    scene = value**2 / 3 if value <= 0.5 else (math.exp((value - c) / a) + b) / 12
    return scene**1.2 * HLG_PEAK / WHITE


def _srgb_light(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _shown(light: float, *, compress: bool) -> float:
    """Light as sRGB of 0 to 255."""
    if compress and light > KNEE:
        light = KNEE + (1 - KNEE) * (1 - math.exp(-(light - KNEE) / (1 - KNEE)))
    value = light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
    return 255 * min(1.0, value)


_LIGHT: Final[dict[int, Callable[[float], float]]] = {PQ: _pq_light, HLG: _hlg_light, LINEAR: lambda value: value}
