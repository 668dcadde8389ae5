"""Pictures for hosted engines: on a canvas of a ratio that the service supports, encoded small."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from math import log
from typing import TYPE_CHECKING, Any

from shared.vision.arrays import pixels_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


def nearest_ratio(aspect: float, ratios: Sequence[str]) -> str:
    """The nearest of some ratios (`3:4`) to width / height, by the logarithm: 2:1 is as far from 1:1 as 1:2 is."""

    def distance(ratio: str) -> float:
        wide, high = ratio.split(":")
        return abs(log(int(wide) / int(high) / aspect))

    return min(ratios, key=distance)


def pad(pixels: NDArray[Any], ratio: str) -> tuple[NDArray[Any], tuple[slice, slice]]:
    """The image padded to a ratio by its edge on two sides, and the part of it that is the image itself."""
    import numpy as np

    height, width = pixels.shape[:2]
    wide, high = (int(side) for side in ratio.split(":"))
    more_x = max(0, round(height * wide / high) - width)
    more_y = max(0, round(width * high / wide) - height) if not more_x else 0
    left, top = more_x // 2, more_y // 2
    padded = np.pad(pixels, ((top, more_y - top), (left, more_x - left), (0, 0)), "edge")
    return padded, (slice(top, top + height), slice(left, left + width))


def jpeg(pixels: NDArray[Any], max_side_px: int) -> bytes:
    """The image as JPEG whose longer side has at most so many pixels."""
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((max_side_px, max_side_px), Image.Resampling.LANCZOS)
    out = BytesIO()
    image.save(out, "JPEG", quality=92)
    return out.getvalue()


def decode(data: bytes) -> NDArray[Any] | None:
    """A picture of a service as RGB (h, w, 3), uint8; None if it can't be decoded."""
    from PIL import Image

    try:
        with Image.open(BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
            return pixels_of(image.convert("RGB"))
    except Exception:
        return None


def resize(pixels: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """The image at another size."""
    import numpy as np
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))
