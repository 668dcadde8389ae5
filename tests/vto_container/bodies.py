"""Poses and bodies for tests of the compact engine: a figure of ten heads' width, 300 pixels from shoulder to ankle."""

from __future__ import annotations

import numpy as np

from shared.vision.pose import Joint, Pose
from vto_container.engines.compact_body import Body, read_body

FRONT: dict[Joint, tuple[float, float]] = {
    Joint.NOSE: (100, 40), Joint.MOUTH_LEFT: (106, 50), Joint.MOUTH_RIGHT: (94, 50),
    Joint.LEFT_SHOULDER: (132, 80), Joint.RIGHT_SHOULDER: (68, 80),
    Joint.LEFT_ELBOW: (142, 130), Joint.RIGHT_ELBOW: (58, 130),
    Joint.LEFT_WRIST: (146, 175), Joint.RIGHT_WRIST: (54, 175),
    Joint.LEFT_HIP: (118, 180), Joint.RIGHT_HIP: (82, 180),
    Joint.LEFT_KNEE: (120, 260), Joint.RIGHT_KNEE: (80, 260),
    Joint.LEFT_ANKLE: (120, 335), Joint.RIGHT_ANKLE: (80, 335),
}  # fmt: skip
"""A person who faces the camera with hanging arms."""
RAISED: dict[Joint, tuple[float, float]] = {
    Joint.LEFT_ELBOW: (175, 60), Joint.RIGHT_ELBOW: (25, 60), Joint.LEFT_WRIST: (180, 15), Joint.RIGHT_WRIST: (20, 15),
}  # fmt: skip
CROSSED: dict[Joint, tuple[float, float]] = {
    Joint.LEFT_ELBOW: (140, 130), Joint.RIGHT_ELBOW: (60, 130),
    Joint.LEFT_WRIST: (80, 120), Joint.RIGHT_WRIST: (120, 125),
}  # fmt: skip


def pose(changes: dict[Joint, tuple[float, float]] | None = None, presence: float = 1.0) -> Pose:
    """A pose with some joints elsewhere; fingers are below the wrists."""
    places = np.full((33, 2), 100.0, np.float32)
    joints = {**FRONT, **(changes or {})}
    for joint, place in joints.items():
        places[joint] = place
    for wrist, fingers in (
        (Joint.LEFT_WRIST, (Joint.LEFT_PINKY, Joint.LEFT_INDEX, Joint.LEFT_THUMB)),
        (Joint.RIGHT_WRIST, (Joint.RIGHT_PINKY, Joint.RIGHT_INDEX, Joint.RIGHT_THUMB)),
    ):
        for finger in fingers:
            places[finger] = np.add(joints[wrist], (0, 8))
    return Pose(places, np.zeros(33), np.ones(33), 1.0, presence, np.zeros((8, 8), np.float32))


def body(changes: dict[Joint, tuple[float, float]] | None = None) -> Body:
    """The body of `pose`."""
    return read_body(pose(changes), (0.0, 0.0), 1.0)


def turned(quarters: int) -> dict[Joint, tuple[float, float]]:
    """All joints turned around the middle of the figure."""
    centre = np.array([100.0, 180.0])
    cos, sin = [(1, 0), (0, 1), (-1, 0), (0, -1)][quarters]
    found: dict[Joint, tuple[float, float]] = {}
    for joint, place in FRONT.items():
        dx, dy = np.array(place) - centre
        found[joint] = (float(centre[0] + cos * dx - sin * dy), float(centre[1] + sin * dx + cos * dy))
    return found


def narrowed(share: float) -> dict[Joint, tuple[float, float]]:
    """All joints moved towards the middle line; below 0 left and right are exchanged."""
    return {joint: (100 + share * (place[0] - 100), place[1]) for joint, place in FRONT.items()}
