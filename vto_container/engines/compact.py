"""The built-in engine: two small networks that run on any CPU. The result is a preview, not a photograph.

The parser finds the body and the old garment; `tryon_warp` places the new garment, cut out of its image, on the body;
`tryon_compose` paints what the old garment uncovers and decides what is in front. Texture is sampled from the garment
image, so the result is as detailed as the inputs. Nothing is random: every seed gives the same bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from shared import onnx
from shared.engines.images import MIN_SIDE_PX
from shared.errors import ConfigurationError
from shared.onnx.settings import model_settings
from shared.vision import parser, presence
from shared.vto.errors import GarmentNotFound, ImageTooSmall
from vto_container.engines import (
    compact_body,
    compact_fit,
    compact_garment,
    compact_golden,
    compact_paste,
    compact_person,
)
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
from vto_container.engines.compact_product import MAX_SCALE, SIZE, fit_to_canvas

if TYPE_CHECKING:
    from numpy.typing import NDArray

WARP, COMPOSE = "tryon_warp", "tryon_compose"
MIN_CONFIDENCE: Final = 0.6
"""Confidence below which a result has the quality `low`."""


class Compact:
    """Stateless: `shared.onnx` keeps the sessions of the process."""

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
        """Load and verify the parser and both networks."""
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
        progress: Progress = no_progress,
        is_cancelled: IsCancelled = never_cancelled,
    ) -> Result:
        """See `base.Engine`; `steps` is ignored.

        Raises:
            NoPerson, PoseNotFound, GarmentNotFound, CategoryMismatch, ImageTooSmall: as `shared.vto.errors` says.
        """
        for image, field in ((person, "person"), (garment, "garment")):
            if min(image.shape[:2]) < MIN_SIDE_PX:
                raise ImageTooSmall(f"the image needs at least {MIN_SIDE_PX} pixels on each side", field=field)
        raise_if_cancelled(is_cancelled)
        if presence.empty(garment):
            raise GarmentNotFound("the image shows no garment", field="garment")
        product = compact_garment.read_garment(garment, category)
        progress(0.25)
        raise_if_cancelled(is_cancelled)
        body = compact_person.read_person(person, category, product)
        progress(0.45)
        raise_if_cancelled(is_cancelled)
        box = compact_body.view_box(body.hole)
        rectangle = compact_person.to_image(body.rectangle, box)
        view = compact_person.view_of(person, body, box)
        placed = compact_fit.place(_model(WARP).run, view, category, fit_to_canvas(product.image, product.alpha))
        progress(0.6)
        raise_if_cancelled(is_cancelled)
        composed = compact_fit.compose(_model(COMPOSE).run, view, category, placed)
        progress(0.75)
        raise_if_cancelled(is_cancelled)
        scale = min(MAX_SCALE, max(1.0, rectangle[3] / SIZE[0]))
        fine = fit_to_canvas(product.image, product.alpha, scale)
        pasted = compact_paste.paste(person, body, rectangle, fine, placed, composed)
        progress(0.95)
        raise_if_cancelled(is_cancelled)
        return self._result(person, mask, seed, pasted, _notes(product, body, placed, pasted))

    def _result(
        self, person: NDArray[Any], mask: NDArray[Any] | None, seed: int, pasted: compact_paste.Pasted, notes: Any
    ) -> Result:
        import numpy as np

        left, top, right, low = pasted.window
        painted, edit = person.copy(), np.zeros(person.shape[:2], np.uint8)
        painted[top:low, left:right] = pasted.image
        edit[top:low, left:right] = pasted.edit
        if mask is not None:
            edit = np.where(mask > 127, edit, 0).astype(np.uint8)
        return composite(
            person, painted, edit, engine=self.name, version=self.version, seed=seed, notes=notes, feather_px=0
        )


def _model(id: str) -> onnx.Model:
    return onnx.get_model(id, _golden)


def _golden(model: onnx.Model, folder: Path) -> str | None:
    """How a network's outputs for its golden input differ from those at export; None if they do not."""
    golden = model.manifest.golden
    if golden is None:
        return "the manifest names no golden outputs"
    expected = json.loads((folder / golden.file).read_text())
    feeds = compact_golden.make_inputs({name: part["shape"] for name, part in model.manifest.input.items()})
    found = compact_golden.sample_outputs(model.run(feeds))
    return compact_golden.find_difference(found, expected["outputs"], float(golden.tolerance["relative"]))


def _notes(
    product: compact_garment.Garment,
    body: compact_person.Person,
    placed: compact_fit.Placed,
    pasted: compact_paste.Pasted,
) -> dict[str, Any]:
    """Indicators of quality: the parser's certainty, and how well the two masks of the garment agree."""
    import numpy as np

    predicted = placed.silhouette.repeat(2, 0).repeat(2, 1) >= 0.5
    warped = placed.mask >= 0.5
    agreement = float((predicted & warped).sum() / max(1, (predicted | warped).sum()))
    spread = placed.spread[placed.silhouette[::2, ::2] >= 0.5]
    error = float(np.exp(spread).mean()) if spread.size else 1.0
    confidence = min(product.confidence, body.confidence, agreement)
    return {
        "confidence": round(confidence, 3),
        "quality": "good" if confidence >= MIN_CONFIDENCE else "low",
        "garmentWorn": product.worn,
        "outlineAgreement": round(agreement, 3),
        "expectedError": round(error, 4),
        "garmentShare": round(float(pasted.garment.sum()) / max(1, pasted.garment.size), 4),
        "preview": True,
    }
