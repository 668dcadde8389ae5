"""People in photos: their joints, their mask, and classes consistent with both."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from drawn import MODELS
from numpy.typing import NDArray
from PIL import Image

from demo.photos import people
from shared.vision import person, pose
from shared.vision.pose import Joint
from wardrobe import draw_garment, draw_mannequin, garment_specs

SIZE = (240, 320)


@cache
def portrait(width: int, height: int) -> NDArray[Any]:
    with Image.open(people()[0].photo) as image:
        return np.asarray(image.convert("RGB").resize((width, height)))


def test_the_files_are_the_pinned_ones() -> None:
    pose.load()
    assert sum((MODELS / f"{id}.onnx").stat().st_size for id in pose.MODELS) < 13_000_000
    assert "Apache License" in (MODELS / "mediapipe.LICENSE.txt").read_text()


def test_the_joints_of_a_figure_are_where_they_are_drawn() -> None:
    drawn = draw_mannequin(4, SIZE)
    labels = np.asarray(drawn.labels)
    found = pose.find(np.asarray(drawn.image))
    assert found is not None and found.presence > 0.5
    rows, columns = np.flatnonzero((labels > 0).any(1)), np.flatnonzero((labels > 0).any(0))
    height, middle = len(rows), columns.mean()
    left, right = found.at(Joint.RIGHT_SHOULDER), found.at(Joint.LEFT_SHOULDER)
    assert left[0] < middle < right[0], "the person faces the camera"
    shoulders, hips = (
        found.middle(Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER),
        found.middle(Joint.LEFT_HIP, Joint.RIGHT_HIP),
    )
    assert 0.12 < (shoulders[1] - rows[0]) / height < 0.26
    assert 0.42 < (hips[1] - rows[0]) / height < 0.6
    assert 0.85 < (found.middle(Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE)[1] - rows[0]) / height < 1.02


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_joints_scale_with_the_image(scale: float) -> None:
    one, other = pose.find(portrait(240, 280)), pose.find(portrait(round(240 * scale), round(280 * scale)))
    assert one is not None and other is not None
    shown = (Joint.NOSE, Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER)
    away = np.abs(other.places[list(shown)] / scale - one.places[list(shown)])
    assert away.max() < 12, "less than a twentieth of the image"


def test_joints_outside_the_image_are_not_visible() -> None:
    found = pose.find(portrait(240, 280))
    assert found is not None
    outside = (found.places < 0).any(1) | (found.places[:, 0] >= 240) | (found.places[:, 1] >= 280)
    assert outside.any() and (found.visible[outside] == 0).all()
    assert found.visible[Joint.NOSE] > 0.5


def test_a_garment_alone_is_no_person() -> None:
    garment = draw_garment(garment_specs(10, 5)[0], SIZE).image.convert("RGB")
    assert person.find(np.asarray(garment)) is None
    assert person.find(np.full((200, 160, 3), 180, np.uint8)) is None


def test_classes_add_up_and_agree_with_mask_and_joints() -> None:
    drawn = draw_mannequin(4, SIZE)
    found = person.find(np.asarray(drawn.image))
    assert found is not None
    assert np.allclose(found.classes.sum(0), 1, atol=1e-3) and found.classes.min() >= -1e-6
    assert np.allclose(1 - found.classes[0], found.mask, atol=1e-3)
    truth = np.asarray(drawn.labels) > 0
    mask = np.asarray(Image.fromarray(found.mask).resize(SIZE)) >= 0.5
    assert (mask & truth).sum() / (mask | truth).sum() > 0.8
    hips = found.pose.middle(Joint.LEFT_HIP, Joint.RIGHT_HIP)[1] * found.scale[1]
    shoulders = found.pose.middle(Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER)[1] * found.scale[1]
    chest = slice(0, int(shoulders + 0.5 * (hips - shoulders)))
    assert found.share_of("lower")[chest].max() < 0.1 and found.share_of("footwear")[chest].max() < 0.1


def test_a_portrait_fills_its_frame() -> None:
    found = person.find(portrait(240, 280))
    assert found is not None
    assert 0.35 < (found.mask >= 0.5).mean() < 0.98
    assert found.box[3] == 280, "the body goes on below"
