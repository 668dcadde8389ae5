"""Colours are what the file says they are, by curves and numbers and not by names, and fine patterns keep theirs."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from icc_samples import ADOBE_XYZ, P3_XYZ, SRGB_XYZ, gamma, profile, srgb_curve
from image_samples import decode, encode, noise, photo, with_chunk
from PIL import Image

from shared.images import sanitizer
from shared.images.renditions import COPIES

pytestmark = pytest.mark.processes

LINEAR = profile(gamma(1.0), name=b"sRGB linear g10")
P3 = profile(srgb_curve(), P3_XYZ, name=b"Display P3")
ADOBE = profile(gamma(2.199), ADOBE_XYZ, name=b"Adobe RGB (1998)")
SRGB = profile(srgb_curve(), name=b"c2")


def flat(colour: object, mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (64, 64), colour)  # type: ignore[arg-type]


def shown(data: bytes, **policy: object) -> tuple[int, ...]:
    pixel = decode(sanitizer.sanitize(data, policy=sanitizer.ImagePolicy(**policy)).data).getpixel((32, 32))  # type: ignore[arg-type]
    assert isinstance(pixel, tuple)
    return pixel


def near(seen: tuple[int, ...], wanted: tuple[int, ...], within: int = 3) -> bool:
    return max(abs(a - b) for a, b in zip(seen, wanted, strict=True)) <= within


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize(
    ("icc", "stored", "wanted"),
    [
        (LINEAR, (200, 60, 60), (229, 133, 133)),
        (profile(gamma(1.0), name=b"anything"), (200, 60, 60), (229, 133, 133)),
        (profile(gamma(1.8), name=b"sRGB IEC61966-2.1"), (100, 100, 100), (119, 119, 119)),
        (SRGB, (200, 60, 60), (200, 60, 60)),
        (profile(gamma(2.2), name=b"sRGB"), (128, 128, 128), (128, 128, 128)),
        (P3, (200, 60, 60), (217, 44, 54)),
        (P3, (128, 128, 128), (128, 128, 128)),
        (ADOBE, (120, 160, 100), (97, 161, 97)),
    ],
    ids=["linear sRGB", "linear, no name", "1.8 named sRGB", "sRGB", "2.2", "P3", "P3 grey", "Adobe RGB"],
)
def test_a_profile_counts_by_its_curves(
    format: str, icc: bytes, stored: tuple[int, ...], wanted: tuple[int, ...]
) -> None:
    options = {"lossless": True} if format == "WEBP" else {"quality": 100} if format != "PNG" else {}
    assert near(shown(encode(flat(stored), format, icc_profile=icc, **options)), wanted, 4)


def test_srgb_by_any_name_leaves_pixels_alone() -> None:
    for icc in (SRGB, profile(srgb_curve(), SRGB_XYZ, name=b"Camera RGB")):
        with_profile = sanitizer.sanitize(encode(noise(64, 64), "PNG", icc_profile=icc))
        assert with_profile.sha256 == sanitizer.sanitize(encode(noise(64, 64), "PNG")).sha256


@pytest.mark.parametrize(("exponent", "wanted"), [(1.0, 188), (1.8, 145), (2.2, 128)])
@pytest.mark.parametrize("bits", [8, 16])
def test_grey_by_its_curve(exponent: float, wanted: int, bits: int) -> None:
    icc = profile(gamma(exponent), None, space=b"GRAY")
    image = flat(128, "L") if bits == 8 else Image.new("I;16", (64, 64), 128 * 257)
    assert near(shown(encode(image, "PNG", icc_profile=icc)), (wanted,) * 3)
    if bits == 8:
        assert near(shown(encode(image, "JPEG", icc_profile=icc, quality=100)), (wanted,) * 3)


@pytest.mark.parametrize(("exponent", "wanted"), [(1.0, 188), (1 / 1.8, 145), (1 / 2.2, 128), (0.45455, 128)])
def test_a_png_may_say_its_curve_without_a_profile(exponent: float, wanted: int) -> None:
    for image in (flat(128, "L"), flat((128, 128, 128)), flat((128, 128, 128, 255), "RGBA")):
        data = with_chunk(encode(image, "PNG"), b"gAMA", struct.pack(">I", round(exponent * 100_000)))
        assert near(shown(data), (wanted,) * 3)
        assert near(shown(with_chunk(data, b"sRGB", b"\0")), (128,) * 3)


def test_a_png_may_say_display_p3_by_number() -> None:
    data = with_chunk(encode(flat((200, 60, 60)), "PNG"), b"cICP", bytes((12, 13, 0, 1)))
    assert near(shown(data), (217, 44, 54))


PAPER, GREY = 203.0, 26.0
"""Light in cd/m2 of white paper and of a grey card (ITU-R BT.2408, table 1)."""


def pq(light: float) -> float:
    """SMPTE ST 2084."""
    y = (light / 10_000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32)


VIDEO_GREYS = [
    # coded value, number of the curve, brightness in sRGB
    (pq(PAPER), 16, 247), (pq(GREY), 16, 101), (pq(0), 16, 0), (pq(4000), 16, 255), (0.75, 18, 247),
    (0.38, 18, 101), (0.0, 18, 0), (1.0, 18, 255), (0.2140, 8, 127), (0.5, 1, 128), (0.5, 13, 128),
]  # fmt: skip
MIDDLE_GREYS = [grey for grey in VIDEO_GREYS if grey[2] in (101, 127, 128)]
"""Of each curve: where wrong primaries would show."""


@pytest.mark.parametrize(
    ("coded", "curve", "wanted", "primaries"),
    [
        *((*grey, 1) for grey in VIDEO_GREYS),
        *((*grey, primaries) for grey in MIDDLE_GREYS for primaries in (9, 12)),
    ],
)
@pytest.mark.parametrize("container", ["PNG", "PNG 16", "AVIF", "alpha"])
def test_colours_named_by_the_numbers_of_video(
    coded: float, curve: int, wanted: int, primaries: int, container: str
) -> None:
    """Grey is grey in all primaries. Values are those of the standards, white and grey card at their usual light."""
    value = round(coded * 255)
    if container == "AVIF":
        data = encode(flat(value, "L").convert("RGB"), "AVIF", quality=100, subsampling="4:4:4")
        assert data.count(b"nclx") == 1
        at = data.index(b"nclx") + 4
        data = data[:at] + struct.pack(">HH", primaries, curve) + data[at + 4 :]
    elif container == "PNG 16":
        deep = Image.new("I;16", (64, 64), round(coded * 65_535))
        data = with_chunk(encode(deep, "PNG"), b"cICP", bytes((primaries, curve, 0, 1)))
    else:
        mode = "RGBA" if container == "alpha" else "RGB"
        data = with_chunk(encode(flat((value,) * 3).convert(mode), "PNG"), b"cICP", bytes((primaries, curve, 0, 1)))
    assert near(shown(data), (wanted,) * 3, 4)


def test_wide_primaries_are_vivid_in_srgb() -> None:
    """BT.2020's (160, 70, 60) is a stronger red in sRGB."""
    data = with_chunk(encode(flat((160, 70, 60)), "PNG"), b"cICP", bytes((9, 1, 0, 1)))
    red, green, blue = shown(data)
    assert red > 175 and green < 65 and blue < 62


def test_a_profile_of_other_channels_is_ignored() -> None:
    for image in (flat(90, "L"), flat((90, 90, 90))):
        for icc in (
            profile(gamma(1.0), None, space=b"GRAY"),
            profile(gamma(1.0), space=b"CMYK"),
            profile(gamma(1.0), space=b"Lab "),
        ):
            if image.mode == "L" and icc[16:20] == b"GRAY":
                continue
            assert near(shown(encode(image, "PNG", icc_profile=icc)), (90, 90, 90))
    assert near(shown(encode(flat(128, "L"), "PNG", icc_profile=LINEAR)), (188, 188, 188)), "grey in an RGB profile"


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("exponent", [0.0, 100.0])
def test_a_profile_that_leaves_one_colour_is_ignored(mode: str, exponent: float) -> None:
    space = {"RGB": SRGB_XYZ, "L": None}[mode]
    icc = profile(gamma(exponent), space, space=b"RGB " if space else b"GRAY")
    assert near(shown(encode(flat(128, "L").convert(mode), "PNG", icc_profile=icc)), (128, 128, 128))
    black = profile(srgb_curve(), ((0, 0, 0),) * 3)
    assert near(shown(encode(flat((200, 60, 60)), "PNG", icc_profile=black)), (200, 60, 60))


def test_ink_without_a_profile_is_printed_and_not_computed() -> None:
    """Cyan ink is (0, 158, 224) on paper; the arithmetic of 255 minus ink makes it (0, 255, 255)."""
    cyan, black, paper = (
        shown(encode(flat(ink, "CMYK"), "JPEG", quality=100)) for ink in ((255, 0, 0, 0), (0, 0, 0, 255), (0, 0, 0, 0))
    )
    assert cyan[0] < 60 and 120 < cyan[1] < 190 and 190 < cyan[2] < 245
    assert max(black) < 60 and min(paper) > 245


def test_sixteen_bits_keep_their_transparency() -> None:
    image = Image.new("I;16", (64, 64), 40_000)
    data = with_chunk(encode(image, "PNG"), b"tRNS", struct.pack(">H", 40_000))
    assert shown(data) == (255, 255, 255)
    assert shown(data, alpha="keep")[-1] == 0
    assert near(shown(with_chunk(encode(image, "PNG"), b"tRNS", struct.pack(">H", 40_001))), (156, 156, 156))


def test_sixteen_bits_of_colour() -> None:
    import zlib

    from image_samples import ihdr, png

    def deep(channels: int, values: tuple[int, ...]) -> bytes:
        rows = (b"\0" + struct.pack(f">{channels}H", *values) * 64) * 64
        return png(ihdr(64, 64, 16, {3: 2, 4: 6, 2: 4}[channels]), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))

    assert near(shown(deep(3, (51_400, 15_420, 15_420))), (200, 60, 60))
    assert near(shown(deep(4, (51_400, 15_420, 15_420, 0))), (255, 255, 255))
    assert near(shown(deep(4, (51_400, 15_420, 15_420, 32_768))), (227, 157, 157))
    assert near(shown(deep(2, (15_420, 65_535))), (60, 60, 60))
    linear = with_chunk(deep(3, (51_400, 15_420, 15_420)), b"iCCP", b"x\0\0" + zlib.compress(LINEAR))
    assert near(shown(linear), (229, 133, 133))


def test_transparency_survives_a_profile() -> None:
    data = encode(flat((200, 60, 60, 100), "RGBA"), "PNG", icc_profile=LINEAR)
    assert near(shown(data, alpha="keep"), (229, 133, 133, 100))
    assert near(shown(data), tuple(round(255 - (255 - c) * 100 / 255) for c in (229, 133, 133)))


def woven() -> Image.Image:
    """Threads of one pixel in two colours of about the same brightness."""
    rows, columns = np.indices((128, 128))
    return Image.fromarray(
        np.where(((rows + columns) % 2 == 0)[..., None], (200, 40, 60), (30, 110, 120)).astype(np.uint8)
    )


def mean_error(data: bytes, meant: Image.Image) -> float:
    return float(np.abs(np.asarray(decode(data).convert("RGB"), float) - np.asarray(meant, float)).mean())


def test_fine_patterns_keep_their_colours() -> None:
    sources = [
        encode(woven(), "PNG"),
        encode(woven(), "JPEG", quality=95, subsampling=0),
        encode(woven(), "WEBP", lossless=True),
        encode(woven(), "AVIF", quality=95, subsampling="4:4:4"),
    ]
    for data in sources:
        assert mean_error(sanitizer.sanitize(data).data, woven()) < 8
    halved = encode(woven(), "JPEG", quality=95, subsampling=2)
    lost = mean_error(halved, woven())
    assert lost > 30, "the pattern shows it"
    assert mean_error(sanitizer.sanitize(halved).data, woven()) < lost * 1.1, "what was lost before is not lost twice"


def test_colours_are_stored_as_finely_as_they_came() -> None:
    def sampling(data: bytes) -> int:
        return data[data.index(b"\xff\xc0") + 11]

    coarse, fine = 0x22, 0x11
    for data, wanted in (
        (encode(photo(), "JPEG", subsampling=2), coarse),
        (encode(photo(), "JPEG", subsampling=1), fine),
        (encode(photo(), "JPEG", subsampling=0), fine),
        (encode(photo(), "PNG"), fine),
        (encode(photo(), "WEBP"), coarse),
        (encode(photo(), "WEBP", lossless=True), fine),
        (encode(photo(), "AVIF", subsampling="4:2:0"), coarse),
        (encode(photo(), "AVIF", subsampling="4:4:4"), fine),
    ):
        assert sampling(sanitizer.sanitize(data).data) == wanted


def test_copies_have_the_colours_of_the_original() -> None:
    for data in (
        encode(noise(2400, 1800).resize((2400, 1800)), "JPEG", icc_profile=LINEAR),
        encode(flat((200, 60, 60)), "PNG", icc_profile=LINEAR),
    ):
        made = sanitizer.sanitize_with_copies(data, COPIES)
        means = [
            np.asarray(decode(one.data).convert("RGB"), float).mean((0, 1))
            for one in (made.original, *made.copies.values())
        ]
        assert max(np.abs(mean - means[0]).max() for mean in means) < 3
