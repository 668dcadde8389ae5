"""The model registry: what the manifest says is what is used, and what does not match is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import MODELS, needs_model
from PIL import Image

from shared import onnx
from shared.errors import ConfigurationError

ID = "garment_parser"
pytestmark = needs_model
CHECK = onnx.golden_grid("class_logits")

type Change = Callable[..., None]


@pytest.fixture
def models(tmp_path: Path, change: Callable[..., None]) -> Iterator[Path]:
    """A copy of the shipped model that may be spoilt."""
    folder = tmp_path / "models"
    folder.mkdir()
    for path in MODELS.glob(f"{ID}.*"):
        if ".fp32." not in path.name:
            shutil.copy(path, folder)
    change(MODELS_DIR=str(folder))
    onnx.forget()
    yield folder
    onnx.forget()


def rewrite(models: Path, **fields: Any) -> None:
    path = models / f"{ID}.manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def health() -> dict[str, onnx.Health]:
    return {one.id: one for one in onnx.health()}


def test_a_model_is_loaded_once_on_first_use_whoever_asks(models: Path) -> None:
    assert health()[ID].status == "ready"
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: onnx.model(ID, CHECK), range(16)))
    assert len({id(model) for model in found}) == 1
    assert health()[ID].status == "loaded"
    assert found[0].version == f"{ID}@{found[0].entry.sha256[:12]}"


def test_it_runs_in_as_many_threads_as_the_settings_say(models: Path, change: Change) -> None:
    change(MODEL_THREADS="2", MODELS_DIR=str(models))
    onnx.forget()
    assert onnx.model(ID)._session.get_session_options().intra_op_num_threads == 2


def test_another_file_than_the_manifests_is_refused(models: Path) -> None:
    path = models / f"{ID}.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match="expected sha256") as refused:
        onnx.model(ID, CHECK)
    assert refused.value.code == "model_refused"
    assert health()[ID].status == "refused"
    assert "expected sha256" in str(health()[ID].reason)


@pytest.mark.parametrize(
    ("field", "value"),
    [("mean", [0.1, 0.5, 0.9]), ("std", [0.2, 0.2, 0.2]), ("channel_order", "BGR"), ("resize", "letterbox")],
)
def test_a_wrong_way_in_shows_on_the_golden_picture(models: Path, field: str, value: Any) -> None:
    entry = json.loads((models / f"{ID}.manifest.json").read_text())
    rewrite(models, input={**entry["input"], field: value})
    with pytest.raises(ConfigurationError, match="golden"):
        onnx.model(ID, CHECK)


def test_what_is_missing_is_named(models: Path) -> None:
    with pytest.raises(ConfigurationError, match="no model `other`"):
        onnx.model("other")
    (models / f"{ID}.onnx").unlink()
    assert health()[ID].status == "missing"
    with pytest.raises(ConfigurationError, match=f"{ID}.onnx is missing"):
        onnx.model(ID)
    (models / f"{ID}.manifest.json").unlink()
    onnx.forget()
    with pytest.raises(ConfigurationError, match="no model is registered"):
        onnx.health()


def test_a_manifest_that_says_nonsense_is_refused_by_name(models: Path) -> None:
    rewrite(models, sha256="short")
    with pytest.raises(ConfigurationError, match="sha256"):
        onnx.manifest()


def test_a_half_written_file_shows_in_health_without_being_read(models: Path) -> None:
    path = models / f"{ID}.onnx"
    path.write_bytes(path.read_bytes()[:1000])
    assert health()[ID].status == "refused"
    assert "1000" in str(health()[ID].reason)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("resize", ["stretch", "letterbox", "shortest_crop"])
def test_the_input_is_made_as_declared(layout: str, resize: str) -> None:
    wanted = onnx.ImageInput.model_validate(
        {"name": "x", "layout": layout, "size": (40, 20), "resize": resize, "mean": (0.5, 0, 0), "std": (0.5, 1, 2),
         "channel_order": "RGB"}
    )  # fmt: skip
    picture = np.asarray(Image.new("RGB", (60, 60), (255, 0, 255)))
    found = onnx.tensor(picture, wanted)
    assert found.shape == ((1, 3, 40, 20) if layout == "NCHW" else (1, 40, 20, 3))
    channels = found[0] if layout == "NCHW" else found[0].transpose(2, 0, 1)
    assert channels[:, 20, 10] == pytest.approx([1.0, 0.0, 0.5])
    assert channels[1, 0, 10] == pytest.approx(128 / 255 if resize == "letterbox" else 0.0, abs=1e-6)
