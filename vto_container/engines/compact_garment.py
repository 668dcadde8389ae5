"""The garment as the compact engine uses it: cut out of its photo, with its landmarks.

A garment alone has the landmarks that the network finds; of one that a person wears they follow from the wearer's
joints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from shared.vision import landmarks, matte, parser, people, person, presence
from shared.vto.errors import CategoryMismatch, GarmentNotFound, SeveralGarments
from vto_container.engines import compact_body, compact_points, compact_warp
from vto_container.engines.compact_cut_out import MIN_SHARE, closed, cut_out, of_ground

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.engines.base import Category
    from shared.vision.parser import Parsed

MAX_SIDE_PX: Final = 1024
"""Longest side of the photo for the canvas, in pixels."""
MIN_CERTAINTY: Final = 0.5
"""Certainty of an outline below which there is no garment."""
KINDS: Final[Mapping[Category, tuple[str, ...]]] = {
    "upper": ("t-shirt", "longsleeve", "shirt", "outwear", "dress"),
    "lower": ("pants", "shorts", "skirt", "dress"),
    "dress": ("dress", "t-shirt", "longsleeve", "shirt", "outwear", "skirt"),
}
"""Kinds of garments that may be put on as each category; the parser and the network confuse long tops and dresses."""
MAX_OTHERS: Final = 0.9
"""Probability of kinds of other categories from which a garment is refused."""
SEVERAL: Final = 0.6
"""Probability from which a photo shows several garments."""
MIN_SECOND: Final = 0.3
"""Area of a second part of the outline, relative to the first, from which it is another garment."""
MIN_WEARER: Final = 0.7
"""Presence of a pose from which a person, not a shape like one, wears the garment."""


@dataclass(frozen=True)
class Garment:
    """A garment cut out of its photo.

    Args:
        image, alpha: (h, w, 3) and (h, w) uint8.
        points: landmarks in pixels by name, those that were found.
        shape: `top` (dresses included), `legs`, or `skirt`.
        kinds: probabilities of kinds by name; of a worn garment empty.
        worn: whether a person wears it.
        confidence: 0..1, of outline and landmarks.
    """

    image: NDArray[Any]
    alpha: NDArray[Any]
    points: Mapping[str, NDArray[Any]]
    shape: str
    kinds: Mapping[str, float]
    worn: bool
    confidence: float

    def width(self, name: str) -> float:
        """Distance between a landmark on the left and its counterpart."""
        import numpy as np

        return float(np.hypot(*(self.points[f"{name}_right"] - self.points[f"{name}_left"])))

    def middle(self, name: str) -> NDArray[Any]:
        """The middle between a landmark on the left and its counterpart."""
        return (self.points[f"{name}_right"] + self.points[f"{name}_left"]) / 2


def read_garment(image: NDArray[Any], category: Category) -> Garment:
    """Find a garment of the category in an image (h, w, 3).

    Raises:
        GarmentNotFound: there is none.
        SeveralGarments: there is more than one.
        CategoryMismatch: the garment is clearly of another category, or the wearer wears none of this category.
    """
    import numpy as np
    from PIL import Image

    if presence.empty(image):
        raise GarmentNotFound("the image shows no garment", field="garment")
    if max(image.shape[:2]) > MAX_SIDE_PX:
        large = Image.fromarray(image)
        large.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX), Image.Resampling.BOX)
        image = np.asarray(large)
    parsed = parser.parse(image)
    if parsed.is_worn and people.count(parsed) > 0:
        wearer = person.find(image)
        if wearer is not None and wearer.pose.presence >= MIN_WEARER:
            return _worn(image, wearer, category)
    chance = parsed.foreground
    region = chance > 0.1
    certainty = float(np.abs(2 * chance[region] - 1).mean()) if region.any() else 0.0
    if (chance >= 0.5).mean() < MIN_SHARE or certainty < MIN_CERTAINTY:
        raise GarmentNotFound("the image shows no garment", field="garment")
    alpha = cut_out(chance, image)
    largest = _only_one(alpha)
    found = landmarks.find(image, _box(largest))
    if found.several >= SEVERAL:
        raise SeveralGarments("the image shows several garments: crop it to one of them", field="garment")
    _require_category(parsed, found.kinds, category)
    alpha = closed(np.where(largest, alpha, 0).astype(np.uint8))
    shape = compact_points.shape_of(found.kinds, category, largest)
    points = compact_points.points_of(found, shape, alpha > 127)
    sure = float(np.mean([found.points[name].confidence for name in compact_points.NEEDED[shape]]))
    garment = Garment(image, alpha, points, shape, found.kinds, False, round(min(1.0, certainty) * sure, 3))
    return _upright(garment)


def _only_one(alpha: NDArray[Any]) -> NDArray[Any]:
    """(h, w) bool: the largest part of an outline and small parts close to it.

    Raises:
        SeveralGarments: another part is of comparable size.
    """
    import numpy as np
    from PIL import Image

    height, width = alpha.shape
    scale = min(1.0, 160 / max(height, width))
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    small = np.asarray(Image.fromarray(alpha).resize(size, Image.Resampling.BOX)) > 127
    numbers = matte.pieces(small)
    sizes = np.bincount(numbers.ravel())
    sizes[0] = 0
    order = np.argsort(-sizes)
    if len(sizes) > 2 and sizes[order[1]] >= MIN_SECOND * sizes[order[0]]:
        raise SeveralGarments("the image shows several garments: crop it to one of them", field="garment")
    kept = Image.fromarray((numbers == order[0]).astype(np.uint8) * 255)
    return np.asarray(kept.resize((width, height), Image.Resampling.BILINEAR)) > 60


def _box(mask: NDArray[Any]) -> tuple[float, float, float, float]:
    import numpy as np

    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _require_category(parsed: Parsed, kinds: Mapping[str, float], category: Category) -> None:
    """Raises CategoryMismatch only if network and parser agree that it is something else."""
    subject = parsed.foreground >= 0.5
    weights = {name: float((parsed.share_of((name,)) * subject).sum()) for name in parser_classes(category)[1]}
    total = sum(float((parsed.share_of((name,)) * subject).sum()) for name in parsed.labels[1:]) or 1.0
    others = sum(chance for kind, chance in kinds.items() if kind not in KINDS[category])
    if others < MAX_OTHERS or (sum(weights.values()) < 0.25 * total and others < 0.98):
        return
    kind = max(kinds, key=lambda name: kinds[name])
    text = "shoes, a hat or something else" if kind == "other" else kind
    raise CategoryMismatch(f"the garment looks like {text}, not like {category}", field="category")


def parser_classes(category: Category) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The parser's classes of a category, and those that belong to others."""
    own = {
        "upper": ("upper", "outerwear", "full_body"),
        "lower": ("lower", "full_body"),
        "dress": ("full_body", "upper", "outerwear", "lower"),
    }[category]
    every = ("upper", "outerwear", "lower", "full_body", "footwear", "accessory")
    return own, tuple(name for name in every if name not in own)


def _upright(garment: Garment) -> Garment:
    """The garment turned so that its shoulders, or its waist, are level: up to a quarter of a turn."""
    import numpy as np
    from PIL import Image

    # One shoulder that hangs down turns nothing else.
    names = ("shoulder", "armpit", "hem") if garment.shape == "top" else ("waist",)
    ways = [garment.points[f"{name}_right"] - garment.points[f"{name}_left"] for name in names]
    turn = float(np.median([np.arctan2(way[1], way[0]) for way in ways]))
    if abs(turn) < 0.035 or abs(turn) > 1.6:
        return garment
    height, width = garment.alpha.shape
    cos, sin = np.cos(turn), np.sin(turn)
    size = (int(abs(width * cos) + abs(height * sin)) + 1, int(abs(width * sin) + abs(height * cos)) + 1)
    linear = np.array([[cos, -sin], [sin, cos]])
    shift = np.array([width, height]) / 2 - linear @ (np.array(size) / 2)
    rows = (linear[0, 0], linear[0, 1], shift[0], linear[1, 0], linear[1, 1], shift[1])
    image, alpha = (
        np.asarray(Image.fromarray(one).transform(size, Image.Transform.AFFINE, rows, Image.Resampling.BICUBIC))
        for one in (garment.image, garment.alpha)
    )
    points = {key: linear.T @ (place - shift) for key, place in garment.points.items()}
    return replace(garment, image=image, alpha=alpha, points=points)


def _worn(image: NDArray[Any], wearer: person.Person, category: Category) -> Garment:
    """A garment that a person wears: its classes in the photo, and landmarks at the joints."""
    import numpy as np

    body = compact_body.read_body(wearer.pose, (0.0, 0.0), 1.0)
    down = body.frame(*_centres(wearer.mask, wearer.scale))[1] / body.trunk
    names = {"upper": ("upper", "outerwear"), "lower": ("lower",), "dress": ("full_body", "upper", "outerwear")}
    chance = wearer.share_of(*names[category])
    if category == "upper":
        chance = np.maximum(chance, wearer.share_of("full_body") * (down < 1.15))
    elif category == "lower":
        chance = np.maximum(chance, wearer.share_of("full_body") * (down > 0.85))
    elif (wearer.share_of("full_body") >= 0.5).sum() < 0.3 * (chance >= 0.5).sum():
        chance = np.maximum(chance, wearer.share_of("lower"))
    if (chance >= 0.5).mean() < MIN_SHARE:
        if (wearer.share_of("upper", "outerwear", "lower", "full_body") >= 0.5).mean() < MIN_SHARE:
            raise GarmentNotFound("the image shows no garment", field="garment")
        raise CategoryMismatch(f"the image shows no worn garment of the category {category}", field="category")
    compact_body.require_supported(wearer.pose, category)
    alpha = cut_out(chance.astype(np.float32), image)
    points, shape = _worn_points(body, chance >= 0.5, wearer.scale, category)
    return Garment(image, alpha, points, shape, {}, True, round(wearer.certainty, 3))


def _centres(mask: NDArray[Any], scale: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """x and y, in pixels of the image, of the cells of a map."""
    import numpy as np

    y, x = np.indices(mask.shape)
    return (x + 0.5) / scale[0], (y + 0.5) / scale[1]


def _worn_points(
    body: compact_body.Body, mask: NDArray[Any], scale: NDArray[Any], category: Category
) -> tuple[dict[str, NDArray[Any]], str]:
    """Landmarks where a garment's are on this body; hem, cuffs and waist where its outline ends."""
    import numpy as np

    across, down = body.frame(*_centres(mask, scale))
    trunk = mask & (np.abs(across) < 0.8 * body.wide)
    last = float(np.percentile(down[trunk], 99)) if trunk.any() else body.trunk
    points: dict[str, NDArray[Any]] = {}

    def ends(at: float) -> tuple[float, float]:
        band = mask & (np.abs(down - at) < 0.06 * body.trunk)
        if not band.any():
            return -0.5 * body.wide, 0.5 * body.wide
        return float(np.percentile(across[band], 4)), float(np.percentile(across[band], 96))

    if category == "lower":
        first = float(np.percentile(down[trunk], 1)) if trunk.any() else 0.95 * body.trunk
        left, right = ends(first + 0.06 * body.trunk)
        points["waist_left"], points["waist_right"] = body.place(left, first), body.place(right, first)
        left, right = ends(last - 0.06 * body.trunk)
        split = mask & (np.abs(down - last + 0.15 * body.trunk) < 0.05 * body.trunk)
        middle = split & (np.abs(across - (left + right) / 2) < 0.06 * body.wide)
        if last > 1.9 * body.trunk and middle.sum() < 0.5 * max(1, split.sum()) * 0.12:
            points["crotch"] = body.place(0, 1.2 * body.trunk)
            for side, name in enumerate(compact_body.SIDES):
                ankle = body.legs[side].joints[2]
                for part, sign in (("outer", (-1, 1)[side]), ("inner", (1, -1)[side])):
                    points[f"leg_{part}_{name}"] = ankle + sign * body.across * 0.16 * body.wide
            return points, "legs"
        points["hem_left"], points["hem_right"] = body.place(left, last), body.place(right, last)
        return points, "skirt"
    for side, name in enumerate(compact_body.SIDES):
        sign = (-1, 1)[side]
        points[f"neck_{name}"] = body.place(sign * compact_body.NECK_HALF * body.wide, -0.2 * body.wide)
        points[f"shoulder_{name}"] = body.tip(side)
        points[f"armpit_{name}"] = body.place(sign * 0.46 * body.wide, 0.42 * body.wide)
        points |= _worn_sleeve(body, mask, scale, side, name)
    points["neck_front"] = body.place(0, 0.03 * body.wide)
    left, right = ends(last - 0.06 * body.trunk)
    points["hem_left"], points["hem_right"] = body.place(left, last), body.place(right, last)
    return points, "top"


def _worn_sleeve(
    body: compact_body.Body, mask: NDArray[Any], scale: NDArray[Any], side: int, name: str
) -> dict[str, NDArray[Any]]:
    """The cuff of a worn sleeve: the last place along the arm that shows the garment; empty without a sleeve."""
    import numpy as np

    shoulder, elbow, wrist = body.arms[side].joints
    line = np.concatenate([shoulder + (elbow - shoulder) * np.linspace(0, 1, 20)[:, None],
                           elbow + (wrist - elbow) * np.linspace(0, 1, 20)[1:, None]])  # fmt: skip
    cells = (line * scale).astype(int)
    inside = (cells >= 0).all(1) & (cells[:, 0] < mask.shape[1]) & (cells[:, 1] < mask.shape[0])
    covered = np.zeros(len(line), bool)
    covered[inside] = mask[cells[inside, 1], cells[inside, 0]]
    last = int(np.flatnonzero(covered)[-1]) if covered[4:].any() else 0
    if last < 5:
        return {}
    end = line[last]
    along = end - line[max(0, last - 6)]
    along = along / max(1e-6, float(np.hypot(*along)))
    outwards = np.array([along[1], -along[0]]) * (1 if side else -1)
    half = 0.15 * body.wide
    return {f"cuff_outer_{name}": end + half * outwards, f"cuff_inner_{name}": end - half * outwards}


def solid_colours(garment: Garment) -> NDArray[Any]:
    """(h, w, 3) float32: the photo's colours inside the garment, extended beyond its outline."""
    import numpy as np

    solid = (garment.alpha > 200) & ~of_ground(garment.image, garment.alpha)
    radius = max(1, round(max(solid.shape) / 256))
    sure = (matte.box(solid.astype(np.float32), radius) > 0.99).astype(np.float32)
    image = garment.image.astype(np.float32)
    return compact_warp.extend(image, sure) if sure.any() else image
