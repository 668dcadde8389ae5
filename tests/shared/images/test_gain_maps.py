"""Pictures for HDR displays: what is shown without one is kept, with its colours, upright and bare."""

from __future__ import annotations

import pytest
from heif_samples import ALPHAS, GAIN_MAPS, TILE, UNSEEN, heic
from icc_samples import P3_XYZ, profile, srgb_curve
from image_samples import decode, encode, photo, segment
from PIL import Image

from shared.errors import Unprocessable
from shared.images import formats, sanitizer

pytestmark = pytest.mark.processes

SECRET = b"II*\0\x08\0\0\0\0\0\0\0\0\0SECRET-CAMERA"
P3 = profile(srgb_curve(), P3_XYZ)
RED, BLUE = (200, 30, 30), (30, 60, 200)
RED_OF_P3 = (219, 0, 6)
"""(200, 30, 30) of Display P3, as near as sRGB comes."""


def seen(image: Image.Image, at: tuple[int, int]) -> tuple[int, ...]:
    pixel = image.convert("RGB").getpixel(at)
    assert isinstance(pixel, tuple)
    return pixel


def near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 6


@pytest.mark.parametrize("kind", GAIN_MAPS)
@pytest.mark.parametrize(("turn", "left", "size"), [(0, RED, (64, 48)), (2, BLUE, (64, 48)), (1, BLUE, (48, 64))])
def test_a_heic_with_a_gain_map_is_its_base_picture(
    kind: str, turn: int, left: tuple[int, ...], size: tuple[int, int]
) -> None:
    made = sanitizer.sanitize(heic(1, 1, gain_map=kind, turn=turn, exif=SECRET))
    assert (made.width, made.height) == size
    assert near(seen(decode(made.data), (4, 4)), left)
    assert b"SECRET" not in made.data and formats.only_pixels(made.data, made.format)


@pytest.mark.parametrize("kind", GAIN_MAPS)
def test_its_colours_are_those_of_the_base_picture(kind: str) -> None:
    made = decode(sanitizer.sanitize(heic(1, 1, gain_map=kind, profile=P3)).data)
    assert near(seen(made, (4, 4)), RED_OF_P3)


@pytest.mark.parametrize("kind", GAIN_MAPS)
def test_a_grid_with_a_gain_map(kind: str) -> None:
    made = sanitizer.sanitize_with_copies(heic(gain_map=kind, exif=SECRET), {"small": sanitizer.Resize(32)})
    assert (made.original.width, made.original.height) == (128, 128)
    assert near(seen(decode(made.copies["small"].data), (2, 2)), RED)


def is_refused(data: bytes) -> bool:
    try:
        sanitizer.sanitize(data)
    except Unprocessable as refused:
        return refused.code == "corrupt"
    return False


@pytest.mark.parametrize("kind", UNSEEN)
def test_what_is_not_shown_may_be_damaged_but_a_file_that_is_cut_off_is_a_cut_file(kind: str) -> None:
    whole = heic(gain_map=kind)
    for gain in (bytes(len(TILE)), TILE[:-9], TILE[: len(TILE) // 2], TILE[: len(TILE) // 2] + bytes(200)):
        assert sanitizer.sanitize(heic(gain_map=kind, gain=gain)) == sanitizer.sanitize(whole)
    # What lies in `mdat` last is the unseen picture.
    cuts = range(len(whole) - len(TILE), len(whole), len(TILE) // 40)
    assert [cut for cut in cuts if not is_refused(whole[:cut])] == []


@pytest.mark.parametrize("kind", ALPHAS)
def test_the_transparency_of_a_picture_is_a_part_of_it(kind: str) -> None:
    assert sanitizer.sanitize(heic(1, 1, gain_map=kind)).width == 64
    middle = len(TILE) // 2
    zeros = TILE[:middle] + bytes(len(TILE) - middle)
    for gain in (bytes(len(TILE)), TILE[:-9], zeros, TILE[:middle] + bytes((TILE[middle] ^ 16,)) + TILE[middle + 1 :]):
        assert is_refused(heic(1, 1, gain_map=kind, gain=gain))


def test_a_jpeg_is_its_first_picture_whatever_is_left_of_the_others() -> None:
    first, second = encode(photo(), "JPEG", quality=95), encode(Image.new("RGB", (48, 32), "navy"), "JPEG")
    data = encode(photo(), "MPO", save_all=True, append_images=[Image.new("RGB", (48, 32), "navy")], quality=95)
    start = data.index(b"\xff\xd8", 2)
    for cut in (*range(start, len(data), (len(data) - start) // 40), len(data)):
        assert sanitizer.sanitize(data[:cut]).data == sanitizer.sanitize(data).data
    assert all(is_refused(data[:cut]) for cut in range(100, start, start // 40))
    assert sanitizer.sanitize(first + second).data == sanitizer.sanitize(first).data


def test_a_damaged_base_picture_is_refused_beside_a_whole_gain_map() -> None:
    for kind in GAIN_MAPS:
        with pytest.raises(Unprocessable) as refused:
            sanitizer.sanitize(heic(1, 1, gain_map=kind, tiles=[TILE[:-9]]))
        assert refused.value.code == "corrupt"


def test_a_tone_mapped_picture_without_its_base_is_refused() -> None:
    data = heic(1, 1, gain_map="tone-mapped first")
    broken = data.replace(b"dimg\0\5\0\2\0\2", b"dimg\0\5\0\2\0\x77")
    assert broken != data
    with pytest.raises(Unprocessable) as refused:
        sanitizer.sanitize(broken)
    assert refused.value.code == "corrupt"


def test_a_jpeg_with_a_gain_map_behind_it_is_its_base_picture() -> None:
    about = b'http://ns.adobe.com/xap/1.0/\0<rdf:RDF hdrgm:Version="1.0" Item:Semantic="GainMap">SECRET</rdf:RDF>'
    base = segment(encode(photo(), "JPEG", quality=95), 0xE1, about)
    gain = encode(Image.new("L", (24, 16), 255), "JPEG")
    made = sanitizer.sanitize(segment(base, 0xE2, b"MPF\0II*\0\x08\0\0\0\0\0") + gain)
    assert (made.width, made.height) == (96, 64)
    assert near(seen(decode(made.data), (1, 1)), seen(photo(), (1, 1))) and b"SECRET" not in made.data
