"""The two networks in a row, on one view: where every place lies on the garment's canvas, and what is to be painted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vto_container.engines import compact_inputs as inputs
from vto_container.engines.compact_align import STIFF, aligned
from vto_container.engines.compact_product import SIZE, Product, carried, sampled
from vto_container.engines.compact_under import Under

if TYPE_CHECKING:
    from numpy.typing import NDArray

Run = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Feeds of a network -> its outputs, by name."""
FLOW = (64, 48)
TOLD_STIFF = 10.0
"""Stiffness of the last correction towards a silhouette that is certain."""
CLOTHED_STIFF = 2.0
"""The same where a garment is told what it has to cover: one from a table fits nobody as it lies."""
SHOWN = (0.06, 0.26)
"""The network's opacity from which something of a garment is seen where it lies, and from which all of it."""
TRUST = 0.3
"""Power of how much texture is kept: below 1 for more than the network, which fears doubled stripes, would keep. A mean
of all that might be is nearest to the truth on average, and looks like nothing that is."""
MOST_GAIN = 1.35
"""Largest factor on colours; outside the garment the network's is arbitrary."""
OTHER, DOUBT = 70.0, 8.0
"""How far, in RGB, paint may be from the ground around and still be meant for it, and how sharply that ends."""
SMOOTH = 8
"""Pixels of the view that the smooth part of a garment is averaged over."""


@dataclass(frozen=True)
class View:
    """What the networks see of a person.

    Args:
        picture: (256, 192, 3) float32 in 0..255.
        seen: the parser's channels (7, 128, 96).
        hidden: (128, 96) in 0..1, what is to be painted.
        frame: (128, 96) in 0..1, what the photo shows.
        under: what is under the old garment, (256, 192), where that is known.
        clothed: (128, 96) in 0..1, what any garment covers, where that is known.
    """

    picture: NDArray[Any]
    seen: NDArray[Any]
    hidden: NDArray[Any]
    frame: NDArray[Any]
    under: Under | None = None
    clothed: NDArray[Any] | None = None


@dataclass(frozen=True)
class Placed:
    """The first network's answer, and the garment where it says.

    Args:
        places: (64, 48, 2) x and y on the canvas, -1..1.
        silhouette: (128, 96) probability that the garment is there.
        spread: (64, 48) logarithm of the expected error of `places`.
        colours, mask: (256, 192, 3) in 0..255 and (256, 192) in 0..1, looked up.
    """

    places: NDArray[Any]
    silhouette: NDArray[Any]
    spread: NDArray[Any]
    colours: NDArray[Any]
    mask: NDArray[Any]


@dataclass(frozen=True)
class Composed:
    """The second network's answer.

    Args:
        paint: (256, 192, 3) in 0..255, what lies behind the garment.
        shown: (256, 192) in 0..1, where nothing lies in front of the garment.
        gain: (64, 48) factor on the garment's colours.
        detail: (64, 48) in 0..1, how much of its texture is kept.
        smooth: (32, 24, 3) in 0..255, the warped garment without texture.
    """

    paint: NDArray[Any]
    shown: NDArray[Any]
    gain: NDArray[Any]
    detail: NDArray[Any]
    smooth: NDArray[Any]


def placed(run: Run, view: View, category: str, product: Product, told: NDArray[Any] | None = None) -> Placed:
    """Put a garment, its canvas at `SIZE`, on a view.

    Args:
        told: (128, 96) the silhouette where it is known already; otherwise the network's own is used.
    """
    import numpy as np

    person = inputs.person(view.picture, view.seen, view.hidden, view.frame, category)
    canvas = inputs.product(product.colours, product.mask)
    found = run({"person": person, "product": canvas})
    # the mean with the answer to the mirrored question is nearer the truth than either
    mirrored = run(
        {"person": np.ascontiguousarray(person[..., ::-1]), "product": np.ascontiguousarray(canvas[..., ::-1])}
    )
    other = mirrored["places"][0, :, :, ::-1] * np.array([-1, 1], np.float32)[:, None, None]
    silhouette = (found["silhouette"][0, 0] + mirrored["silhouette"][0, 0, :, ::-1]) / 2 if told is None else told
    spread = (found["spread"][0, 0] + mirrored["spread"][0, 0, :, ::-1]) / 2
    if view.clothed is not None:
        silhouette = np.maximum(silhouette, view.clothed)
    places = aligned(
        ((found["places"][0] + other) / 2).transpose(1, 2, 0),
        inputs.halved(inputs.halved(product.mask)),
        inputs.halved(silhouette * (view.hidden > 0.1)),
        stiff=TOLD_STIFF if told is not None else STIFF if view.clothed is None else CLOTHED_STIFF,
    )
    full = enlarged(places, 4)
    inside = (np.abs(full).max(2) <= 1).astype(np.float32)
    return Placed(
        places,
        silhouette,
        spread,
        sampled(product.colours, full[:, :, 0], full[:, :, 1]),
        sampled(product.mask[:, :, None], full[:, :, 0], full[:, :, 1])[:, :, 0] * inside,
    )


def composed(run: Run, view: View, category: str, garment: Placed) -> Composed:
    """Paint what a view hides, around a garment that is placed."""

    found = run(
        {
            "picture": inputs.picture_for_compose(view.picture, view.hidden, view.frame),
            "cloth": inputs.cloth_for_compose(garment.colours, garment.mask),
            "maps": inputs.maps_for_compose(
                view.seen, view.hidden, view.frame, category, garment.silhouette, garment.spread
            ),
        }
    )
    rows, columns = SIZE[0] // SMOOTH, SIZE[1] // SMOOTH
    return Composed(
        _behind(view, found["paint"][0].transpose(1, 2, 0) * 255).clip(0, 255),
        ((found["alpha"][0, 0] - SHOWN[0]) / (SHOWN[1] - SHOWN[0])).clip(0, 1),
        found["gain"][0, 0].clip(1 / MOST_GAIN, MOST_GAIN),
        found["detail"][0, 0] ** TRUST,
        garment.colours.reshape(rows, SMOOTH, columns, SMOOTH, 3).mean((1, 3)),
    )


def _behind(view: View, paint: NDArray[Any]) -> NDArray[Any]:
    """(256, 192, 3): what lies behind the garment. The network knows what belongs there, the surroundings know its
    colours: where it paints something like the ground around, it is that ground; elsewhere the mean of both is best."""
    import numpy as np

    def known(where: NDArray[Any]) -> NDArray[Any]:
        seen = where & (view.hidden < 0.02) & (view.frame > 0.5)
        return seen.astype(np.float32).repeat(2, 0).repeat(2, 1)

    mixed = (paint + carried(view.picture, known(view.frame > 0.5))) / 2
    ground, skin = known(view.seen[0] > 0.9), known(view.seen[1] > 0.7)
    if not ground.any():
        return mixed if view.under is None else view.under.painted(mixed, mixed)
    fill = carried(view.picture, ground)
    apart = [np.linalg.norm(paint - fill, axis=2), np.full(SIZE, OTHER, np.float32)]
    if skin.any():
        tone = (view.picture * skin[:, :, None]).sum((0, 1)) / skin.sum()
        apart.append(np.linalg.norm(paint - tone, axis=2))
    chances = np.exp(-(np.stack(apart) - np.min(apart, 0)) / DOUBT)
    share = (chances[0] / chances.sum(0))[:, :, None]
    unknown = fill * share + mixed * (1 - share)
    return unknown if view.under is None else view.under.painted(unknown, fill)


def dressed(colours: NDArray[Any], smooth: NDArray[Any], gain: NDArray[Any], detail: NDArray[Any]) -> NDArray[Any]:
    """The garment's colours (h, w, 3) with as much texture as is trusted, as light as it is there; all of one size."""
    return ((smooth + detail[:, :, None] * (colours - smooth)) * gain[:, :, None]).clip(0, 255)


def enlarged(field: NDArray[Any], factor: int) -> NDArray[Any]:
    """A field (h, w) or (h, w, channels) enlarged bilinearly."""
    return stretched(field, (field.shape[0] * factor, field.shape[1] * factor))


def stretched(
    field: NDArray[Any], size: tuple[int, int], window: tuple[float, float, float, float] | None = None
) -> NDArray[Any]:
    """A window (left, top, right, low) in pixels of a float field, the whole of it by default, at a size (h, w)."""
    import numpy as np
    from PIL import Image

    planes = field[:, :, None] if field.ndim == 2 else field
    done = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(planes[:, :, n], np.float32)).resize(
                size[::-1], Image.Resampling.BILINEAR, window
            )
        )
        for n in range(planes.shape[2])
    ]
    return done[0] if field.ndim == 2 else np.stack(done, 2)
