"""Gemini's image model as an engine: the model that conversions use, composited like every other engine."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from shared.errors import StudioError, UpstreamError
from shared.gemini.answers import InlineImage
from shared.gemini.client import Gemini as Service
from shared.gemini.settings import gemini_settings
from shared.vto.errors import ContentRefused
from vto_container.engines import region
from vto_container.engines.base import (
    Category,
    IsCancelled,
    Progress,
    Result,
    composite,
    never_cancelled,
    no_progress,
    raise_if_cancelled,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_SIDE_PX: Final = 1536
"""Longest side that is sent: the service returns about this size."""
FEATHER_SHARE: Final = 0.01
"""Feather as a share of the shorter side: the generated image never aligns exactly, so the seam is wide."""
RATIOS: Final = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9")
PROMPTS: dict[Category, str] = {
    "upper": "The garment is worn on the upper body; leave trousers, skirt and shoes as they are.",
    "lower": "The garment is worn on the lower body; leave the upper body's clothes and the shoes as they are.",
    "dress": "The garment is a dress or a one-piece that takes the place of both upper and lower clothes.",
}


class Gemini:
    """Stateless except for the client. The service accepts a seed, but does not promise the same image for it."""

    name = "gemini"
    device = "remote"

    def __init__(self) -> None:
        self._service = Service()

    @property
    def version(self) -> str:
        """The configured model."""
        return gemini_settings().gemini_model

    def load(self) -> None:
        """Nothing to load; a missing key fails the first call."""

    def generate(
        self,
        person: NDArray[Any],
        garment: NDArray[Any],
        category: Category,
        seed: int,
        steps: int,
        mask: NDArray[Any] | None = None,
        progress: Progress = no_progress,
        is_cancelled: IsCancelled = never_cancelled,
    ) -> Result:
        """See `base.Engine`. One call, which can't be cancelled once it is sent.

        The person image is padded to the nearest aspect ratio that the service supports by repeating its edge, and the
        result is cropped back: for any other ratio the model recomposes the scene.

        Raises:
            NoPerson, GarmentNotFound, ContentRefused, StudioError: as the service fails (`shared.gemini`).
        """
        import numpy as np
        from PIL import Image

        height, width = person.shape[:2]
        before = region.parse_person(person)
        region.require_garment(garment)
        progress(0.1)
        raise_if_cancelled(is_cancelled)
        ratio = _nearest_ratio(width / height)
        padded, inner = _pad(person, ratio)
        try:
            response = self._service.generate(
                _jpeg(padded), _jpeg(garment), prompt=PROMPTS[category], seed=seed, aspect_ratio=ratio
            )
        except StudioError as error:
            if error.code == "blocked":
                raise ContentRefused(error.message) from None
            raise
        raise_if_cancelled(is_cancelled)
        progress(0.8)
        try:
            with Image.open(BytesIO(response.data), formats=("PNG", "JPEG", "WEBP")) as image:
                size = (padded.shape[1], padded.shape[0])
                painted = np.asarray(image.convert("RGB").resize(size, Image.Resampling.LANCZOS))[inner]
        except Exception:
            raise UpstreamError("the returned image can't be decoded", code="bad_picture") from None
        edit = region.edit_mask(before, painted, category, (height, width)) if mask is None else mask
        notes = {"tokens": response.tokens, "drift": region.drift(person, painted, edit), "reproducible": False}
        progress(1.0)
        return composite(
            person,
            painted,
            edit,
            engine=self.name,
            version=self.version,
            seed=seed,
            notes=notes,
            feather_px=max(1, round(FEATHER_SHARE * min(height, width))),
        )


def _nearest_ratio(aspect: float) -> str:
    """The nearest supported ratio, by the logarithm: 2:1 is as far from 1:1 as 1:2 is."""
    from math import log

    def distance(ratio: str) -> float:
        wide, high = ratio.split(":")
        return abs(log(int(wide) / int(high) / aspect))

    return min(RATIOS, key=distance)


def _pad(pixels: NDArray[Any], ratio: str) -> tuple[NDArray[Any], tuple[slice, slice]]:
    """The image padded to a ratio by its edge on two sides, and the part of it that is the image itself."""
    import numpy as np

    height, width = pixels.shape[:2]
    wide, high = (int(side) for side in ratio.split(":"))
    more_x = max(0, round(height * wide / high) - width)
    more_y = max(0, round(width * high / wide) - height) if not more_x else 0
    left, top = more_x // 2, more_y // 2
    padded = np.pad(pixels, ((top, more_y - top), (left, more_x - left), (0, 0)), "edge")
    return padded, (slice(top, top + height), slice(left, left + width))


def _jpeg(pixels: NDArray[Any]) -> InlineImage:
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX), Image.Resampling.LANCZOS)
    out = BytesIO()
    image.save(out, "JPEG", quality=92)
    return InlineImage(out.getvalue(), "image/jpeg")
