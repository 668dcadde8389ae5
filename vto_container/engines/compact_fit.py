"""The two networks on one view: which point of the garment's canvas each position shows, and what is painted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vto_container.engines import compact_inputs as inputs
from vto_container.engines.compact_align import STIFFNESS, align
from vto_container.engines.compact_product import SIZE, Product, extend_colours, sample
from vto_container.engines.compact_under import Under

if TYPE_CHECKING:
    from numpy.typing import NDArray

Network = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""A network: inputs by name to outputs by name."""
FLOW_SIZE = (64, 48)
KNOWN_STIFFNESS = 10.0
"""Stiffness of the last correction towards a known silhouette."""
COVERED_STIFFNESS = 2.0
"""The same if the area that the garment must cover is known: a garment photographed flat does not fit a body."""
OPACITY_RANGE = (0.06, 0.26)
"""The network's opacity from which the garment starts to be visible, and from which it is fully visible."""
DETAIL_POWER = 0.3
"""Exponent of the kept texture: below 1 keeps more than the network, which was trained to avoid doubled stripes, would.
The mean of all possibilities has the smallest error on average, but no garment looks like it."""
MAX_GAIN = 1.35
"""Largest factor on colours; outside the garment the network's factor is arbitrary."""
BACKGROUND_DISTANCE, BACKGROUND_SOFTNESS = 70.0, 8.0
"""RGB distance up to which paint counts as the surrounding background, and how gradually that ends."""
SMOOTH_PX = 8
"""Pixels of the view over which the smooth part of a garment is averaged."""


@dataclass(frozen=True)
class View:
    """What the networks see of a person.

    Args:
        image: (256, 192, 3) float32 in 0..255.
        seen: the parser's channels (7, 128, 96).
        hidden: (128, 96) in 0..1, the area to be painted.
        frame: (128, 96) in 0..1, what the person image shows.
        under: what is under the old garment, (256, 192), if known.
        clothed: (128, 96) in 0..1, what any garment covers, if known.
    """

    image: NDArray[Any]
    seen: NDArray[Any]
    hidden: NDArray[Any]
    frame: NDArray[Any]
    under: Under | None = None
    clothed: NDArray[Any] | None = None


@dataclass(frozen=True)
class Placed:
    """The output of the first network, and the garment warped by it.

    Args:
        places: (64, 48, 2) x and y on the canvas, -1..1.
        silhouette: (128, 96) probability of the garment.
        spread: (64, 48) logarithm of the expected error of `places`.
        colours, mask: (256, 192, 3) in 0..255 and (256, 192) in 0..1, sampled from the canvas.
    """

    places: NDArray[Any]
    silhouette: NDArray[Any]
    spread: NDArray[Any]
    colours: NDArray[Any]
    mask: NDArray[Any]


@dataclass(frozen=True)
class Composed:
    """The output of the second network.

    Args:
        paint: (256, 192, 3) in 0..255, what is behind the garment.
        shown: (256, 192) in 0..1, where nothing is in front of the garment.
        gain: (64, 48) factor on the garment's colours.
        detail: (64, 48) in 0..1, how much of its texture is kept.
        smooth: (32, 24, 3) in 0..255, the warped garment without texture.
    """

    paint: NDArray[Any]
    shown: NDArray[Any]
    gain: NDArray[Any]
    detail: NDArray[Any]
    smooth: NDArray[Any]


def place(network: Network, view: View, category: str, product: Product, outline: NDArray[Any] | None = None) -> Placed:
    """Place a garment, its canvas at `SIZE`, on a view.

    Args:
        outline: (128, 96) the silhouette if it is known; by default the network's own is used.
    """
    import numpy as np

    person = inputs.person(view.image, view.seen, view.hidden, view.frame, category)
    canvas = inputs.product(product.colours, product.mask)
    output = network({"person": person, "product": canvas})
    # The mean with the output for the mirrored input is closer to the truth than either.
    mirrored = network(
        {"person": np.ascontiguousarray(person[..., ::-1]), "product": np.ascontiguousarray(canvas[..., ::-1])}
    )
    other = mirrored["places"][0, :, :, ::-1] * np.array([-1, 1], np.float32)[:, None, None]
    silhouette = (
        (output["silhouette"][0, 0] + mirrored["silhouette"][0, 0, :, ::-1]) / 2 if outline is None else outline
    )
    spread = (output["spread"][0, 0] + mirrored["spread"][0, 0, :, ::-1]) / 2
    if view.clothed is not None:
        silhouette = np.maximum(silhouette, view.clothed)
    places = align(
        ((output["places"][0] + other) / 2).transpose(1, 2, 0),
        inputs.halve(inputs.halve(product.mask)),
        inputs.halve(silhouette * (view.hidden > 0.1)),
        stiffness=KNOWN_STIFFNESS if outline is not None else STIFFNESS if view.clothed is None else COVERED_STIFFNESS,
    )
    full = enlarge(places, 4)
    inside = (np.abs(full).max(2) <= 1).astype(np.float32)
    return Placed(
        places,
        silhouette,
        spread,
        sample(product.colours, full[:, :, 0], full[:, :, 1]),
        sample(product.mask[:, :, None], full[:, :, 0], full[:, :, 1])[:, :, 0] * inside,
    )


def compose(network: Network, view: View, category: str, garment: Placed) -> Composed:
    """Paint the hidden area of a view around a placed garment."""
    output = network(
        {
            "picture": inputs.image_for_compose(view.image, view.hidden, view.frame),
            "cloth": inputs.garment_for_compose(garment.colours, garment.mask),
            "maps": inputs.maps_for_compose(
                view.seen, view.hidden, view.frame, category, garment.silhouette, garment.spread
            ),
        }
    )
    rows, columns = SIZE[0] // SMOOTH_PX, SIZE[1] // SMOOTH_PX
    return Composed(
        _behind(view, output["paint"][0].transpose(1, 2, 0) * 255).clip(0, 255),
        ((output["alpha"][0, 0] - OPACITY_RANGE[0]) / (OPACITY_RANGE[1] - OPACITY_RANGE[0])).clip(0, 1),
        output["gain"][0, 0].clip(1 / MAX_GAIN, MAX_GAIN),
        output["detail"][0, 0] ** DETAIL_POWER,
        garment.colours.reshape(rows, SMOOTH_PX, columns, SMOOTH_PX, 3).mean((1, 3)),
    )


def _behind(view: View, paint: NDArray[Any]) -> NDArray[Any]:
    """(256, 192, 3): what is behind the garment. The network predicts what it is, the surroundings have its colours:
    paint similar to the surrounding background is that background; elsewhere the mean of both is best."""
    import numpy as np

    def known(mask: NDArray[Any]) -> NDArray[Any]:
        visible = mask & (view.hidden < 0.02) & (view.frame > 0.5)
        return visible.astype(np.float32).repeat(2, 0).repeat(2, 1)

    mixed = (paint + extend_colours(view.image, known(view.frame > 0.5))) / 2
    ground, skin = known(view.seen[0] > 0.9), known(view.seen[1] > 0.7)
    if not ground.any():
        return mixed if view.under is None else view.under.painted(mixed, mixed)
    fill = extend_colours(view.image, ground)
    distances: list[NDArray[Any]] = [_distance(paint, fill), np.full(SIZE, BACKGROUND_DISTANCE, np.float32)]
    if skin.any():
        distances.append(_distance(paint, (view.image * skin[:, :, None]).sum((0, 1)) / skin.sum()))
    chances = np.exp(-(np.stack(distances) - np.min(distances, 0)) / BACKGROUND_SOFTNESS)
    share = (chances[0] / chances.sum(0))[:, :, None]
    unknown = fill * share + mixed * (1 - share)
    return unknown if view.under is None else view.under.painted(unknown, fill)


def _distance(colours: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """(h, w): RGB distance of colours (h, w, 3) from others, or from one colour."""
    import numpy as np

    return np.linalg.norm(colours - other, axis=2)


def shade(colours: NDArray[Any], smooth: NDArray[Any], gain: NDArray[Any], detail: NDArray[Any]) -> NDArray[Any]:
    """The garment's colours (h, w, 3) with its kept texture and the light of the view; all of one size."""
    return ((smooth + detail[:, :, None] * (colours - smooth)) * gain[:, :, None]).clip(0, 255)


def enlarge(field: NDArray[Any], factor: int) -> NDArray[Any]:
    """A field (h, w) or (h, w, channels) enlarged bilinearly."""
    return resample(field, (field.shape[0] * factor, field.shape[1] * factor))


def resample(
    field: NDArray[Any], size: tuple[int, int], window: tuple[float, float, float, float] | None = None
) -> NDArray[Any]:
    """A window (left, top, right, low) in pixels of a float field, by default all of it, at a size (h, w)."""
    import numpy as np
    from PIL import Image

    planes = field[:, :, None] if field.ndim == 2 else field
    resized = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(planes[:, :, n], np.float32)).resize(
                (size[1], size[0]), Image.Resampling.BILINEAR, window
            )
        )
        for n in range(planes.shape[2])
    ]
    return resized[0] if field.ndim == 2 else np.stack(resized, 2)
