"""Landmarks of drawn garments, whose true places are known."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import MODELS

from shared.vision import landmarks
from wardrobe import draw_garment, garment_spec

pytestmark = pytest.mark.skipif(not (MODELS / "garment_landmarks.onnx").is_file(), reason="has not been trained here")
KINDS = ("t-shirt", "longsleeve", "shirt", "jacket", "dress", "trousers", "shorts", "skirt")


@pytest.mark.parametrize("kind", KINDS)
def test_points_are_found_where_they_are_drawn(kind: str) -> None:
    errors: list[float] = []
    for seed in (901, 902, 903):
        drawn = draw_garment(garment_spec(kind, seed), (240, 320))
        inside = np.asarray(drawn.mask) > 127
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
        found = landmarks.find(np.asarray(drawn.image.convert("RGB")), box)
        size = max(box[2] - box[0], box[3] - box[1])
        for name, place in drawn.landmarks.items():
            point = found.points[name]
            errors.append(float(np.hypot(point.x - place[0], point.y - place[1])) / size)
        assert found.several < 0.5
    assert np.median(errors) < 0.03 and np.mean(np.array(errors) < 0.08) > 0.85


def test_what_a_garment_lacks_has_no_confidence() -> None:
    drawn = draw_garment(garment_spec("trousers", 5), (240, 320))
    found = landmarks.find(np.asarray(drawn.image.convert("RGB")), (0, 0, 240, 320))
    assert found.points["crotch"].confidence > 0.5
    assert max(found.points[name].confidence for name in ("armpit_left", "cuff_outer_right", "neck_front")) < 0.3
    assert max(found.kinds, key=lambda kind: found.kinds[kind]) in ("pants", "shorts")
    assert abs(sum(found.kinds.values()) - 1) < 1e-3


def test_a_peak_is_found_between_cells() -> None:
    y, x = np.mgrid[0:20, 0:16]
    field = np.exp(-((x - 7.4) ** 2 + (y - 11.7) ** 2) / 2)
    column, row, mass = landmarks.peak((field / field.sum()).astype(np.float32))
    assert abs(column - 7.4) < 0.15 and abs(row - 11.7) < 0.15 and mass > 0.9
