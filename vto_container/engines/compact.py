"""The built-in engine: puts a garment on a person by the joints, on any CPU. The result is a preview, not a photograph.

Pose networks find the joints, the parser finds the old garment, and a network for landmarks finds neck, shoulders,
cuffs and hem of the new one. Its trunk is bent by a thin-plate spline, its sleeves and legs follow the bones, and what
the old garment covered is painted: skin in the light of visible skin, the ground and other clothes from what is around
them. Nothing is random: every seed gives the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from shared import onnx
from shared.engines.base import (
    Category,
    IsCancelled,
    Progress,
    Result,
    composite,
    never_cancelled,
    no_progress,
    raise_if_cancelled,
)
from shared.engines.images import MIN_SIDE_PX
from shared.errors import ConfigurationError
from shared.onnx.settings import model_settings
from shared.vision import landmarks, parser, pose
from shared.vto.errors import ImageTooSmall
from vto_container.engines import (
    compact_fabric,
    compact_fit,
    compact_garment,
    compact_old,
    compact_outline,
    compact_paint,
    compact_parts,
    compact_place,
    compact_place_lower,
    compact_quality,
    compact_under,
    compact_view,
)
from vto_container.engines.compact_edges import Edges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vto_container.engines.compact_garment import Garment
    from vto_container.engines.compact_old import Old
    from vto_container.engines.compact_paint import Layers, Painted
    from vto_container.engines.compact_view import View

MODELS: Final = (parser.MODEL, *pose.MODELS, landmarks.MODEL, compact_outline.MODEL)
METHOD: Final = "10"
"""Version of the method; part of the engine's version with the models."""

BEHIND: Final = 0.04
"""How far trousers go on behind a top, in lengths of the trunk."""

SHORT_DRESS: Final = 1.42
"""How far a dress reaches that is worn over trousers, in lengths of the trunk below the shoulders."""
LEGS_DOWN, IN_TROUSERS = 1.5, 0.6
"""Below where legs show whether a person wears trousers, likewise; and the share of them that trousers cover."""


class Compact:
    """Stateless: `shared.onnx` keeps the sessions of the process."""

    name: ClassVar[str] = "compact"

    @property
    def version(self) -> str:
        """`compact@<method>.<parser>.<pose>.<landmarks>.<outline>`, eight digits of each file's sha256."""
        entries = onnx.manifests()
        if missing := [id for id in MODELS if id not in entries]:
            raise ConfigurationError(f"the manifest lists no model `{missing[0]}`", code="model_missing")
        named = (parser.MODEL, pose.LANDMARKS, landmarks.MODEL, compact_outline.MODEL)
        return f"compact@{METHOD}." + ".".join(entries[id].sha256[:8] for id in named)

    @property
    def device(self) -> str:
        """Where the networks run."""
        return "cpu" if model_settings().model_device == "cpu" else "cuda"

    def load(self) -> None:
        """Load and verify all networks."""
        parser.loaded()
        pose.load()
        landmarks.load()
        compact_outline.load()

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
            NoPerson, PoseNotFound, PoseNotSupported, GarmentNotFound, SeveralGarments, CategoryMismatch,
            ImageTooSmall: as `shared.vto.errors` says.
        """
        for image, field in ((person, "person"), (garment, "garment")):
            if min(image.shape[:2]) < MIN_SIDE_PX:
                raise ImageTooSmall(f"the image needs at least {MIN_SIDE_PX} pixels on each side", field=field)
        raise_if_cancelled(is_cancelled)
        product = compact_garment.read_garment(garment, category)
        progress(0.25)
        raise_if_cancelled(is_cancelled)
        view = compact_view.read_view(person, category)
        progress(0.5)
        raise_if_cancelled(is_cancelled)
        category = worn_as(product, view, category)
        old = compact_old.read_old(view, category)
        placed = place(product, view, category, old.edges)
        parts = compact_parts.unfolded(product, compact_parts.cut(product))
        placed = compact_fit.fit(placed, parts, view, old, category, product.shape == "legs")
        colours = compact_fabric.even(compact_garment.solid_colours(product), product.alpha > 127)
        layers = compact_paint.warp(product, parts, placed, colours, view.body.wide)
        if category == "upper":
            layers = extend(layers, product, parts, placed, view, old)
        layers = compact_paint.over_arms(layers, view, old, placed)
        progress(0.65)
        raise_if_cancelled(is_cancelled)
        under = compact_under.uncover(view, old, category, placed, layers.covered)
        progress(0.85)
        raise_if_cancelled(is_cancelled)
        painted = compact_paint.paint(view, old, under, layers)
        notes = compact_quality.notes(product, view, old, placed, painted)
        return self._result(person, mask, seed, view, painted, notes)

    def _result(
        self, person: NDArray[Any], mask: NDArray[Any] | None, seed: int, view: View, painted: Painted, notes: Any
    ) -> Result:
        import numpy as np
        from PIL import Image

        left, top, right, low = view.window
        size = (right - left, low - top)

        def full(field: NDArray[Any]) -> NDArray[Any]:
            values = Image.fromarray(field.round().clip(0, 255).astype(np.uint8))
            return np.asarray(values if values.size == size else values.resize(size, Image.Resampling.BICUBIC))

        whole, edit = person.copy(), np.zeros(person.shape[:2], np.uint8)
        whole[top:low, left:right] = full(painted.image)
        edit[top:low, left:right] = full(painted.edit * 255)
        if mask is not None:
            edit = np.where(mask > 127, edit, 0).astype(np.uint8)
        return composite(
            person, whole, edit, engine=self.name, version=self.version, seed=seed, notes=notes, feather_px=0
        )


def worn_as(garment: Garment, view: View, category: Category) -> Category:
    """`upper` for a dress that ends at the hips of a person in trousers: it is worn over them."""
    import numpy as np

    if category != "dress" or garment.shape != "top" or garment.worn:
        return category
    legs = (view.leg(0) | view.leg(1)) & (view.down > LEGS_DOWN)
    trousers = legs.any() and float(np.mean(view.maps["lower"][legs] > 0.5)) > IN_TROUSERS
    return "upper" if trousers and compact_place.natural_hem(garment) < SHORT_DRESS else category


def extend(
    layers: Layers, garment: Garment, parts: compact_parts.Parts, placed: compact_place.Placed, view: View, old: Old
) -> Layers:
    """The layers of a top with cloth where the outline network is sure of it."""
    blind = compact_fit.opacity(place(garment, view, "upper", Edges()), parts, compact_outline.STEP)
    fitted = compact_fit.opacity(placed, parts, compact_outline.STEP)
    outline = compact_outline.predict(view, old, blind, fitted)
    if (arms := compact_fit.hidden_arms(placed, view)) is not None:
        outline = outline * ~arms
    return compact_outline.extended(layers, view, outline, placed.hem)


def place(garment: Garment, view: View, category: Category, old: Edges) -> compact_place.Placed:
    """Where the garment goes in the view."""
    if (category == "lower" and garment.shape != "top") or garment.shape == "skirt":
        waist = compact_view.WAIST if old.top is None else min(max(old.top - BEHIND, 0.72), 1.0)
        by_shape = compact_place_lower.place_legs if garment.shape == "legs" else compact_place_lower.place_skirt
        return by_shape(garment, view.body, view.size, waist, old)
    return compact_place.place_top(garment, view.body, view.size, old, category == "dress")
