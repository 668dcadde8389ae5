"""Segment an image: the mask of a target, the classes in the image, and the confidence."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Literal

from shared import turns
from shared.errors import Unprocessable
from shared.images.targets import Target
from shared.vision import careful, matte, parser, presence
from shared.vision.arrays import pixels_of
from shared.vision.cutout import Box, bounds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


CLOTHES: Final = ("upper", "outerwear", "lower", "full_body", "footwear", "accessory")
CLASSES_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "garment": ("upper", "outerwear", "lower", "full_body"),
    "upper": ("upper",),
    "outerwear": ("outerwear",),
    "lower": ("lower",),
    "dress": ("full_body",),
    "footwear": ("footwear",),
    "accessory": ("accessory",),
}
"""Classes of a target in a photo of a person, by the labels in the parser's manifest. `person` is everything but the
background there; in a photo of a garment alone, `garment` is."""

MIN_AREA: Final = 0.004
"""Share of the image below which a target counts as not found."""
MIN_CLASS_AREA: Final = 0.003
"""Share of the image below which a class is not listed."""
GOOD_CONFIDENCE: Final = 0.75
"""Confidence below which the quality of a mask is `low`."""
MIN_PRODUCT_AREA: Final = 0.02
"""Share of its photo that a garment must fill to be offered or tried on."""
MIN_PRODUCT_CONFIDENCE: Final = 0.6
"""Confidence below which a photo shows no garment: 1 % of photos of garments are below it, and most empty ones."""


def shows_garment(area_share: float, worn: bool, confidence: float) -> bool:
    """Whether a mask found in a photo is a garment, not the texture of an empty background."""
    return area_share >= MIN_PRODUCT_AREA and (worn or confidence >= MIN_PRODUCT_CONFIDENCE)


def offers(parsed: parser.Parsed) -> bool:
    """Whether a parsed photo shows a garment, by the rule of `shows_garment` before a mask is made."""
    chance = _chance(parsed, "garment")
    return shows_garment(float((chance >= 0.5).mean()), parsed.is_worn, _confidence(chance))


@dataclass(frozen=True)
class ClassFound:
    """A class in the image: its share of the area in 0..1, and its bounding box in pixels."""

    name: str
    area_share: float
    box: Box


@dataclass(frozen=True)
class Segment:
    """The result of a segmentation.

    Args:
        alpha: (h, w) uint8 of the image's own size, soft by 1-2 pixels at the edge.
        area_share: of the mask, 0..1.
        worn: whether a person wears the garment; `worn_chance`: the probability of that.
        confidence: 0..1, mean certainty of the parser's first pass over the mask and its surroundings; what counts as
            certain was chosen for one pass.
        version: of the model.
    """

    alpha: NDArray[Any]
    classes: tuple[ClassFound, ...]
    area_share: float
    worn: bool
    worn_chance: float
    confidence: float
    version: str

    @property
    def quality(self) -> Literal["good", "low"]:
        """Whether the mask may be used without a person checking it."""
        return "good" if self.confidence >= GOOD_CONFIDENCE else "low"


MAX_PARALLEL: Final = 2
"""Images that a process segments at the same time: the arrays of a large one take a hundred megabytes."""
_places = turns.Places(MAX_PARALLEL, MAX_PARALLEL - 1)


@contextmanager
def in_turn() -> Generator[None]:
    """Decode, segment and encode an image in the caller's turn, one at a time. Not to be nested.

    One caller's images in two threads leave no time of two processors for answers of milliseconds. Threads of a lower
    priority would, but one that waits for a processor while it holds Python's lock holds all others up (decision 74).
    """
    _places.take(None)
    try:
        yield
    finally:
        _places.give_back()


def decode(data: bytes, *, max_pixels: int | None = None) -> NDArray[np.uint8]:
    """A sanitized image as RGB (h, w, 3).

    Args:
        max_pixels: scale a larger image down to as many; a JPEG is decoded smaller, so it is never in memory whole.
    """
    from PIL import Image

    with Image.open(BytesIO(data)) as image:
        if max_pixels is not None and image.width * image.height > max_pixels:
            scale = math.sqrt(max_pixels / (image.width * image.height))
            image.thumbnail((int(image.width * scale), int(image.height * scale)), Image.Resampling.BOX)
        return pixels_of(image.convert("RGB"))


def segment(pixels: NDArray[np.uint8], target: Target = "garment") -> Segment:
    """Find `target` in an upright RGB image (h, w, 3). The model decides whether it is worn.

    Args:
        pixels: in the caller's turn (`in_turn`).
        target: what the mask is of.

    Raises:
        Unprocessable: `nothing_found`, the target is not in the image.
        ConfigurationError: as `parser.loaded` does.
    """
    if presence.empty(pixels):
        raise _nothing_found(target)
    first = parser.parse(pixels)
    if target == "person" and not first.is_worn:
        # No further view changes this, and a search for what is not there costs as much as a mask.
        raise _nothing_found(target)
    parsed = careful.improve(pixels, first)
    chance = _chance(parsed, target)
    if not chance.any():
        raise _nothing_found(target)
    alpha = matte.alpha(chance, pixels)
    share = float((alpha > 127).mean())
    if share < MIN_AREA:
        raise _nothing_found(target)
    return Segment(
        alpha=alpha,
        classes=_classes(parsed, pixels.shape[:2]),
        area_share=round(share, 4),
        worn=parsed.is_worn,
        worn_chance=round(parsed.worn, 4),
        confidence=round(_confidence(_chance(first, target)), 4),
        version=parsed.version,
    )


def _nothing_found(target: Target) -> Unprocessable:
    return Unprocessable(f"there is no {target} in the image", code="nothing_found", field="target")


def _chance(parsed: parser.Parsed, target: Target) -> NDArray[Any]:
    """(rows, columns): probability that a place belongs to the target."""
    import numpy as np

    if target == "person":
        return parsed.foreground if parsed.is_worn else np.zeros_like(parsed.foreground)
    if parsed.is_worn:
        return parsed.share_of(CLASSES_OF[target])
    if target == "garment" or _main_class(parsed) in CLASSES_OF[target]:
        return parsed.foreground
    return np.zeros_like(parsed.foreground)


def _main_class(parsed: parser.Parsed) -> str:
    """The class of a garment that lies alone: the one with most of the foreground."""
    weights = {name: float((parsed.share_of((name,)) * parsed.foreground).sum()) for name in CLOTHES}
    return max(weights, key=weights.__getitem__)


def _confidence(chance: NDArray[Any]) -> float:
    """Mean of |2p - 1| over the places that may belong to the target."""
    import numpy as np

    region = chance > 0.1
    return float(np.abs(2 * chance[region] - 1).mean()) if region.any() else 0.0


def _classes(parsed: parser.Parsed, size: tuple[int, int]) -> tuple[ClassFound, ...]:
    """The classes of the whole image, the largest first; a garment alone is a single class."""
    import numpy as np

    height, width = size
    subject = parsed.foreground >= 0.5
    if parsed.is_worn:
        names = [name for name in parsed.labels if name != parser.BACKGROUND]
        strongest = np.stack([parsed.share_of((name,)) for name in names]).argmax(0)
        masks = {name: subject & (strongest == n) for n, name in enumerate(names)}
    else:
        masks = {_main_class(parsed): subject}
    rows, columns = subject.shape
    found: list[ClassFound] = []
    for name, mask in masks.items():
        share = float(mask.mean())
        box = bounds(mask)
        if box is None or share < MIN_CLASS_AREA:
            continue
        x, y = box.x * width // columns, box.y * height // rows
        right, low = -(-(box.x + box.width) * width // columns), -(-(box.y + box.height) * height // rows)
        found.append(ClassFound(name, round(share, 4), Box(x, y, right - x, low - y)))
    return tuple(sorted(found, key=lambda one: -one.area_share))


def png(pixels: NDArray[Any]) -> bytes:
    """A mask (h, w) or an RGB(A) image (h, w, 3 or 4) as PNG."""
    from PIL import Image

    out = BytesIO()
    # Of photos the fastest level takes two thirds of the time for 4 % more bytes; masks would be twice as large.
    Image.fromarray(pixels).save(out, "PNG", compress_level=4 if pixels.ndim == 2 else 1)
    return out.getvalue()


def webp(pixels: NDArray[Any], side: int, quality: int = 88) -> bytes:
    """An RGB image as WebP, its longer side at most `side` pixels."""
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    out = BytesIO()
    image.save(out, "WEBP", quality=quality, method=4)
    return out.getvalue()
