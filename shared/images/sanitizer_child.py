"""The process in which foreign images are decoded: `python -m shared.images.sanitizer_child`.

Reads requests from stdin and answers on stdout (`frames`), one at a time, until stdin ends. It runs under
hard limits and without the environment of its parent, so that the worst an image can do is end this process.
Only `sanitizer_pool` starts it.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import resource
import signal
import sys
import warnings
from typing import Any, BinaryIO

from PIL import AvifImagePlugin, Image, ImageCms, ImageOps

from shared.images import frames

MEMORY = 2 << 30
CPU_SECONDS = 10


class Refused(Exception):
    """The image is refused; `args[0]` is the code that `sanitizer` turns into an error."""


def main() -> None:
    """Serve requests until stdin ends."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    # A library that prints must not write into the frames.
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _confine()
    frames.write(answers, {"ready": True})
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            _serve_one(requests, answers)


def _confine() -> None:
    limits = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 64,
    }
    for kind, limit in limits.items():
        # macOS knows RLIMIT_AS but refuses to lower it.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def _serve_one(requests: BinaryIO, answers: BinaryIO) -> None:
    request, (data,) = frames.read(requests)
    # The limits end this process even when the parent died or forgot it; a later request moves them on.
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(
        resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + CPU_SECONDS, resource.RLIM_INFINITY)
    )
    signal.setitimer(signal.ITIMER_REAL, request["timeout"] + 1)
    try:
        images = _process(data, request)
    except Refused as refusal:
        frames.write(answers, {"code": refusal.args[0]})
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        frames.write(answers, {"code": "too_many_pixels"})
    except MemoryError:
        frames.write(answers, {"code": "too_many_pixels", "retire": True})
    except Exception as error:
        frames.write(answers, {"code": "corrupt", "reason": f"{type(error).__name__}: {error}"[:200]})
    else:
        described = [
            {"name": name, "format": format, "width": size[0], "height": size[1]} for name, format, size, _ in images
        ]
        frames.write(answers, {"images": described}, [encoded for *_, encoded in images])
    signal.setitimer(signal.ITIMER_REAL, 0)


type Encoded = tuple[str, str, tuple[int, int], bytes]


def _process(data: bytes, request: dict[str, Any]) -> list[Encoded]:
    """Decode once; encode the original (named "") and the copies asked for."""
    image = _decode(data, request)
    if request["alpha"] == "keep" and image.has_transparency_data:
        clean = _without_info(image.convert("RGBA"))
        original = _encode("", clean, "PNG", compress_level=2)
    else:
        clean = _without_info(_on_white(image))
        original = _encode("", clean, "JPEG", quality=request["quality"])
    del image
    images = [original]
    larger = clean
    for copy in sorted(request["copies"], key=lambda copy: -copy["side"]):
        if max(larger.size) > copy["side"]:
            size = _fit(clean.size, copy["side"])
            larger = larger.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        images.append(_encode(copy["name"], larger, "WEBP", quality=copy["quality"], method=2))
    return images


def _decode(data: bytes, limits: dict[str, Any]) -> Image.Image:
    """Pixels as they are meant to be seen: upright, sRGB, 8 bit, mode RGB, RGBA, or P/L with transparency."""
    if limits["source"] == "HEIF":
        _register_heif()
    image = Image.open(io.BytesIO(data), formats=[limits["source"]])
    width, height = image.size
    if min(width, height) < limits["min_side"]:
        raise Refused("too_small")
    if max(width, height) > limits["max_side"] or width * height > limits["max_pixels"]:
        raise Refused("too_many_pixels")
    # Phones store gain maps and motion photos as further MPO or HEIF pictures behind the main one.
    if image.format not in ("MPO", "HEIF") and getattr(image, "n_frames", 1) > 1:
        raise Refused("animated")
    image.load()
    with contextlib.suppress(Exception):
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    return _to_srgb(image)


@functools.cache
def _register_heif() -> None:
    import pi_heif

    pi_heif.options.DECODE_THREADS = 1
    pi_heif.register_heif_opener()


@functools.cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _to_srgb(image: Image.Image) -> Image.Image:
    """Apply an embedded ICC profile; a broken one, or one for other channels, is ignored."""
    embedded = image.info.get("icc_profile")
    if not embedded:
        return image
    with contextlib.suppress(Exception):
        profile = ImageCms.getOpenProfile(io.BytesIO(embedded))
        space = _colour_space(embedded)
        if space == "RGB" and "sRGB" in ImageCms.getProfileDescription(profile):
            return image
        pixels = image
        if space == "RGB" and image.mode != "RGB":
            pixels = image.convert("RGB")
        if {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}.get(space) != pixels.mode:
            return image
        converted = ImageCms.profileToProfile(pixels, profile, _srgb(), outputMode="RGB")
        if converted is not None:
            if image.has_transparency_data:
                converted.putalpha(image.convert("RGBA").getchannel("A"))
            return converted
    return image


def _colour_space(profile: bytes) -> str:
    """Data colour space signature of an ICC profile (ICC.1:2022, 7.2.6)."""
    return profile[16:20].decode("ascii").strip()


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _without_info(image: Image.Image) -> Image.Image:
    """The bare pixels: encoders copy profiles, comments and resolution from `info`."""
    bare = Image.new(image.mode, image.size)
    bare.paste(image)
    return bare


def _fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _encode(name: str, image: Image.Image, format: str, **options: Any) -> Encoded:
    out = io.BytesIO()
    image.save(out, format, **options)
    return name, format, image.size, out.getvalue()


if __name__ == "__main__":
    sys.exit(main())
