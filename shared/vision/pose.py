"""The pose of a person: 33 joints in a photo, and a mask of the person, by the networks of MediaPipe.

V. Bazarevsky et al., "BlazePose: On-device Real-time Body Pose tracking", CVPR workshop 2020. A detector finds the hips
and how large and how turned the body is; the second network finds the joints in a square around them, twice: the second
square follows from the first result. Without the detector a portrait's shoulders are placed on its mouth.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from shared import onnx
from shared.onnx.golden_outputs import golden_output_check

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DETECTOR, LANDMARKS, SELFIE = "pose_detector", "pose_landmarks", "selfie_mask"
IMAGE, MASK, SCORES, BOXES, JOINTS, PRESENCE = "image", "mask", "scores", "boxes", "landmarks", "presence"
"""Input and outputs of the networks."""
MODELS: Final = (DETECTOR, LANDMARKS, SELFIE)
WORKING_SIDE: Final = 512
"""Longest side, in pixels, of the reduced image that is examined."""
DETECTOR_SIDE, CROP_SIDE = 224, 256
STRIDES: Final = ((8, 2), (16, 2), (32, 6))
"""Strides of the detector's anchors, and anchors of each cell."""
GROWTH: Final = 1.25
"""Side of the square around a body, as a multiple of twice the distance from the hips to its outermost point."""
MIN_SCORE: Final = 0.3
"""Confidence of the detector below which there is no person."""
SIMILAR: Final = (0.6, 1.6)
"""Range of the second square's side relative to the first; outside it the first result is kept."""


class Joint(IntEnum):
    """Joints used here; left and right are the person's own."""

    NOSE = 0
    LEFT_EYE = 2
    RIGHT_EYE = 5
    LEFT_EAR = 7
    RIGHT_EAR = 8
    MOUTH_LEFT = 9
    MOUTH_RIGHT = 10
    LEFT_SHOULDER = 11
    RIGHT_SHOULDER = 12
    LEFT_ELBOW = 13
    RIGHT_ELBOW = 14
    LEFT_WRIST = 15
    RIGHT_WRIST = 16
    LEFT_PINKY = 17
    RIGHT_PINKY = 18
    LEFT_INDEX = 19
    RIGHT_INDEX = 20
    LEFT_THUMB = 21
    RIGHT_THUMB = 22
    LEFT_HIP = 23
    RIGHT_HIP = 24
    LEFT_KNEE = 25
    RIGHT_KNEE = 26
    LEFT_ANKLE = 27
    RIGHT_ANKLE = 28


@dataclass(frozen=True)
class Pose:
    """The joints of one person.

    Args:
        places: (33, 2) x and y in pixels of the image; a joint may be outside it.
        depth: (33,) distance from the camera relative to the hips, in pixels; negative is nearer.
        visible: (33,) 0..1, whether the joint can be seen; 0 outside the image.
        score: 0..1, the detector's confidence.
        presence: 0..1, the second network's.
        mask: (rows, columns) float32 in 0..1 over the image: the person.
    """

    places: NDArray[Any]
    depth: NDArray[Any]
    visible: NDArray[Any]
    score: float
    presence: float
    mask: NDArray[Any]

    def at(self, joint: Joint) -> NDArray[Any]:
        """x and y of a joint."""
        return self.places[joint]

    def middle(self, one: Joint, other: Joint) -> NDArray[Any]:
        """The middle between two joints."""
        return (self.places[one] + self.places[other]) / 2


def load() -> None:
    """Load and verify the networks. Raises ConfigurationError as `shared.onnx.get_model` does."""
    for id in MODELS:
        onnx.get_model(id, golden_output_check)


def find(image: NDArray[np.uint8]) -> Pose | None:
    """The pose of the most prominent person in an upright RGB image (h, w, 3); None if there is none."""
    import numpy as np
    from PIL import Image

    height, width = image.shape[:2]
    scale = min(1.0, WORKING_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = Image.fromarray(image).resize(size, Image.Resampling.BOX) if scale < 1 else Image.fromarray(image)
    score, square = _detect(small)
    if score < MIN_SCORE:
        return None
    first = _joints(small, square)
    next_square = _square(first.places[33], first.places[34])
    again = _joints(small, next_square)
    change = next_square[2] / max(1e-6, square[2])
    best = again if SIMILAR[0] < change < SIMILAR[1] and again.presence > 0.5 else first
    factor = np.array([width / size[0], height / size[1]], np.float32)
    places = best.places[:33] * factor
    inside = (places >= 0).all(1) & (places[:, 0] < width) & (places[:, 1] < height)
    visible = best.visible[:33] * inside
    return Pose(places, best.depth[:33] * factor[0], visible, score, best.presence, best.mask)


def selfie_mask(image: NDArray[np.uint8]) -> NDArray[Any]:
    """(256, 256) float32 in 0..1, stretched over the image: the person, by the network for portraits."""
    import numpy as np
    from PIL import Image

    small = Image.fromarray(image).resize((CROP_SIDE, CROP_SIDE), Image.Resampling.BOX)
    feed = np.asarray(small, np.float32)[None] / 255
    return onnx.get_model(SELFIE, golden_output_check).run({IMAGE: feed})[MASK].reshape(CROP_SIDE, CROP_SIDE)


type Square = tuple[float, float, float, float]
"""Centre x and y, side in pixels, and turn in radians."""


@dataclass(frozen=True)
class _Found:
    places: NDArray[Any]
    depth: NDArray[Any]
    visible: NDArray[Any]
    presence: float
    mask: NDArray[Any]


def _square(centre: NDArray[Any], outermost: NDArray[Any]) -> Square:
    import numpy as np

    way = outermost - centre
    side = 2 * float(np.hypot(*way)) * GROWTH
    return float(centre[0]), float(centre[1]), side, float(np.arctan2(way[0], -way[1]))


def _detect(image: Any) -> tuple[float, Square]:
    import numpy as np
    from PIL import Image

    side = max(image.size)
    offset = ((side - image.width) // 2, (side - image.height) // 2)
    canvas = Image.new("RGB", (side, side))
    canvas.paste(image, offset)
    feed = np.asarray(canvas.resize((DETECTOR_SIDE, DETECTOR_SIDE), Image.Resampling.BOX), np.float32) / 127.5 - 1
    found = onnx.get_model(DETECTOR, golden_output_check).run({IMAGE: feed[None]})
    logits = found[SCORES][0, :, 0]
    best = int(logits.argmax())
    score = float(1 / (1 + np.exp(-np.clip(logits[best], -80, 80))))
    points = found[BOXES][0, best, 4:8].reshape(2, 2) / DETECTOR_SIDE + _anchor(best)
    places = points * side - np.array(offset)
    return score, _square(places[0], places[1])


def _anchor(index: int) -> NDArray[Any]:
    """The centre of an anchor, x and y in 0..1."""
    import numpy as np

    for stride, count in STRIDES:
        cells = DETECTOR_SIDE // stride
        if index < cells * cells * count:
            row, column = divmod(index // count, cells)
            return np.array([(column + 0.5) / cells, (row + 0.5) / cells])
        index -= cells * cells * count
    raise ValueError("the detector has more outputs than anchors")


def _joints(image: Any, square: Square) -> _Found:
    import numpy as np
    from PIL import Image

    x, y, side, turn = square
    scale = max(side, 1.0) / CROP_SIDE
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    half = CROP_SIDE / 2
    # From pixels of the crop to pixels of the image.
    linear = np.array([[cos, -sin], [sin, cos]])
    shift = np.array([x, y]) - linear @ np.array([half, half])
    rows = (linear[0, 0], linear[0, 1], shift[0], linear[1, 0], linear[1, 1], shift[1])
    crop = image.transform((CROP_SIDE, CROP_SIDE), Image.Transform.AFFINE, rows, Image.Resampling.BILINEAR)
    feed = np.asarray(crop, np.float32)[None] / 255
    found = onnx.get_model(LANDMARKS, golden_output_check).run({IMAGE: feed})
    values = found[JOINTS].reshape(39, 5)
    back = np.linalg.inv(linear)
    there = -back @ shift
    logits = Image.fromarray(found[MASK].reshape(CROP_SIDE, CROP_SIDE).clip(-30, 30).astype(np.float32))
    inverse = (back[0, 0], back[0, 1], there[0], back[1, 0], back[1, 1], there[1])
    mask = np.asarray(
        logits.transform(image.size, Image.Transform.AFFINE, inverse, Image.Resampling.BILINEAR, fillcolor=-30)
    )
    return _Found(
        (values[:, :2] @ linear.T + shift).astype(np.float32),
        values[:, 2] * scale,
        1 / (1 + np.exp(-values[:, 3])),
        float(found[PRESENCE].ravel()[0]),
        1 / (1 + np.exp(-mask)),
    )
