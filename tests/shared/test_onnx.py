"""The model registry: models are used as their manifests describe, and refused where they differ."""

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
CHECK = onnx.golden_map_check("class_logits")

type Change = Callable[..., None]


@pytest.fixture
def models(tmp_path: Path, change: Callable[..., None]) -> Iterator[Path]:
    """A copy of the shipped model that tests may damage."""
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


def thread_count() -> int:
    """Native threads of this process."""
    return len(list(Path("/proc/self/task").iterdir()))


def health() -> dict[str, onnx.Health]:
    return {one.id: one for one in onnx.list_health()}


def test_a_model_is_loaded_once_however_many_threads_ask_for_it(models: Path) -> None:
    assert health()[ID].status == "ready"
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: onnx.get_model(ID, CHECK), range(16)))
    assert len({id(model) for model in found}) == 1
    assert health()[ID].status == "loaded"
    assert found[0].version == f"{ID}@{found[0].manifest.sha256[:12]}"


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the system does not list threads in /proc")
@pytest.mark.parametrize("threads", [1, 3])
def test_an_inference_uses_as_many_threads_as_the_settings_allow(models: Path, change: Change, threads: int) -> None:
    """onnxruntime starts one thread less than it may use: the caller's own works too."""
    change(MODEL_THREADS=str(threads), MODELS_DIR=str(models))
    onnx.forget()
    before = thread_count()
    model = onnx.get_model(ID)
    pixels = np.zeros((64, 64, 3), np.uint8)
    wanted = model.manifest.image_input
    model.run({wanted.name: onnx.image_tensor(pixels, wanted)})
    assert thread_count() - before == threads - 1


def test_a_file_that_differs_from_the_manifest_is_refused(models: Path) -> None:
    path = models / f"{ID}.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match="expected sha256") as refused:
        onnx.get_model(ID, CHECK)
    assert refused.value.code == "model_refused"
    assert health()[ID].status == "refused"
    assert "expected sha256" in str(health()[ID].reason)


@pytest.mark.parametrize(
    ("field", "value"),
    [("mean", [0.1, 0.5, 0.9]), ("std", [0.2, 0.2, 0.2]), ("channel_order", "BGR"), ("resize", "letterbox")],
)
def test_wrong_preprocessing_is_detected_by_the_golden_output(models: Path, field: str, value: Any) -> None:
    entry = json.loads((models / f"{ID}.manifest.json").read_text())
    rewrite(models, input={**entry["input"], field: value})
    with pytest.raises(ConfigurationError, match="golden"):
        onnx.get_model(ID, CHECK)


def test_missing_files_are_named(models: Path) -> None:
    with pytest.raises(ConfigurationError, match="no model `other`"):
        onnx.get_model("other")
    (models / f"{ID}.onnx").unlink()
    assert health()[ID].status == "missing"
    with pytest.raises(ConfigurationError, match=f"{ID}.onnx is missing"):
        onnx.get_model(ID)
    (models / f"{ID}.manifest.json").unlink()
    onnx.forget()
    with pytest.raises(ConfigurationError, match="no model is registered"):
        onnx.list_health()


def test_an_invalid_manifest_is_refused_by_the_name_of_the_field(models: Path) -> None:
    rewrite(models, sha256="short")
    with pytest.raises(ConfigurationError, match="sha256"):
        onnx.manifests()


def test_a_truncated_file_shows_in_health_without_being_read(models: Path) -> None:
    path = models / f"{ID}.onnx"
    path.write_bytes(path.read_bytes()[:1000])
    assert health()[ID].status == "refused"
    assert "1000" in str(health()[ID].reason)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("resize", ["stretch", "letterbox", "shortest_crop"])
def test_the_tensor_is_made_as_the_manifest_declares(layout: str, resize: str) -> None:
    wanted = onnx.ImageInput.model_validate(
        {"name": "x", "layout": layout, "size": (40, 20), "resize": resize, "mean": (0.5, 0, 0), "std": (0.5, 1, 2),
         "channel_order": "RGB"}
    )  # fmt: skip
    picture = np.asarray(Image.new("RGB", (60, 60), (255, 0, 255)))
    found = onnx.image_tensor(picture, wanted)
    assert found.shape == ((1, 3, 40, 20) if layout == "NCHW" else (1, 40, 20, 3))
    channels = found[0] if layout == "NCHW" else found[0].transpose(2, 0, 1)
    assert channels[:, 20, 10] == pytest.approx([1.0, 0.0, 0.5])
    assert channels[1, 0, 10] == pytest.approx(128 / 255 if resize == "letterbox" else 0.0, abs=1e-6)
