"""The built-in engine: two small networks that run anywhere. A preview, not a photograph.

The parser finds the body and the old garment; `tryon_warp` lays the new one, cut out of its photo, onto the body;
`tryon_compose` paints what the old one uncovers and decides what lies in front. The garment's texture is looked up in
its own photo, so the answer is as fine as the photos are. No random number is drawn: any seed gives the same bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from shared import onnx
from shared.errors import ConfigurationError
from shared.onnx.settings import model_settings
from shared.vision import parser, presence
from shared.vto.errors import GarmentNotFound, ImageTooSmall
from vto_container.engines import compact_body as body_of
from vto_container.engines import compact_fit, compact_garment, compact_golden, compact_paste, compact_person
from vto_container.engines.base import Cancelled, Category, Progress, Result, check, finished, never, unheard
from vto_container.engines.compact_product import MOST, SIZE, fitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

WARP, COMPOSE = "tryon_warp", "tryon_compose"
LEAST_SIDE = 64
"""Pixels that either photo must have on its shorter side."""
SURE = 0.6
"""Confidence below which a result is called `low`."""


class Compact:
    """Holds nothing: the sessions are those of the process (`shared.onnx`)."""

    name: ClassVar[str] = "compact"

    @property
    def version(self) -> str:
        """`compact@<warp>.<compose>`, eight digits of each file's sha256."""
        entries = onnx.manifests()
        if missing := [id for id in (WARP, COMPOSE) if id not in entries]:
            raise ConfigurationError(f"the manifest lists no model `{missing[0]}`", code="model_missing")
        return "compact@" + ".".join(entries[id].sha256[:8] for id in (WARP, COMPOSE))

    @property
    def device(self) -> str:
        """Where the networks run."""
        return "cpu" if model_settings().model_device == "cpu" else "cuda"

    def load(self) -> None:
        """Load and check the parser and both networks."""
        parser.loaded()
        _model(WARP)
        _model(COMPOSE)

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
        """See `base.Engine`; `steps` means nothing here.

        Raises:
            NoPerson, PoseNotFound, GarmentNotFound, CategoryMismatch, ImageTooSmall: as `shared.vto.errors` says.
        """
        for picture, field in ((person, "person"), (garment, "garment")):
            if min(picture.shape[:2]) < LEAST_SIDE:
                raise ImageTooSmall(f"at least {LEAST_SIDE} pixels are needed on either side", field=field)
        check(cancelled)
        if presence.empty(garment):
            raise GarmentNotFound("no garment is to be seen in the picture", field="garment")
        product = compact_garment.read(garment, category)
        progress(0.25)
        check(cancelled)
        body = compact_person.read(person, category, product)
        progress(0.45)
        check(cancelled)
        box = body_of.view_box(body.hole)
        rectangle = compact_person.within(body.rectangle, box)
        view = compact_person.view(person, body, box)
        placed = compact_fit.placed(_model(WARP).run, view, category, fitted(product.picture, product.alpha))
        progress(0.6)
        check(cancelled)
        composed = compact_fit.composed(_model(COMPOSE).run, view, category, placed)
        progress(0.75)
        check(cancelled)
        scale = min(MOST, max(1.0, rectangle[3] / SIZE[0]))
        fine = fitted(product.picture, product.alpha, scale)
        done = compact_paste.pasted(person, body, rectangle, fine, placed, composed)
        progress(0.95)
        check(cancelled)
        return self._result(person, mask, seed, done, _notes(product, body, placed, done))

    def _result(
        self, person: NDArray[Any], mask: NDArray[Any] | None, seed: int, done: compact_paste.Pasted, notes: Any
    ) -> Result:
        import numpy as np

        left, top, right, low = done.window
        painted, edit = person.copy(), np.zeros(person.shape[:2], np.uint8)
        painted[top:low, left:right] = done.picture
        edit[top:low, left:right] = done.edit
        if mask is not None:
            edit = np.where(mask > 127, edit, 0).astype(np.uint8)
        return finished(
            person, painted, edit, engine=self.name, version=self.version, seed=seed, notes=notes, feather=0
        )


def _model(id: str) -> onnx.Model:
    return onnx.get_model(id, _golden)


def _golden(model: onnx.Model, folder: Path) -> str | None:
    """What is wrong with a network's answer to its golden input, None when nothing is."""
    golden = model.manifest.golden
    if golden is None:
        return "the manifest names no golden answer"
    expected = json.loads((folder / golden.file).read_text())
    feeds = compact_golden.feeds({name: part["shape"] for name, part in model.manifest.input.items()})
    found = compact_golden.answer(model.run(feeds))
    return compact_golden.differing(found, expected["outputs"], float(golden.tolerance["relative"]))


def _notes(
    product: compact_garment.Garment,
    body: compact_person.Person,
    placed: compact_fit.Placed,
    done: compact_paste.Pasted,
) -> dict[str, Any]:
    """What is known of how well it went: the parser's certainty, and how far the two masks of the garment agree."""
    import numpy as np

    there = placed.silhouette.repeat(2, 0).repeat(2, 1) >= 0.5
    warped = placed.mask >= 0.5
    agreement = float((there & warped).sum() / max(1, (there | warped).sum()))
    spread = placed.spread[placed.silhouette[::2, ::2] >= 0.5]
    error = float(np.exp(spread).mean()) if spread.size else 1.0
    confidence = min(product.confidence, body.confidence, agreement)
    return {
        "confidence": round(confidence, 3),
        "quality": "good" if confidence >= SURE else "low",
        "garmentWorn": product.worn,
        "outlineAgreement": round(agreement, 3),
        "expectedError": round(error, 4),
        "garmentShare": round(float(done.garment.sum()) / max(1, done.garment.size), 4),
        "preview": True,
    }
