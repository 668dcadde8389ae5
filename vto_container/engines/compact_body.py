"""The body of a person in a view, as the compact engine uses it: joints, lengths and axes in pixels of the view.

Sides are those of the image: `left` is the person's right arm when the person faces the camera. Proportions relative
to the distance between the shoulder joints are those of anthropometric tables for adults (NASA-STD-3000, 50th
percentile).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared.vision.pose import Joint
from shared.vto.errors import PoseNotFound, PoseNotSupported

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.engines.base import Category
    from shared.vision.pose import Pose

MIN_PRESENCE: Final = 0.4
MAX_TILT: Final = 0.75
"""Tangent of the largest tilt of the trunk from the vertical."""
MIN_WIDTH, MIN_WIDTH_PROFILE, PROFILE = 0.43, 0.5, 0.3
"""Smallest distance of the shoulders as a share of the trunk's length, below which the person is seen from the side:
in general, and if the head is turned, too: its nose is that far from the middle, in distances of the shoulders."""
MIN_THIGH: Final = 0.45
"""Shortest thigh as a share of the trunk's length: below it the person sits."""
TIP_OUT, TIP_UP = 0.08, 0.10
"""Where a shoulder seam lies from the shoulder joint, as shares of the shoulders' distance."""
NECK_HALF, NECK_UP = 0.19, 0.20
"""Half the width of the neck's base, and how far it is above the shoulder joints."""
ARM: Final = (0.150, 0.118, 0.078)
"""Half the width of an arm at shoulder, elbow and wrist."""
LEG: Final = (0.235, 0.165, 0.105)
"""Half the width of a leg at hip, knee and ankle."""
HAND: Final = 0.27
"""Length of a hand."""
SIDES: Final = ("left", "right")


@dataclass(frozen=True)
class Limb:
    """Three joints of an arm or a leg, (3, 2), and how visible they are, (3,)."""

    joints: NDArray[Any]
    visible: NDArray[Any]

    @property
    def length(self) -> float:
        """Length along the bones."""
        import numpy as np

        return float(np.hypot(*np.diff(self.joints, axis=0).T).sum())


@dataclass(frozen=True)
class Body:
    """A body in a view.

    Args:
        shoulders, hips: (2, 2) left and right.
        nose, chin: x and y.
        arms, legs: left and right.
        wide: distance between the shoulder joints.
        trunk: distance from the shoulders' to the hips' middle.
        down, across: unit vectors along the trunk and to the right.
    """

    shoulders: NDArray[Any]
    hips: NDArray[Any]
    nose: NDArray[Any]
    chin: NDArray[Any]
    arms: tuple[Limb, Limb]
    legs: tuple[Limb, Limb]
    hands: tuple[NDArray[Any], NDArray[Any]]
    wide: float
    trunk: float
    down: NDArray[Any]
    across: NDArray[Any]

    @property
    def middle(self) -> NDArray[Any]:
        """The middle between the shoulders."""
        return (self.shoulders[0] + self.shoulders[1]) / 2

    def place(self, across: float, down: float) -> NDArray[Any]:
        """A place in the trunk's frame: pixels to the right of and below the middle between the shoulders."""
        return self.middle + across * self.across + down * self.down

    def tip(self, side: int) -> NDArray[Any]:
        """Where the shoulder seam of a garment lies."""
        sign = (-1, 1)[side]
        return self.shoulders[side] + self.wide * (sign * TIP_OUT * self.across - TIP_UP * self.down)

    def frame(self, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Coordinates of pixels in the trunk's frame: to the right and down, in pixels."""
        dx, dy = x - self.middle[0], y - self.middle[1]
        return dx * self.across[0] + dy * self.across[1], dx * self.down[0] + dy * self.down[1]


def read_body(pose: Pose, origin: tuple[float, float], scale: float) -> Body:
    """The body of a pose in a view.

    Args:
        origin: of the view in pixels of the image.
        scale: pixels of the view per pixel of the image.
    """
    import numpy as np

    places = (pose.places - np.array(origin)) * scale

    def joints(*numbers: Joint) -> NDArray[Any]:
        return np.stack([places[number] for number in numbers]).astype(np.float64)

    def limb(*numbers: Joint) -> Limb:
        return Limb(joints(*numbers), pose.visible[list(numbers)])

    right = (
        limb(Joint.LEFT_SHOULDER, Joint.LEFT_ELBOW, Joint.LEFT_WRIST),
        limb(Joint.LEFT_HIP, Joint.LEFT_KNEE, Joint.LEFT_ANKLE),
        joints(Joint.LEFT_PINKY, Joint.LEFT_INDEX, Joint.LEFT_THUMB),
    )
    left = (
        limb(Joint.RIGHT_SHOULDER, Joint.RIGHT_ELBOW, Joint.RIGHT_WRIST),
        limb(Joint.RIGHT_HIP, Joint.RIGHT_KNEE, Joint.RIGHT_ANKLE),
        joints(Joint.RIGHT_PINKY, Joint.RIGHT_INDEX, Joint.RIGHT_THUMB),
    )
    shoulders = np.stack([left[0].joints[0], right[0].joints[0]])
    hips = np.stack([left[1].joints[0], right[1].joints[0]])
    trunk = hips.mean(0) - shoulders.mean(0)
    length = max(1.0, float(np.hypot(*trunk)))
    down = trunk / length
    nose = joints(Joint.NOSE)[0]
    mouth = joints(Joint.MOUTH_LEFT, Joint.MOUTH_RIGHT).mean(0)
    return Body(
        shoulders, hips, nose, mouth + (mouth - nose) * 1.0, (left[0], right[0]), (left[1], right[1]),
        (left[2], right[2]), max(1.0, float(np.hypot(*(shoulders[1] - shoulders[0])))), length, down,
        np.array([down[1], -down[0]]),
    )  # fmt: skip


def require_supported(pose: Pose, category: Category) -> None:
    """Check that the engine can dress a person in this pose.

    Raises:
        PoseNotFound: too little of a body is seen.
        PoseNotSupported: seen from the side or from behind, upside down, lying, or sitting.
    """
    body = read_body(pose, (0.0, 0.0), 1.0)
    if pose.presence < MIN_PRESENCE:
        raise PoseNotFound("the image shows too little of a body", field="person")
    if body.down[1] <= 0 or body.nose[1] > body.middle[1] + 0.3 * body.trunk:
        raise PoseNotSupported("the person is upside down: turn the image upright", field="person")
    if abs(body.down[0]) > MAX_TILT * body.down[1]:
        raise PoseNotSupported("the person lies or bends over: use a photo of a person who stands upright",
                               field="person")  # fmt: skip
    apart = float((body.shoulders[1] - body.shoulders[0]) @ body.across)
    if apart < 0 and -apart > MIN_WIDTH * body.trunk:
        raise PoseNotSupported("the person is seen from behind: use a photo taken from the front", field="person")
    aside = abs(float((body.nose - body.middle) @ body.across)) > PROFILE * body.wide
    if apart < (MIN_WIDTH_PROFILE if aside else MIN_WIDTH) * body.trunk:
        raise PoseNotSupported("the person is seen from the side: use a photo taken from the front", field="person")
    if category == "upper":
        return
    for leg in body.legs:
        thigh = leg.joints[1] - leg.joints[0]
        if leg.visible[1] > 0.5 and float(thigh @ body.down) < MIN_THIGH * body.trunk:
            raise PoseNotSupported("the person sits: use a photo of a standing person", field="person")
