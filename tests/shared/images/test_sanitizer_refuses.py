"""What the sanitizer refuses, with which code, and that nothing but a `StudioError` comes of any bytes."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_samples import (
    HEIC,
    bomb_png,
    encode,
    ihdr,
    jpeg_claiming,
    many_scans,
    noise,
    photo,
    png,
    segment,
    with_chunk,
)
from PIL import Image

from shared.errors import StudioError
from shared.images import sanitizer

pytestmark = pytest.mark.processes

LENIENT = sanitizer.ImagePolicy(max_bytes=10**9)


def refusal(data: bytes, policy: sanitizer.ImagePolicy | None = None) -> StudioError:
    with pytest.raises(StudioError) as caught:
        sanitizer.sanitize(data, policy=policy)
    return caught.value


@pytest.mark.parametrize(
    ("code", "status", "data"),
    [
        ("unsupported_type", 415, b""),
        ("unsupported_type", 415, b"hello"),
        ("corrupt", 422, b"\xff\xd8\xff"),
        ("corrupt", 422, b"\x89PNG\r\n\x1a\n"),
        ("corrupt", 422, encode(photo(), "PNG")[:63]),
        ("too_small", 422, encode(photo(15, 200), "PNG")),
        ("too_small", 422, encode(photo(1, 1), "JPEG")),
    ],
)
def test_limits(code: str, status: int, data: bytes) -> None:
    check(refusal(data), code, status)


def test_a_file_over_the_limit() -> None:
    check(refusal(encode(photo(), "JPEG") + bytes(15_000_000)), "too_many_bytes", 413)


def check(error: StudioError, code: str, status: int) -> None:
    assert (error.code, error.status) == (code, status)
    assert error.message.endswith(".") and not error.retryable


@pytest.mark.parametrize(
    "make",
    [
        lambda: bomb_png(9_400, 9_400, bits=16, colour=6, rows=200),
        lambda: bomb_png(65_536, 65_536, rows=2),
        lambda: bomb_png(6_400, 6_400, colour=0),
        lambda: bomb_png(12_001, 100),
        lambda: bomb_png(2**31 - 1, 2**31 - 1, rows=0),
        lambda: jpeg_claiming(20_000, 14_000),
        lambda: jpeg_claiming(65_535, 65_535),
    ],
    ids=["88 MP RGBA16", "4.3 GP", "41 MP", "long side", "largest", "280 MP JPEG", "4.3 GP JPEG"],
)
def test_pixel_floods_stop_at_the_header(make: Callable[[], bytes]) -> None:
    assert refusal(make()).code == "too_many_pixels"


@pytest.mark.parametrize(("size", "scans"), [(4_000, 2_000), (6_000, 300), (64, 65)])
def test_scan_floods(size: int, scans: int) -> None:
    assert refusal(many_scans(size, size, scans)).code == "too_many_scans"


def test_scan_flood_behind_decoys() -> None:
    # Segments and fill bytes must not hide scans, nor an end inside a segment.
    data = many_scans(64, 64, 100).replace(b"\xff\xda", b"\xff\xff\xff\xda")
    assert refusal(segment(data, 0xE3, b"\xff\xd9" * 8)).code == "too_many_scans"


def test_text_and_profile_bombs() -> None:
    bomb = b"k\x00\x00" + zlib.compress(bytes(200_000_000))
    for kind in (b"zTXt", b"iCCP"):
        data = with_chunk(encode(photo(), "PNG"), kind, bomb)
        try:
            assert sanitizer.sanitize(data).width == 96
        except StudioError as error:
            assert error.code == "corrupt", kind


FRAMES = [Image.new("RGB", (32, 32), (i * 20 % 256, 0, 0)) for i in range(12)]


@pytest.mark.parametrize("format", ["PNG", "WEBP", "AVIF"])
def test_animations(format: str) -> None:
    data = encode(FRAMES[0], format, save_all=True, append_images=FRAMES[1:], duration=50)
    assert refusal(data).code == "animated"


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"GIF89a/*" + bytes(90) + b"*/=1;alert(1)//", "GIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>" + b" " * 64, "SVG"),
        (b"%PDF-1.7\n" + encode(photo(), "JPEG"), "PDF"),
        (b"<html><body>" + encode(photo(), "JPEG"), None),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n" + bytes(99), "EPS"),
        (b"8BPS\x00\x01" + bytes(99), "PSD"),
        (b"BLP2" + bytes(200), None),
        (b"DDS " + bytes(200), None),
        (b"\x00\x00\x00\x00\x11\xaf" + bytes(200), None),
        (encode(photo(), "BMP"), "BMP"),
        (encode(photo(), "TIFF"), "TIFF"),
        (encode(photo(), "JPEG2000"), "JPEG 2000"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00heicavif" + bytes(99), None),
        (b"RIFF\x00\x01\x00\x00WAVEfmt " + bytes(99), None),
    ],
)
def test_other_formats(data: bytes, named: str | None) -> None:
    check_unsupported(data, named)


def test_a_gif_of_three_thousand_frames() -> None:
    check_unsupported(encode(FRAMES[0], "GIF", save_all=True, append_images=FRAMES * 250), "GIF")


def check_unsupported(data: bytes, named: str | None) -> None:
    error = refusal(data)
    assert (error.code, error.status) == ("unsupported_type", 415)
    assert "Send a JPEG" in error.message
    assert named is None or error.message.startswith(named)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_truncated(format: str, share: float) -> None:
    data = encode(noise(200, 150), format)
    assert refusal(data[: int(len(data) * share)]).code == "corrupt"


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_truncated_heic(share: float) -> None:
    assert refusal(HEIC[: int(len(HEIC) * share)]).code == "corrupt"


def test_header_without_pixels() -> None:
    assert refusal(png(ihdr(100, 100), (b"IDAT", b""), (b"IEND", b"")) + bytes(64)).code == "corrupt"


def in_bounds(data: bytes) -> None:
    """The property of the sanitizer: sanitized pixels within limits, or a refusal that is the sender's fault."""
    try:
        image = sanitizer.sanitize(data, policy=sanitizer.ImagePolicy(max_pixels=1_000_000))
    except StudioError as error:
        assert error.status in (413, 415, 422) and error.message
    else:
        assert image.format == "JPEG" and image.data[:3] == b"\xff\xd8\xff"
        assert min(image.width, image.height) >= 16 and image.width * image.height <= 1_000_000


FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
MAGICS = [
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    b"RIFF\xff\x00\x00\x00WEBPVP8 ",
    b"\x00\x00\x00\x18ftypavif",
    b"\x00\x00\x00\x18ftypheic",
]


@FUZZ
@given(st.sampled_from([b"", *MAGICS]), st.binary(max_size=600))
def test_any_bytes(magic: bytes, rest: bytes) -> None:
    in_bounds(magic + rest)


REAL = [
    encode(photo(), "JPEG"),
    encode(photo(), "JPEG", progressive=True),
    encode(photo(mode="CMYK"), "JPEG"),
    encode(photo(mode="RGBA"), "PNG"),
    encode(photo(mode="P"), "PNG"),
    encode(photo(), "WEBP"),
    encode(photo(mode="RGBA"), "WEBP", lossless=True),
    encode(photo(), "AVIF"),
    HEIC,
]
edits = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8)


@FUZZ
@given(st.sampled_from(REAL), edits, st.one_of(st.none(), st.tuples(st.floats(0, 1), st.binary(max_size=40))))
def test_mutated_pictures(data: bytes, edits: list[tuple[float, int]], insert: tuple[float, bytes] | None) -> None:
    mutated = bytearray(data)
    for place, value in edits:
        mutated[int(place * len(mutated))] = value
    if insert:
        at = int(insert[0] * len(mutated))
        mutated[at:at] = insert[1]
    in_bounds(bytes(mutated))
