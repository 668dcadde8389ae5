"""Gemini's image model as an engine: the one that `conversions` use, with the common end of every engine."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from shared.errors import StudioError, UpstreamError
from shared.gemini.client import Gemini as Service
from shared.gemini.client import InlineImage
from shared.gemini.settings import gemini_settings
from shared.vto.errors import ContentRefused
from vto_container.engines import region
from vto_container.engines.base import Cancelled, Category, Progress, Result, check, finished, never, unheard

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 1536
"""Longest side that is sent: the service works on tiles of its own and answers in about this size."""
FEATHER = 0.01
"""Of the shorter side: what was painted never lies exactly on the photo, so the seam is wide."""
RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9")
WHERE: dict[Category, str] = {
    "upper": "The garment is worn on the upper body; leave trousers, skirt and shoes as they are.",
    "lower": "The garment is worn on the lower body; leave the upper body's clothes and the shoes as they are.",
    "dress": "The garment is a dress or a one-piece that takes the place of both upper and lower clothes.",
}


class Gemini:
    """Stateless but for the client. The service takes a seed, yet does not promise the same picture for it."""

    name = "gemini"
    device = "remote"

    def __init__(self) -> None:
        self._service = Service()

    @property
    def version(self) -> str:
        """The configured model."""
        return gemini_settings().gemini_model

    def load(self) -> None:
        """Nothing to load; a key that is missing is told by the first call."""

    def generate(
        self,
        person: NDArray[Any],
        garment: NDArray[Any],
        category: Category,
        seed: int,
        steps: int,
        mask: NDArray[Any] | None = None,
        progress: Progress = unheard,
        cancelled: Cancelled = never,
    ) -> Result:
        """See `base.Engine`. One call; it can't be stopped once it is on its way.

        The photo is widened to the nearest ratio that the service knows, by repeating its edge, and the answer is cut
        back: asked for another ratio than it sees, the model composes anew.

        Raises:
            NoPerson, GarmentNotFound, ContentRefused, StudioError: as the service fails (`shared.gemini`).
        """
        import numpy as np
        from PIL import Image

        height, width = person.shape[:2]
        before = region.person(person)
        region.garment(garment)
        progress(0.1)
        check(cancelled)
        ratio = _ratio(width / height)
        sent, inner = _widened(person, ratio)
        try:
            answer = self._service.generate(
                _jpeg(sent), _jpeg(garment), prompt=WHERE[category], seed=seed, aspect_ratio=ratio
            )
        except StudioError as error:
            if error.code == "blocked":
                raise ContentRefused(error.message) from None
            raise
        check(cancelled)
        progress(0.8)
        try:
            with Image.open(BytesIO(answer.data), formats=("PNG", "JPEG", "WEBP")) as image:
                size = (sent.shape[1], sent.shape[0])
                painted = np.asarray(image.convert("RGB").resize(size, Image.Resampling.LANCZOS))[inner]
        except Exception:
            raise UpstreamError("the picture that came back can't be used", code="bad_picture") from None
        edit = region.edit(before, painted, category, (height, width)) if mask is None else mask
        notes = {"tokens": answer.tokens, "drift": region.drift(person, painted, edit), "reproducible": False}
        progress(1.0)
        return finished(
            person,
            painted,
            edit,
            engine=self.name,
            version=self.version,
            seed=seed,
            notes=notes,
            feather=max(1, round(FEATHER * min(height, width))),
        )


def _ratio(aspect: float) -> str:
    """The nearest of the service's ratios, by the logarithm: 2:1 is as far from 1:1 as 1:2 is."""
    from math import log

    def far(ratio: str) -> float:
        wide, high = ratio.split(":")
        return abs(log(int(wide) / int(high) / aspect))

    return min(RATIOS, key=far)


def _widened(pixels: NDArray[Any], ratio: str) -> tuple[NDArray[Any], tuple[slice, slice]]:
    """The picture in a ratio, with more of its edge on two sides, and where the picture lies in it."""
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
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    out = BytesIO()
    image.save(out, "JPEG", quality=92)
    return InlineImage(out.getvalue(), "image/jpeg")
