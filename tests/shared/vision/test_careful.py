"""The parser on several views: nearer the truth than one pass, whatever the size; unchanged where nothing is."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from drawn import garments, iou, needs_model
from numpy.typing import NDArray
from PIL import Image

from shared.vision import careful, parser
from wardrobe import draw_mannequin

pytestmark = needs_model


def improved(pixels: NDArray[Any]) -> parser.Parsed:
    return careful.improve(pixels, parser.parse(pixels))


def on_a_wide_ground(picture: NDArray[Any], mask: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The same at a small part of a larger frame, off its centre."""
    height, width = mask.shape
    around = ((height // 4, height // 2), (width // 4, width), (0, 0))
    return np.pad(picture, around, "edge"), np.pad(mask, around[:2])


def overlap(parsed: parser.Parsed, mask: NDArray[Any]) -> float:
    return iou(parsed.on(*mask.shape).foreground >= 0.5, mask)


@cache
def people() -> list[tuple[NDArray[Any], NDArray[Any]]]:
    drawn = [draw_mannequin(seed, (300, 400)) for seed in range(1, 7)]
    return [(np.asarray(one.image.convert("RGB")), np.asarray(one.labels) > 0) for one in drawn]


def test_the_outline_of_people_is_nearer_the_truth_than_after_one_pass() -> None:
    pairs = [on_a_wide_ground(*one) for one in people()]
    firsts = [parser.parse(picture) for picture, _ in pairs]
    worn = [n for n, one in enumerate(firsts) if one.is_worn]
    assert len(worn) >= 4
    before = [overlap(firsts[n], pairs[n][1]) for n in worn]
    after = [overlap(careful.improve(pairs[n][0], firsts[n]), pairs[n][1]) for n in worn]
    assert np.mean(after) > np.mean(before) + 0.005


def test_the_outline_of_garments_is_nearer_the_truth_than_after_one_pass() -> None:
    pairs = [on_a_wide_ground(*one) for one in garments(8, 33)]
    before = [overlap(parser.parse(picture), mask) for picture, mask in pairs]
    after = [overlap(improved(picture), mask) for picture, mask in pairs]
    assert np.mean(after) > np.mean(before) + 0.005


def test_probabilities_add_up_and_the_map_has_the_shape_of_the_image() -> None:
    for picture, _ in (*people()[:2], garments(1, 33)[0]):
        found = improved(picture)
        height, width = picture.shape[:2]
        assert max(found.probabilities.shape[1:]) == careful.GRID_SIDE
        assert found.probabilities.shape[1] / found.probabilities.shape[2] == pytest.approx(height / width, rel=0.02)
        assert found.probabilities.min() >= 0
        assert found.probabilities.sum(0) == pytest.approx(1, abs=1e-4)
        assert found.worn == parser.parse(picture).worn


def test_a_large_image_is_parsed_as_its_small_copy_is() -> None:
    picture, _ = people()[0]
    large = np.asarray(Image.fromarray(picture).resize((1500, 2000), Image.Resampling.BICUBIC))
    one, other = (improved(image).foreground >= 0.5 for image in (picture, large))
    assert iou(one, other) > 0.97


def test_without_a_subject_the_first_pass_stands() -> None:
    picture, _ = people()[0]
    first = parser.parse(picture)
    nothing = np.zeros_like(first.probabilities)
    nothing[first.labels.index(parser.BACKGROUND)] = 1
    empty = parser.Parsed(nothing, first.labels, first.worn, first.version)
    assert careful.improve(picture, empty) is empty
