"""The image gate: every foreign image passes here, and what comes out is new bytes that hold only pixels.

Size and type are judged from the bytes; decoding happens in a process that may be killed (`gate_child`); the
result is upright, sRGB, free of metadata and re-encoded, so whatever rode along in the file stays behind.
Neither Pillow nor numpy is imported here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.errors import StudioError, TooLarge, Unprocessable, UnsupportedMedia
from shared.images import formats
from shared.images.gate_pool import ChildCrashed, ChildTimedOut, pool

MIN_BYTES = 64
_TAKEN = "Send a JPEG, PNG, WebP, AVIF or HEIC picture."


@dataclass(frozen=True, slots=True)
class ImagePolicy:
    """What the gate takes and gives. The defaults are right for photos from shoppers and vendors."""

    max_bytes: int = 15_000_000
    min_side: int = 16
    max_side: int = 12_000
    max_pixels: int = 40_000_000
    max_scans: int = 64
    formats: frozenset[str] = frozenset(formats.ACCEPTED)
    alpha: Literal["white", "keep"] = "white"
    """"white" puts transparency on white and gives JPEG; "keep" gives PNG for an image with transparency."""
    quality: int = 90
    """JPEG quality of the clean original, 1..95."""
    seconds: float = 20.0
    """Wall clock for one image, waiting for a free decoder not included."""


@dataclass(frozen=True, slots=True)
class Box:
    """A derivative: WebP with its long side at most `side` pixels; never enlarged."""

    side: int
    quality: int = 82


@dataclass(frozen=True, slots=True)
class CleanImage:
    """An image the gate wrote. `sha256` is of `data`, in hex; `source_format` is what came in."""

    data: bytes = field(repr=False)
    width: int
    height: int
    format: str
    content_type: str
    sha256: str
    source_format: str


@dataclass(frozen=True, slots=True)
class CleanSet:
    """The clean original and the derivatives by the names they were asked for."""

    original: CleanImage
    derived: Mapping[str, CleanImage]


def clean(data: bytes, *, policy: ImagePolicy | None = None) -> CleanImage:
    """Decode, orient, strip and re-encode one image. Raises as `clean_with_derivatives`."""
    return clean_with_derivatives(data, {}, policy=policy).original


def clean_with_derivatives(data: bytes, derive: Mapping[str, Box], *, policy: ImagePolicy | None = None) -> CleanSet:
    """`clean`, and smaller copies made of the same decoding.

    Args:
        data: the file as received; nothing about it is believed.
        derive: derivatives to make, by name.
        policy: limits and output; the default `ImagePolicy()` if None.

    Raises:
        TooLarge: `too_many_bytes`.
        UnsupportedMedia: `unsupported_type`.
        Unprocessable: `too_small`, `too_many_pixels`, `too_many_scans`, `animated`, `corrupt`, `timeout`.
        Unavailable: all decoders are busy, or one was stopped from outside; retryable.
        ConfigurationError: the decoder process cannot be started.
    """
    policy = policy or ImagePolicy()
    source = _admit(data, policy)
    request = {
        "source": source,
        "min_side": policy.min_side,
        "max_side": policy.max_side,
        "max_pixels": policy.max_pixels,
        "alpha": policy.alpha,
        "quality": policy.quality,
        "timeout": policy.seconds,
        "derive": [{"name": name, "side": box.side, "quality": box.quality} for name, box in derive.items()],
    }
    try:
        answer, parts = pool().run(request, data, policy.seconds)
    except ChildTimedOut:
        raise _refusal("timeout", policy) from None
    except ChildCrashed as error:
        raise _refusal("corrupt", policy) from error
    if "code" in answer:
        raise _refusal(str(answer["code"]), policy)
    try:
        images = {
            str(image["name"]): _checked(image, part, source)
            for image, part in zip(answer["images"], parts, strict=True)
        }
        return CleanSet(images.pop(""), images)
    except (LookupError, TypeError, ValueError) as error:
        raise _refusal("corrupt", policy) from error


def _admit(data: bytes, policy: ImagePolicy) -> str:
    """The checks that need no decoding; returns the format."""
    if len(data) > policy.max_bytes:
        raise _refusal("too_many_bytes", policy)
    source = formats.sniff(data)
    if source is None or source not in policy.formats:
        found = source or formats.name_of_other(data)
        raise UnsupportedMedia(f"{found} is not taken. {_TAKEN}" if found else f"Not a picture. {_TAKEN}")
    if len(data) < MIN_BYTES:
        raise _refusal("corrupt", policy)
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
        "animated": "An animation. Send a single picture.",
        "timeout": "Decoding takes too long. Scale the picture down or save it again as JPEG.",
        "corrupt": "The picture is damaged or incomplete. Save it again as JPEG or PNG and retry.",
    }
    code = code if code in messages else "corrupt"
    return Unprocessable(messages[code], code=code)


def _checked(image: Mapping[str, Any], data: bytes, source: str) -> CleanImage:
    """Believe nothing of a process that has read foreign bytes: the result must be a picture alone."""
    written = str(image["format"])
    if not formats.only_pixels(data, written):
        raise Unprocessable("The picture could not be cleaned. Save it again as JPEG or PNG.", code="corrupt")
    return CleanImage(
        data=data,
        width=int(image["width"]),
        height=int(image["height"]),
        format=written,
        content_type=formats.CONTENT_TYPES[written],
        sha256=hashlib.sha256(data).hexdigest(),
        source_format=source,
    )
