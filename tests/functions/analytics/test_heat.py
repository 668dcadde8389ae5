"""Heat maps: they sum to the prediction, and are strongest on the planted cause."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from drawn import garments
from PIL import Image
from sales_shop import draw_image, needs_models

from functions.analytics import fit, head, heatmap, image_features, inference, model_registry
from functions.analytics.dataset import SalesDataset, split_by_date
from functions.analytics.image_features import ImageFeatures, MapStatistics
from functions.analytics.inference import PredictionInput

pytestmark = [needs_models, pytest.mark.usefixtures("local")]


def test_the_map_sums_to_the_score() -> None:
    model = model_registry.get_shipped_model()
    for photo, _ in garments(4, 77):
        for price, category in ((40.0, "dress"), (None, "coat"), (12.5, None), (None, None)):
            wanted = PredictionInput(image_features.extract([photo])[0], price, category)
            (result,) = inference.predict(model, [wanted])
            explained = result.figures.explanation
            parts = {one.name: one.value for one in explained.contributions}
            bias = parts["base"] + parts["price"] + parts["category"]
            found = inference.explain(model, photo, wanted, result)
            assert found.method == "cam"
            assert abs(found.values.mean(dtype=float) + bias - explained.mid) <= 1e-5
            assert np.expm1(explained.mid) == pytest.approx(result.figures.score, abs=0.051)
            assert (parts["price"] == 0) == (price is None)


def planted(count: int) -> tuple[SalesDataset, MapStatistics]:
    """Images of which every other one has a magenta square somewhere, and sells four times as much because of it."""
    rng = np.random.default_rng(3)
    spots: list[tuple[int, int] | None] = [
        (int(rng.integers(4, 88)), int(rng.integers(4, 66))) if number % 2 else None for number in range(count)
    ]
    seen = image_features.extract([draw_image(number, spot) for number, spot in enumerate(spots)])
    units = np.array([160.0 if spot else 40.0 for spot in spots]) * np.exp(0.1 * rng.standard_normal(count))
    day = np.arange(count) + 730_000
    rows = SalesDataset(
        image_names=tuple(map(str, range(count))),
        vectors=np.stack([one.vector for one in seen]),
        colours=np.zeros((count, 9), np.float32),
        categories=("x",),
        image_index=np.arange(count),
        price=np.full(count, 20, np.float32) + np.arange(count, dtype=np.float32) % 3,
        category=np.zeros(count, np.int64),
        units=units.astype(np.float32),
        day=day,
        fold=split_by_date(day, (0.7, 0.1, 0.2)),
    )
    maps = MapStatistics()
    maps.add(seen)
    return rows, maps


def test_heat_falls_on_a_planted_cause() -> None:
    rows, maps = planted(180)
    fitted = fit.fit(rows, maps.within)
    shipped = model_registry.get_shipped_model()
    model = replace(
        shipped,
        id="own",
        weights=fitted.weights,
        rows=rows,
        facts=model_registry.facts_of(fitted, "x", 1, "units"),
        profile=inference.mean_heat(fitted.weights, maps.mean),
    )
    inside: list[float] = []
    chance: list[float] = []
    hit = 0
    rng = np.random.default_rng(11)
    for number in range(24):
        spot = (int(rng.integers(4, 88)), int(rng.integers(4, 66)))
        photo = draw_image(1000 + number, spot)
        wanted = PredictionInput(image_features.extract([photo])[0], 21.0, "x")
        (result,) = inference.predict(model, [wanted])
        found = inference.explain(model, photo, wanted, result)
        small = Image.fromarray(found.values.astype(np.float32))
        full = np.asarray(small.resize((photo.shape[1], photo.shape[0]), Image.Resampling.BILINEAR))
        near = np.zeros(full.shape, bool)
        near[max(0, spot[0] - 10) : spot[0] + 36, max(0, spot[1] - 10) : spot[1] + 36] = True
        raising = full.clip(0)
        inside.append(float(raising[near].sum() / max(raising.sum(), 1e-9)))
        chance.append(float(near.mean()))
        peak = np.unravel_index(int(full.argmax()), full.shape)
        hit += bool(near[peak])
    assert hit >= 18, f"the hottest place lies on the cause in {hit} of 24 pictures"
    assert np.mean(inside) > 2 * np.mean(chance), (np.mean(inside), np.mean(chance))


def test_occlusion_finds_the_cause_where_there_is_no_map() -> None:
    photo = draw_image(1, (60, 40))

    def predict(images: list[np.ndarray]) -> np.ndarray:
        assert len(images) == 50
        return np.array([float(((one[..., 0] > 215) & (one[..., 1] < 40)).sum()) for one in images])

    found = heatmap.occlusion(photo, predict)
    assert found.method == "occlusion" and found.values.shape == (7, 7)
    peak = np.unravel_index(int(np.abs(found.values).argmax()), (7, 7))
    assert 3 <= peak[0] <= 5 and 2 <= peak[1] <= 5


def test_a_tower_without_a_map_predicts_the_same_and_explains_by_occlusion() -> None:
    """The embedding alone: one place, no grid; the answer is the same and its heat comes from occlusion."""
    model = model_registry.get_shipped_model()
    photo = garments(1, 78)[0][0]
    features = image_features.extract([photo])[0]
    alone = PredictionInput(ImageFeatures(features.vector[None], None), 30.0, "hat")
    (whole,) = inference.predict(model, [PredictionInput(features, 30.0, "hat")])
    (flat,) = inference.predict(model, [alone])
    assert flat.figures.score == pytest.approx(whole.figures.score, abs=0.11)
    assert inference.explain(model, photo, alone, flat).method == "occlusion"


def test_a_drawn_heat_map_is_a_png_with_red_where_heat_raises_and_blue_where_it_lowers() -> None:
    photo = np.full((80, 60, 3), 128, np.uint8)
    values = np.zeros((8, 8))
    values[1, 1], values[6, 6] = 1, -1
    with Image.open(io.BytesIO(heatmap.render(photo, heatmap.Heatmap(values, "cam"), 0.5))) as shown:
        assert (shown.format, shown.size) == ("PNG", (60, 80))
        pixels = np.asarray(shown.convert("RGB")).astype(int)
    assert pixels[14, 11, 0] > pixels[14, 11, 2] + 60
    assert pixels[64, 48, 2] > pixels[64, 48, 0] + 60
    assert np.abs(pixels[40, 5] - 128).max() < 10


def test_random_weights_give_another_heat_map() -> None:
    model = model_registry.get_shipped_model()
    weights = head.HeadWeights(**{name: np.array(head_weight(name)) for name in head.WEIGHTS})
    photo = garments(1, 79)[0][0]
    wanted = PredictionInput(image_features.extract([photo])[0], 30.0, "hat")
    (one,) = inference.predict(model, [wanted])
    (other,) = inference.predict(replace(model, weights=weights), [wanted])
    assert abs(np.corrcoef(one.heat, other.heat)[0, 1]) < 0.8


def head_weight(name: str) -> np.ndarray:
    joint, count = 192, 16
    shape = {
        "centre": (joint,),
        "image": (4, 3, joint),
        "price_weight": (4, 3),
        "price_usual": (4, count),
        "price_sd": (1,),
        "category_weight": (4, count, 3),
        "base": (4, 3),
        "margin": (4, count),
    }[name]
    lower = 0.55 if name == "image" else 0
    return np.random.default_rng(len(name)).uniform(0.1, 1, shape).astype(np.float32) - lower
