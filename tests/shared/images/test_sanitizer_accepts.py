"""What the sanitizer accepts, and what it makes of it."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from image_samples import HEIC, decode, encode, gps_exif, many_scans, noise, photo, segment, with_chunk
from PIL import Image, ImageCms

from shared.errors import UnsupportedMedia
from shared.images import formats, sanitizer
from shared.images.renditions import sanitize_image

pytestmark = pytest.mark.processes

POLICY = sanitizer.ImagePolicy()
CORNERS = {"red": (220, 40, 40), "green": (40, 200, 60), "blue": (40, 60, 210), "grey": (128, 128, 128)}


def corners(data: bytes) -> list[str]:
    """Nearest corner names of `image_samples.photo`: top left, top right, bottom left, bottom right."""
    image = decode(data).convert("RGB")
    right, bottom = image.width - 2, image.height - 2

    def nearest(at: tuple[int, int]) -> str:
        seen = image.getpixel(at)
        return min(CORNERS, key=lambda name: sum((a - b) ** 2 for a, b in zip(CORNERS[name], seen, strict=True)))

    return [nearest(at) for at in ((1, 1), (right, 1), (1, bottom), (right, bottom))]


UPRIGHT = ["red", "green", "blue", "grey"]


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {"quality": 95}),
        ("WEBP", {"lossless": True}),
        ("AVIF", {"quality": 90}),
    ],
)
def test_formats(format: str, options: dict[str, object]) -> None:
    image = sanitizer.sanitize(encode(photo(), format, **options))
    assert (image.width, image.height, image.format, image.content_type) == (96, 64, "JPEG", "image/jpeg")
    assert image.source_format == format
    assert image.sha256 == hashlib.sha256(image.data).hexdigest()
    assert corners(image.data) == UPRIGHT


def test_heic() -> None:
    image = sanitizer.sanitize(HEIC)
    assert (image.width, image.height, image.source_format) == (64, 48, "HEIF")
    red, blue = decode(image.data).getpixel((10, 24)), decode(image.data).getpixel((54, 24))
    assert red[0] > 150 > red[2] and blue[2] > 150 > blue[0]


def test_heic_is_refused_by_policy() -> None:
    with pytest.raises(UnsupportedMedia):
        sanitizer.sanitize(HEIC, policy=sanitizer.ImagePolicy(formats=frozenset({"JPEG", "PNG"})))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_png_modes(mode: str) -> None:
    image = decode(sanitizer.sanitize(encode(photo(mode=mode), "PNG")).data)
    assert (image.mode, image.size) == ("RGB", (96, 64))


def test_sixteen_bit_grey_keeps_its_brightness() -> None:
    image = Image.new("I;16", (32, 32), 40_000)
    grey = decode(sanitizer.sanitize(encode(image, "PNG")).data).getpixel((16, 16))
    assert abs(grey[0] - 40_000 / 257) <= 2


def test_cmyk() -> None:
    assert corners(sanitizer.sanitize(encode(photo(mode="CMYK"), "JPEG", quality=95)).data) == UPRIGHT


def test_transparency_becomes_white() -> None:
    image = photo(mode="RGBA")
    image.putalpha(0)
    assert decode(sanitizer.sanitize(encode(image, "PNG")).data).getpixel((5, 5)) == (255, 255, 255)


def test_palette_with_transparency_becomes_white() -> None:
    image = Image.new("P", (32, 32), 0)
    image.putpalette([0, 0, 0, 200, 0, 0])
    data = encode(image, "PNG", transparency=0)
    assert decode(sanitizer.sanitize(data).data).getpixel((5, 5)) == (255, 255, 255)


def test_transparency_is_kept_when_asked() -> None:
    image = photo(mode="RGBA")
    image.putalpha(77)
    kept = sanitizer.sanitize(encode(image, "WEBP", lossless=True), policy=sanitizer.ImagePolicy(alpha="keep"))
    assert (kept.format, kept.content_type) == ("PNG", "image/png")
    assert decode(kept.data).getpixel((5, 5))[3] == 77
    opaque = sanitizer.sanitize(encode(photo(), "PNG"), policy=sanitizer.ImagePolicy(alpha="keep"))
    assert opaque.format == "JPEG"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_orientation_is_applied(format: str, orientation: int) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = photo().transpose(undo[orientation]) if orientation in undo else photo()
    image = sanitizer.sanitize(encode(stored, format, exif=gps_exif(orientation), quality=95))
    assert (image.width, image.height) == (96, 64)
    assert corners(image.data) == UPRIGHT


def test_unknown_orientation_is_ignored() -> None:
    assert corners(sanitizer.sanitize(encode(photo(), "JPEG", exif=gps_exif(99))).data) == UPRIGHT


def bare(data: bytes) -> bool:
    image = decode(data)
    return not image.getexif() and not {"exif", "xmp", "icc_profile", "comment", "photoshop"} & set(image.info)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_metadata_is_gone(format: str) -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>SECRET-XMP GPSLatitude</x:xmpmeta>"
    data = encode(photo(), format, exif=gps_exif(), icc_profile=icc, xmp=xmp)
    made = sanitizer.sanitize_with_copies(data, {"small": sanitizer.Resize(32)})
    for image in (made.original, *made.copies.values()):
        assert b"SECRET" not in image.data and b"Exif" not in image.data
        assert bare(image.data)


def test_iptc_comment_and_embedded_thumbnail_are_gone() -> None:
    data = encode(photo(), "JPEG")
    data = segment(data, 0xED, b"Photoshop 3.0\x008BIM\x04\x04SECRET-IPTC")
    data = segment(data, 0xFE, b"SECRET <script>alert(1)</script> <?php system(); ?>")
    data = segment(data, 0xE1, b"Exif\x00\x00SECRET" + encode(photo(16, 16), "JPEG"))
    image = sanitizer.sanitize(data)
    assert b"SECRET" not in image.data and bare(image.data)


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("SECRET-payload.txt", "SECRET" * 10)
    return out.getvalue()


@pytest.mark.parametrize(
    "tail",
    [zipped(), b"MZ\x90\x00SECRET-exe", b"<?php echo 'SECRET'; ?>", b"<html><script>SECRET</script>"],
    ids=["zip", "exe", "php", "html"],
)
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_trailing_payload_is_gone(format: str, tail: bytes) -> None:
    image = sanitizer.sanitize(encode(photo(), format) + tail)
    assert b"SECRET" not in image.data and formats.only_pixels(image.data, "JPEG")


def test_script_in_a_png_text_is_gone() -> None:
    data = with_chunk(encode(photo(), "PNG"), b"tEXt", b"Comment\x00<script>SECRET</script>")
    assert b"SECRET" not in sanitizer.sanitize(data).data


@pytest.mark.parametrize("profile", [b"garbage", b"\x00" * 4000, b"\xff" * 128], ids=["text", "zeros", "ones"])
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_broken_icc_profile_is_ignored(format: str, profile: bytes) -> None:
    assert corners(sanitizer.sanitize(encode(photo(), format, icc_profile=profile)).data) == UPRIGHT


def test_icc_profile_is_applied() -> None:
    # A Lab profile belongs to other channels and is ignored; one that swaps nothing leaves colours alone.
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert corners(sanitizer.sanitize(encode(photo(), "PNG", icc_profile=lab)).data) == UPRIGHT
    wide = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(wide[128:132])
    tags = {bytes(wide[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    # With the colorants of red and blue exchanged, the same numbers mean blue where they meant red.
    red, blue = tags[b"rXYZ"], tags[b"bXYZ"]
    wide[red : red + 4], wide[blue : blue + 4] = b"bXYZ", b"rXYZ"
    describe = tags[b"desc"]
    at = int.from_bytes(wide[describe + 4 : describe + 8])
    size = int.from_bytes(wide[describe + 8 : describe + 12])
    wide[at : at + size] = wide[at : at + size].replace("sRGB".encode("utf-16-be"), "Odd!".encode("utf-16-be"))
    assert corners(sanitizer.sanitize(encode(photo(), "PNG", icc_profile=bytes(wide))).data)[0] == "blue"


def test_mpo_gives_its_first_picture() -> None:
    data = encode(photo(), "MPO", save_all=True, append_images=[Image.new("RGB", (48, 32))])
    image = sanitizer.sanitize(data)
    assert (image.width, image.height, image.source_format) == (96, 64, "JPEG")
    assert corners(image.data) == UPRIGHT


def test_scans_behind_the_picture_do_not_count() -> None:
    # A motion photo: video bytes that happen to look like markers.
    assert sanitizer.sanitize(encode(photo(), "JPEG") + b"\xff\xda\x00\x08" * 500).width == 96
    assert sanitizer.sanitize(segment(encode(photo(), "JPEG"), 0xE5, b"\xff\xda" * 500)).width == 96


def test_a_few_scans_more_are_fine() -> None:
    assert sanitizer.sanitize(many_scans(64, 64, 40)).width == 64


def test_derivatives_of_one_decoding() -> None:
    made = sanitize_image(encode(noise(2000, 1000), "JPEG", exif=gps_exif(6)), policy=POLICY)
    sizes = {name: (image.width, image.height, image.format) for name, image in made.copies.items()}
    assert (made.original.width, made.original.height) == (1000, 2000)
    assert sizes == {"optimised": (800, 1600, "WEBP"), "thumbnail": (160, 320, "WEBP")}
    for image in made.copies.values():
        assert decode(image.data).size == (image.width, image.height)
        assert formats.only_pixels(image.data, "WEBP") and image.content_type == "image/webp"


def test_derivatives_never_enlarge() -> None:
    made = sanitize_image(encode(photo(40, 20), "PNG"), policy=POLICY)
    assert {(image.width, image.height) for image in made.copies.values()} == {(40, 20)}


def test_derivatives_keep_transparency_when_asked() -> None:
    image = photo(mode="RGBA")
    image.putalpha(100)
    policy = sanitizer.ImagePolicy(alpha="keep")
    made = sanitizer.sanitize_with_copies(encode(image, "PNG"), {"small": sanitizer.Resize(48)}, policy=policy)
    assert decode(made.copies["small"].data).getpixel((5, 5))[3] == 100


def test_extreme_shapes() -> None:
    made = sanitize_image(encode(Image.new("RGB", (12_000, 16), "red"), "PNG"), policy=POLICY)
    assert (made.copies["thumbnail"].width, made.copies["thumbnail"].height) == (320, 1)


def test_only_pixels_sees_what_does_not_belong() -> None:
    clean = {"JPEG": encode(photo(), "JPEG"), "PNG": encode(photo(), "PNG"), "WEBP": encode(photo(), "WEBP")}
    for format, data in clean.items():
        assert formats.only_pixels(data, format)
        assert not formats.only_pixels(data + b"x", format)
        assert not formats.only_pixels(data[:-1], format)
        assert not formats.only_pixels(encode(photo(), format, exif=gps_exif()), format)
        assert not formats.only_pixels(data, "AVIF")
    assert not formats.only_pixels(segment(clean["JPEG"], 0xFE, b"comment"), "JPEG")
    assert not formats.only_pixels(with_chunk(clean["PNG"], b"tEXt", b"a\x00b"), "PNG")


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, shared.images.renditions; print({'PIL', 'numpy', 'pi_heif'} & set(sys.modules))"
    root = Path(__file__).parents[3]
    said = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"
