"""Damage inside of the coded picture: it is refused, or the picture is the same, as far as the format can tell."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
import pytest
from heic_files import DEEP_GREY, GARMENTS
from image_samples import decode, encode, noise, photo
from PIL import Image

from shared.errors import StudioError
from shared.images import hevc, sanitizer

pytestmark = pytest.mark.processes
PLACES: Final = 12


def grainy(width: int = 320, height: int = 240) -> Image.Image:
    """A picture with the grain of a sensor."""
    return Image.blend(photo(width, height), noise(width, height), 0.08)


class Kind(NamedTuple):
    """A kind of file: how it is made, where its coded picture starts, and the share of damage that must be found."""

    whole: Callable[[], bytes]
    start: bytes
    found: float


KINDS: Final = {
    # A checksum of each chunk.
    "PNG": Kind(lambda: encode(grainy(), "PNG"), b"IDAT", 1.0),
    # Arithmetic coding: a changed bit changes everything behind it, and the end does not fit any more.
    "AVIF": Kind(lambda: encode(grainy(), "AVIF"), b"mdat", 0.95),
    "WebP": Kind(lambda: encode(grainy(), "WEBP"), b"VP8 ", 0.9),
    "WebP alpha": Kind(lambda: encode(grainy().convert("RGBA"), "WEBP"), b"VP8 ", 0.9),
    "HEIC": Kind(lambda: GARMENTS, b"mdat", 0.8),
    # Huffman codes fall into step again behind a changed bit, often with as many blocks as before: what is left is a
    # valid file of another picture, which no decoder can tell from the first (docs/decisions/0048).
    "JPEG": Kind(lambda: encode(grainy(), "JPEG", quality=85), b"\xff\xda", 0.1),
    "JPEG grey": Kind(lambda: encode(grainy().convert("L"), "JPEG", quality=85), b"\xff\xda", 0.5),
    "JPEG restarts": Kind(lambda: encode(grainy(), "JPEG", restart_marker_blocks=8), b"\xff\xda", 0.5),
    "JPEG progressive": Kind(lambda: encode(grainy(), "JPEG", progressive=True), b"\xff\xda", 0.4),
    "WebP lossless": Kind(lambda: encode(grainy(160, 120), "WEBP", lossless=True), b"VP8L", 0.15),
}


def damaged(data: bytes, start: int, seed: str) -> Iterator[bytes]:
    """The file with a bit or some bytes changed, lost or added, at places spread over its coded picture."""
    rng = random.Random(seed)
    span = (len(data) - 32 - start) // PLACES
    for place in range(PLACES):
        at = start + place * span + rng.randrange(span)
        yield data[:at] + bytes((data[at] ^ 1 << rng.randrange(8),)) + data[at + 1 :]
        yield data[:at] + bytes(16) + data[at + 16 :]
        yield data[:at] + rng.randbytes(16) + data[at + 16 :]
        yield data[:at] + data[at + 3 :]
        yield data[:at] + rng.randbytes(2) + data[at:]


def pixels(data: bytes) -> bytes | None:
    """What the sanitizer makes of a file; None if it is refused as damaged."""
    try:
        return sanitizer.sanitize(data).data
    except StudioError as error:
        assert error.status == 422, error
        return None


@pytest.mark.parametrize("name", KINDS)
def test_damage_in_coded_picture_is_refused_or_changes_nothing(name: str) -> None:
    kind = KINDS[name]
    whole = kind.whole()
    same = pixels(whole)
    assert same is not None
    made = [pixels(one) for one in damaged(whole, whole.index(kind.start) + 16, name) if one != whole]
    found = sum(one is None or one == same for one in made)
    assert found >= kind.found * len(made), f"{found} of {len(made)}"


def test_libde265_is_found_in_the_wheel() -> None:
    """Without it damage in HEIC is not looked for."""
    assert hevc._library() is not None  # pyright: ignore[reportPrivateUsage] - it is a fact of the installation


def test_padding_of_one_value_passes_and_other_bytes_do_not() -> None:
    whole = encode(grainy(), "JPEG", quality=85)
    for padding in (b"\0", b"\x7f", bytes(2), bytes(60), b"\x55" * 20):
        assert pixels(whole[:-2] + padding + whole[-2:]) == pixels(whole), padding
    for rest in (bytes(range(1, 21)), b"\x12\x34" * 10, bytes(100) + b"\x01" * 3):
        assert pixels(whole[:-2] + rest + whole[-2:]) is None, rest


@pytest.mark.parametrize("height", [64, 65, 71, 72, 73, 79, 80])
def test_damage_in_the_last_rows_is_found(height: int) -> None:
    """libvips looks at a decoder's warnings before it asks for more rows, so never after the last ones."""
    whole = encode(grainy(96, height), "JPEG", quality=90)
    for missing in (3, 10, 30, 60):
        assert pixels(whole[: -2 - missing] + whole[-2:]) is None, missing


def test_an_even_fall_of_brightness_is_no_damage() -> None:
    """Every block one step darker than the one before: the same few bits again and again, which may be zeros."""
    for step, quantum in ((0.125, 1), (1, 8), (0.5, 4), (2, 16), (25 / 200 * 8, 0)):
        across = np.clip(255 - (np.arange(4000) // 8) * step, 0, 255).round().astype(np.uint8)
        image = Image.fromarray(np.tile(across, (64, 1)))
        options = {"qtables": [[quantum] * 64]} if quantum else {"quality": 75}
        assert pixels(encode(image, "JPEG", optimize=True, **options)) is not None, (step, quantum)


def test_grey_of_ten_bits_keeps_its_brightness() -> None:
    made = decode(sanitizer.sanitize(DEEP_GREY).data).convert("L")
    assert made.size == (64, 48)
    middle = [made.getpixel((x, 24)) for x in (1, 32, 62)]
    assert all(abs(shown - meant) < 8 for shown, meant in zip(middle, (4, 129, 251), strict=True)), middle
