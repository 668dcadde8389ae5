"""How good a result probably is, from what went with the error on photos that were not used to build the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from vto_container.engines.compact_garment import Garment
    from vto_container.engines.compact_old import Old
    from vto_container.engines.compact_paint import Painted
    from vto_container.engines.compact_place import Placed
    from vto_container.engines.compact_view import View

MIN_CONFIDENCE: Final = 0.5
"""Confidence below which a result has the quality `low`."""
PAINTED, AGREEMENT, LANDMARKS, USUAL, STEEPNESS = 1.0, 0.97, 0.54, 0.1, 3.0
"""Weights of what had to be painted, of the agreement of the old and the new outline, and of the landmarks' confidence:
their ratios are those of a linear fit of the garment's error on 76 pairs of CCP's training photos (rank correlation
.51); the risk at which a result is as likely poor as not; and how fast the confidence falls there."""
UNKNOWN: Final = (0.54, 0.61)
"""Certainty of the parser about the person's clothes at which nothing is known of a result, and from which it says
nothing: .62 at least in the photos that the confidence was fitted to and checked on, .55 or .56 for a space suit."""


def notes(garment: Garment, view: View, old: Old, placed: Placed, painted: Painted) -> dict[str, Any]:
    """The notes of a report: `confidence` in 0..1, `quality`, and what they follow from."""
    import numpy as np

    found = indicators(garment, view, old, painted)
    risk = PAINTED * min(1.5, found["painted"]) - AGREEMENT * found["outlineAgreement"]
    risk -= LANDMARKS * found["garmentConfidence"]
    known = float(np.clip((view.certainty - UNKNOWN[0]) / (UNKNOWN[1] - UNKNOWN[0]), 0, 1))
    confidence = known * float(1 / (1 + np.exp(STEEPNESS * (risk + USUAL))))
    return {
        "confidence": round(confidence, 3),
        "quality": "good" if confidence >= MIN_CONFIDENCE else "low",
        "garmentWorn": garment.worn,
        "garmentShare": round(float(painted.garment.mean()), 4),
        "hem": round(placed.hem, 3),
        "preview": True,
        **{name: round(value, 3) for name, value in found.items()},
    }


def indicators(garment: Garment, view: View, old: Old, painted: Painted) -> dict[str, float]:
    """What may go with the error: `painted` is the area painted as skin, clothes or ground relative to the
    garment's, the others are in 0..1."""
    import numpy as np

    inside = painted.garment > 0.5
    before = old.chance > 0.5
    both = float((inside & before).sum() / max(1, (inside | before).sum()))
    left = before & (painted.edit < 0.5) & (old.front < 0.5)
    joints = np.concatenate([view.body.arms[0].visible, view.body.arms[1].visible])
    return {
        "garmentConfidence": garment.confidence,
        "poseConfidence": float(np.mean(joints)),
        "outlineAgreement": both,
        "frontality": float(min(1.0, view.body.wide / view.body.trunk / 0.64)),
        "certainty": view.certainty,
        "painted": float(((painted.edit > 0.5) & ~inside).sum() / max(1, inside.sum())),
        "leftOver": float(left.sum() / max(1, before.sum())),
    }
