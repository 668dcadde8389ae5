"""The shipped model and the matting after it, on drawn garments whose masks are known exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drawn import MODELS, garments, iou, needs_model
from numpy.typing import NDArray
from PIL import Image

from shared import onnx
from shared.errors import Unprocessable
from shared.vision import parser, segments

pytestmark = needs_model


def figure() -> NDArray[Any]:
    """The golden picture: a drawn person in jacket and trousers."""
    with Image.open(MODELS / "garment_parser.golden.png") as picture:
        return np.asarray(picture.convert("RGB"))


def test_a_parsed_image_can_be_resampled_to_any_grid() -> None:
    seen = parser.parse(figure())
    rows, columns = seen.probabilities.shape[1:]
    assert seen.on(rows, columns) is seen
    finer = seen.on(2 * rows, 2 * columns + 1)
    assert finer.probabilities.shape == (len(seen.labels), 2 * rows, 2 * columns + 1)
    assert finer.probabilities.sum(0) == pytest.approx(1)
    again = finer.on(rows, columns).probabilities.argmax(0)
    assert (again == seen.probabilities.argmax(0)).mean() > 0.98


def test_drawn_garments_are_found_with_their_outline() -> None:
    scores: list[float] = []
    for picture, mask in garments(15, 33):
        found = segments.segment(picture)
        assert found.alpha.shape == mask.shape
        assert not found.worn
        scores.append(iou(found.alpha > 127, mask))
    assert np.mean(scores) >= 0.9
    assert np.median(scores) >= 0.93


def test_a_person_is_worn_and_has_parts() -> None:
    person = segments.segment(figure(), "person")
    garment = segments.segment(figure(), "garment")
    assert person.worn
    assert person.worn_chance > 0.5
    assert garment.area_share < person.area_share
    names = {one.name for one in person.classes}
    assert {"lower", "skin"} <= names
    assert names <= set(onnx.get_model("garment_parser").manifest.labels)
    lower, outer = (segments.segment(figure(), "lower").alpha > 127, person.alpha > 127)
    assert (lower & outer).sum() / lower.sum() > 0.95


def test_boxes_lie_inside_the_picture_and_shares_add_up() -> None:
    found = segments.segment(figure(), "person")
    height, width = found.alpha.shape
    for one in found.classes:
        assert 0 <= one.box.x < one.box.x + one.box.width <= width
        assert 0 <= one.box.y < one.box.y + one.box.height <= height
    assert sum(one.area_share for one in found.classes) <= 1
    shares = [one.area_share for one in found.classes]
    assert shares == sorted(shares, reverse=True)


def test_a_missing_target_is_not_found() -> None:
    picture, _ = garments(1, 33)[0]
    with pytest.raises(Unprocessable, match="no person") as refused:
        segments.segment(picture, "person")
    assert refused.value.code == "nothing_found"


def test_the_mask_has_the_size_of_the_image() -> None:
    picture, mask = garments(1, 35, (640, 800))[0]
    for size in ((640, 800), (90, 333), (333, 90), (16, 16)):
        scaled = np.asarray(Image.fromarray(picture).resize(size))
        try:
            assert segments.segment(scaled).alpha.shape == size[::-1]
        except Unprocessable as refused:
            assert refused.code == "nothing_found"
    assert iou(segments.segment(picture).alpha > 127, mask) > 0.85
