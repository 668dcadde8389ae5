"""Copies alone, of pictures that are kept as they are: the same as beside an encoded original, and as strictly read."""

from __future__ import annotations

import numpy as np
import pytest
from image_samples import HEIC, decode, encode, noise, photo
from PIL import Image

from shared.errors import StudioError
from shared.images import sanitizer
from shared.images.sanitizer import ImagePolicy, Resize

pytestmark = pytest.mark.processes
COPIES = {"large": Resize(160), "small": Resize(32)}
LARGE = (2400, 1800)


def turned(image: Image.Image, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(image, "JPEG", exif=exif.tobytes())


@pytest.mark.parametrize(
    "data",
    [
        encode(photo(400, 300), "JPEG"),
        encode(photo(400, 300, "RGBA"), "PNG"),
        encode(photo(400, 300), "WEBP"),
        encode(photo(400, 300), "AVIF"),
        HEIC,
        encode(photo(*LARGE), "JPEG"),
        turned(photo(400, 300), 6),
    ],
    ids=["JPEG", "PNG", "WebP", "AVIF", "HEIC", "large JPEG", "turned JPEG"],
)
@pytest.mark.parametrize("alpha", ["white", "keep"])
def test_copies_are_those_beside_an_original(data: bytes, alpha: str) -> None:
    policy = ImagePolicy(alpha="keep" if alpha == "keep" else "white")
    whole = sanitizer.sanitize_with_copies(data, COPIES, policy=policy)
    alone = sanitizer.sanitize_copies(data, COPIES, policy=policy)
    assert (alone.width, alone.height) == (whole.original.width, whole.original.height)
    assert {name: copy.sha256 for name, copy in alone.copies.items()} == {
        name: copy.sha256 for name, copy in whole.copies.items()
    }


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_large_turned_picture_is_upright_without_its_original(orientation: int) -> None:
    data = turned(photo(*LARGE), orientation)
    whole = sanitizer.sanitize_with_copies(data, COPIES)
    alone = sanitizer.sanitize_copies(data, COPIES)
    assert (alone.width, alone.height) == (whole.original.width, whole.original.height)
    for name, copy in alone.copies.items():
        pixels = [np.asarray(decode(one.data), np.int16) for one in (copy, whole.copies[name])]
        assert pixels[0].shape == pixels[1].shape and np.abs(pixels[0] - pixels[1]).mean() < 4


@pytest.mark.parametrize(("size", "kind"), [((300, 200), "JPEG"), (LARGE, "JPEG"), ((300, 200), "WEBP")])
def test_a_file_cut_anywhere_is_refused_without_its_original(size: tuple[int, int], kind: str) -> None:
    whole = encode(noise(*size), kind)
    for place in range(1, 12):
        with pytest.raises(StudioError) as refused:
            sanitizer.sanitize_copies(whole[: len(whole) * place // 12], COPIES)
        assert refused.value.code in ("corrupt", "unsupported_type")
