"""Images and texts in one space: properties of the vectors, and towers that are refused."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import MODELS, garments
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import onnx
from shared.errors import ConfigurationError
from shared.vision import embedding
from shared.vision.embedding import PLAIN, cut_out, embed_image, embed_images, embed_text, identity

NAMES = ("fashion_image", "fashion_text")
pytestmark = pytest.mark.skipif(
    not all((MODELS / f"{name}.onnx").is_file() for name in NAMES), reason="the embedding has not been trained here"
)

type Change = Callable[..., None]


@pytest.fixture
def models(tmp_path: Path, change: Change) -> Iterator[Path]:
    """A copy of the shipped pair that tests may damage."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name in NAMES:
        for path in MODELS.glob(f"{name}.*"):
            if ".fp32." not in path.name:
                shutil.copy(path, folder)
    change(MODELS_DIR=str(folder))
    onnx.forget()
    yield folder
    onnx.forget()


def rewrite(models: Path, id: str, **fields: Any) -> None:
    path = models / f"{id}.manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    onnx.forget()


def manifest(models: Path, id: str) -> dict[str, Any]:
    return json.loads((models / f"{id}.manifest.json").read_text())


@pytest.fixture(scope="module")
def shown() -> list[tuple[np.ndarray, np.ndarray]]:
    return garments(3, 5, (160, 200))


def test_an_image_is_a_unit_vector_whose_map_averages_to_the_joint_part(shown: list[Any]) -> None:
    found = embed_image(shown[0][0])
    who = identity()
    assert found.vector.shape == (who.dim,)
    assert found.joint.shape == (who.joint,)
    assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(found.joint) == pytest.approx(1, abs=1e-5)
    assert found.map is not None
    assert found.map.shape[2] == who.joint
    mean = found.map.mean((0, 1))
    assert mean / np.linalg.norm(mean) == pytest.approx(found.joint, abs=1e-5)
    assert found.model == f"fashion_image@{who.image_sha256[:12]}"


def test_images_of_a_batch_have_the_vectors_of_single_images(shown: list[Any]) -> None:
    pictures = [shown[i % 3][0][: 80 + 5 * i] for i in range(embedding.BATCH + 3)]
    together = embed_images(pictures)
    assert len(together) == len(pictures)
    for i in (0, embedding.BATCH - 1, embedding.BATCH, len(pictures) - 1):
        assert together[i].vector == pytest.approx(embed_image(pictures[i]).vector, abs=1e-4)
    assert embed_images([]) == []


def test_a_text_is_zero_where_images_have_their_shape_part(shown: list[Any]) -> None:
    who = identity()
    found = embed_text("red dress")
    assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-5)
    assert not found.vector[who.joint :].any()
    seen = embed_image(shown[0][0])
    share = float(np.linalg.norm(seen.vector[: who.joint]))
    assert seen.vector @ found.vector == pytest.approx(share * (seen.joint @ found.vector[: who.joint]), abs=1e-5)


def test_unknown_words_are_listed_and_change_nothing() -> None:
    plain, decorated = embed_text("navy striped t-shirt"), embed_text("Navy, striped: T-SHIRT quantum Blorb!")
    assert plain.unknown == ()
    assert decorated.unknown == ("quantum", "blorb")
    assert decorated.vector == pytest.approx(plain.vector, abs=1e-6)
    lost = embed_text("quantum blorb")
    assert not lost.vector.any()
    assert embed_text("").unknown == ()
    assert not embed_text("  ").vector.any()


@settings(max_examples=60)
@given(text=st.text(max_size=300))
def test_any_text_has_a_finite_vector_of_length_one_or_nothing(text: str) -> None:
    found = embed_text(text)
    length = float(np.linalg.norm(found.vector))
    assert length == pytest.approx(1, abs=1e-4) or length == 0
    assert all(word == word.lower() for word in found.unknown)


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (700, 3), (128, 128)])
def test_images_of_any_size_are_embedded(shape: tuple[int, int]) -> None:
    vector = embed_image(np.full((*shape, 3), 90, np.uint8)).vector
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)


def test_a_mask_leaves_the_garment_alone_on_plain_grey(shown: list[Any]) -> None:
    picture, mask = shown[0]
    other = np.where(mask[:, :, None], picture, 255 - picture)
    assert cut_out(picture, mask) == pytest.approx(cut_out(other, mask))
    alone = cut_out(picture, mask)
    assert (alone == PLAIN).all(2).any()
    assert alone.shape[0] <= picture.shape[0]
    assert embed_image(picture, mask).vector == pytest.approx(embed_image(other, mask).vector, abs=1e-6)
    assert embed_image(picture, mask).vector != pytest.approx(embed_image(picture).vector, abs=1e-3)
    assert cut_out(picture, np.zeros_like(mask)) is picture


def test_the_identity_names_both_files(models: Path) -> None:
    who = identity()
    assert (who.quality, who.vocabulary) == ("demo", "closed")
    assert set(who.standardise) == {"image", "text"}
    assert all(sd > 0 for _, sd in who.standardise.values())
    rewrite(models, "fashion_text", sha256="0" * 64)
    assert identity().model_id != who.model_id
    assert identity().image_sha256 == who.image_sha256


@pytest.mark.parametrize(
    ("field", "value"), [("mean", [0.1, 0.5, 0.9]), ("channel_order", "BGR"), ("resize", "letterbox")]
)
def test_wrong_preprocessing_is_refused(models: Path, field: str, value: Any) -> None:
    rewrite(models, "fashion_image", input={**manifest(models, "fashion_image")["input"], field: value})
    with pytest.raises(ConfigurationError, match="the cosine of golden picture") as refused:
        embed_image(np.zeros((9, 9, 3), np.uint8))
    assert refused.value.code == "model_refused"


def test_another_tokenizer_is_refused(models: Path) -> None:
    path = models / "fashion_text.tokenizer.json"
    tokenizer = json.loads(path.read_text())
    words = tokenizer["model"]["vocab"]
    words["red"], words["blue"] = words["blue"], words["red"]
    path.write_text(json.dumps(tokenizer))
    with pytest.raises(ConfigurationError, match="is not the tokenizer"):
        embed_text("red")
    # Also when the manifest names the new file.
    fields = manifest(models, "fashion_text")["tokenizer"]
    rewrite(models, "fashion_text", tokenizer={**fields, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
    with pytest.raises(ConfigurationError, match="golden text"):
        embed_text("red")


def test_a_missing_tower_or_one_of_other_dimensions_is_refused(models: Path) -> None:
    rewrite(models, "fashion_text", dim=12)
    with pytest.raises(ConfigurationError, match="12"):
        identity()
    rewrite(models, "fashion_text", standardise={"mean": 0.1})
    with pytest.raises(ConfigurationError, match=r"standardise\.sd"):
        identity()
    (models / "fashion_text.manifest.json").unlink()
    onnx.forget()
    with pytest.raises(ConfigurationError) as missing:
        identity()
    assert missing.value.code == "model_missing"
