"""Merchant analytics: predictions with and without a heat map, and the cost of training by size of the table.

Predictions are timed inside the process, from the picture's bytes to the result and the PNG, without HTTP and storage.
Variants alternate, so that load on the machine affects all of them.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np

from bench._common import elapsed_ms, spread
from emulators.functions_host.settings import local_values
from emulators.stack import ROOT
from wardrobe import draw_garment, garment_specs

PHOTOS, ROUNDS = 10, 4
FEW, MANY = 1_000, 10_000
GOAL_MS = 40


def main() -> dict[str, Any]:
    """Measure milliseconds per prediction, and seconds of training on 1,000 and 10,000 rows."""
    local_values(ROOT)
    from functions.analytics import model_registry

    model = model_registry.get_model("bench", model_registry.DEFAULT_MODEL)
    figures = latency(model)
    growth = training()
    return {
        "ok": True,
        "model": {"version": model.version, "method": model.facts.method, "data": model.data},
        "predict_ms": figures,
        "goal_ms": {"with_heatmap_p50": GOAL_MS, "reached": figures["with_heatmap"]["p50"] <= GOAL_MS},
        "training": growth,
        "threads": 1,
    }


def latency(model: Any) -> dict[str, Any]:
    """Measure predictions with and without a heat map, and their parts."""
    from functions.analytics import heatmap, image_features, inference
    from functions.analytics.inference import PredictionInput

    encoded: list[bytes] = []
    for spec in garment_specs(PHOTOS, 31):
        out = io.BytesIO()
        draw_garment(spec, (768, 960)).image.convert("RGB").save(out, "JPEG", quality=92)
        encoded.append(out.getvalue())

    def answer(data: bytes, *, with_heatmap: bool) -> None:
        pixels = image_features.decode(data)
        wanted = PredictionInput(image_features.extract([pixels])[0], 40.0, "dress")
        (result,) = inference.predict(model, [wanted])
        if with_heatmap:
            found = inference.explain(model, pixels, wanted, result)
            heatmap.render(pixels, found, heatmap.display_scale(found, model.facts.heat_scale))

    small = [image_features.decode(data) for data in encoded]
    work: dict[str, Callable[[int], Any]] = {
        "with_heatmap": lambda n: answer(encoded[n], with_heatmap=True),
        "without_heatmap": lambda n: answer(encoded[n], with_heatmap=False),
        "decode": lambda n: image_features.decode(encoded[n]),
        "embed": lambda n: image_features.extract([small[n]]),
    }
    taken: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(ROUNDS + 1):
        for number in range(PHOTOS):
            for name, run in work.items():
                spent = elapsed_ms(lambda run=run, number=number: run(number))
                if turn:
                    taken[name].append(spent)
    return {name: {**spread(values), "best": round(min(values), 2)} for name, values in taken.items()}


def training() -> dict[str, Any]:
    """Measure CPU seconds of training with evaluation on existing embeddings, and of embedding 1,000 pictures."""
    from functions.analytics import evaluation, fit, image_features

    seconds: dict[int, float] = {}
    for count in (FEW, MANY):
        rows = table(count)
        started = time.process_time()
        fitted = fit.fit(rows)
        evaluation.evaluate(fitted.weights, rows, fitted.calibration)
        seconds[count] = time.process_time() - started
    photos = [np.asarray(draw_garment(spec, (160, 200)).image.convert("RGB")) for spec in garment_specs(32, 32)]
    started = time.process_time()
    image_features.extract(photos)
    per_picture = (time.process_time() - started) / len(photos)
    return {
        f"fit_s_{FEW}_rows": round(seconds[FEW], 2),
        f"fit_s_{MANY}_rows": round(seconds[MANY], 2),
        "fit_s_per_1000_rows": round(seconds[MANY] * 1000 / MANY, 2),
        "cost_of_ten_times": round(seconds[MANY] / seconds[FEW], 1),
        "embed_s_per_1000_pictures": round(1000 * per_picture, 1),
    }


def table(count: int) -> Any:
    """A merchant's table of random embeddings with one picture per row."""
    from functions.analytics.dataset import SalesDataset, split_by_date
    from functions.analytics.fit import MERCHANT_SHARES
    from shared.vision import embedding

    rng = np.random.default_rng(count)
    vectors = rng.standard_normal((count, embedding.identity().joint)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    category = rng.integers(0, 10, count)
    log = 4 + 3 * vectors[:, 0] + 0.2 * category + rng.normal(0, 0.2 + 0.05 * category)
    day = date(2025, 1, 1).toordinal() + rng.integers(0, 365, count)
    return SalesDataset(
        image_names=tuple(map(str, range(count))),
        vectors=vectors,
        colours=rng.standard_normal((count, 9)).astype(np.float32),
        categories=tuple("abcdefghij"),
        image_index=np.arange(count, dtype=np.int32),
        price=np.exp(rng.normal(3, 0.5, count)).astype(np.float32),
        category=category,
        units=np.expm1(log).clip(0).astype(np.float32),
        day=day,
        fold=split_by_date(day, MERCHANT_SHARES),
    )
