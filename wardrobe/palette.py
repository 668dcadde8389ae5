"""Named colours of cloth, in sRGB, and which of them go together."""

from __future__ import annotations

COLOURS: dict[str, tuple[int, int, int]] = {
    "white": (240, 239, 235),
    "cream": (234, 223, 200),
    "beige": (205, 184, 152),
    "camel": (178, 134, 84),
    "brown": (98, 66, 46),
    "black": (34, 34, 37),
    "charcoal": (68, 70, 75),
    "grey": (150, 152, 155),
    "navy": (32, 42, 78),
    "blue": (48, 92, 172),
    "sky": (144, 187, 224),
    "teal": (24, 116, 122),
    "green": (46, 120, 72),
    "olive": (106, 108, 62),
    "mint": (168, 214, 190),
    "yellow": (236, 196, 74),
    "mustard": (198, 148, 42),
    "orange": (222, 118, 52),
    "coral": (236, 126, 108),
    "red": (186, 38, 44),
    "burgundy": (104, 28, 44),
    "pink": (232, 168, 184),
    "magenta": (184, 48, 112),
    "lilac": (188, 168, 214),
    "purple": (96, 60, 138),
}

NEUTRAL = ("white", "cream", "beige", "grey", "charcoal", "black", "navy")
LEATHER = ("black", "brown", "camel", "white", "burgundy", "navy", "beige")


def luminance(name: str) -> float:
    """Relative luminance of a colour, 0..1."""
    red, green, blue = ((channel / 255) ** 2.2 for channel in COLOURS[name])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def partners(name: str) -> list[str]:
    """Colours that stand out on this one, for its stripes, dots and prints."""
    own = luminance(name)
    return [
        other
        for other in COLOURS
        if other != name and max(own, luminance(other)) + 0.05 > 2.2 * (min(own, luminance(other)) + 0.05)
    ]
