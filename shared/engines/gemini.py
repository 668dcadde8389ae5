"""Gemini's image model as an engine: composited like every other engine, or the whole picture as the model made it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from shared.engines import canvas, region
from shared.engines.base import (
    Category,
    IsCancelled,
    Progress,
    Report,
    Result,
    composite,
    never_cancelled,
    no_progress,
    raise_if_cancelled,
)
from shared.errors import StudioError, UpstreamError
from shared.gemini.answers import GeneratedImage, InlineImage
from shared.gemini.client import Gemini as Service
from shared.gemini.settings import gemini_settings
from shared.vto.engines import GEMINI
from shared.vto.errors import ContentRefused

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


def _ignored() -> None:
    """An `on_call` that does nothing."""


class Gemini:
    """Stateless except for the client. The service accepts a seed, but does not promise the same image for it.

    Args:
        service: the client; a process needs only one.
        whole: return the picture as the model made it, at its own size, instead of what it changed of the person image.
        prompt: instructions in words.
        aspect_ratio: of a whole picture; by default the nearest to the person image's.
        on_call: called right before the service is, which has to be paid from then on.
        decode: decodes the service's picture; None if it can't be.
    """

    name: ClassVar[str] = GEMINI
    device = "remote"

    def __init__(
        self,
        service: Service | None = None,
        *,
        whole: bool = False,
        prompt: str | None = None,
        aspect_ratio: str | None = None,
        on_call: Callable[[], None] = _ignored,
        decode: Callable[[bytes], NDArray[Any] | None] = canvas.decode,
    ) -> None:
        self._service = service or Service()
        self._whole, self._prompt, self._ratio, self._on_call = whole, prompt, aspect_ratio, on_call
        self._decode = decode

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
            NoPerson, GarmentNotFound, ContentRefused, StudioError: as the service fails (`shared.gemini`). Of a whole
                picture, the codes of conversions are kept (`blocked`).
        """
        if self._whole:
            return self._picture(person, garment, seed, progress, is_cancelled)
        height, width = person.shape[:2]
        before = region.parse_person(person)
        region.require_garment(garment)
        progress(0.1)
        ratio = canvas.nearest_ratio(width / height, RATIOS)
        padded, inner = canvas.pad(person, ratio)
        instructions = " ".join(filter(None, (PROMPTS[category], self._prompt)))
        response, pixels = self._call(padded, garment, instructions, seed, ratio, progress, is_cancelled)
        painted = canvas.resize(pixels, padded.shape[1], padded.shape[0])[inner]
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

    def _picture(
        self, person: NDArray[Any], garment: NDArray[Any], seed: int, progress: Progress, is_cancelled: IsCancelled
    ) -> Result:
        import numpy as np

        response, pixels = self._call(person, garment, self._prompt, seed, self._ratio, progress, is_cancelled)
        progress(1.0)
        everywhere = np.full(pixels.shape[:2], 255, np.uint8)
        notes = {"tokens": response.tokens, "reproducible": False}
        return Result(pixels, everywhere, Report(self.name, self.version, seed, 0, notes))

    def _call(
        self,
        person: NDArray[Any],
        garment: NDArray[Any],
        prompt: str | None,
        seed: int,
        ratio: str | None,
        progress: Progress,
        is_cancelled: IsCancelled,
    ) -> tuple[GeneratedImage, NDArray[Any]]:
        raise_if_cancelled(is_cancelled)
        sent = [InlineImage(canvas.jpeg(image, MAX_SIDE_PX), "image/jpeg") for image in (person, garment)]
        self._on_call()
        try:
            response = self._service.generate(*sent, prompt=prompt, seed=seed, aspect_ratio=ratio)
        except StudioError as error:
            if error.code == "blocked" and not self._whole:
                raise ContentRefused(error.message) from None
            raise
        raise_if_cancelled(is_cancelled)
        progress(0.8)
        pixels = self._decode(response.data)
        if pixels is None:
            raise UpstreamError("the picture that came back can't be used", code="bad_picture", max_tries=2)
        return response, pixels
