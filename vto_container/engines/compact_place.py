"""Where each part of a garment goes on a body: its landmarks at the joints, its lengths in proportion.

Lengths are those of the garment relative to its own shoulders and chest; widths are a little narrower than flat,
because fabric goes around a body. An old garment that ends at about the same place decides where the new hem is, since
its end is where this wearer wears such garments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vto_container.engines.compact_body import ARM, HAND, NECK_HALF, NECK_UP, SIDES, Limb
from vto_container.engines.compact_parts import chest_of, folded, has_sleeve, sleeve_length
from vto_container.engines.compact_warp import strip, thin_plate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vto_container.engines.compact_body import Body
    from vto_container.engines.compact_edges import Edges
    from vto_container.engines.compact_garment import Garment

FLAT_SHOULDERS: Final = 1.18
"""Width of shoulder seams on a body, in distances of the shoulder joints."""
CHEST_HALF: Final = 0.49
"""Half the width of a garment's chest on a body, likewise."""
ARMPIT_DOWN: Final = (0.34, 0.56)
TEE_RATIO, TEE_LENGTH = 1.32, 1.13
"""Length of a T-shirt in chest widths, and where its hem is in lengths of the trunk below the shoulders."""
LONG_SLEEVE, ARM_REACH = 0.92, 1.12
"""Length of a sleeve in chest widths from which it reaches the wrist, and the length that a whole arm stands for."""
SLEEVE_FIT, COAT_FIT, ARM_EASE = 0.62, 0.72, 1.14
"""Width of a worn sleeve, and of a coat's, relative to flat, and relative to the arm in it."""
SIMILAR_NECK, SIMILAR_SIDE, SIMILAR_REACH = 0.14, 0.12, 0.14
"""How far an edge of the old garment attracts that of the new one: necklines and sleeves this similar, sides by
at most this much; in shoulder widths and arm lengths."""
SIMILAR_HEM: Final = (0.3, 0.22)
"""Up to which difference the old hem attracts the new one, and by how much; as shares of its distance from the
shoulders, which counts as at least one and a half lengths of the trunk."""
ROWS, HAND_ROWS = 15, 31


@dataclass(frozen=True)
class Placed:
    """Fields of places (h, w, 2) in pixels of the garment's photo; NaN where a part is not.

    Args:
        trunk: of trunk, skirt or trousers.
        sleeves: left and right; None without a sleeve.
        outline: (n, 2) the trunk's points in the view: for shading and for the quality.
        hem: how far the garment reaches below the shoulders, in lengths of the trunk.
        reach: of each sleeve along the arm, 0..1; 0 without a sleeve.
    """

    trunk: NDArray[Any]
    sleeves: tuple[NDArray[Any] | None, NDArray[Any] | None]
    outline: NDArray[Any]
    hem: float
    reach: tuple[float, float]


def place_top(garment: Garment, body: Body, size: tuple[int, int], old: Edges, dress: bool) -> Placed:
    """Place a top, a coat or a dress.

    Args:
        old: where the old garment ends.
    """
    import numpy as np

    chest, shoulders = garment.width("armpit"), garment.width("shoulder")
    hem = hem_of(garment, old.hem, dress)
    if not dress and old.cut and hem > 0.75:
        # What is worn below the frame is unknown, so the new garment reaches the frame, too.
        hem = max(hem, old.cut + 0.04)
    pairs: list[tuple[NDArray[Any], NDArray[Any]]] = []

    def add(name: str, target: NDArray[Any]) -> None:
        pairs.append((target, garment.points[name]))

    neck = min(0.75, garment.width("neck") / max(1.0, shoulders))
    half = max(NECK_HALF, neck * FLAT_SHOULDERS / 2) * body.wide
    rise = np.interp(half / body.wide, [NECK_HALF, FLAT_SHOULDERS / 2], [NECK_UP, 0.1]) * body.wide
    drop = (garment.points[f"armpit_{SIDES[0]}"] - garment.points[f"shoulder_{SIDES[0]}"])[1] / max(1.0, shoulders)
    armpit = float(np.clip(drop * FLAT_SHOULDERS - 0.1, *ARMPIT_DOWN)) * body.wide
    wide = float(np.clip(chest / max(1.0, shoulders), 1.0, 1.45)) / 1.2
    chest_half = CHEST_HALF * body.wide * float(np.clip(wide, 0.94, 1.15))
    for side, name in enumerate(SIDES):
        sign = (-1, 1)[side]
        add(f"neck_{name}", body.place(sign * half, -rise))
        add(f"shoulder_{name}", body.tip(side))
        add(f"armpit_{name}", body.place(sign * chest_half, armpit))
    if "neck_front" in garment.points:
        depth = float((garment.points["neck_front"] - garment.middle("neck"))[1]) / max(1.0, shoulders)
        front = depth * FLAT_SHOULDERS - rise / body.wide
        if old.neckline is not None and abs(old.neckline - front) < SIMILAR_NECK:
            front = (front + 2 * old.neckline) / 3
        add("neck_front", body.place(0, front * body.wide))
    outline: list[NDArray[Any]] = []
    for side, name in enumerate(SIDES):
        sign = (-1, 1)[side]
        from_armpit, from_hem = garment.points[f"armpit_{name}"], garment.points[f"hem_{name}"]
        middle_from, middle_to = garment.middle("armpit"), garment.middle("hem")
        for share in (0.25, 0.5, 0.75, 1.0):
            edge = edge_at(garment, from_armpit + share * (from_hem - from_armpit), sign, chest)
            middle = middle_from + share * (middle_to - middle_from)
            flat = abs(float(edge[0] - middle[0])) / (chest / 2)
            drift = body.hips.mean(0) - body.place(0, body.trunk)
            down = armpit + share * (hem * body.trunk - armpit)
            out, moved = flat * chest_half, drift * min(1.0, share)
            seen = old.side(down / body.trunk, side)
            if seen is not None:
                change = seen * body.wide - sign * float(moved @ body.across) - out
                out += float(np.clip(change, -SIMILAR_SIDE * body.wide, SIMILAR_SIDE * body.wide))
            target = body.place(sign * out, down) + moved
            pairs.append((target, edge))
            outline.append(target)
    bottom = body.place(0, hem * body.trunk)
    pairs.append((bottom, garment.middle("hem")))
    targets, sources = (np.stack([pair[n] for pair in pairs]) for n in (0, 1))
    field = thin_plate(targets, sources, size)
    sleeves, reach = zip(
        *(_sleeve(garment, body, side, size, (armpit, chest_half), old.reach[side]) for side in (0, 1)), strict=True
    )
    return Placed(field, (sleeves[0], sleeves[1]), np.stack([*(p[0] for p in pairs[:6]), *outline]), hem,
                  (reach[0], reach[1]))  # fmt: skip


def hem_of(garment: Garment, old_hem: float | None, dress: bool) -> float:
    """Where the hem is, in lengths of the trunk below the shoulders."""
    hem = natural_hem(garment)
    outer = garment.kinds.get("outwear", 0.0) > 0.5
    if dress:
        return attracted(max(1.45, hem), old_hem)
    # Photos taken at a slant make tops longer: only what is clearly longer than a shirt, and no shirt, hangs below the
    # hips.
    shirt = sum(garment.kinds.get(kind, 0.0) for kind in ("t-shirt", "longsleeve", "shirt"))
    if not outer and (hem < 1.5 or shirt > garment.kinds.get("dress", 0.0)):
        hem = min(hem, 1.2)
    return attracted(hem, old_hem)


def natural_hem(garment: Garment) -> float:
    """Where the hem is by the garment's proportions alone."""
    import numpy as np

    length = float((garment.middle("hem") - garment.middle("shoulder"))[1])
    return float(np.clip(length / chest_of(garment) / TEE_RATIO * TEE_LENGTH, 0.6, 2.9))


def attracted(hem: float, old_hem: float | None) -> float:
    """A hem moved towards a similar old one. The longer a garment, the less sure is its length."""
    import numpy as np

    similar, most = (share * max(1.5, hem) for share in SIMILAR_HEM)
    if old_hem is None or abs(old_hem - hem) >= similar:
        return hem
    return float(np.clip(old_hem, hem - most, hem + most))


def edge_at(garment: Garment, start: NDArray[Any], sign: int, chest: float) -> NDArray[Any]:
    """The outline of the trunk next to a place on the line from the armpit to the hem."""
    import numpy as np

    row = int(np.clip(start[1], 0, garment.alpha.shape[0] - 1))
    line = garment.alpha[row] > 127
    reach = int(0.12 * chest)
    columns = np.arange(int(start[0]) - reach, int(start[0]) + reach + 1)
    columns = columns[(columns >= 0) & (columns < len(line))]
    if not columns.size:
        return start
    ordered = columns if sign > 0 else columns[::-1]
    inside = line[ordered]
    # From the trunk outwards: the last place before the fabric ends; a sleeve that touches hides it.
    if not inside[0] or inside.all():
        return start
    last = int(np.flatnonzero(~inside)[0]) - 1
    return np.array([float(ordered[max(0, last)]), start[1]])


def _sleeve(
    garment: Garment, body: Body, side: int, size: tuple[int, int], pit_at: tuple[float, float], old: float | None
) -> tuple[NDArray[Any] | None, float]:
    """The field of a sleeve, and how far it reaches along the arm."""
    import numpy as np

    if not has_sleeve(garment, side):
        return None, 0.0
    sign = (-1, 1)[side]
    shown = 1 - side if folded(garment) == side else side
    shoulder, pit, outer, inner = (
        garment.points[f"{part}_{SIDES[shown]}"] for part in ("shoulder", "armpit", "cuff_outer", "cuff_inner")
    )
    length = sleeve_length(garment, shown)
    reach = 1.0 if length >= LONG_SLEEVE else float(np.clip(length / ARM_REACH, 0.1, 1.0))
    if old is not None and abs(old - reach) < SIMILAR_REACH:
        reach = (reach + 2 * old) / 3
    unit = FLAT_SHOULDERS * body.wide / max(1.0, garment.width("shoulder"))
    shares = np.linspace(0, 1, ROWS)
    flat = np.hypot(*(shoulder - pit)) * (1 - shares) + np.hypot(*(outer - inner)) * shares
    arm = body.arms[side]
    along = shares * reach
    fit = COAT_FIT if garment.kinds.get("outwear", 0.0) > 0.5 else SLEEVE_FIT
    half = np.maximum(flat * unit * fit / 2, ARM_EASE * body.wide * np.interp(along, (0, 0.5, 1), ARM))
    armpit, chest_half = pit_at
    root = (body.tip(side), body.place(sign * chest_half, armpit))
    edges = edges_along(arm, reach, half, root, sign)
    grow = 0.18
    sources = _flat_sleeve(shoulder, pit, outer, inner, (-1, 1)[shown])
    return strip(lengthened(_widened(edges, grow)), lengthened(_widened(sources, grow)), size), reach


def _flat_sleeve(
    shoulder: NDArray[Any], pit: NDArray[Any], outer: NDArray[Any], inner: NDArray[Any], sign: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The edges of a sleeve in the garment's photo, (n, 2) each: a band like that on the arm, so that equal places of
    both belong together. Straight lines from the seam to the cuff would not do: of a sleeve that hangs, the seam is
    almost parallel to them."""
    import numpy as np

    cuff = (outer + inner) / 2
    way = cuff - (shoulder + pit) / 2
    way = way / max(1e-6, float(np.hypot(*way)))
    outwards = np.array([way[1], -way[0]]) * sign
    end = 0.5 * max(1.0, abs(float((outer - inner) @ outwards)))
    # Half the width at the armpit: to the line of the outer edge.
    edge = outer - shoulder
    normal = np.array([edge[1], -edge[0]]) * sign / max(1e-6, float(np.hypot(*edge)))
    half = 0.5 * max(end, float((shoulder - pit) @ normal))
    middle = pit + half * outwards
    start = middle + way * min(0.0, float((shoulder - middle) @ way))
    limb = Limb(np.stack([start, (start + cuff) / 2, cuff]), np.ones(3))
    return edges_along(limb, 1.0, half + (end - half) * np.linspace(0, 1, ROWS), (shoulder, pit), sign)


def arm_edges(body: Body, side: int, hand: bool = False) -> tuple[NDArray[Any], NDArray[Any], float]:
    """Both edges of a bare arm, (n, 2) each, from the shoulder to the wrist, and 1.

    With `hand`, as far as to the tips of closed fingers, and that as a multiple of the arm's length.
    """
    import numpy as np

    sign = (-1, 1)[side]
    reach = 1 + HAND * body.wide / max(1e-6, body.arms[side].length) if hand else 1.0
    along = np.linspace(0, reach, HAND_ROWS if hand else ROWS)
    half = body.wide * np.interp(along, (0, 0.5, 1), ARM)
    if hand:
        beyond = ((along - 1) / max(1e-6, reach - 1)).clip(0, 1)
        half *= np.interp(beyond, (0, 0.35, 0.7, 0.9, 1), (1, 1.25, 1.05, 0.7, 0.2))
    root = (
        body.tip(side) - sign * 0.02 * body.wide * body.across,
        body.place(sign * 0.36 * body.wide, 0.3 * body.wide),
    )
    outer, inner = edges_along(body.arms[side], reach, half, root, sign)
    return outer, inner, reach


def edges_along(
    limb: Limb,
    reach: float,
    half: NDArray[Any],
    root: tuple[NDArray[Any], NDArray[Any]],
    sign: int,
    first: float = 0.0,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The outer and inner edge of a band along the bones, (n, 2) each, which starts at a line across the body.

    The line is rarely at a right angle to the bone: of a hanging arm it is almost parallel. So the outer edge starts at
    the joint, and the inner edge where its end of the line is along the bone.

    Args:
        reach: where the band ends, as a share of the limb.
        half: half the width of the band, (n,).
        root: the outer and inner end of the line.
        sign: -1 for a limb on the left, 1 on the right.
        first: where the band starts, as a share of the limb.
    """
    import numpy as np

    total = max(1e-6, limb.length)
    start, joint = limb.joints[0], limb.joints[1]
    bone = (joint - start) / max(1e-6, float(np.hypot(*(joint - start))))
    inner_start = float(np.clip((root[1] - start) @ bone / total, first, max(first, reach - 0.06)))
    steps = np.linspace(0, 1, len(half))
    fade = 1 - np.clip(steps / 0.45, 0, 1)
    fade = (fade * fade * (3 - 2 * fade))[:, None]
    edges: list[NDArray[Any]] = []
    for begin, place, side in ((first, root[0], 1), (inner_start, root[1], -1)):
        centre, outwards = _line(limb, begin + steps * (reach - begin), sign)
        edge = centre + side * outwards * half[:, None]
        edges.append(edge + (place - edge[0]) * fade)
    return edges[0], edges[1]


def _line(limb: Limb, shares: NDArray[Any], sign: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Places along the bones and the directions outwards, (n, 2) each."""
    import numpy as np

    first, middle, last = limb.joints
    upper, lower = float(np.hypot(*(middle - first))), float(np.hypot(*(last - middle)))
    total = max(1e-6, upper + lower)
    at = shares * total
    upper_share = (at / max(1e-6, upper)).clip(0, 1)[:, None]
    lower_share = ((at - upper) / max(1e-6, lower)).clip(0, None)[:, None]
    centre = first + (middle - first) * upper_share + (last - middle) * lower_share
    ways = [(middle - first) / max(1e-6, upper), (last - middle) / max(1e-6, lower)]
    turn = np.clip((shares - upper / total) / 0.16 + 0.5, 0, 1)[:, None]
    way = ways[0] * (1 - turn) + ways[1] * turn
    way /= np.maximum(np.hypot(way[:, 0], way[:, 1]), 1e-6)[:, None]
    # Outwards: to the right of the direction of a left arm as it hangs, to the left of that of a right one.
    return centre, np.stack([way[:, 1], -way[:, 0]], 1) * sign


def _widened(edges: tuple[NDArray[Any], NDArray[Any]], share: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """The edges moved apart, so that fabric beyond the straight line between landmarks belongs to the strip."""
    outer, inner = edges
    return outer + share * (outer - inner), inner + share * (inner - outer)


def lengthened(edges: tuple[NDArray[Any], NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The edges with one more row at the end, so that the fabric's own end, not a line between two landmarks, is
    seen."""
    import numpy as np

    outer, inner = (np.concatenate([edge, 2 * edge[-1:] - edge[-2:-1]]) for edge in edges)
    return outer, inner
