"""The colours of a garment without the folds of its product photo."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vto_container.engines.compact_fabric import even

SIZE = (240, 200)
OPAQUE = np.ones(SIZE, bool)


def plain(value: float = 120.0) -> NDArray[Any]:
    return np.full((*SIZE, 3), value, np.float32)


def test_plain_fabric_stays_as_it_is() -> None:
    assert np.abs(even(plain(), OPAQUE) - 120).max() < 0.1


def test_soft_folds_are_evened_out() -> None:
    folds = 12 * np.sin(np.arange(SIZE[1]) / 3.0).astype(np.float32)
    found = even(plain() + folds[None, :, None], OPAQUE)
    assert found.std() < 0.45 * folds.std()
    assert abs(float(found.mean()) - 120) < 1.5


def test_stripes_and_prints_stay_sharp() -> None:
    stripes = plain(40.0)
    stripes[:, (np.arange(SIZE[1]) // 10) % 2 == 1] = 215.0
    found = even(stripes, OPAQUE)
    assert np.abs(found - stripes).mean() < 12
    at = np.flatnonzero(np.diff(stripes[0, :, 0]))
    steps = np.abs(found[100, at + 1, 0] - found[100, at, 0])
    assert steps.min() > 0.85 * 175


def test_stripes_of_equal_brightness_stay() -> None:
    """Red and green of the same brightness: what differs in hue alone is a print, not a fold."""
    stripes = plain(0.0)
    stripes[:] = (180.0, 60.0, 60.0)
    stripes[:, (np.arange(SIZE[1]) // 20) % 2 == 1] = (50.0, 126.0, 61.0)
    found = even(stripes, OPAQUE)
    middles = found[100, 10::40, 0].mean() - found[100, 30::40, 0].mean()
    assert middles > 0.6 * 130


def test_a_tiny_garment_is_no_error() -> None:
    spot = np.zeros((16, 12), bool)
    assert even(np.zeros((16, 12, 3), np.float32), spot).shape == (16, 12, 3)
