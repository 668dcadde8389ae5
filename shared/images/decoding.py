"""From the bytes of a picture to its pixels as they are meant to be seen: upright, sRGB, 8 bits. Only
`sanitizer_child` imports it; libvips does the work, libheif by way of pi-heif that of HEIC."""

from __future__ import annotations

import logging
import os
import re
from typing import Any, Final, cast

# Read when the library starts: one thread for each process, and never a temporary file.
os.environ.update(VIPS_CONCURRENCY="1", VIPS_DISC_THRESHOLD="8g")

import pyvips

from shared.images import jpeg_file, video_colours, webp_file
from shared.images.contents import Contents, Damaged

_LOADERS: Final = {
    "JPEG": "VipsForeignLoadJpegSource",
    "PNG": "VipsForeignLoadPngSource",
    "WEBP": "VipsForeignLoadWebpSource",
    "AVIF": "VipsForeignLoadHeifSource",
}
BARE: Final[dict[str, Any]] = {"keep": "none"}
"""Pixels alone: no metadata, no profile. The type stubs of pyvips know only the number of this option."""
_SAME_COLOUR: Final = 2
"""Levels of 255 by which a profile may differ from sRGB anywhere and count as the same."""
_LEAST_SPREAD, _LEAST_BETWEEN = 25, 0.25
"""What colours of every part of the space have at least under a profile that means something: their standard deviation
in levels of 255, and the share of levels that are neither darkest nor brightest. Others leave one colour, or two."""
_COUNT = re.compile(r"read gave (\d+) warnings")
_LEAST: Final = 8
"""As small as libjpeg decodes: an eighth."""
_PADDING = re.compile(r"(\d+) extraneous bytes before marker 0x(?:c4|d9|da|dd)")


def confine() -> None:
    """Allow the four loaders that are used, and keep nothing of one picture for the next."""
    pyvips.cache_set_max(0)
    pyvips.operation_block_set("VipsForeignLoad", True)
    for loader in _LOADERS.values():
        pyvips.operation_block_set(loader, False)
    logger = logging.getLogger("pyvips")
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    logger.addHandler(_complaints)


def size(contents: Contents, source: str) -> tuple[int, int]:
    """Width and height in pixels as stored, before anything is decoded."""
    if contents.size is not None:
        return contents.size
    if source == "HEIF":
        return _heif(bytes(contents.pixels)).size
    image = _load(contents, source, fail_on="none")
    return image.width, image.height


def picture(contents: Contents, source: str, *, shrink: int = 1) -> pyvips.Image:
    """The picture, to be read once from top to bottom: mode sRGB, 8 bits, 3 bands or 4 with transparency.

    Whether a JPEG is whole is known only when it was read, by `is_whole_jpeg`.

    Args:
        shrink: 1, 2, 4 or 8, of a JPEG only: decodes it at that part of its size.

    Raises:
        Damaged, pyvips.Error: here or while it is read: it is not whole.
    """
    if source == "HEIF":
        return _upright(_decoded_heif(contents), contents.orientation)
    image = _load(contents, source, fail_on="error", shrink=shrink)
    return _upright(_to_srgb(image, contents), contents.orientation)


def _load(contents: Contents, source: str, *, fail_on: str, shrink: int = 1) -> pyvips.Image:
    smaller: dict[str, Any] = {"shrink": shrink} if shrink > 1 else {}
    # Read where it lies: a buffer would be copied for each image that is opened.
    source_bytes = pyvips.Source.new_from_memory(contents.pixels)
    return pyvips.Image.new_from_source(source_bytes, "", access="sequential", fail_on=fail_on, **smaller)


def encoded_jpeg(image: pyvips.Image, quality: int, *, coarse_colour: bool) -> bytearray:
    """A JPEG of pixels alone, collected as it is made: libvips' own buffer would be a second copy of it."""
    collected = bytearray()

    def collect(piece: Any) -> int:
        collected.extend(piece)
        return len(piece)

    target = pyvips.TargetCustom()
    target.on_write(collect)
    image.jpegsave_target(target, Q=quality, subsample_mode="on" if coarse_colour else "off", **BARE)
    return collected


def is_whole_jpeg(contents: Contents) -> bool:
    """Whether a JPEG, all readers of which have ended, was coded picture from the first bit to the last. Uses it up.

    libjpeg says what it could not read, but not what it had no use for at the end, so the file is read again without
    its last byte: if nothing is missing in that, something in front of it is wrong.
    """
    if not _is_harmless(complaints(), contents):
        return False
    if not jpeg_file.shorten(contents):
        return True
    _load(contents, "JPEG", fail_on="none", shrink=_LEAST).copy_memory()
    return "premature end of data segment" in complaints()


def is_whole_heic(contents: Contents) -> bool:
    """Whether the decoder of HEVC has nothing to complain of."""
    from shared.images import heif_file, hevc

    return all(map(hevc.is_whole, heif_file.hevc_pictures(bytes(contents.pixels))))


def is_whole_webp(contents: Contents) -> bool:
    """Whether every coded part of a WebP is used to its end."""
    return not any(all(map(_is_readable, cuts)) for cuts in webp_file.shortened(contents))


def _is_readable(data: bytes) -> bool:
    try:
        _load(Contents(data), "WEBP", fail_on="error").copy_memory()
    except pyvips.Error:
        return False
    return True


def _is_harmless(messages: str, contents: Contents) -> bool:
    """Whether libjpeg complains of nothing but a little padding, which some cameras put behind coded picture. Other
    bytes there are coded picture that was not read. It counts its warnings but words only the first."""
    counts = [int(found[1]) for found in _COUNT.finditer(messages)]
    worded = [line for line in messages.splitlines() if "VipsJpeg" in line]
    padding = [_PADDING.search(line) for line in worded]
    if any(found is None or int(found[1]) > max(contents.paddings) for found in padding):
        return False
    return all(count <= max(1, sum(length > 1 for length in contents.paddings)) for count in counts)


class _Complaints(logging.Handler):
    """What the decoder said since it was last asked."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.lines) < 1000:
            self.lines.extend(record.getMessage().splitlines())


_complaints = _Complaints()


def complaints() -> str:
    """What libraries have complained of since the last call."""
    said, _complaints.lines = _complaints.lines, []
    return "\n".join(said)


def _heif(data: bytes) -> Any:
    import pi_heif

    pi_heif.options.DECODE_THREADS = 1
    return pi_heif.open_heif(data)


def _decoded_heif(contents: Contents) -> pyvips.Image:
    image = _heif(bytes(contents.pixels))
    bands = {"L": 1, "I;16": 1, "LA": 2, "La": 2, "RGB": 3, "RGBA": 4, "RGBa": 4}.get(image.mode)
    if bands is None:
        raise Damaged(f"mode {image.mode}")
    # Grey of 10 and 12 bits comes in 16; colours of that depth are given in 8.
    deep = image.mode == "I;16"
    data, (width, height), stride = image.data, image.size, image.stride
    row = width * bands * (2 if deep else 1)
    if stride != row:
        data = b"".join(data[at : at + row] for at in range(0, stride * height, stride))
    pixels = pyvips.Image.new_from_memory(data, width, height, bands, "ushort" if deep else "uchar")
    decoded = pixels.copy(interpretation="srgb" if bands > 2 else "grey16" if deep else "b-w")
    if image.mode.endswith("a"):
        decoded = decoded.unpremultiply().cast("uchar")
    # Copied here, because libheif's memory, which `data` is a view of, is freed with `image`.
    return _to_srgb(decoded, contents).copy_memory()


def _to_srgb(image: pyvips.Image, contents: Contents) -> pyvips.Image:
    """Colours by what the file says of them; a profile that is broken, or is for other channels, says nothing."""
    profile = contents.profile
    colour_bands = image.bands - (1 if image.hasalpha() else 0)
    numbers = contents.numbers
    # The curves of HDR have no profile: one beside their number is for programs that know no HDR, and may be wrong.
    hdr = numbers is not None and numbers[1] in video_colours.HDR
    if profile is not None and not hdr:
        space = profile[16:20]
        if space == b"RGB " and colour_bands == 1:
            image, colour_bands = image.colourspace("rgb16" if image.format == "ushort" else "srgb"), 3
        if {b"RGB ": 3, b"GRAY": 1, b"CMYK": 4}.get(space) == colour_bands:
            converted = _by_profile(image, profile)
            if converted is not None:
                return converted
    if colour_bands == 4:
        return _through(image, input_profile="cmyk")
    if numbers is not None and colour_bands < 4 and video_colours.concerns(numbers):
        if colour_bands == 1:
            image = image.colourspace("rgb16" if image.format == "ushort" else "srgb")
        return video_colours.to_srgb(image, numbers)
    if numbers is not None and numbers[0] == video_colours.DISPLAY_P3 and colour_bands == 3:
        return _depth8(_through(image, input_profile="p3"))
    if contents.gamma is not None and not 0.43 <= contents.gamma <= 0.48:
        image = _by_gamma(image, contents.gamma)
    return _depth8(image.colourspace("srgb"))


def _depth8(image: pyvips.Image) -> pyvips.Image:
    return image if image.format == "uchar" else image.colourspace("srgb").cast("uchar")


def _by_profile(image: pyvips.Image, profile: bytes) -> pyvips.Image | None:
    """Through the profile's curves to sRGB; None if it can't be used."""
    try:
        samples = _samples(image)
        seen = _transformed(samples, profile)
        plain = samples.colourspace("srgb").cast("uchar")
        if image.interpretation != "cmyk" and _largest(seen - plain) <= _SAME_COLOUR:
            # Nearly every camera embeds sRGB, by one of a dozen names: seen here, it costs nothing.
            return _depth8(image.colourspace("srgb"))
        if seen.deviate() < _LEAST_SPREAD or ((seen > 4) & (seen < 251)).avg() < 255 * _LEAST_BETWEEN:
            return None
        return _depth8(_transformed(image, profile))
    except pyvips.Error:
        return None


def _transformed(image: pyvips.Image, profile: bytes) -> pyvips.Image:
    tagged: Any = image.copy()
    tagged.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return _through(tagged, embedded=True)


def _largest(difference: pyvips.Image) -> float:
    return float(cast("float", difference.abs().max()))


def _through(image: pyvips.Image, **profile: Any) -> pyvips.Image:
    return image.icc_transform("srgb", depth=8, intent="relative", black_point_compensation=True, **profile)


def _samples(image: pyvips.Image) -> pyvips.Image:
    """A small picture of colours in every part of the space of `image`, without its transparency."""
    bands = image.bands - (1 if image.hasalpha() else 0)
    levels = [round(step * 255 / 16) for step in range(17)]
    if bands == 1:
        values = [(level,) for level in range(256)]
    elif bands == 3:
        values = [(r, g, b) for r in levels for g in levels for b in levels]
    else:
        values = [(c, m, y, k) for c in levels[::4] for m in levels[::4] for y in levels[::4] for k in levels[::4]]
    flat = bytes(value for colour in values for value in colour)
    small = pyvips.Image.new_from_memory(flat, len(values), 1, bands, "uchar")
    space = {1: "b-w", 3: "srgb", 4: "cmyk"}[bands]
    return small.copy(interpretation=space)


def _by_gamma(image: pyvips.Image, gamma: float) -> pyvips.Image:
    """Values stored with another exponent than sRGB's, as PNG says it (`gAMA`)."""
    top = 65_535 if image.format == "ushort" else 255
    steps = pyvips.Image.identity(ushort=top > 255, size=top + 1)
    linear = (steps / top) ** (1 / gamma)
    curved = (linear <= 0.0031308).ifthenelse(linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    curve = (curved * top).rint().cast(image.format)
    if not image.hasalpha():
        return image.maplut(curve)
    colours = image.extract_band(0, n=image.bands - 1).maplut(curve)
    return colours.bandjoin(image.extract_band(image.bands - 1)).copy(interpretation=image.interpretation)


def _upright(image: pyvips.Image, orientation: int) -> pyvips.Image:
    if orientation == 1:
        return image
    if orientation == 2:
        return image.fliphor()
    # Rows are needed in another order than they are decoded in.
    image = image.copy_memory()
    if orientation in (4, 5, 7):
        image = image.flipver()
    turn = {3: "d180", 5: "d90", 6: "d90", 7: "d270", 8: "d270"}.get(orientation)
    return image.rot(turn) if turn else image
