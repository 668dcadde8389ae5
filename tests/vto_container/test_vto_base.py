"""The common end of every engine: nothing outside the mask changes, whatever was painted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.engines.base import composite, feather

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40))


@settings(max_examples=40, deadline=None)
@given(
    shape=SHAPES,
    painted=SHAPES,
    seed=st.integers(0, 99),
    share=st.floats(0, 1),
    feather_px=st.sampled_from([None, 0, 1, 5, 60]),
)
def test_pixels_outside_the_mask_are_those_of_the_input(
    shape: tuple[int, int], painted: tuple[int, int], seed: int, share: float, feather_px: int | None
) -> None:
    rng = np.random.default_rng(seed)
    person = rng.integers(0, 256, (*shape, 3), np.uint8)
    edit = np.where(rng.random(shape) < share, rng.integers(0, 256, shape), 0).astype(np.uint8)
    result = composite(
        person,
        rng.integers(0, 256, (*painted, 3), np.uint8),
        edit,
        engine="e",
        version="1",
        seed=seed,
        feather_px=feather_px,
    )
    assert result.image.shape == person.shape
    assert result.image.dtype == result.mask.dtype == np.uint8
    assert (result.image[result.mask == 0] == person[result.mask == 0]).all()
    assert result.report.changed_outside_mask == 0
    # the mask never reaches beyond what the engine asked for
    assert not result.mask[edit == 0].any()


def test_pixels_inside_the_mask_are_painted_and_its_edge_fades() -> None:
    person, painted = np.zeros((60, 60, 3), np.uint8), np.full((60, 60, 3), 200, np.uint8)
    edit = np.zeros((60, 60), np.uint8)
    edit[:, 20:] = 255
    result = composite(person, painted, edit, engine="e", version="1", seed=1, feather_px=4)
    line = result.image[30, :, 0].astype(int)
    assert line[:20].max() == 0
    assert line[40:].min() == 200
    assert (np.diff(line) >= 0).all()
    assert ((line > 0) & (line < 200)).sum() >= 4


def test_a_soft_mask_is_unchanged() -> None:
    edit = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert feather(edit, 0) is edit


@pytest.mark.parametrize("aspect", [(100, 50), (50, 100)])
def test_an_image_of_another_size_is_resized_to_the_input(aspect: tuple[int, int]) -> None:
    person = np.zeros((*aspect, 3), np.uint8)
    painted = np.full((aspect[0] // 5, aspect[1] // 5, 3), 99, np.uint8)
    result = composite(person, painted, np.full(aspect, 255, np.uint8), engine="e", version="1", seed=1, feather_px=0)
    assert (result.image == 99).all()
