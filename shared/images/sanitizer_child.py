"""The process in which foreign images are decoded: `python -m shared.images.sanitizer_child`.

Reads requests from stdin and answers on stdout (`frames`), one at a time, until stdin ends. It runs under
hard limits and without the environment of its parent, so that the worst an image can do is end this process.
Only `sanitizer_pool` starts it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, Final

import pyvips

from shared.images import decoding, frames, jpeg_file, png_file, webp_file
from shared.images.contents import Animated, Contents, Damaged, RareCoding, TooManyParts

MEMORY = 2 << 30
CPU_SECONDS = 10
NICENESS: Final = 10
"""Decoding takes what the app leaves of the processors: answers of milliseconds don't wait for pictures of seconds."""
ONE_DECODING_PIXELS: Final = 4_000_000
"""Up to here a JPEG is kept in memory for its copies; a larger one is decoded again, smaller: less of both."""


def _read_heif(data: bytes) -> Contents:
    # Imported for these formats alone, as it costs memory.
    from shared.images import heif_file

    return heif_file.read(data)


_READERS: Final[dict[str, Callable[[bytes], Contents]]] = {
    "JPEG": jpeg_file.read,
    "PNG": png_file.read,
    "WEBP": webp_file.read,
    "AVIF": _read_heif,
    "HEIF": _read_heif,
}
_LATER_CHECKS: Final[dict[str, Callable[[Contents], bool]]] = {
    "JPEG": decoding.is_whole_jpeg,
    "WEBP": decoding.is_whole_webp,
    "HEIF": decoding.is_whole_heic,
}
"""Of formats whose codes have no checksum: what only decoding can tell."""


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
    os.nice(NICENESS)
    decoding.confine()


def _serve_one(requests: BinaryIO, answers: BinaryIO) -> None:
    request, parts = frames.read(requests)
    # The limits end this process even when the parent died or forgot it; a later request moves them on.
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(
        resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + CPU_SECONDS, resource.RLIM_INFINITY)
    )
    signal.setitimer(signal.ITIMER_REAL, request["timeout"] + 1)
    try:
        size, images = _process(parts, request)
    except Refused as refusal:
        frames.write(answers, {"code": refusal.args[0]})
    except Animated:
        frames.write(answers, {"code": "animated"})
    except RareCoding:
        frames.write(answers, {"code": "rare_coding"})
    except TooManyParts:
        frames.write(answers, {"code": "too_many_parts"})
    except MemoryError:
        frames.write(answers, {"code": "too_many_pixels", "retire": True})
    except Exception as error:
        frames.write(answers, {"code": "corrupt", "reason": f"{type(error).__name__}: {error}"[:200]})
    else:
        described = [
            {"name": name, "format": format, "width": size[0], "height": size[1]} for name, format, size, _ in images
        ]
        frames.write(answers, {"size": size, "images": described}, [encoded for *_, encoded in images])
    signal.setitimer(signal.ITIMER_REAL, 0)


type Encoded = tuple[str, str, tuple[int, int], bytes | bytearray]


def _process(parts: list[bytes], request: dict[str, Any]) -> tuple[tuple[int, int], list[Encoded]]:
    """Decode; encode the original (named ""), if asked for, and the copies. Also returns the size of the whole.

    Args:
        parts: the file alone; it is taken out, so that it is freed as soon as it is read.
    """
    source = request["source"]
    contents = _READERS[source](parts.pop())
    _check_size(decoding.size(contents, source), request)
    decoding.complaints()
    size, images = _encode_all(contents, request)
    is_whole = _LATER_CHECKS.get(source)
    if is_whole is not None and not is_whole(contents):
        raise Damaged("coded picture is damaged")
    return size, images


def _encode_all(contents: Contents, request: dict[str, Any]) -> tuple[tuple[int, int], list[Encoded]]:
    source = request["source"]
    image = decoding.picture(contents, source)
    size = image.width, image.height
    copies = sorted(request["copies"], key=lambda copy: -copy["side"])
    original = request["original"]
    # A picture that is turned is decoded into memory for its original, and then there for the copies, too.
    apart = contents.orientation == 1 or not original
    if source == "JPEG" and apart and size[0] * size[1] > ONE_DECODING_PIXELS:
        shrink = next((n for n in (8, 4, 2) if copies and max(size) >= n * copies[0]["side"]), 1)
        # The copies first: then neither they nor the encoded original are in memory while the other is made.
        small = [decoding.picture(contents, source, shrink=shrink)] if copies else []
        made = _copies(small, size, copies)
        return size, [_original(image, contents, request), *made] if original else made
    image = image.copy_memory()
    if image.hasalpha() and request["alpha"] != "keep":
        image = image.flatten(background=[255.0])
    whole = [_original(image, contents, request)] if original else []
    return size, [*whole, *_copies([image], size, copies)]


def _copies(larger: list[pyvips.Image], full: tuple[int, int], copies: list[dict[str, Any]]) -> list[Encoded]:
    """The copies, each made of the one before, from the largest down; `larger` is used up."""
    made: list[Encoded] = []
    for copy in copies:
        larger.append(_resized(larger.pop(), full, copy["side"]))
        made.append(_webp(copy["name"], larger[-1], copy["quality"]))
    return made


def _check_size(size: tuple[int, int], limits: dict[str, Any]) -> None:
    width, height = size
    if min(width, height) < 1:
        raise Damaged("no size")
    if min(width, height) < limits["min_side"]:
        raise Refused("too_small")
    if max(width, height) > limits["max_side"] or width * height > limits["max_pixels"]:
        raise Refused("too_many_pixels")


def _original(image: pyvips.Image, contents: Contents, request: dict[str, Any]) -> Encoded:
    if image.hasalpha():
        encoded = png_file.without_metadata(image.pngsave_buffer(compression=2, **decoding.BARE))
        return "", "PNG", (image.width, image.height), encoded
    # What was stored at half the size has no finer colours to lose; everything else keeps them at full size.
    encoded = decoding.encoded_jpeg(image, request["quality"], coarse_colour=contents.coarse_colour)
    return "", "JPEG", (image.width, image.height), encoded


def _resized(image: pyvips.Image, full: tuple[int, int], side: int) -> pyvips.Image:
    """The picture with its long side at most `side`; `full` is its size before any copy."""
    width, height = _fit(full, side) if max(full) > side else full
    if (image.width, image.height) == (width, height):
        return image.copy_memory()
    scales = width / image.width, height / image.height
    if image.hasalpha():
        scaled = image.premultiply().resize(scales[0], vscale=scales[1]).unpremultiply()
        return scaled.cast("uchar").copy(interpretation="srgb").copy_memory()
    return image.resize(scales[0], vscale=scales[1]).copy_memory()


def _fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _webp(name: str, image: pyvips.Image, quality: int) -> Encoded:
    return name, "WEBP", (image.width, image.height), image.webpsave_buffer(Q=quality, effort=2, **decoding.BARE)


if __name__ == "__main__":
    sys.exit(main())
