"""Where each part of a garment goes on a body: its landmarks at the joints, its lengths in proportion.

Lengths are those of the garment relative to its own shoulders and chest; widths are a little narrower than flat,
because fabric goes around a body. An old garment that ends at about the same place decides where the new hem is, since
its end is where this wearer wears such garments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vto_container.engines.compact_body import ARM, LEG, NECK_HALF, NECK_UP, SIDES
from vto_container.engines.compact_parts import has_sleeve
from vto_container.engines.compact_warp import strip, thin_plate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vto_container.engines.compact_body import Body, Limb
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
SIMILAR_HEM: Final = (0.45, 0.3)
"""Up to which difference the old hem attracts the new one, and by how much; in lengths of the trunk."""
ROWS: Final = 15
LONG_TROUSERS: Final = 1.75
"""Length of trousers in hip widths from which they reach the ankles."""


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
            edge = _edge(garment, from_armpit + share * (from_hem - from_armpit), sign, chest)
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
    import numpy as np

    length = float((garment.middle("hem") - garment.middle("shoulder"))[1])
    ratio = length / max(1.0, garment.width("armpit"))
    hem = float(np.clip(ratio / TEE_RATIO * TEE_LENGTH, 0.6, 2.9))
    outer = garment.kinds.get("outwear", 0.0) > 0.5
    if dress:
        return max(1.45, hem)
    # Photos taken at a slant make tops longer: only what is clearly longer than a shirt hangs below the hips.
    if not outer and hem < 1.5:
        hem = min(hem, 1.2)
    if old_hem is not None and abs(old_hem - hem) < SIMILAR_HEM[0]:
        hem = float(np.clip(old_hem, hem - SIMILAR_HEM[1], hem + SIMILAR_HEM[1]))
    return hem


def _edge(garment: Garment, start: NDArray[Any], sign: int, chest: float) -> NDArray[Any]:
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
    name, sign = SIDES[side], (-1, 1)[side]
    shoulder, pit, outer, inner = (
        garment.points[f"{part}_{name}"] for part in ("shoulder", "armpit", "cuff_outer", "cuff_inner")
    )
    length = float(np.hypot(*((outer + inner) / 2 - shoulder))) / max(1.0, garment.width("armpit"))
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
    edges = _along(arm, reach, half, root, sign)
    grow = 0.18
    sources = (shoulder + (outer - shoulder) * shares[:, None], pit + (inner - pit) * shares[:, None])
    return strip(_widened(edges, grow), _widened(sources, grow), size), reach


def arm_edges(body: Body, side: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both edges of a bare arm, (n, 2) each, from the shoulder to the wrist."""
    import numpy as np

    sign = (-1, 1)[side]
    along = np.linspace(0, 1, ROWS)
    half = body.wide * np.interp(along, (0, 0.5, 1), ARM)
    root = (
        body.tip(side) - sign * 0.02 * body.wide * body.across,
        body.place(sign * 0.36 * body.wide, 0.3 * body.wide),
    )
    return _along(body.arms[side], 1.0, half, root, sign)


def _along(
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


def place_skirt(garment: Garment, body: Body, size: tuple[int, int], waist: float) -> Placed:
    """Place a skirt; `waist` is where it starts, in lengths of the trunk below the shoulders."""
    import numpy as np

    width = garment.width("waist")
    length = float((garment.middle("hem") - garment.middle("waist"))[1]) / max(1.0, width)
    hip_half = max(0.43 * body.wide, 0.85 * float(np.hypot(*(body.hips[1] - body.hips[0]))))
    hem = waist + length * 2 * 0.8 * hip_half / body.trunk
    ankles = _ankle(body)
    hem = min(hem, ankles)
    pairs: list[tuple[NDArray[Any], NDArray[Any]]] = []
    drift = body.hips.mean(0) - body.place(0, body.trunk)
    for side, name in enumerate(SIDES):
        sign = (-1, 1)[side]
        top, low = garment.points[f"waist_{name}"], garment.points[f"hem_{name}"]
        for share in (0.0, 0.2, 0.45, 0.7, 1.0):
            edge = _edge(garment, top + share * (low - top), sign, width)
            middle = garment.middle("waist") + share * (garment.middle("hem") - garment.middle("waist"))
            flat = abs(float(edge[0] - middle[0])) / (width / 2)
            half = 0.8 * hip_half * flat * (1 if flat < 1.3 else (1.3 + 0.6 * (flat - 1.3)) / flat)
            at = waist + share * (hem - waist)
            least = np.interp(at, (waist, 1.08), (0.74, 1.06)) * hip_half if at < 1.3 else 0.0
            pairs.append((body.place(sign * max(half, least), at * body.trunk) + drift, edge))
    for share in (0.0, 0.5, 1.0):
        at = body.place(0, (waist + share * (hem - waist)) * body.trunk) + drift
        pairs.append((at, garment.middle("waist") + share * (garment.middle("hem") - garment.middle("waist"))))
    targets, sources = (np.stack([pair[n] for pair in pairs]) for n in (0, 1))
    return Placed(thin_plate(targets, sources, size), (None, None), targets[:10], hem, (0.0, 0.0))


def place_legs(garment: Garment, body: Body, size: tuple[int, int], waist: float) -> Placed:
    """Place trousers or shorts; `waist` as in `place_skirt`."""
    import numpy as np

    hips = float(np.hypot(*(body.hips[1] - body.hips[0])))
    hip_half = max(0.43 * body.wide, 0.85 * hips)
    top, crotch = garment.middle("waist"), garment.points["crotch"]
    width = garment.width("waist")
    drift = body.hips.mean(0) - body.place(0, body.trunk)
    target_waist = body.place(0, waist * body.trunk) + drift
    target_crotch = body.place(0, 1.22 * body.trunk) + drift
    fields: list[NDArray[Any]] = []
    outline: list[NDArray[Any]] = []
    reach = 0.0
    for side, name in enumerate(SIDES):
        sign = (-1, 1)[side]
        waist_from = garment.points[f"waist_{name}"]
        outer_from, inner_from = garment.points[f"leg_outer_{name}"], garment.points[f"leg_inner_{name}"]
        length = float(np.hypot(*((outer_from + inner_from) / 2 - waist_from))) / max(1.0, 1.18 * width)
        share = 1.0 if length >= LONG_TROUSERS else float(np.clip(length / 2.0, 0.25, 1.0))
        reach = max(reach, share)
        # The outer edge from the waist over the hip down, the inner one along the middle to the crotch and down.
        hip_from = _edge(garment, waist_from + 0.9 * (crotch[1] - waist_from[1]) * np.array([0, 1]), sign, 1.6 * width)
        outer_source = [waist_from, waist_from * 0.5 + hip_from * 0.5, hip_from]
        inner_source = [top, (top + crotch) / 2, crotch]
        start = body.place(sign * 0.82 * hip_half, waist * body.trunk) + drift
        hip = body.place(sign * 1.06 * hip_half, 1.1 * body.trunk) + drift
        outer_target = [start, (start + hip) / 2 + sign * 0.03 * hip_half * body.across, hip]
        inner_target = [target_waist, (target_waist + target_crotch) / 2, target_crotch]
        rows = 12
        shares = np.linspace(0, 1, rows)[1:]
        leg = body.legs[side]
        first = 0.18
        along = first + shares * (share - first)
        flat_crotch = float(np.hypot(*(hip_from - crotch)))
        flat_end = float(np.hypot(*(outer_from - inner_from)))
        unit = 2 * hip_half / max(1.0, 2 * flat_crotch)
        flat = (flat_crotch * (1 - shares) + flat_end * shares) * unit * 0.5 * 0.85
        half = np.maximum(flat, 1.04 * body.wide * np.interp(along, (0, 0.5, 1), LEG))
        edges = _along(leg, share, half, (hip, target_crotch), sign, first)
        blend = np.clip(shares / 0.35, 0, 1)[:, None]
        straight = (hip + (edges[0][-1] - hip) * shares[:, None],
                    target_crotch + (edges[1][-1] - target_crotch) * shares[:, None])  # fmt: skip
        outer, inner = (b * blend + a * (1 - blend) for a, b in zip(straight, edges, strict=True))
        outer_target += list(outer)
        inner_target += list(inner)
        outer_source += list(hip_from + (outer_from - hip_from) * shares[:, None])
        inner_source += list(crotch + (inner_from - crotch) * shares[:, None])
        target = (np.stack(outer_target), np.stack(inner_target))
        source = (np.stack(outer_source), np.stack(inner_source))
        grow = 0.14
        target = (target[0] + grow * (target[0] - target[1]), target[1])
        source = (source[0] + grow * (source[0] - source[1]), source[1])
        fields.append(strip(target, source, size))
        outline += [start, hip, edges[0][-1], edges[1][-1]]
    field = np.where(np.isfinite(fields[0]), fields[0], fields[1])
    return Placed(field, (None, None), np.stack(outline), 1.0 + reach * (_ankle(body) - 1.0), (0.0, 0.0))


def _ankle(body: Body) -> float:
    """How far the ankles are below the shoulders, in lengths of the trunk."""
    legs = sum(leg.length for leg in body.legs) / 2
    return 1.0 + legs / body.trunk
