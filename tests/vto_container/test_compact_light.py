"""What the compact engine takes for light on the old garment, on bodies with known joints."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bodies import body
from numpy.typing import NDArray
from test_compact_under import VIEW, painted, regions

from vto_container.engines.compact_edges import Edges
from vto_container.engines.compact_light import FOLDS, light_of
from vto_container.engines.compact_old import Old

Y, X = np.mgrid[: VIEW[0], : VIEW[1]]
INSIDE = np.s_[100:220, 62:138]
DEEP: NDArray[Any] = 0.3 * np.sin(X / 4)


def seen(changes: NDArray[Any], kind: str = "upper", new: float = 60.0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Light of an old garment whose brightness is changed by shares (h, w), or colours by shares (h, w, 3)."""
    cloth = regions(body())["outerwear"]
    view = painted(body(), **{kind: cloth})
    factors = 1 + np.atleast_3d(changes)
    view = replace(view, image=(view.image * factors).astype(np.float32))
    nothing = np.zeros(VIEW, np.float32)
    old = Old(cloth.astype(np.float32), Edges(), nothing, (nothing, nothing), nothing)
    light, sure = light_of(view, old, new)
    return light[INSIDE], sure[INSIDE]


@pytest.mark.parametrize("print_", [False, True])
def test_weak_folds_of_a_coat_are_taken_over_and_its_print_is_not(print_: bool) -> None:
    waves = ((X // 5 + Y // 5) % 2) * 0.3 - 0.15 if print_ else 0.12 * np.sin(X / 6)
    light, _ = seen(waves, "outerwear")
    assert np.ptp(light) < 0.02 if print_ else np.ptp(light) > 0.1


def test_all_light_of_a_plain_garment_is_taken_over() -> None:
    light, sure = seen(DEEP)
    assert sure.mean() > 0.9
    assert light.min() < FOLDS[0] - 0.05
    assert light.max() > FOLDS[1] + 0.04
    assert np.corrcoef(light.ravel(), DEEP[INSIDE].ravel())[0, 1] > 0.95


def test_of_a_coat_only_weak_folds_are() -> None:
    light, sure = seen(DEEP, "outerwear")
    assert sure.max() < 0.01
    assert FOLDS[0] - 0.01 < light.min()
    assert light.max() < FOLDS[1] + 0.01


@pytest.mark.parametrize("print_", ["spots", "hue", "letters"])
def test_a_print_is_no_light(print_: str) -> None:
    spots = 0.3 * np.sin(X / 4) * np.sin(Y / 4)
    hue = np.stack([DEEP, -DEEP * 0.2, -DEEP], 2) * 1.5
    letters = np.where((X // 6 + Y // 9) % 3 == 0, -0.4, 0.0)
    light, sure = seen({"spots": spots, "hue": hue, "letters": letters}[print_])
    assert sure.max() < 0.1
    assert np.ptp(light) < FOLDS[1] - FOLDS[0] + 0.03


def test_a_thin_line_is_no_light() -> None:
    line = np.where(np.abs(X - 100) < 1, -0.35, 0.0)
    light, sure = seen(line + 0.1 * np.sin(X / 6))
    assert sure[:, 36:41].mean() > 0.5, "the garment beside it is plain"
    folds, _ = seen(0.1 * np.sin(X / 6))
    assert np.abs(light - folds)[:, 36:41].max() < 0.05


def test_gloss_of_dark_cloth_is_weaker_on_bright_cloth() -> None:
    dark, _ = seen(DEEP)
    bright, _ = seen(DEEP, new=230.0)
    assert np.ptp(bright) < 0.7 * np.ptp(dark)


def test_nothing_is_known_beyond_the_old_garment() -> None:
    cloth = regions(body())["outerwear"]
    view = painted(body(), upper=cloth)
    nothing = np.zeros(VIEW, np.float32)
    light, sure = light_of(view, Old(cloth.astype(np.float32), Edges(), nothing, (nothing, nothing), nothing), 60.0)
    assert (light[~cloth] == 1).all()
    assert (sure[~cloth] == 0).all()
    assert (light_of(view, Old(nothing, Edges(), nothing, (nothing, nothing), nothing), 60.0)[0] == 1).all()
