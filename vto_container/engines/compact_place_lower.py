"""Where a skirt or trousers go on a body: waist and hips at the joints, lengths in proportion (see `compact_place`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from vto_container.engines.compact_body import LEG, SIDES
from vto_container.engines.compact_place import Placed, attracted, edge_at, edges_along, lengthened
from vto_container.engines.compact_warp import strip, thin_plate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vto_container.engines.compact_body import Body
    from vto_container.engines.compact_edges import Edges
    from vto_container.engines.compact_garment import Garment

LEG_GROW, LEG_INSET = 0.14, 0.03
"""How far a leg's fabric may go on beyond the line to its cuff, and how much is left out at the inner seam, where the
ground shows; in widths of the leg."""
LEG_EASE: Final = 1.08
"""Width of a skirt relative to that of the legs in it."""
THIGH_GAP: Final = 0.1
"""Gap between the legs of trousers, in shoulder widths, that is closed above the knees."""
SIMILAR_LEGS: Final = 0.25
"""How different legs of trousers, in lengths of the leg, may be for the old one to attract the new one."""
LONG_TROUSERS, SHORT_TROUSERS = 1.75, 1.25
"""Length of trousers in hip widths from which they reach the ankles, and that of what looks more like trousers than
like shorts: a photo at a slant shortens."""

GATHERED: Final = 0.8
"""Width of a waist that goes with hips, relative to them, when both lie flat."""


def place_skirt(garment: Garment, body: Body, size: tuple[int, int], waist: float, old: Edges) -> Placed:
    """Place a skirt; `waist` is where it starts, in lengths of the trunk below the shoulders."""
    import numpy as np

    width = garment.width("waist")
    length = float((garment.middle("hem") - garment.middle("waist"))[1]) / max(1.0, width)
    hip_half = max(0.43 * body.wide, 0.85 * float(np.hypot(*(body.hips[1] - body.hips[0]))))
    hem = waist + length * 2 * 0.8 * hip_half / body.trunk
    ankles = _ankle(body)
    hem = min(attracted(hem, old.hem), ankles)
    pairs: list[tuple[NDArray[Any], NDArray[Any]]] = []
    drift = body.hips.mean(0) - body.place(0, body.trunk)
    for side, name in enumerate(SIDES):
        sign = (-1, 1)[side]
        top, low = garment.points[f"waist_{name}"], garment.points[f"hem_{name}"]
        for share in (0.0, 0.2, 0.45, 0.7, 1.0):
            edge = edge_at(garment, top + share * (low - top), sign, width)
            middle = garment.middle("waist") + share * (garment.middle("hem") - garment.middle("waist"))
            flat = abs(float(edge[0] - middle[0])) / (width / 2)
            half = 0.8 * hip_half * flat * (1 if flat < 1.3 else (1.3 + 0.6 * (flat - 1.3)) / flat)
            at = waist + share * (hem - waist)
            least = np.interp(at, (waist, 1.08), (0.74, 1.06)) * hip_half if at < 1.3 else 0.0
            legs = _beside(body, side, at) - sign * float(drift @ body.across)
            pairs.append((body.place(sign * max(half, least, legs), at * body.trunk) + drift, edge))
    for share in (0.0, 0.5, 1.0):
        at = body.place(0, (waist + share * (hem - waist)) * body.trunk) + drift
        pairs.append((at, garment.middle("waist") + share * (garment.middle("hem") - garment.middle("waist"))))
    targets, sources = (np.stack([pair[n] for pair in pairs]) for n in (0, 1))
    return Placed(thin_plate(targets, sources, size), (None, None), targets[:10], hem, (0.0, 0.0))


def _beside(body: Body, side: int, at: float) -> float:
    """How far to its side a leg reaches, in pixels, at a height in lengths of the trunk below the shoulders: no skirt
    is narrower than the legs in it. 0 above the hips."""
    import numpy as np

    across, down = body.frame(*body.legs[side].joints.T)
    if at * body.trunk < down[0] or (np.diff(down) <= 0).any():
        return 0.0
    half = body.wide * np.array(LEG)
    return float(np.interp(at * body.trunk, down, (-1, 1)[side] * across + LEG_EASE * half))


def place_legs(garment: Garment, body: Body, size: tuple[int, int], waist: float, old: Edges) -> Placed:
    """Place trousers or shorts; `waist` as in `place_skirt`."""
    import numpy as np

    hips = float(np.hypot(*(body.hips[1] - body.hips[0])))
    hip_half = max(0.43 * body.wide, 0.85 * hips)
    top, crotch = garment.middle("waist"), garment.points["crotch"]
    width = garment.width("waist")
    drift = body.hips.mean(0) - body.place(0, body.trunk)
    target_waist = body.place(0, waist * body.trunk) + drift
    target_crotch = body.place(0, 1.22 * body.trunk) + drift
    targets: list[tuple[NDArray[Any], NDArray[Any]]] = []
    sources: list[tuple[NDArray[Any], NDArray[Any]]] = []
    outline: list[NDArray[Any]] = []
    reach, covered = 0.0, leg_length(garment)
    for side, name in enumerate(SIDES):
        sign = (-1, 1)[side]
        waist_from = garment.points[f"waist_{name}"]
        outer_from, inner_from = garment.points[f"leg_outer_{name}"], garment.points[f"leg_inner_{name}"]
        share = covered
        worn = old.legs[side]
        if worn is not None and abs(worn - share) < SIMILAR_LEGS:
            share = (share + 2 * worn) / 3
        reach = max(reach, share)
        # The outer edge from the waist over the hip down, the inner one along the middle to the crotch and down.
        hip_from = edge_at(
            garment, waist_from + 0.9 * (crotch[1] - waist_from[1]) * np.array([0, 1]), sign, 1.6 * width
        )
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
        edges = edges_along(leg, share, half, (hip, target_crotch), sign, first)
        blend = np.clip(shares / 0.35, 0, 1)[:, None]
        straight = (hip + (edges[0][-1] - hip) * shares[:, None],
                    target_crotch + (edges[1][-1] - target_crotch) * shares[:, None])  # fmt: skip
        outer, inner = (b * blend + a * (1 - blend) for a, b in zip(straight, edges, strict=True))
        outer_target += list(outer)
        inner_target += list(inner)
        outer_source += list(hip_from + (outer_from - hip_from) * shares[:, None])
        inner_source += list(crotch + (inner_from - crotch) * shares[:, None])
        targets.append((np.stack(outer_target), np.stack(inner_target)))
        sources.append((np.stack(outer_source), np.stack(inner_source)))
        outline += [start, hip, edges[0][-1], edges[1][-1]]
    inner = _closed(targets[0][1], targets[1][1], body)
    fields: list[NDArray[Any]] = []
    for target, source, touching in zip(targets, sources, inner, strict=True):
        grown = (target[0] + LEG_GROW * (target[0] - touching), touching)
        across = source[0] - source[1]
        fabric = (source[0] + LEG_GROW * across, source[1] + LEG_INSET * across)
        fields.append(strip(lengthened(grown), lengthened(fabric), size))
    field = np.where(np.isfinite(fields[0]), fields[0], fields[1])
    return Placed(field, (None, None), np.stack(outline), 1.0 + reach * (_ankle(body) - 1.0), (0.0, 0.0))


def leg_length(garment: Garment) -> float:
    """How much of a leg trousers cover, 0..1: all of it, if the longer leg is long or looks like that of trousers."""
    import numpy as np

    lengths = [
        np.hypot(*((garment.points[f"leg_outer_{name}"] + garment.points[f"leg_inner_{name}"]) / 2
                   - garment.points[f"waist_{name}"]))
        for name in SIDES
    ]  # fmt: skip
    # Elastic pulls the waist of shorts together: the hips say more about the size of what is wide below it.
    short = garment.kinds.get("shorts", 0.0) > 0.5
    wide = max(1.0, garment.width("waist"), GATHERED * _hips(garment) if short else 0.0)
    length = float(max(lengths)) / (1.18 * wide)
    trousers = garment.kinds.get("pants", 0.0) > garment.kinds.get("shorts", 0.0)
    if length >= (SHORT_TROUSERS if trousers else LONG_TROUSERS):
        return 1.0
    return float(np.clip(length / 2.0, 0.25, 1.0))


def _hips(garment: Garment) -> float:
    """Width of trousers a little above the crotch, in pixels of the photo."""
    import numpy as np

    top, crotch = float(garment.middle("waist")[1]), float(garment.points["crotch"][1])
    row = int(np.clip(top + 0.9 * (crotch - top), 0, garment.alpha.shape[0] - 1))
    columns = np.flatnonzero(garment.alpha[row] > 127)
    return float(columns[-1] - columns[0] + 1) if columns.size else 0.0


def _closed(left: NDArray[Any], right: NDArray[Any], body: Body) -> tuple[NDArray[Any], NDArray[Any]]:
    """The inner edges of both legs, moved together above the knees where they are close: thighs touch."""
    gap = (right - left) @ body.across
    knees = (body.legs[0].joints[1] + body.legs[1].joints[1]) / 2
    above = ((knees - (left + right) / 2) @ body.down) / body.trunk
    share = ((2 * THIGH_GAP * body.wide - gap) / (THIGH_GAP * body.wide)).clip(0, 1) * (above / 0.2).clip(0, 1)
    half = (share * gap.clip(0) / 2)[:, None] * body.across
    return left + half, right - half


def _ankle(body: Body) -> float:
    """How far the ankles are below the shoulders, in lengths of the trunk."""
    legs = sum(leg.length for leg in body.legs) / 2
    return 1.0 + legs / body.trunk
