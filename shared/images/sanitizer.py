"""The image sanitizer: every foreign image passes it, and what comes out is new bytes that hold only pixels.

Size and type are judged from the bytes; decoding happens in a process that may be killed (`sanitizer_child`); the
result is upright, sRGB, free of metadata and re-encoded, so nothing else of the file remains.
Neither Pillow nor numpy is imported here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from shared import turns
from shared.errors import StudioError, TooLarge, Unprocessable, UnsupportedMedia
from shared.images import formats, others
from shared.images.sanitizer_pool import ChildCrashed, ChildTimedOut, pool

TIMES_JPEG: Final = {"AVIF": 4, "HEIF": 4}
"""How much longer a pixel of a format takes than one of a JPEG, from its cheapest to its dearest files about 2 to 7."""
DAMAGED_CALLS: Final = 4
"""What a damaged picture costs beyond its call: it may have been decoded nearly to its end."""
ORIGINAL: Final = ""
"""Name of the whole image among what the decoder process answers."""
BY_HEADER: Final = ("too_small", "too_many_pixels", "too_many_parts", "animated", "rare_coding")
"""Refusals that need no decoding."""
_ACCEPTED = "Send a JPEG, PNG, WebP, AVIF or HEIC picture."


@dataclass(frozen=True, slots=True)
class ImagePolicy:
    """What is accepted, and what is made of it. The defaults are right for photos from shoppers and vendors."""

    max_bytes: int = 15_000_000
    min_side: int = 16
    max_side: int = 12_000
    max_pixels: int = 40_000_000
    max_scans: int = 64
    formats: frozenset[str] = frozenset(formats.ACCEPTED)
    alpha: Literal["white", "keep"] = "white"
    """"white" puts transparency on white and gives JPEG; "keep" gives PNG for an image with transparency."""
    quality: int = 90
    """JPEG quality of the original, 1 to 95."""
    seconds: float = 20.0
    """Wall clock for one image in seconds, without waiting for a free decoder."""


@dataclass(frozen=True, slots=True)
class Resize:
    """A smaller copy: WebP with its long side at most `side` pixels; never enlarged."""

    side: int
    quality: int = 82


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An image that the sanitizer wrote. `sha256` is of `data`, in hex; `source_format` is what came in."""

    data: bytes = field(repr=False)
    width: int
    height: int
    format: str
    content_type: str
    sha256: str
    source_format: str


@dataclass(frozen=True, slots=True)
class SanitizedImage:
    """The sanitized original, and the smaller copies by name."""

    original: EncodedImage
    copies: Mapping[str, EncodedImage]


@dataclass(frozen=True, slots=True)
class ReadImage:
    """What `sanitize_copies` made of an image, and the size of the whole."""

    width: int
    height: int
    copies: Mapping[str, EncodedImage]


def sanitize(data: bytes, *, policy: ImagePolicy | None = None) -> EncodedImage:
    """Decode, orient, strip and re-encode one image. Raises as `sanitize_with_copies`."""
    return sanitize_with_copies(data, {}, policy=policy).original


def sanitize_with_copies(
    data: bytes, copies: Mapping[str, Resize], *, policy: ImagePolicy | None = None
) -> SanitizedImage:
    """`sanitize`, and smaller copies made of the same decoding.

    Args:
        data: the file as received; nothing about it is trusted.
        copies: smaller copies to make, by name.
        policy: limits and output; the default `ImagePolicy()` if None.

    Raises:
        TooLarge: `too_many_bytes`.
        UnsupportedMedia: `unsupported_type`.
        Unprocessable: `too_small`, `too_many_pixels`, `too_many_scans`, `too_many_parts`,
            `animated`, `rare_coding`, `corrupt`, `timeout`.
        Unavailable: all decoders are busy, or one was stopped from outside; retryable.
        ConfigurationError: the decoder process cannot be started.
    """
    read = _read(data, copies, policy or ImagePolicy(), original=True)
    made = dict(read.copies)
    return SanitizedImage(made.pop(ORIGINAL), made)


def sanitize_copies(data: bytes, copies: Mapping[str, Resize], *, policy: ImagePolicy | None = None) -> ReadImage:
    """Smaller copies alone: the whole image is decoded and checked, and not encoded. Raises as the function above."""
    return _read(data, copies, policy or ImagePolicy(), original=False)


def _read(data: bytes, copies: Mapping[str, Resize], policy: ImagePolicy, *, original: bool) -> ReadImage:
    """The copies, and the whole image as one of them if asked for."""
    source = _admit(data, policy)
    request = {
        "source": source,
        "min_side": policy.min_side,
        "max_side": policy.max_side,
        "max_pixels": policy.max_pixels,
        "alpha": policy.alpha,
        "quality": policy.quality,
        "timeout": policy.seconds,
        "original": original,
        "copies": [{"name": name, "side": copy.side, "quality": copy.quality} for name, copy in copies.items()],
    }
    try:
        answer, parts = pool().run(request, data, policy.seconds)
    except ChildTimedOut:
        turns.spend(megapixels=policy.max_pixels / 1e6 * TIMES_JPEG["AVIF"])
        raise _refusal("timeout", policy) from None
    except ChildCrashed as error:
        turns.spend(calls=DAMAGED_CALLS)
        raise _refusal("corrupt", policy) from error
    if "code" in answer:
        if answer["code"] not in BY_HEADER:
            turns.spend(calls=DAMAGED_CALLS)
        raise _refusal(str(answer["code"]), policy)
    try:
        width, height = map(int, answer["size"])
        turns.spend(megapixels=width * height / 1e6 * TIMES_JPEG.get(source, 1))
        images = {
            str(image["name"]): _checked(image, part, source)
            for image, part in zip(answer["images"], parts, strict=True)
        }
        if set(images) != {*copies, *((ORIGINAL,) if original else ())}:
            raise ValueError("other pictures than asked for")
        return ReadImage(width, height, images)
    except (LookupError, TypeError, ValueError) as error:
        raise _refusal("corrupt", policy) from error


def _admit(data: bytes, policy: ImagePolicy) -> str:
    """The checks that need no decoding; returns the format."""
    if len(data) > policy.max_bytes:
        raise _refusal("too_many_bytes", policy)
    source = formats.sniff(data)
    if source is None or source not in policy.formats:
        other = others.Other(source) if source else others.describe(data)
        said = f"{other.name} is not accepted." if other else "Not a picture."
        raise UnsupportedMedia(" ".join(filter(None, (said, other and other.remedy, _ACCEPTED))))
    if source == "JPEG" and formats.scans(data, policy.max_scans) > policy.max_scans:
        raise _refusal("too_many_scans", policy)
    return source


def _refusal(code: str, policy: ImagePolicy) -> StudioError:
    if code == "too_many_bytes":
        megabytes = policy.max_bytes / 1e6
        return TooLarge(f"The file is over {megabytes:g} MB. Send a smaller or more compressed picture.")
    messages = {
        "too_small": f"A side is under {policy.min_side} pixels. Send a larger picture.",
        "too_many_pixels": (
            f"Over {policy.max_pixels / 1e6:g} megapixels or {policy.max_side} pixels a side. Scale it down."
        ),
        "too_many_scans": f"A JPEG of over {policy.max_scans} scans. Save it again as an ordinary JPEG.",
        "too_many_parts": "A file of more parts than any picture has. Save it again as JPEG or PNG.",
        "rare_coding": "A JPEG that is coded in a rare way. Save it again as an ordinary JPEG.",
        "animated": "An animation. Send a single picture.",
        "timeout": "Decoding takes too long. Scale the picture down or save it again as JPEG.",
        "corrupt": "The picture is damaged or incomplete. Save it again as JPEG or PNG and retry.",
    }
    code = code if code in messages else "corrupt"
    return Unprocessable(messages[code], code=code)


def _checked(image: Mapping[str, Any], data: bytes, source: str) -> EncodedImage:
    """Believe nothing of a process that has read foreign bytes: the result must be a picture alone."""
    written = str(image["format"])
    if not formats.only_pixels(data, written):
        raise Unprocessable("The picture could not be decoded. Save it again as JPEG or PNG.", code="corrupt")
    return EncodedImage(
        data=data,
        width=int(image["width"]),
        height=int(image["height"]),
        format=written,
        content_type=formats.CONTENT_TYPES[written],
        sha256=hashlib.sha256(data).hexdigest(),
        source_format=source,
    )
