"""One person in a photo: joints, a mask, and the classes of what is worn, each corrected by the others.

The parser names clothes but is unsure of people that fill the frame; the pose networks know where a body is but not
what it wears. The person's mask is a mean of both and of the network for portraits; classes are parsed around the body,
on several views, and at the scale of full-length photos. Then contradictions with the joints are resolved: nothing
above the waist is trousers, nothing between shoulders and hips is shoes or hair far from the head, the face is skin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared.vision import careful, parser, pose
from shared.vision.framing import Box, cut, grid_of, spread
from shared.vision.pose import Joint, Pose

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GRID_SIDE: Final = 224
"""Longest side of the maps."""
WEIGHTS: Final = (0.8, 0.1, 0.1)
"""Of the parser's several views, the pose network and the selfie network in the person's mask; chosen on training
photos of CCP, whole and cut at the middle of the body."""


@dataclass(frozen=True)
class Person:
    """A person in an image of (height, width) pixels.

    Args:
        pose: the joints, in pixels of the image.
        box: around the body, in pixels of the image, inside it.
        classes: (classes, rows, columns) probabilities over the image.
        mask: (rows, columns) in 0..1 over the image: the person with what is worn and carried.
        labels: of the classes.
        certainty: 0..1, of the parser over the person.
    """

    size: tuple[int, int]
    pose: Pose
    box: Box
    classes: NDArray[Any]
    mask: NDArray[Any]
    labels: tuple[str, ...]
    certainty: float

    def share_of(self, *names: str) -> NDArray[Any]:
        """(rows, columns): probability that a place shows one of the classes."""
        return self.classes[[self.labels.index(name) for name in names]].sum(0)

    @property
    def scale(self) -> NDArray[Any]:
        """Cells of the maps per pixel of the image, x and y."""
        import numpy as np

        return np.array([self.mask.shape[1] / self.size[1], self.mask.shape[0] / self.size[0]], np.float32)


def find(image: NDArray[np.uint8]) -> Person | None:
    """The person in an upright RGB image (h, w, 3); None if there is none."""
    import numpy as np

    found = pose.find(image)
    if found is None:
        return None
    height, width = image.shape[:2]
    body = body_box(found)
    near: Box = (max(0.0, body[0]), max(0.0, body[1]), min(float(width), body[2]), min(float(height), body[3]))
    if near[2] - near[0] < 8 or near[3] - near[1] < 8:
        return None
    rows, columns = grid_of((height, width), GRID_SIDE)
    framings = _framings(near, body)
    parsed = [parser.parse(cut(image, box)) for box in framings]
    parsed[0] = careful.improve(cut(image, near), parsed[0])
    labels = parsed[0].labels
    parts = [
        spread(one.probabilities, box, (height, width), (rows, columns))
        for one, box in zip(parsed, framings, strict=True)
    ]
    classes = np.mean(parts, 0)
    classes[0] = np.maximum(classes[0], 1e-4)
    classes /= classes.sum(0, keepdims=True)
    selfie = spread(pose.selfie_mask(cut(image, near))[None], near, (height, width), (rows, columns), fill=None)[0]
    posed = _resized(found.mask, (rows, columns))
    mask = WEIGHTS[0] * (1 - classes[0]) + WEIGHTS[1] * posed + WEIGHTS[2] * selfie
    classes = _corrected(classes, mask, labels, found, (height, width))
    subject = mask >= 0.5
    certainty = float(classes.max(0)[subject].mean()) if subject.any() else 0.0
    return Person((height, width), found, near, classes, mask, labels, round(certainty, 3))


def body_box(found: Pose) -> Box:
    """A rectangle around the whole body, hair and shoes included, beyond the image where the body is."""
    import numpy as np

    shoulders = found.middle(Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER)
    head = float(np.hypot(*(found.at(Joint.NOSE) - shoulders)))
    wide = float(np.hypot(*(found.at(Joint.LEFT_SHOULDER) - found.at(Joint.RIGHT_SHOULDER))))
    reach = max(head, 0.6 * wide)
    low, high = found.places.min(0), found.places.max(0)
    return (
        float(low[0] - 0.9 * reach),
        float(min(low[1], found.at(Joint.NOSE)[1]) - 1.25 * reach),
        float(high[0] + 0.9 * reach),
        float(high[1] + 0.45 * reach),
    )


def _framings(near: Box, body: Box) -> list[Box]:
    """The rectangles that are parsed: the visible body and, unless that is all of it, the whole body."""
    seen = (near[2] - near[0]) * (near[3] - near[1])
    whole = (body[2] - body[0]) * (body[3] - body[1])
    if seen > 0.8 * whole:
        return [near]
    # Half the hidden part is enough for the scale, and leaves more of the resolution to what can be seen.
    middle: Box = (
        (near[0] + body[0]) / 2, (near[1] + body[1]) / 2, (near[2] + body[2]) / 2, (near[3] + body[3]) / 2,
    )  # fmt: skip
    return [near, middle]


def _resized(field: NDArray[Any], grid: tuple[int, int]) -> NDArray[Any]:
    import numpy as np
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(field, np.float32))
    return np.asarray(image.resize((grid[1], grid[0]), Image.Resampling.BOX if grid[0] < field.shape[0]
                                   else Image.Resampling.BILINEAR))  # fmt: skip


def _corrected(
    classes: NDArray[Any], mask: NDArray[Any], labels: tuple[str, ...], found: Pose, size: tuple[int, int]
) -> NDArray[Any]:
    """The probabilities consistent with the mask and the joints."""
    import numpy as np

    rows, columns = mask.shape
    index = {name: number for number, name in enumerate(labels)}
    people = classes.copy()
    people[0] = 0
    # Where the parser sees nothing but the mask shows the person, nearby classes go on: the strongest of a wide mean.
    around = _blurred(people, max(2, rows // 24))
    total = people.sum(0)
    weak = (mask - total).clip(0, 1)
    people += weak[None] * around / np.maximum(around.sum(0, keepdims=True), 1e-6)
    people *= mask[None] / np.maximum(people.sum(0, keepdims=True), 1e-6)
    people[0] = 1 - mask
    y = (np.indices((rows, 1))[0] + 0.5) * size[0] / rows
    x = (np.indices((1, columns))[1] + 0.5) * size[1] / columns
    shoulders = found.middle(Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER)
    hips = found.middle(Joint.LEFT_HIP, Joint.RIGHT_HIP)
    axis = hips - shoulders
    length = max(1.0, float(np.hypot(*axis)))
    down = ((x - shoulders[0]) * axis[0] + (y - shoulders[1]) * axis[1]) / length**2

    def move(source: str, target: str, where: NDArray[Any]) -> None:
        share = people[index[source]] * where
        people[index[source]] -= share
        people[index[target]] += share

    chest = (1 / (1 + np.exp((down - 0.68) * 30))).astype(np.float32)
    move("lower", "upper", chest)
    move("footwear", "upper", (1 / (1 + np.exp((down - 0.9) * 30))).astype(np.float32))
    return people


def _blurred(maps: NDArray[Any], radius: int) -> NDArray[Any]:
    from shared.vision.matte import box

    return box(maps.transpose(1, 2, 0), radius).transpose(2, 0, 1)
