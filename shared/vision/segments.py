"""One picture segmented: the mask of what was asked for, the classes in it, and how sure that is."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Literal

from shared.errors import Unprocessable
from shared.vision import matte, parser, presence
from shared.vision.cutout import Box, bounds

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Target = Literal["garment", "person", "upper", "outerwear", "lower", "dress", "footwear", "accessory"]

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
"""What a target means in a photo of somebody, by the names that a parser's manifest uses for its labels. `person` is
everything but background there; in a photo of a garment alone, `garment` is."""

MAX_PARALLEL: Final = 2
"""Images that a process segments at once: the arrays of a large one take a hundred megabytes."""
LEAST_AREA: Final = 0.004
"""Share of the picture below which a target counts as not found."""
LEAST_CLASS: Final = 0.003
SURE: Final = 0.75
"""Confidence below which a mask is called `low`."""


LEAST_PRODUCT: Final = 0.02
"""Share of its photo that a garment must fill to be offered or tried on."""
SEEN: Final = 0.6
"""Confidence below which nothing lies there: of photos of a garment 1 % are less sure, of empty ones most."""


def shows_garment(area_share: float, worn: bool, confidence: float) -> bool:
    """Whether what was found in a photo of a garment is one, and not the pattern of an empty ground."""
    return area_share >= LEAST_PRODUCT and (worn or confidence >= SEEN)


def offers(parsed: parser.Parsed) -> bool:
    """Whether a parsed photo shows a garment, as `shows_garment` judges the finished mask."""
    chance = _chance(parsed, "garment")
    return shows_garment(float((chance >= 0.5).mean()), parsed.is_worn, _confidence(chance))


@dataclass(frozen=True)
class ClassFound:
    """A class of the picture: share of its area in 0..1, and the rectangle around it in pixels."""

    name: str
    area_share: float
    box: Box


@dataclass(frozen=True)
class Segment:
    """The answer.

    Args:
        alpha: (h, w) uint8 of the picture's own size, soft by 1-2 pixels at the edge.
        area_share: of the mask, 0..1.
        worn: whether somebody wears it; `worn_chance` as the model gave it.
        confidence: 0..1, mean certainty of the map over the mask and its surroundings.
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
        """Whether the mask may be used unseen."""
        return "good" if self.confidence >= SURE else "low"


@cache
def _turns() -> threading.BoundedSemaphore:
    """Limits the images that this process segments at once."""
    return threading.BoundedSemaphore(MAX_PARALLEL)


def decode(data: bytes) -> NDArray[Any]:
    """A clean picture, as the image sanitizer writes them, as RGB (h, w, 3) uint8."""
    import numpy as np
    from PIL import Image

    with Image.open(BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def segment(picture: NDArray[Any], target: Target = "garment") -> Segment:
    """Find `target` in an upright RGB picture (h, w, 3) uint8. Whether it is worn is found out.

    Raises:
        Unprocessable: `nothing_found`, the target is not in the picture.
        ConfigurationError: as `parser.loaded` does.
    """
    with _turns():
        return _segment(picture, target)


def _segment(picture: NDArray[Any], target: Target) -> Segment:
    if presence.empty(picture):
        raise _nothing(target)
    parsed = parser.parse(picture)
    chance = _chance(parsed, target)
    alpha = matte.alpha(chance, picture)
    share = float((alpha > 127).mean())
    if share < LEAST_AREA:
        raise _nothing(target)
    return Segment(
        alpha=alpha,
        classes=_classes(parsed, picture.shape[:2]),
        area_share=round(share, 4),
        worn=parsed.is_worn,
        worn_chance=round(parsed.worn, 4),
        confidence=round(_confidence(chance), 4),
        version=parsed.version,
    )


def _nothing(target: Target) -> Unprocessable:
    return Unprocessable(f"there is no {target} to be seen in the picture", code="nothing_found", field="target")


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
    """How decided the map is where it matters: mean of |2p - 1| where p is not plainly nothing."""
    import numpy as np

    region = chance > 0.1
    return float(np.abs(2 * chance[region] - 1).mean()) if region.any() else 0.0


def _classes(parsed: parser.Parsed, size: tuple[int, int]) -> tuple[ClassFound, ...]:
    """The classes of the whole picture, the largest first; a garment alone is one class, whatever its spots say."""
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
        if box is None or share < LEAST_CLASS:
            continue
        x, y = box.x * width // columns, box.y * height // rows
        right, low = -(-(box.x + box.width) * width // columns), -(-(box.y + box.height) * height // rows)
        found.append(ClassFound(name, round(share, 4), Box(x, y, right - x, low - y)))
    return tuple(sorted(found, key=lambda one: -one.area_share))


def png(pixels: NDArray[Any]) -> bytes:
    """A mask (h, w) or an RGB(A) picture (h, w, 3 or 4) as PNG."""
    from PIL import Image

    out = BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=4)
    return out.getvalue()


def webp(pixels: NDArray[Any], side: int, quality: int = 88) -> bytes:
    """An RGB picture as WebP, its long side at most `side` pixels."""
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    out = BytesIO()
    image.save(out, "WEBP", quality=quality, method=4)
    return out.getvalue()
